// What Android does its own way; src/jvm has the other half.
package dev.huihua.sdk.internal

import android.app.Application
import android.content.Context
import android.os.Handler
import android.os.Looper
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.util.concurrent.Executor

internal object Platform {
    /** The main thread. Always posts, from there too: a callback never runs inside setCallback. */
    val callbackExecutor: Executor =
        Handler(Looper.getMainLooper()).let { main -> Executor { main.post(it) } }

    /**
     * The device's own roots, DER; none when they cannot be read. Roots that a user or a company
     * added are left out, as Android itself leaves them out for apps since version 7.
     */
    fun trustedRootsDer(): List<ByteArray> = roots

    /**
     * Tells [observer] whether the app is in the foreground: now, and when that changes, until the
     * result is closed.
     *
     * @throws IllegalArgumentException when [context] is no context of an app.
     */
    fun observeForeground(context: Any, observer: (Boolean) -> Unit): AutoCloseable {
        val application = (context as? Context)?.let { it.applicationContext ?: it } as? Application
        requireNotNull(application) { "option pauseInBackground: must be an Android Context" }
        return Foreground(application, observer)
    }

    private val roots: List<ByteArray> by lazy {
        try {
            val store = KeyStore.getInstance("AndroidCAStore").apply { load(null, null) }
            store.aliases().toList()
                .filter { it.startsWith("system:") }
                .mapNotNull { store.getCertificate(it)?.encoded }
        } catch (_: GeneralSecurityException) {
            // The core says so, by the option's name, if the server's URL needs roots.
            emptyList()
        } catch (_: IOException) {
            emptyList()
        }
    }
}

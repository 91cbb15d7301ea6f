// The platform-specific code for Android; src/jvm has its counterpart.
package dev.huihua.sdk.internal

import android.app.Application
import android.os.Handler
import android.os.Looper
import dev.huihua.sdk.PlatformContext
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.util.concurrent.Executor

internal object Platform {
    /** Posts to the main thread, also from it: a callback never runs inside setCallback. */
    val callbackExecutor: Executor =
        Handler(Looper.getMainLooper()).let { main -> Executor { main.post(it) } }

    /**
     * Returns the device's own roots in DER, or none if they cannot be read. Roots that a user or a
     * company added are excluded, as Android itself does for apps since version 7.
     */
    fun trustedRootsDer(): List<ByteArray> = roots

    /**
     * Notifies [observer] whether the app is in the foreground, now and at each change, until the
     * result is closed.
     *
     * @throws IllegalArgumentException if [context] is not a context of an app.
     */
    fun observeForeground(context: PlatformContext, observer: (Boolean) -> Unit): AutoCloseable {
        val application = (context.applicationContext ?: context) as? Application
        requireNotNull(application) { "option pauseInBackground: must be a context of an app" }
        return Foreground(application, observer)
    }

    private val roots: List<ByteArray> by lazy {
        try {
            val store = KeyStore.getInstance("AndroidCAStore").apply { load(null, null) }
            store.aliases().toList()
                .filter { it.startsWith("system:") }
                .mapNotNull { store.getCertificate(it)?.encoded }
        } catch (_: GeneralSecurityException) {
            // Core reports it by the option's name, if a server's URL needs roots.
            emptyList()
        } catch (_: IOException) {
            emptyList()
        }
    }
}

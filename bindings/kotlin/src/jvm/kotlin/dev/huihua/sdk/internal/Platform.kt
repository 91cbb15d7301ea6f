// What the JVM does its own way; src/android has the other half.
package dev.huihua.sdk.internal

import java.security.GeneralSecurityException
import java.security.KeyStore
import java.util.concurrent.Executor
import java.util.concurrent.Executors
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager

internal object Platform {
    /** One daemon thread for all services, so that callbacks come one after the other. */
    val callbackExecutor: Executor = Executors.newSingleThreadExecutor { task ->
        Thread(task, "huihua-callback").apply { isDaemon = true }
    }

    /** The roots of Java's default trust store, DER; none when it cannot be read. */
    fun trustedRootsDer(): List<ByteArray> = roots

    /** A program has no background: [observer] is never told. */
    @Suppress("UNUSED_PARAMETER")
    fun observeForeground(context: Any, observer: (Boolean) -> Unit): AutoCloseable =
        AutoCloseable {}

    private val roots: List<ByteArray> by lazy {
        try {
            val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
            factory.init(null as KeyStore?)
            factory.trustManagers.filterIsInstance<X509TrustManager>()
                .flatMap { it.acceptedIssuers.asList() }
                .map { it.encoded }
        } catch (_: GeneralSecurityException) {
            // The core says so, by the option's name, if the server's URL needs roots.
            emptyList()
        }
    }
}

// The platform-specific code for the JVM; src/android has its counterpart.
package dev.huihua.sdk.internal

import dev.huihua.sdk.PlatformContext
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.util.concurrent.Executor
import java.util.concurrent.Executors
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager

internal object Platform {
    /** Runs all services' callbacks on one daemon thread, one after the other. */
    val callbackExecutor: Executor = Executors.newSingleThreadExecutor { task ->
        Thread(task, "huihua-callback").apply { isDaemon = true }
    }

    /** Returns the roots of Java's default trust store in DER, or none if it cannot be read. */
    fun trustedRootsDer(): List<ByteArray> = roots

    /** Never notifies [observer]: a program on the JVM has no background. */
    @Suppress("UNUSED_PARAMETER")
    fun observeForeground(context: PlatformContext, observer: (Boolean) -> Unit): AutoCloseable =
        AutoCloseable {}

    private val roots: List<ByteArray> by lazy {
        try {
            val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
            // Another provider than Java's own may trust anything.
            val ofJava = factory.provider.name == "SunJSSE"
            (if (ofJava) certificatesOfDefaultStore() else null) ?: acceptedIssuers(factory)
        } catch (_: GeneralSecurityException) {
            // Core reports it by the option's name, if a server's URL needs roots.
            emptyList()
        }
    }

    private fun acceptedIssuers(factory: TrustManagerFactory): List<ByteArray> {
        factory.init(null as KeyStore?)
        return factory.trustManagers.filterIsInstance<X509TrustManager>()
            .flatMap { it.acceptedIssuers.asList() }
            .map { it.encoded }
    }
}

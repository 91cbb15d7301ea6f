// A stand-in for Android's AndroidCAStore, which Robolectric lacks.
package dev.huihua.sdk

import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStore
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.cert.Certificate
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager

/** Three of the JDK's roots: two as the system's, one as the user's. */
class RobolectricCaStore : Provider("RobolectricCaStore", 1.0, "for tests") {
    init {
        put("KeyStore.AndroidCAStore", Store::class.java.name)
    }

    class Store : KeyStoreSpi() {
        private val certificates: Map<String, Certificate> by lazy {
            val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
            factory.init(null as KeyStore?)
            val (a, b, c) = factory.trustManagers.filterIsInstance<X509TrustManager>().first()
                .acceptedIssuers
            mapOf("system:a.0" to a, "system:b.0" to b, "user:c.0" to c)
        }

        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit

        override fun engineAliases(): Enumeration<String> =
            Collections.enumeration(certificates.keys)

        override fun engineGetCertificate(alias: String) = certificates[alias]

        override fun engineContainsAlias(alias: String) = alias in certificates

        override fun engineSize() = certificates.size

        override fun engineIsCertificateEntry(alias: String) = alias in certificates

        override fun engineIsKeyEntry(alias: String) = false

        override fun engineGetKey(alias: String, password: CharArray?): Key? = null

        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null

        override fun engineGetCreationDate(alias: String): Date? = null

        override fun engineGetCertificateAlias(cert: Certificate): String? = null

        override fun engineSetKeyEntry(
            a: String,
            k: Key,
            p: CharArray?,
            c: Array<out Certificate>?,
        ) = readOnly()

        override fun engineSetKeyEntry(a: String, k: ByteArray, c: Array<out Certificate>?) =
            readOnly()

        override fun engineSetCertificateEntry(a: String, c: Certificate) = readOnly()

        override fun engineDeleteEntry(a: String) = readOnly()

        override fun engineStore(stream: OutputStream?, password: CharArray?) = readOnly()

        private fun readOnly(): Nothing = throw UnsupportedOperationException("read only")
    }
}

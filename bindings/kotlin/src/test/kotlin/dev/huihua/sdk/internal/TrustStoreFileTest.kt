// Java's trust store read as a file: the same certificates that Java gives, or nothing.
package dev.huihua.sdk.internal

import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import java.security.KeyPairGenerator
import java.security.KeyStore
import java.security.cert.X509Certificate
import java.util.Base64
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

class TrustStoreFileTest {
    /** Some of the certificates that Java trusts here. */
    private val trusted: List<X509Certificate> = trustedByJava().take(5)

    @Test
    fun theDefaultStoreHasTheRootsThatJavaTrusts() {
        val file = File(System.getProperty("java.home"), "lib/security/cacerts").readBytes()
        // Java of other makers has its store in another format, which is left to it.
        val read = readJks(file) ?: return assertNull(certificatesOfDefaultStore())
        assertEquals(trustedByJava().map { text(it.encoded) }.toSet(), read.map(::text).toSet())
        assertEquals(read.map(::text), certificatesOfDefaultStore().orEmpty().map(::text))
    }

    @Test
    fun aStoreWithAPasswordOrOfAnotherKindIsLeftToJava() {
        val file = File.createTempFile("roots", ".jks")
        try {
            file.writeBytes(store("JKS"))
            withProperty("javax.net.ssl.trustStore", file.path) {
                assertEquals(trusted.size, certificatesOfDefaultStore()?.size)
                for ((name, value) in SPECIAL) {
                    withProperty(name, value) { assertNull(name, certificatesOfDefaultStore()) }
                }
            }
            withProperty("javax.net.ssl.trustStore", file.path + ".none") {
                assertNull(certificatesOfDefaultStore())
            }
        } finally {
            file.delete()
        }
    }

    @Test
    fun onlyAFileOfCertificatesIsRead() {
        val der = trusted.map { text(it.encoded) }
        assertEquals(der.toSet(), readJks(store("JKS"))?.map(::text)?.toSet())
        assertNull(readJks(store("PKCS12")))
        val withAKey = store("JKS") { store ->
            val key = KeyPairGenerator.getInstance("EC").generateKeyPair().private
            store.setKeyEntry("key", key, PASSWORD, arrayOf(trusted[0]))
        }
        assertNull(readJks(withAKey))
    }

    @Test
    fun aCutOrDamagedFileIsNoneAndTakesNoMemory() {
        val whole = store("JKS")
        // The digest at the end is Java's, which checks it with a password only.
        for (end in 0 until whole.size - DIGEST_BYTES) {
            val read = try {
                readJks(whole.copyOf(end))
            } catch (_: IOException) {
                null
            }
            assertNull("$end of ${whole.size}", read)
        }
        // The length of the first certificate.
        val at = whole.indexOfFirst(trusted.map { it.encoded }) - Int.SIZE_BYTES
        for (length in listOf(0x7fffffff, -1)) {
            val damaged = whole.clone()
            for (byte in 0..3) damaged[at + byte] = (length shr (24 - 8 * byte)).toByte()
            assertNull("$length", readJks(damaged))
        }
    }

    private fun store(type: String, more: (KeyStore) -> Unit = {}): ByteArray {
        val store = KeyStore.getInstance(type).apply { load(null, null) }
        trusted.forEachIndexed { n, root -> store.setCertificateEntry("root$n", root) }
        more(store)
        return ByteArrayOutputStream().also { store.store(it, PASSWORD) }.toByteArray()
    }

    private fun trustedByJava(): List<X509Certificate> {
        val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
        factory.init(null as KeyStore?)
        return factory.trustManagers.filterIsInstance<X509TrustManager>()
            .flatMap { it.acceptedIssuers.asList() }
            .also { assertTrue("no roots here", it.size >= 5) }
    }

    /** Returns where the first of these begins. */
    private fun ByteArray.indexOfFirst(ranges: List<ByteArray>): Int = indices.first { at ->
        ranges.any { range ->
            at + range.size <= size && range.indices.all { this[at + it] == range[it] }
        }
    }

    private fun withProperty(name: String, value: String, block: () -> Unit) {
        val before = System.getProperty(name)
        System.setProperty(name, value)
        try {
            block()
        } finally {
            if (before == null) System.clearProperty(name) else System.setProperty(name, before)
        }
    }

    private fun text(der: ByteArray) = Base64.getEncoder().encodeToString(der)

    private companion object {
        val PASSWORD = "changeit".toCharArray()
        const val DIGEST_BYTES = 20
        val SPECIAL = listOf(
            "javax.net.ssl.trustStorePassword" to "changeit",
            "javax.net.ssl.trustStoreProvider" to "SUN",
            "javax.net.ssl.trustStoreType" to "Windows-ROOT",
        )
    }
}

// TLS as an app configures it: roots, pins, and invalid certificates.
package dev.huihua.sdk

import com.sun.net.httpserver.HttpsConfigurator
import com.sun.net.httpserver.HttpsServer
import dev.huihua.sdk.ScriptedServer.Companion.PAGE
import dev.huihua.sdk.ScriptedServer.Companion.send
import java.io.File
import java.net.InetAddress
import java.net.InetSocketAddress
import java.security.KeyStore
import java.security.MessageDigest
import java.util.Base64
import javax.net.ssl.KeyManagerFactory
import javax.net.ssl.SSLContext
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class TlsTest {
    @Test
    fun aRootOfTheAppIsEnough() = Server(VALID).use { server ->
        assertEquals("success", server.outcome { addRootCertificate(server.certificate) })
        val pin = server.pin
        assertEquals(
            "success",
            server.outcome {
                addRootCertificate(server.certificate).addCertificatePin(pin)
            },
        )
    }

    @Test
    fun anInvalidCertificateIsFailure415WithItsReason() {
        Server(VALID).use { server ->
            assertFailure("none of the trusted roots", server.outcome())
            val other = "sha256/" + Base64.getEncoder().encodeToString(ByteArray(32))
            assertFailure(
                "pin",
                server.outcome {
                    addRootCertificate(server.certificate).addCertificatePin(other)
                },
            )
        }
        Server(EXPIRED).use { server ->
            assertFailure("expired", server.outcome { addRootCertificate(server.certificate) })
        }
        Server(FOR_ANOTHER_NAME).use { server ->
            assertFailure("another name", server.outcome { addRootCertificate(server.certificate) })
        }
    }

    private fun assertFailure(reason: String, outcome: String) =
        assertTrue(outcome, outcome.startsWith("415 ") && reason in outcome)

    /** Runs an HTTPS server with a certificate of `keytool`, made with these arguments. */
    private class Server(certificateArguments: List<String>) : AutoCloseable {
        private val keys = KeyStore.getInstance("PKCS12")
        private val https = HttpsServer.create(
            InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0,
        )

        init {
            val file = File.createTempFile("huihua", "p12").apply { delete() }
            val keytool = File(System.getProperty("java.home"), "bin/keytool").path
            val command = listOf(
                keytool, "-genkeypair", "-keyalg", "EC", "-alias", "key", "-dname", "CN=test",
                "-keystore", file.path, "-storetype", "PKCS12", "-storepass", PASSWORD,
            )
            val process = ProcessBuilder(command + certificateArguments)
                .redirectErrorStream(true).start()
            val output = process.inputStream.bufferedReader().readText()
            check(process.waitFor() == 0) { output }
            file.inputStream().use { keys.load(it, PASSWORD.toCharArray()) }
            file.delete()
            val managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm())
            managers.init(keys, PASSWORD.toCharArray())
            val context = SSLContext.getInstance("TLS")
            context.init(managers.keyManagers, null, null)
            https.httpsConfigurator = HttpsConfigurator(context)
            https.createContext("/") { exchange -> exchange.use { it.send(200, PAGE) } }
            https.start()
        }

        val certificate: ByteArray get() = keys.getCertificate("key").encoded
        val pin: String
            get() {
                val key = keys.getCertificate("key").publicKey.encoded
                val digest = MessageDigest.getInstance("SHA-256").digest(key)
                return "sha256/" + Base64.getEncoder().encodeToString(digest)
            }

        /** Returns the outcome of a list call to it. */
        fun outcome(configure: SessionServiceOptions.Builder.() -> Unit = {}): String {
            val url = "https://127.0.0.1:${https.address.port}"
            val options = SessionServiceOptions.Builder(url, "token").attemptsMax(1)
            return SessionService(options.apply(configure).build()).use { service ->
                val outcomes = Events<String>()
                service.queryMySessionList(null, Outcome(outcomes))
                outcomes.next()
            }
        }

        override fun close() = https.stop(0)
    }

    private class Outcome(private val outcomes: Events<String>) :
        RequestCallback<RecentSessionList> {
        override fun onSuccess(param: RecentSessionList) = outcomes.onEvent("success")

        override fun onFailed(code: Int) = outcomes.onEvent("$code and nothing else")

        override fun onFailed(failure: SessionException.Failed) =
            outcomes.onEvent("${failure.code} ${failure.detail}")

        override fun onException(exception: Throwable) = outcomes.onEvent("$exception")
    }

    private companion object {
        const val PASSWORD = "of no consequence"
        val VALID = listOf("-ext", "san=ip:127.0.0.1", "-validity", "2")
        val EXPIRED = listOf("-ext", "san=ip:127.0.0.1", "-startdate", "-9d", "-validity", "2")
        val FOR_ANOTHER_NAME = listOf("-ext", "san=dns:other.example.com", "-validity", "2")
    }
}

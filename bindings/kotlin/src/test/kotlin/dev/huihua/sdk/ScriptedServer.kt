// A scripted server for stalls, garbage and counted calls, which the real server cannot produce.
package dev.huihua.sdk

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicInteger

class ScriptedServer(private val answer: (HttpExchange) -> Unit) : AutoCloseable {
    private val threads = Executors.newCachedThreadPool {
        Thread(it, "scripted-server").apply { isDaemon = true }
    }
    private val server =
        HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0).apply {
            executor = threads
            createContext("/") { exchange ->
                requests.incrementAndGet()
                exchange.use { answer(it) }
            }
            start()
        }

    /** Requests so far. */
    val requests = AtomicInteger()

    fun options(): SessionServiceOptions.Builder =
        SessionServiceOptions.Builder("http://127.0.0.1:${server.address.port}", "token")
            .attemptsMax(1)

    fun service(configure: SessionServiceOptions.Builder.() -> Unit = {}) =
        SessionService(options().apply(configure).build())

    override fun close() {
        server.stop(0)
        threads.shutdownNow()
    }

    companion object {
        const val SESSION = """{"sessionId":"p2p|amy","updateTime":1,"ext":"","lastMsgType":0}"""
        const val PAGE = """{"sessionList":[$SESSION],"hasMore":false,"syncCursor":"c"}"""

        fun HttpExchange.send(status: Int, body: String, type: String = "application/json") {
            requestBody.readBytes()
            responseHeaders.add("Content-Type", type)
            val bytes = body.toByteArray()
            sendResponseHeaders(status, if (bytes.isEmpty()) -1 else bytes.size.toLong())
            responseBody.write(bytes)
        }

        fun HttpExchange.fail(code: Int, status: Int) = send(
            status,
            """{"type":"about:blank","title":"t","status":$status,"detail":"d","code":$code}""",
            "application/problem+json",
        )

        /** Answers with a page once [gate] opens. */
        fun stalled(gate: CountDownLatch) = ScriptedServer {
            gate.await()
            it.send(200, PAGE)
        }
    }
}

// A faulty network between the SDK and a real server.
package dev.huihua.sdk

import java.io.IOException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.ServerSocket
import java.net.Socket
import java.net.URI
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit

/** Defines the fault of one request. */
sealed interface Fault {
    /** No fault: the request reaches the server, and its answer comes back. */
    data object Pass : Fault

    /** The connection is reset before the request reaches the server. */
    data object Reset : Fault

    /** The server handles the request, but the connection is reset instead of an answer. */
    data object ResetAnswer : Fault

    /** No answer ever comes. */
    data object Stall : Fault

    /** The connection ends after half of the answer. */
    data object HalfAnswer : Fault

    /** The answer comes so slowly that it would take minutes. */
    data object Trickle : Fault

    /** The answer is not HTTP. */
    data object Garbage : Fault

    /** The answer has 50 MiB. */
    data object Huge : Fault

    /** Another answer replaces the server's. */
    data class Answer(val status: Int, val body: String, val headers: List<String>) : Fault
}

/** Makes an `application/problem+json` as the server does. */
fun problem(status: Int, code: Int, vararg headers: String) = Fault.Answer(
    status,
    """{"type":"about:blank","title":"t","status":$status,"detail":"d","code":$code}""",
    listOf("Content-Type: application/problem+json", *headers),
)

/** Proxies TCP, one HTTP message at a time. [script] decides the fault of each request. */
class FaultProxy(
    private val server: TestServer,
    @Volatile var script: (HttpBytes) -> Fault = { Fault.Pass },
) : AutoCloseable {
    private val threads = Executors.newCachedThreadPool {
        Thread(it, "fault-proxy").apply { isDaemon = true }
    }
    private val connections = ConcurrentHashMap.newKeySet<Socket>()
    private val end = CountDownLatch(1)
    private var listener: ServerSocket? = null
    private var port = 0

    /** Every request that was read. */
    val requests = CopyOnWriteArrayList<HttpBytes>()
    val url: String get() = "http://127.0.0.1:$port"

    init {
        up()
    }

    /** Refuses connections and breaks the open ones, until [up]. */
    fun down() = synchronized(this) {
        listener?.close()
        listener = null
        connections.forEach { it.reset() }
    }

    fun up() = synchronized(this) {
        val next = ServerSocket().apply {
            reuseAddress = true
            bind(InetSocketAddress(InetAddress.getLoopbackAddress(), port), BACKLOG)
        }
        port = next.localPort
        listener = next
        threads.execute { accept(next) }
    }

    /** Makes a service of [account] behind this network. */
    fun service(account: String, configure: SessionServiceOptions.Builder.() -> Unit = {}) =
        service(server.token(account).let(TokenProvider::of), configure)

    fun service(
        tokens: TokenProvider,
        configure: SessionServiceOptions.Builder.() -> Unit = {},
    ) = SessionService(SessionServiceOptions.Builder(url, tokens).apply(configure).build())

    override fun close() {
        end.countDown()
        down()
        threads.shutdownNow()
        check(threads.awaitTermination(PATIENCE_S, TimeUnit.SECONDS)) { "the proxy does not end" }
    }

    private fun accept(listener: ServerSocket) {
        while (true) {
            val client = try {
                listener.accept()
            } catch (_: IOException) {
                return
            }
            connections += client
            if (listener.isClosed) client.reset()
            threads.execute { serve(client) }
        }
    }

    private fun serve(client: Socket) {
        val target = URI(server.url)
        var upstream: Socket? = null
        try {
            client.use {
                while (true) {
                    val request = HttpBytes.read(client.getInputStream()) ?: return
                    requests += request
                    val fault = script(request)
                    if (fault.reachesServer && upstream == null) {
                        upstream = Socket(target.host, target.port).also { connections += it }
                    }
                    if (!apply(fault, request, client, upstream)) return
                }
            }
        } catch (_: IOException) {
            // Broken connections are expected here.
        } catch (_: InterruptedException) {
            // The proxy was closed while a script or a slow answer waited.
        } finally {
            connections -= client
            upstream?.let {
                connections -= it
                it.close()
            }
        }
    }

    /** Returns whether the client's connection stays open. */
    private fun apply(
        fault: Fault,
        request: HttpBytes,
        client: Socket,
        upstream: Socket?,
    ): Boolean {
        val answer = upstream?.takeIf { fault.reachesServer }?.let { exchange(request, it) }
        val out = client.getOutputStream()
        when (fault) {
            Fault.Pass -> out.write(checkNotNull(answer).all)
            Fault.Reset, Fault.ResetAnswer -> return false.also { client.reset() }
            Fault.Stall -> return false.also { while (client.getInputStream().read() >= 0) Unit }
            Fault.HalfAnswer -> {
                val all = checkNotNull(answer).all
                out.write(all, 0, all.size / 2)
                return false
            }
            Fault.Trickle -> for (byte in checkNotNull(answer).all) {
                out.write(byte.toInt())
                if (end.await(TRICKLE_MS, TimeUnit.MILLISECONDS)) return false
            }
            Fault.Garbage -> return false.also { out.write(GARBAGE) }
            Fault.Huge -> {
                out.write("HTTP/1.1 200 OK\r\nContent-Length: $HUGE_BYTES\r\n\r\n".toByteArray())
                repeat(HUGE_BYTES / MIB.size) { out.write(MIB) }
            }
            is Fault.Answer -> {
                val lines = fault.headers + "Content-Length: ${fault.body.toByteArray().size}"
                val head = "HTTP/1.1 ${fault.status} Said\r\n${lines.joinToString("\r\n")}\r\n\r\n"
                out.write((head + fault.body).toByteArray())
            }
        }
        return true
    }

    private fun exchange(request: HttpBytes, upstream: Socket): HttpBytes {
        upstream.getOutputStream().write(request.all)
        return HttpBytes.read(upstream.getInputStream()) ?: throw IOException("no answer")
    }

    private val Fault.reachesServer: Boolean
        get() = this == Fault.Pass || this == Fault.ResetAnswer || this == Fault.HalfAnswer ||
            this == Fault.Trickle

    private fun Socket.reset() {
        runCatching { setSoLinger(true, 0) }
        close()
    }

    private companion object {
        const val BACKLOG = 200
        const val PATIENCE_S = 20L
        const val TRICKLE_MS = 200L
        const val HUGE_BYTES = 50 * 1_048_576
        val MIB = ByteArray(1_048_576) { 'a'.code.toByte() }
        val GARBAGE = ByteArray(4_000) { (0x80 + it % 0x7f).toByte() }
    }
}

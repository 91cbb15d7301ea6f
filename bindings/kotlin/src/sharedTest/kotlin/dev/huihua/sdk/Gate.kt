// A network that a test takes away: it relays connections to a server while it is open.
package dev.huihua.sdk

import java.io.IOException
import java.net.BindException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.ServerSocket
import java.net.Socket
import java.net.URI
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit

class Gate(private val server: TestServer, isOpen: Boolean = true) : AutoCloseable {
    private val connections = CopyOnWriteArrayList<Socket>()
    private var port = 0
    private var listener: ServerSocket? = null
    val url: String get() = "http://127.0.0.1:$port"

    init {
        if (isOpen) open() else listen().close()
    }

    fun open(): Unit = synchronized(this) {
        val next = listen()
        listener = next
        background { while (true) relay(next, next.accept()) }
    }

    /** Accepts connections from now on, but relays nothing, until [shut]. */
    fun stall(): Unit = synchronized(this) {
        listener = listen()
    }

    /** Refuses connections and breaks the open ones, until [open]. */
    fun shut(): Unit = synchronized(this) {
        listener?.close()
        listener = null
        connections.forEach { it.close() }
        connections.clear()
    }

    override fun close() = shut()

    /** A closed socket keeps its port until the thread that was in its accept has left it. */
    private fun listen(): ServerSocket {
        val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S)
        while (true) {
            val next = ServerSocket()
            try {
                next.reuseAddress = true
                next.bind(InetSocketAddress(loopback, port))
                port = next.localPort
                return next
            } catch (taken: BindException) {
                next.close()
                if (System.nanoTime() > deadline) throw taken
                Thread.sleep(10)
            }
        }
    }

    private fun relay(listening: ServerSocket, client: Socket) {
        val target = URI(server.url)
        val upstream = Socket(target.host, target.port)
        val both = listOf(client, upstream)
        synchronized(this) {
            // One that was accepted just before the gate was shut is broken too.
            if (listening.isClosed) return both.forEach { it.close() }
            connections += both
        }
        for ((from, to) in listOf(client to upstream, upstream to client)) {
            background {
                from.use { to.use { from.getInputStream().copyTo(to.getOutputStream()) } }
            }
        }
    }

    private fun background(work: () -> Unit) {
        val thread = Thread({
            try {
                work()
            } catch (_: IOException) {
                // The test has shut the gate, or a connection is over.
            }
        }, "gate")
        thread.isDaemon = true
        thread.start()
    }

    private companion object {
        const val PATIENCE_S = 20L

        /** On Android the loopback address may be that of IPv6. */
        val loopback: InetAddress = InetAddress.getByName("127.0.0.1")
    }
}

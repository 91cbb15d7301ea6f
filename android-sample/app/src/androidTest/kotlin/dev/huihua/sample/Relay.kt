// A port on the phone that forwards to the server or nowhere, and so simulates the network.
package dev.huihua.sample

import java.net.BindException
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import java.net.URL
import kotlin.concurrent.thread

/** Forwards connections. At first it refuses them. */
internal class Relay(serverUrl: String) : AutoCloseable {
    private val server = URL(serverUrl)
    private val port = ServerSocket(0, 1, loopback).use { it.localPort }
    private val sockets = ArrayList<Socket>()
    private var listening: ServerSocket? = null

    val url = "http://127.0.0.1:$port"

    /** Forwards every connection from now on. */
    fun connect() {
        val socket = listen()
        listening = socket
        thread(isDaemon = true) {
            runCatching {
                while (true) pair(socket, socket.accept(), Socket(server.host, server.port))
            }
        }
    }

    /** Accepts connections from now on, but forwards nothing. */
    fun stall() {
        listening = listen()
    }

    /** A closed socket keeps its port until the thread that was in its accept has left it. */
    private fun listen(): ServerSocket {
        repeat(LISTEN_TRIES) {
            try {
                return ServerSocket(port, 50, loopback)
            } catch (notYet: BindException) {
                Thread.sleep(LISTEN_PAUSE_MS)
            }
        }
        return ServerSocket(port, 50, loopback)
    }

    /** Closes every connection and refuses new ones. */
    fun cut() = synchronized(sockets) {
        listening?.close()
        sockets.forEach { it.close() }
        sockets.clear()
    }

    override fun close() = cut()

    private fun pair(listening: ServerSocket, app: Socket, server: Socket) {
        synchronized(sockets) {
            // A connection that was accepted just before a cut must be closed too.
            if (listening.isClosed) return listOf(app, server).forEach { it.close() }
            sockets += listOf(app, server)
        }
        copy(app, server)
        copy(server, app)
    }

    private fun copy(from: Socket, to: Socket) = thread(isDaemon = true) {
        runCatching { from.getInputStream().copyTo(to.getOutputStream()) }
        runCatching { to.close() }
    }

    private companion object {
        const val LISTEN_TRIES = 500
        const val LISTEN_PAUSE_MS = 10L
        val loopback: InetAddress = InetAddress.getByName("127.0.0.1")
    }
}

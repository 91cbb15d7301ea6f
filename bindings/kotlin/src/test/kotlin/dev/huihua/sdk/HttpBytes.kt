// HTTP/1.1 messages as bytes, for the proxy that damages them: just enough to know where one ends.
package dev.huihua.sdk

import java.io.ByteArrayOutputStream
import java.io.InputStream

/** One request or answer: its head up to the empty line, and its body as it was on the wire. */
class HttpBytes(private val head: ByteArray, private val body: ByteArray) {
    private val lines = String(head, Charsets.ISO_8859_1).trimEnd().split("\r\n")

    /** `GET /v1/sessions?limit=1 HTTP/1.1`, `HTTP/1.1 200 OK`. */
    val firstLine: String get() = lines.first()

    /** Everything, as it came. */
    val all: ByteArray get() = head + body

    fun header(name: String): String? = lines.drop(1)
        .firstOrNull { it.startsWith("$name:", ignoreCase = true) }?.substringAfter(':')?.trim()

    companion object {
        /** The next message; null when the stream ends before its first byte. */
        fun read(from: InputStream): HttpBytes? {
            val head = ByteArrayOutputStream()
            while (!head.endsWith("\r\n\r\n")) {
                val byte = from.read()
                if (byte < 0) return null
                head.write(byte)
            }
            val message = HttpBytes(head.toByteArray(), ByteArray(0))
            val length = message.header("Content-Length")?.toInt() ?: 0
            val isChunked = message.header("Transfer-Encoding") == "chunked"
            val body = if (isChunked) readChunks(from) else from.readNBytes(length)
            return HttpBytes(head.toByteArray(), body)
        }

        private fun readChunks(from: InputStream): ByteArray {
            val body = ByteArrayOutputStream()
            while (true) {
                val line = ByteArrayOutputStream()
                while (!line.endsWith("\r\n")) line.write(from.read().also { check(it >= 0) })
                body.write(line.toByteArray())
                val length = line.toString().trim().toInt(16)
                body.write(from.readNBytes(length + 2))
                if (length == 0) return body.toByteArray()
            }
        }

        private fun ByteArrayOutputStream.endsWith(end: String): Boolean {
            val bytes = if (size() >= end.length) toByteArray() else return false
            return end.indices.all { bytes[bytes.size - end.length + it] == end[it].code.toByte() }
        }
    }
}

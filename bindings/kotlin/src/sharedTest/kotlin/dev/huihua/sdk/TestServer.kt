// The interface of a test server, and the message copies that NIM would send to it.
package dev.huihua.sdk

import java.net.HttpURLConnection
import java.net.URL
import java.security.MessageDigest

/** Represents a running server, which each platform provides. */
interface TestServer {
    val url: String
    val appKey: String
    val appSecret: String
    val ingestKey: String

    /** Makes a bearer token of [account], valid for an hour. */
    fun token(account: String): String
}

fun TestServer.service(
    account: String,
    configure: SessionServiceOptions.Builder.() -> Unit = {},
): SessionService =
    SessionService(SessionServiceOptions.Builder(url, token(account)).apply(configure).build())

/** Sends one copy as NIM does; the session is durable when it returns. */
fun TestServer.deliver(copy: Map<String, Any>) {
    val body = copy.entries.joinToString(",", "{", "}") { (k, v) -> "\"$k\":\"${v.escaped()}\"" }
        .toByteArray()
    val curTime = System.currentTimeMillis().toString()
    val sum = hex("SHA-1", (appSecret + hex("MD5", body) + curTime).toByteArray())
    post("nim/copy", body, mapOf("AppKey" to appKey, "CurTime" to curTime, "CheckSum" to sum))
}

/** Sends one event, as JSON, as an app's own server does; it must change something. */
fun TestServer.postEvent(event: String) {
    val body = """{"events":[$event]}""".toByteArray()
    val answer = post("v1/events", body, mapOf("Authorization" to "Bearer $ingestKey"))
    check("\"applied\"" in answer) { "$event: $answer" }
}

private fun TestServer.post(path: String, body: ByteArray, headers: Map<String, String>): String {
    val connection = URL("$url/$path").openConnection() as HttpURLConnection
    connection.requestMethod = "POST"
    connection.doOutput = true
    connection.setRequestProperty("Content-Type", "application/json")
    headers.forEach(connection::setRequestProperty)
    connection.outputStream.use { it.write(body) }
    check(connection.responseCode == 200) { "$path answered ${connection.responseCode}" }
    return connection.inputStream.bufferedReader().use { it.readText() }
}

/** Returns an edit of a message of [deliverText]; it names the message by id, as NIM's does. */
fun editEvent(from: String, to: String, id: Long, time: Long, body: String): String =
    """{"type":"edit","sessionType":"p2p","from":"$from","to":"$to","messageId":"$id",""" +
        """"time":$time,"body":"$body"}"""

/** Returns a recall by a backend that keeps only the seconds of [messageTime]. */
fun recallEvent(from: String, to: String, messageTime: Long, id: Long, words: String): String {
    // Another time than the message's, whatever its milliseconds are.
    val seconds = (messageTime - 1) / 1_000
    return """{"type":"recall","sessionType":"p2p","from":"$from","to":"$to","messageId":"$id",""" +
        """"messageTime":${seconds * 1_000},"time":${messageTime + 2},"ps":"$words"}"""
}

/** Sends the copy of a text message; [time] is in ms since 1970. */
fun TestServer.deliverText(from: String, to: String, time: Long, id: Long, body: String) {
    deliver(
        mapOf(
            "eventType" to 1, "convType" to "PERSON", "to" to to, "fromAccount" to from,
            "fromNick" to "nick of $from", "msgTimestamp" to time, "msgType" to "TEXT",
            "msgidServer" to id, "msgidClient" to "client-$id", "body" to body,
        ),
    )
}

/** Sends the recall of a message of [deliverText]. */
fun TestServer.deliverRecall(from: String, to: String, messageTime: Long, id: Long, words: String) {
    deliver(
        mapOf(
            "eventType" to 7, "from" to from, "to" to to, "msgId" to id, "clientId" to "client-$id",
            "sendTime" to messageTime, "deleteTime" to messageTime + 1_000, "selfMsg" to words,
        ),
    )
}

private fun Any.escaped() = toString().replace("\\", "\\\\").replace("\"", "\\\"")

private fun hex(algorithm: String, bytes: ByteArray) =
    MessageDigest.getInstance(algorithm).digest(bytes).joinToString("") { "%02x".format(it) }

// The contestants: the SDK, and what an app would write without it. Each makes one list call and
// waits for its end.
package dev.huihua.bench

import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions
import java.io.IOException
import java.util.concurrent.ArrayBlockingQueue
import java.util.concurrent.Executor
import java.util.concurrent.TimeUnit
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import okhttp3.Call
import okhttp3.Callback
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response

/** Makes list calls, one after the other. */
abstract class Contestant(val name: String) : AutoCloseable {
    /** Reads the newest 100 sessions; if [reads], every row's message too. Returns what it saw. */
    abstract fun list(reads: Boolean): Int

    override fun close() {}
}

/** Waits for the outcome of an asynchronous call. */
private class Handover<T : Any> {
    private val outcomes = ArrayBlockingQueue<Result<T>>(1)

    fun end(outcome: Result<T>) = outcomes.put(outcome)

    fun await(): T = checkNotNull(outcomes.poll(30, TimeUnit.SECONDS)) { "no outcome" }.getOrThrow()
}

/** Calls the SDK; callbacks run on [executor], null = the SDK's own thread. */
class Sdk(name: String, url: String, token: String, executor: Executor?) : Contestant(name) {
    private val service = SessionService(
        SessionServiceOptions.Builder(url, token)
            .apply { if (executor != null) callbackExecutor(executor) }
            .build(),
    )

    override fun list(reads: Boolean): Int {
        val handover = Handover<RecentSessionList>()
        service.queryMySessionList(null, Receiver(handover))
        val rows = handover.await().sessionList
        if (!reads) return rows.size
        return rows.sumOf { row ->
            val contact = row.toRecentContact()
            contact.contactId.length + contact.fromNick.length + contact.content.length
        }
    }

    override fun close() = service.close()

    private class Receiver(private val to: Handover<RecentSessionList>) :
        RequestCallback<RecentSessionList> {
        override fun onSuccess(param: RecentSessionList) = to.end(Result.success(param))

        override fun onFailed(code: Int) = to.end(Result.failure(IOException("code $code")))

        override fun onException(exception: Throwable) = to.end(Result.failure(exception))
    }
}

/** Calls the server by OkHttp and reads its answer by kotlinx.serialization. */
class OkHttp(
    name: String,
    url: String,
    token: String,
    /** Whether the calling thread makes the call itself. */
    private val waits: Boolean,
) : Contestant(name) {
    private val client = OkHttpClient()
    private val request = Request.Builder()
        .url("$url/v1/sessions?needLastMsg=true&limit=100")
        .header("Authorization", "Bearer $token")
        .build()

    override fun list(reads: Boolean): Int {
        val rows = (if (waits) client.newCall(request).execute().page() else enqueued()).sessionList
        if (!reads) return rows.size
        return rows.sumOf { row ->
            val message = row.lastMsg
            row.peer.length + message?.fromNick.orEmpty().length + message?.body.orEmpty().length
        }
    }

    private fun enqueued(): Page {
        val handover = Handover<Page>()
        val callback = object : Callback {
            override fun onFailure(call: Call, e: IOException) = handover.end(Result.failure(e))

            override fun onResponse(call: Call, response: Response) =
                handover.end(runCatching { response.page() })
        }
        client.newCall(request).enqueue(callback)
        return handover.await()
    }

    private fun Response.page(): Page = use {
        check(code == 200) { "HTTP $code" }
        json.decodeFromString(Page.serializer(), body.string())
    }

    override fun close() {
        client.dispatcher.executorService.shutdown()
        client.connectionPool.evictAll()
    }

    private companion object {
        val json = Json { ignoreUnknownKeys = true }
    }
}

@Serializable
private class Page(
    val sessionList: List<Row>,
    val hasMore: Boolean,
    val nextPageToken: String? = null,
    val syncCursor: String,
)

@Serializable
private class Row(
    val sessionId: String,
    val updateTime: Long,
    val ext: String = "",
    val lastMsgType: Int = 0,
    val lastMsg: Message? = null,
) {
    val peer: String get() = sessionId.substringAfter('|')
}

/** The fields that a list shows, as this server writes them. */
@Serializable
private class Message(
    @SerialName("0") val scene: Int = 0,
    @SerialName("1") val to: String = "",
    @SerialName("2") val from: String = "",
    @SerialName("6") val fromNick: String = "",
    @SerialName("7") val time: Long = 0,
    @SerialName("8") val type: Int = -1,
    @SerialName("9") val body: String = "",
    @SerialName("10") val attach: String = "",
    @SerialName("11") val clientId: String = "",
    @SerialName("12") val serverId: String = "",
)

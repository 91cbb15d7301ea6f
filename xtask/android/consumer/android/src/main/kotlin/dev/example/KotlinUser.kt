// What a Kotlin app writes against the AAR. Compiled, never run.
package dev.example

import android.content.Context
import dev.huihua.sdk.Call
import dev.huihua.sdk.MessageAttachment
import dev.huihua.sdk.OnlineStatus
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.Subscription
import dev.huihua.sdk.TokenProvider
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.SDKOptions
import kotlinx.coroutines.flow.MutableStateFlow

/** One session, shown as it comes in. */
class KotlinUser(context: Context, token: String) : AutoCloseable {
    private val options =
        SessionServiceOptions.Builder("https://sessions.example.com", TokenProvider.of(token))
            .pauseInBackground(context)
            .callTimeoutMs(10_000)
            .build()
    private val service = SessionService(options)

    /** What a screen would collect. */
    val shown = MutableStateFlow("")

    /** Equal rows are emitted once: a row has equals. */
    val row = MutableStateFlow<RecentSession?>(null)

    private val subscriptions: List<Subscription> = listOf(
        service.observeSessionChanges { if (it is SessionChange.Updated) row.value = it.session },
        service.observeOnlineStatus { if (it == OnlineStatus.OFFLINE) shown.value = "offline" },
    )

    override fun close() {
        subscriptions.forEach(Subscription::close)
        service.close()
    }

    /** Asks for [id]. */
    fun show(id: String): Call = service.queryMySession(id, Shower())

    /** NIM's shape, by the same options. */
    fun signIn(context: Context, info: LoginInfo) =
        NIMClient.init(context, info, SDKOptions(options).apply { liveInBackground = true })

    /** What Compose asks. */
    fun isSame(old: RecentSession, now: RecentSession): Boolean =
        old == now && old.lastMessage == now.lastMessage

    private inner class Shower : RequestCallback<RecentSession> {
        override fun onSuccess(param: RecentSession) {
            shown.value = textOf(param) + param.ext
        }

        override fun onFailed(code: Int) {
            shown.value = "$code"
        }

        override fun onException(exception: Throwable) {
            shown.value = exception.message.orEmpty()
        }
    }

    private fun textOf(session: RecentSession): String {
        val message = session.lastMessage ?: return ""
        message.recall?.let { return "${it.account} recalled a message" }
        return when (val attachment = message.attachment) {
            is MessageAttachment.Image -> "${attachment.width} x ${attachment.height}"
            is MessageAttachment.Location -> attachment.title
            else -> message.text
        }
    }
}

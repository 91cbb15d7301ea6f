// What a Kotlin app writes against the AAR. Compiled, never run.
package dev.example

import dev.huihua.sdk.Call
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.TokenProvider
import kotlinx.coroutines.flow.MutableStateFlow

/** One session, shown as it comes in. */
class KotlinUser(token: String) {
    private val service = SessionService(
        SessionServiceOptions.Builder("https://sessions.example.com", TokenProvider.of(token))
            .callTimeoutMs(10_000)
            .build(),
    )

    /** What a screen would collect. */
    val shown = MutableStateFlow("")

    /** Asks for [id]. */
    fun show(id: String): Call = service.queryMySession(id, Shower())

    private inner class Shower : RequestCallback<RecentSession> {
        override fun onSuccess(param: RecentSession) {
            shown.value = param.toRecentContact().content + param.ext
        }

        override fun onFailed(code: Int) {
            shown.value = "$code"
        }

        override fun onException(exception: Throwable) {
            shown.value = exception.message.orEmpty()
        }
    }
}

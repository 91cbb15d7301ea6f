// Logging in, observing and RequestCallbackWrapper as users of NIM write them in Kotlin: nothing
// but the imports is ours.
package dev.huihua.seed

import dev.huihua.sdk.Observer
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.ServerProcess
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.deliverText
import dev.huihua.sdk.nim.AbortableFuture
import dev.huihua.sdk.nim.AuthService
import dev.huihua.sdk.nim.AuthServiceObserver
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.MsgService
import dev.huihua.sdk.nim.MsgServiceObserve
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.RequestCallbackWrapper
import dev.huihua.sdk.nim.ResponseCode
import dev.huihua.sdk.nim.SDKOptions
import dev.huihua.sdk.nim.StatusCode
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Test

class NimLoginKotlinTest {
    private val screen = LinkedBlockingQueue<String>()
    private val server = ServerProcess.shared
    private val account = "kotlin-logger"
    private val token = server.token(account)

    @Before
    fun startApp() {
        val options = SDKOptions()
        options.service = SessionServiceOptions.Builder(server.url).build()
        NIMClient.init(null, null, options)
    }

    @After
    fun leave() {
        NIMClient.getService(MsgServiceObserve::class.java)
            .observeUpdateMySession(sessionObserver, false)
        NIMClient.getService(AuthServiceObserver::class.java)
            .observeOnlineStatus(statusObserver, false)
        NIMClient.getService(AuthService::class.java).logout()
    }

    private val statusObserver = Observer<StatusCode> { code ->
        if (code == StatusCode.LOGINED) screen.add("online")
        if (code.wontAutoLogin()) screen.add("log in again: $code")
    }

    private val sessionObserver = Observer<RecentSession> { session ->
        screen.add("${session.sessionId} says ${session.toRecentContact().content}")
    }

    @Test
    fun anAccountLogsInAndReceivesNewSessions() {
        NIMClient.getService(AuthServiceObserver::class.java)
            .observeOnlineStatus(statusObserver, true)
        val info = LoginInfo(account, token)
        NIMClient.getService(AuthService::class.java).login(info)
            .setCallback(object : RequestCallback<LoginInfo> {
                override fun onSuccess(param: LoginInfo) {
                    screen.add("welcome ${param.account}")
                }

                override fun onFailed(code: Int) {
                    screen.add("failed, code=$code")
                }

                override fun onException(exception: Throwable) {
                    screen.add("exception, msg=${exception.message}")
                }
            })
        assertEquals(setOf("online", "welcome $account"), setOf(see(), see()))
        NIMClient.getService(MsgServiceObserve::class.java)
            .observeUpdateMySession(sessionObserver, true)
        // Changes before the connection is live are not reported: so it sends until one is.
        val now = System.currentTimeMillis()
        val received = (1L..100L).firstNotNullOf { n ->
            server.deliverText("peer", account, now + n, n, "hello")
            screen.poll(200, TimeUnit.MILLISECONDS)
        }
        assertEquals("p2p|peer says hello", received)
    }

    @Test
    fun aWrongTokenIsRefused() {
        NIMClient.getService(AuthServiceObserver::class.java)
            .observeOnlineStatus(statusObserver, true)
        NIMClient.getService(AuthService::class.java).login(LoginInfo(account, "forged"))
            .setCallback(object : RequestCallbackWrapper<LoginInfo>() {
                override fun onResult(code: Int, result: LoginInfo?, exception: Throwable?) {
                    if (code != ResponseCode.RES_SUCCESS.toInt()) screen.add("code=$code")
                }
            })
        assertEquals(setOf("code=302", "log in again: PWD_ERROR"), setOf(see(), see()))
    }

    @Test
    fun anAbandonedLoginIsNeverReported() {
        val request: AbortableFuture<LoginInfo> =
            NIMClient.getService(AuthService::class.java).login(LoginInfo(account, token))
        val isAborted = request.abort()
        request.setCallback(object : RequestCallbackWrapper<LoginInfo>() {
            override fun onResult(code: Int, result: LoginInfo?, exception: Throwable?) {
                screen.add("login: $code")
            }
        })
        if (!isAborted) assertEquals("login: 200", see())
        NIMClient.getService(MsgService::class.java).queryMySessionList(null)
            .setCallback(object : RequestCallbackWrapper<RecentSessionList>() {
                override fun onResult(
                    code: Int,
                    result: RecentSessionList?,
                    exception: Throwable?,
                ) {
                    screen.add("list: $code")
                }
            })
        assertEquals(if (isAborted) "list: 302" else "list: 200", see())
    }

    private fun see(): String =
        checkNotNull(screen.poll(30, TimeUnit.SECONDS)) { "no callback was called" }
}

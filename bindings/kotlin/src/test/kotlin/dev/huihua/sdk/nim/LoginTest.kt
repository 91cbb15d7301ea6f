// Login and logout with the NIM-shaped API, and the events of its observers.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Events
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.Recorder
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.ScriptedServer
import dev.huihua.sdk.ServerProcess
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.TokenProvider
import dev.huihua.sdk.awaitLive
import dev.huihua.sdk.awaitTrue
import dev.huihua.sdk.deliverText
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test

class LoginTest {
    private val server = ServerProcess.shared
    private val me = "nim${accounts.incrementAndGet()}"
    private val other = "other$me"
    private val now = System.currentTimeMillis()
    private val auth get() = NIMClient.getService(AuthService::class.java)
    private val messages get() = NIMClient.getService(MsgService::class.java)
    private val observe get() = NIMClient.getService(MsgServiceObserve::class.java)
    private val authObserver get() = NIMClient.getService(AuthServiceObserver::class.java)
    private val statuses = Events<StatusCode>()

    private fun init(
        info: LoginInfo?,
        url: String = server.url,
        configure: SessionServiceOptions.Builder.() -> Unit = {},
    ) {
        val options = SessionServiceOptions.Builder(url).apply(configure).build()
        NIMClient.init(null, info, SDKOptions(options))
    }

    private fun info(account: String) = LoginInfo(account, server.token(account))

    private fun <T> InvocationFuture<T>.recorded() = Recorder<T>().also { setCallback(it) }

    @After
    fun logOut() {
        authObserver.observeOnlineStatus(statuses, false)
        auth.logout()
    }

    @Test
    fun aLoginIsConfirmedByTheServer() {
        init(null)
        assertEquals(StatusCode.UNLOGIN, NIMClient.getStatus())
        assertEquals(302, messages.queryMySessionList(null).recorded().code())
        authObserver.observeOnlineStatus(statuses, true)
        assertEquals(StatusCode.UNLOGIN, statuses.next())
        val mine = info(me)
        assertSame(mine, auth.login(mine).recorded().result())
        assertEquals(StatusCode.LOGINING, statuses.next())
        assertEquals(StatusCode.LOGINED, statuses.next())
        assertEquals(0, messages.queryMySessionList(null).recorded().result().sessionList.size)
        assertNotNull(NIMClient.getSessionService())
        auth.logout()
        assertEquals(StatusCode.LOGOUT, statuses.next())
        assertEquals(302, messages.queryMySessionList(null).recorded().code())
        assertNull(NIMClient.getSessionService())
        statuses.assertNothing()
    }

    /** NIM lower-cases ids, so that the app's own spelling may differ from the token's. */
    @Test
    fun theCaseOfAsciiLettersIsNoOtherAccount() {
        init(null)
        val spelled = LoginInfo(me.uppercase(), server.token(me))
        assertSame(spelled, auth.login(spelled).recorded().result())
        val token = server.token("é$me")
        assertEquals(302, auth.login(LoginInfo("É$me", token)).recorded().code())
    }

    @Test
    fun anotherAccountsTokenIsRefused() {
        init(null)
        authObserver.observeOnlineStatus(statuses, true)
        assertEquals(302, auth.login(LoginInfo(other, server.token(me))).recorded().code())
        statuses.awaitEvent("PWD_ERROR") { it == StatusCode.PWD_ERROR }
        assertEquals(302, messages.queryMySessionList(null).recorded().code())
        assertEquals(302, auth.login(LoginInfo(me, "forged")).recorded().code())
        statuses.awaitEvent("PWD_ERROR") { it == StatusCode.PWD_ERROR }
        // At init, too: it only comes to light a little later.
        init(LoginInfo(other, server.token(me)))
        statuses.awaitEvent("LOGINING") { it == StatusCode.LOGINING }
        statuses.awaitEvent("PWD_ERROR") { it == StatusCode.PWD_ERROR }
        assertEquals(302, messages.queryMySessionList(null).recorded().code())
    }

    @Test
    fun observersStayRegisteredAcrossLogins() {
        init(null)
        val updates = Events<RecentSession>()
        observe.observeUpdateMySession(updates, true)
        authObserver.observeOnlineStatus(statuses, true)
        for ((round, account) in listOf(me, other, me).withIndex()) {
            auth.login(info(account)).recorded().result()
            checkNotNull(NIMClient.getSessionService()).awaitLive()
            server.deliverText("amy", account, now + round, 91L + round, "hello $round")
            assertEquals("hello $round", updates.next().toRecentContact().content)
        }
        observe.observeUpdateMySession(updates, false)
        server.deliverText("amy", me, now + 9, 99, "without observers")
        updates.assertNothing(300)
    }

    @Test
    fun logoutEndsRunningCalls() {
        val gate = CountDownLatch(1)
        ScriptedServer.stalled(gate).use { stalled ->
            init(LoginInfo(me, "any"), stalled.options().build().serverUrls.first())
            val running = messages.queryMySession("p2p|amy").recorded()
            val login = auth.login(LoginInfo(me, "any"))
            assertTrue(running.exception() is SessionException.Closed)
            val ended = login.recorded()
            auth.logout()
            assertTrue(ended.exception() is SessionException.Closed)
            gate.countDown()
        }
    }

    @Test
    fun anAbortedLoginCallsNoCallbackAndLogsNoAccountIn() {
        val gate = CountDownLatch(1)
        ScriptedServer.stalled(gate).use { stalled ->
            init(null, stalled.options().build().serverUrls.first())
            val login: AbortableFuture<LoginInfo> = auth.login(LoginInfo(me, "any"))
            val received = login.recorded()
            awaitTrue("the request") { stalled.requests.get() == 1 }
            assertTrue(login.abort())
            assertFalse(login.abort())
            gate.countDown()
            assertFalse(received.receivedWithin(200))
            assertEquals(StatusCode.UNLOGIN, NIMClient.getStatus())
        }
    }

    @Test
    fun aWrapperReceivesEachOutcomeByOneMethod() {
        init(info(me))
        val success = Wrapped<RecentSessionList>()
        messages.queryMySessionList(null).setCallback(success)
        assertEquals(ResponseCode.RES_SUCCESS.toInt() to null, success.get())
        val failed = Wrapped<RecentSession>()
        messages.queryMySession("p2p|no").setCallback(failed)
        assertEquals(ResponseCode.RES_ENONEXIST.toInt() to null, failed.get())
        val callback: RequestCallback<Void> = Wrapped()
        messages.deleteMySession(arrayOf("p2p|no")).setCallback(callback)
        assertEquals(ResponseCode.RES_SUCCESS.toInt() to null, (callback as Wrapped).get())
    }

    private class Wrapped<T> : RequestCallbackWrapper<T>() {
        private val received = CompletableFuture<kotlin.Pair<Int, Throwable?>>()

        override fun onResult(code: Int, result: T?, exception: Throwable?) {
            received.complete(code to exception)
        }

        fun get(): kotlin.Pair<Int, Throwable?> = received.get(40, TimeUnit.SECONDS)
    }

    @Test
    fun anInvalidOptionEndsEveryCallAndIsNamedInLogAndFailure() {
        val lines = Events<String>()
        init(info(me))
        init(info(me)) { proxyUrl("nonsense").logger { _, line -> lines.onEvent(line) } }
        assertTrue(lines.next().contains("option proxyUrl: "))
        assertEquals(StatusCode.UNLOGIN, NIMClient.getStatus())
        assertNull(NIMClient.getSessionService())
        val future = messages.queryMySessionList(null)
        assertEquals(414, future.recorded().code())
        assertEquals(414, auth.login(info(me)).recorded().code())
        NIMClient.init(null, info(me), SDKOptions())
        assertEquals(414, messages.queryMySession("p2p|amy").recorded().code())
        NIMClient.init(null, info(me), null)
        assertEquals(414, auth.login(null).recorded().code())
        init(null)
        assertEquals(me, auth.login(info(me)).recorded().result().account)
    }

    /** The provider of the options renews the token that the login passed. */
    @Test
    fun anOldTokenIsRenewedByTheOptionsProvider() {
        val asked = Events<Boolean>()
        val renewal = TokenProvider { refresh ->
            asked.onEvent(refresh)
            server.token(me)
        }
        val options = SessionServiceOptions.Builder(server.url, renewal).build()
        NIMClient.init(null, null, SDKOptions(options))
        assertEquals(me, auth.login(LoginInfo(me, "expired")).recorded().result().account)
        assertEquals(true, asked.next())
        assertEquals(me, auth.login(info(me)).recorded().result().account)
        asked.assertNothing()
    }

    private companion object {
        val accounts = AtomicInteger()
    }
}

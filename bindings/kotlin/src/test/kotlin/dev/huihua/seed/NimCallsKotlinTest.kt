// Every call as users of NIM write it in Kotlin: nothing but the imports is ours.
package dev.huihua.seed

import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.ServerProcess
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.deliverText
import dev.huihua.sdk.nim.AbortableFuture
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.MsgService
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.Pair
import dev.huihua.sdk.nim.SDKOptions
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test

class NimCallsKotlinTest {
    private val screen = LinkedBlockingQueue<String>()
    private val now = System.currentTimeMillis()
    private val account = "kotliner"

    @Before
    fun logIn() {
        val server = ServerProcess.shared
        (1L..3L).forEach { server.deliverText("peer$it", account, now - it, 200 + it, "hello $it") }
        logInAs(account)
    }

    private fun logInAs(account: String) {
        val server = ServerProcess.shared
        val options = SDKOptions()
        options.service = SessionServiceOptions.Builder(server.url).build()
        NIMClient.init(null, LoginInfo(account, server.token(account)), options)
    }

    @Test
    fun aListIsQueriedWithAnOption() {
        val option = QueryMySessionOption()
        option.minTimestamp = 0
        option.maxTimestamp = now
        option.isNeedLastMsg = true
        option.limit = 2
        NIMClient.getService(MsgService::class.java)
            .queryMySessionList(option).setCallback(ShowList())
        assertEquals("p2p|peer1 p2p|peer2 more: true", see())
        NIMClient.getService(MsgService::class.java)
            .queryMySessionList(null).setCallback(ShowList())
        assertEquals("p2p|peer1 p2p|peer2 p2p|peer3 more: false", see())
    }

    @Test
    @Suppress("DEPRECATION")
    fun aListIsQueriedInTheDeprecatedForm() {
        val startTime = now - 3
        val endTime = now - 2
        val queryAmount = 100
        NIMClient.getService(MsgService::class.java)
            .queryMySessionList(startTime, endTime, 1, queryAmount, 1).setCallback(ShowList())
        assertEquals("p2p|peer2 p2p|peer3 more: false", see())
        NIMClient.getService(MsgService::class.java)
            .queryMySessionList(0, null, null, null, null).setCallback(ShowList())
        assertEquals("p2p|peer1 p2p|peer2 p2p|peer3 more: false", see())
    }

    @Test
    fun oneSessionIsQueried() {
        NIMClient.getService(MsgService::class.java)
            .queryMySession("p2p|peer1").setCallback(object : RequestCallback<RecentSession> {
                override fun onSuccess(param: RecentSession) {
                    val pair: Pair<SessionTypeEnum, String> = param.parseSessionId()
                    val (type, id) = pair
                    assertEquals(SessionTypeEnum.P2P, type)
                    assertEquals(pair, Pair.create(pair.first, pair.second))
                    screen.add("$id says ${param.toRecentContact().content}")
                }

                override fun onFailed(code: Int) {
                    screen.add("failed, code=$code")
                }

                override fun onException(exception: Throwable) {
                    screen.add("exception, msg=${exception.message}")
                }
            })
        assertEquals("peer1 says hello 1", see())
    }

    @Test
    fun anExtIsUpdatedAndSessionsAreDeleted() {
        val service = NIMClient.getService(MsgService::class.java)
        service.updateMySession("super_team|77", "pinned").setCallback(Tell("updated"))
        assertEquals("updated", see())
        val selected = arrayOf("super_team|77", "p2p|peer3")
        service.deleteMySession(selected).setCallback(Tell("deleted"))
        assertEquals("deleted", see())
        service.queryMySessionList(QueryMySessionOption()).setCallback(ShowList())
        assertEquals("p2p|peer1 p2p|peer2 more: false", see())
    }

    @Test
    fun aCallbackMayBeSetLateButOnlyOnce() {
        val service = NIMClient.getService(MsgService::class.java)
        val future = service.updateMySession("no id", "x")
        Thread.sleep(300) // The answer is there by now.
        future.setCallback(Tell("never"))
        assertEquals("failed, code=414", see())
        future.setCallback(Tell("twice"))
        assertTrue(future is AbortableFuture && !future.abort())
        service.updateMySession("no id", "x").setCallback(Tell("never"))
        assertEquals("failed, code=414", see())
        assertNull("a second outcome", screen.poll())
    }

    @Test
    fun aKeptServiceFollowsTheNextLogin() {
        val kept = NIMClient.getService(MsgService::class.java)
        logInAs("newcomer")
        kept.queryMySessionList(null).setCallback(ShowList())
        assertEquals(" more: false", see())
        val unknown: String? = NIMClient.getService(String::class.java)
        assertNull(unknown)
    }

    private fun see(): String =
        checkNotNull(screen.poll(30, TimeUnit.SECONDS)) { "no callback was called" }

    private inner class ShowList : RequestCallback<RecentSessionList> {
        override fun onSuccess(param: RecentSessionList) {
            val ids = param.sessionList.joinToString(" ") { it.sessionId }
            screen.add("$ids more: ${param.hasMore()}")
        }

        override fun onFailed(code: Int) {
            screen.add("failed, code=$code")
        }

        override fun onException(exception: Throwable) {
            screen.add("exception, msg=${exception.message}")
        }
    }

    private inner class Tell(private val words: String) : RequestCallback<Void> {
        override fun onSuccess(param: Void?) {
            screen.add(words)
        }

        override fun onFailed(code: Int) {
            screen.add("failed, code=$code")
        }

        override fun onException(exception: Throwable) {
            screen.add("exception, msg=${exception.message}")
        }
    }
}

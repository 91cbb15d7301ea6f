// A list under rare conditions: unknown changes, an expired page token, answers that overtake each
// other. A script answers, because the real server rarely produces them.
package dev.huihua.sdk

import com.sun.net.httpserver.HttpExchange
import dev.huihua.sdk.ScriptedServer.Companion.fail
import dev.huihua.sdk.ScriptedServer.Companion.send
import java.util.concurrent.CompletableFuture
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class SessionListScriptTest {
    private val states = Events<SessionList.State>()

    /** The next answer to a sync; without one it waits, as with the real server. */
    private val syncs = LinkedBlockingQueue<String>()

    @Volatile
    private var pages: (String) -> String? = { null }

    private val server = ScriptedServer { exchange ->
        val query = exchange.requestURI.query.orEmpty()
        when {
            exchange.requestURI.path.endsWith("/sync") -> exchange.sync(query)
            else -> pages(query)?.let { exchange.send(200, it) } ?: exchange.fail(414, 400)
        }
    }

    /** Syncs of an observer that wait, or have waited. */
    private val waits = AtomicInteger()

    /** The answer to the first of them. */
    private val first = CompletableFuture<String>()

    private fun HttpExchange.sync(query: String) {
        val isWaiting = "waitMs=0" !in query && "waitMs" in query
        // A list starts at its page's cursor, an observer at the latest.
        val isObservers = "cursor=latest" in query || "cursor=observers" in query
        val cursor = if (isObservers) "observers" else "c"
        val scripted = when {
            !isWaiting -> null
            !isObservers -> syncs.poll(20, TimeUnit.SECONDS)
            waits.getAndIncrement() == 0 -> first.get(20, TimeUnit.SECONDS)
            else -> Thread.sleep(20_000).let { null }
        }
        send(200, scripted ?: changes(cursor))
    }

    private fun changes(cursor: String, vararg rows: String): String {
        val changes = rows.joinToString(",") { """{"session":$it}""" }
        return """{"changes":[$changes],"cursor":"$cursor","hasMore":false,"reset":false}"""
    }

    private fun page(vararg peers: String, next: String? = null): String {
        val rows = peers.joinToString(",") {
            val time = 1_000 - it.hashCode()
            """{"sessionId":"p2p|$it","updateTime":$time,"ext":"","lastMsgType":0}"""
        }
        val token = next?.let { ""","nextPageToken":"$it"""" }.orEmpty()
        return """{"sessionList":[$rows],"hasMore":${next != null},"syncCursor":"c"$token}"""
    }

    private fun SessionList.awaitIds(vararg peers: String) = awaitTrue("$peers: $sessions") {
        sessions.map { it.sessionId } == peers.map { "p2p|$it" }
    }

    private fun withList(test: (SessionList) -> Unit) = server.use {
        server.service().use { service ->
            SessionList(service, 2).use { list ->
                list.setListener(Listening(states))
                test(list)
            }
        }
    }

    @Test
    fun aResetLoadsAsManySessionsAsWereShown() = withList { list ->
        pages = {
            if ("pageToken=t1" in it) page("c", "d", next = "t2") else page("a", "b", next = "t1")
        }
        list.open()
        list.awaitIds("a", "b")
        list.loadMore()
        list.awaitIds("a", "b", "c", "d")
        pages = { if ("pageToken=t1" in it) page("d", "e") else page("b", "c", next = "t1") }
        syncs += """{"changes":[],"cursor":"new","hasMore":false,"reset":true}"""
        list.awaitIds("b", "c", "d", "e")
        awaitTrue("complete") { !list.hasMore && list.state == SessionList.State.Ready }
    }

    /** An observer's sync that waited before the page was read returns an older state than it. */
    @Test
    fun aChangeIsNeverOlderThanThePage() = server.use {
        fun row(peer: String, ext: String) =
            """{"sessionId":"p2p|$peer","updateTime":5,"ext":"$ext","lastMsgType":0}"""
        pages = {
            """{"sessionList":[${row("a", "fresh")}],"hasMore":false,"syncCursor":"c"}"""
        }
        server.service().use { service ->
            val observed = Events<RecentSession>()
            service.observeUpdateMySession(observed)
            awaitTrue("a sync that waits") { waits.get() == 1 }
            SessionList(service, 2).use { list ->
                list.open()
                list.awaitIds("a")
                first.complete(changes("observers", row("a", "old")))
                assertEquals("old", observed.next().ext)
                syncs += changes("c", row("b", "later"))
                list.awaitIds("a", "b")
                assertEquals(listOf("fresh", "later"), list.sessions.map { it.ext })
            }
        }
    }

    @Test
    fun anExpiredPageTokenRefreshesTheList() = withList { list ->
        pages = { if ("pageToken" in it) null else page("a", "b", next = "old") }
        list.open()
        list.awaitIds("a", "b")
        pages = {
            when {
                "pageToken=new" in it -> page("d")
                "pageToken" in it -> null
                else -> page("b", "c", next = "new")
            }
        }
        list.loadMore()
        // And the page that was asked for is loaded.
        list.awaitIds("b", "c", "d")
        states.awaitEvent("Refreshing") { it == SessionList.State.Refreshing }
        states.awaitEvent("Ready") { it == SessionList.State.Ready }
        assertTrue(!list.hasMore)
    }

    @Test
    fun aFailureKeepsTheRowsAndIsRetried() = withList { list ->
        pages = { page("a", next = "t") }
        list.open()
        list.awaitIds("a")
        pages = { null }
        list.refresh()
        val failed = states.awaitEvent("Failed") { it is SessionList.State.Failed }
        val failure = (failed as SessionList.State.Failed).exception as SessionException.Failed
        assertEquals(414, failure.code)
        list.awaitIds("a")
        pages = { page("a", "b") }
        list.loadMore()
        list.awaitIds("a", "b")
        assertTrue(!list.hasMore)
    }

    private class Listening(private val states: Events<SessionList.State>) : SessionList.Listener {
        override fun onInserted(position: Int, count: Int) = Unit

        override fun onRemoved(position: Int, count: Int) = Unit

        override fun onMoved(from: Int, to: Int) = Unit

        override fun onChanged(position: Int, count: Int) = Unit

        override fun onState(state: SessionList.State) = states.onEvent(state)
    }
}

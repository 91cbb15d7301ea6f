// A list that the server does not know any more, and a page token that has grown old: the list
// reads itself again. A script answers, for the real server does this only after a restore.
package dev.huihua.sdk

import com.sun.net.httpserver.HttpExchange
import dev.huihua.sdk.ScriptedServer.Companion.fail
import dev.huihua.sdk.ScriptedServer.Companion.send
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class SessionListResetTest {
    private val states = Events<SessionList.State>()

    /** What a sync is answered with next; without one it waits, as the real server does. */
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

    private fun HttpExchange.sync(query: String) {
        val waits = "waitMs=0" !in query && "waitMs" in query
        val scripted = if (waits) syncs.poll(20, TimeUnit.SECONDS) else null
        send(200, scripted ?: """{"changes":[],"cursor":"c","hasMore":false,"reset":false}""")
    }

    private fun page(vararg peers: String, next: String? = null) = peers.joinToString(
        ",",
        """{"sessionList":[""",
        """],"hasMore":${next != null},"syncCursor":"c"${next?.let { ""","nextPageToken":"$it"""" } ?: ""}}""",
    ) { """{"sessionId":"p2p|$it","updateTime":${1_000 - it.hashCode()},"ext":"","lastMsgType":0}""" }

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
    fun aResetReadsAsMuchAsWasShown() = withList { list ->
        pages = { if ("pageToken=t1" in it) page("c", "d", next = "t2") else page("a", "b", next = "t1") }
        list.open()
        list.awaitIds("a", "b")
        list.loadMore()
        list.awaitIds("a", "b", "c", "d")
        pages = { if ("pageToken=t1" in it) page("d", "e") else page("b", "c", next = "t1") }
        syncs += """{"changes":[],"cursor":"new","hasMore":false,"reset":true}"""
        list.awaitIds("b", "c", "d", "e")
        awaitTrue("complete") { !list.hasMore && list.state == SessionList.State.Ready }
    }

    @Test
    fun anOldPageTokenIsNoFailure() = withList { list ->
        pages = { if ("pageToken" in it) null else page("a", "b", next = "old") }
        list.open()
        list.awaitIds("a", "b")
        pages = { if ("pageToken=new" in it) page("d") else if ("pageToken" in it) null else page("b", "c", next = "new") }
        list.loadMore()
        list.awaitIds("b", "c")
        states.awaitEvent("Refreshing") { it == SessionList.State.Refreshing }
        states.awaitEvent("Ready") { it == SessionList.State.Ready }
        list.loadMore()
        list.awaitIds("b", "c", "d")
    }

    @Test
    fun aFailureKeepsTheRowsAndIsTriedAgain() = withList { list ->
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

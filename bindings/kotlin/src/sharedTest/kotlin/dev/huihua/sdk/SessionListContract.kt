// The behaviour of SessionList on every platform. JUnit 4 and plain Kotlin, so that it
// also runs on a device; needs a real server.
package dev.huihua.sdk

import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicLong
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

abstract class SessionListContract {
    protected abstract val server: TestServer

    private val me = "lister${accounts.incrementAndGet()}"
    private val now = System.currentTimeMillis()
    private val service: SessionService by lazy { server.service(me) }
    private val view = View()
    private val list by lazy { SessionList(service, 3).also { it.setListener(view.of(it)) } }

    @After
    fun close() {
        list.close()
        service.close()
    }

    @Test
    fun pagesLoadOnDemandAndChangesArriveByThemselves() {
        (1L..7L).forEach { server.deliverText("peer$it", me, now - it, it, "hello") }
        assertEquals(SessionList.State.Idle, list.state)
        list.open()
        view.await("the first page") { it == peers(1, 2, 3) }
        awaitReady()
        assertTrue(list.hasMore)
        view.awaitOperations("Inserted 0 3")
        // Below the last page: waits for it.
        server.deliverText("late", me, now - 5, 8, "between 4 and 6")
        server.deliverText("peer6", me, now + 1, 9, "to the top")
        view.await("a row on top") { it == listOf("p2p|peer6") + peers(1, 2, 3) }
        view.awaitOperations("Inserted 0 1")
        list.loadMore()
        val more = listOf("p2p|peer6") + peers(1, 2, 3, 4) + "p2p|late" + peers(5, 7)
        view.await("all of it") { it == more }
        awaitReady()
        assertFalse(list.hasMore)
        list.loadMore()
        view.takeOperations()
        server.deliverText("peer3", me, now + 2, 10, "up")
        view.awaitOperations("Moved 3 0", "Changed 0 1")
        delete("p2p|late")
        view.awaitOperations("Removed 5 1")
        assertIsServersList()
    }

    @Test
    fun refreshReportsOnlyTheDifferences() {
        (1L..7L).forEach { server.deliverText("peer$it", me, now - it, it, "hello") }
        list.open()
        view.await("the first page") { it.size == 3 }
        awaitReady()
        list.loadMore()
        view.await("the second page") { it.size == 6 }
        awaitReady()
        view.takeOperations()
        list.refresh()
        awaitState { it == SessionList.State.Refreshing }
        awaitReady()
        assertEquals(emptyList<String>(), view.takeOperations())
        assertEquals(6, list.sessions.size)
        assertTrue(list.hasMore)
    }

    @Test
    fun anEmptyListFills() {
        list.open()
        awaitReady()
        assertFalse(list.hasMore)
        assertEquals(emptyList<RecentSession>(), list.sessions)
        server.deliverText("amy", me, now, 71, "hello")
        view.await("the first row") { it == listOf("p2p|amy") }
        assertIsServersList()
    }

    /** A list beside an observer: the list's first page loses no event of the observer. */
    @Test
    fun aListAndAnObserverDoNotDisturbEachOther() {
        val updates = Events<RecentSession>()
        service.observeUpdateMySession(updates)
        service.awaitLive()
        server.deliverText("amy", me, now, 72, "hello")
        list.open()
        server.deliverText("ben", me, now + 1, 73, "hello")
        view.await("both") { it == listOf("p2p|ben", "p2p|amy") }
        assertEquals("p2p|amy", updates.next().sessionId)
        assertEquals("p2p|ben", updates.next().sessionId)
        updates.assertNothing()
    }

    @Test
    fun aClosedServiceReportsNothing() {
        list.open()
        awaitReady()
        list.close()
        view.takeOperations()
        val updates = Events<RecentSession>()
        service.observeUpdateMySession(updates)
        service.awaitLive()
        server.deliverText("amy", me, now, 74, "hello")
        updates.next()
        list.loadMore()
        list.refresh()
        assertEquals(emptyList<String>(), view.takeOperations())
        assertEquals(emptyList<RecentSession>(), list.sessions)
    }

    @Test
    fun aClosedServiceEndsTheListInFailed() {
        list.open()
        awaitReady()
        service.close()
        awaitState { (it as? SessionList.State.Failed)?.exception is SessionException.Closed }
    }

    @Test
    fun aPageSizeOutOfRangeIsRefused() {
        for (size in listOf(0, -1, 101)) {
            val refusal = runCatching { SessionList(service, size) }.exceptionOrNull()
            assertTrue("$refusal", refusal is IllegalArgumentException)
            assertTrue("$refusal", refusal?.message.orEmpty().startsWith("option pageSize: "))
        }
    }

    private fun peers(vararg numbers: Int) = numbers.map { "p2p|peer$it" }

    private fun awaitReady() = awaitState { it == SessionList.State.Ready }

    private fun awaitState(isIt: (SessionList.State) -> Boolean) {
        val state = view.states.awaitEvent("state", isIt)
        view.assertNoError()
        assertTrue(isIt(state))
    }

    private fun assertIsServersList() {
        val page = Recorder<RecentSessionList>().also { service.queryMySessionList(null, it) }
        fun facts(rows: List<RecentSession>) =
            rows.map { Triple(it.sessionId, it.updateTime, it.lastMsg) }
        assertEquals(facts(page.result().sessionList), facts(list.sessions))
        view.assertNoError()
    }

    private fun delete(id: String) {
        val done = Recorder<Void>()
        service.deleteMySession(listOf(id), done)
        done.result()
    }

    /** Keeps rows by the operations alone, as the adapter of a view does. */
    private class View {
        private val rows = CopyOnWriteArrayList<RecentSession>()
        private val operations = CopyOnWriteArrayList<String>()
        private val lists = Events<List<String>>()
        private val errors = CopyOnWriteArrayList<Throwable>()
        val states = Events<SessionList.State>()

        fun of(list: SessionList) = object : SessionList.Listener {
            override fun onInserted(position: Int, count: Int) =
                follow(list, "Inserted $position $count") {
                    rows.addAll(position, list.sessions.subList(position, position + count))
                }

            override fun onRemoved(position: Int, count: Int) =
                follow(list, "Removed $position $count") {
                    repeat(count) { rows.removeAt(position) }
                }

            override fun onMoved(from: Int, to: Int) =
                follow(list, "Moved $from $to") { rows.add(to, rows.removeAt(from)) }

            override fun onChanged(position: Int, count: Int) =
                follow(list, "Changed $position $count") {
                    for (i in position until position + count) rows[i] = list.sessions[i]
                }

            override fun onState(state: SessionList.State) = states.onEvent(state)
        }

        private fun follow(list: SessionList, operation: String, step: () -> Unit) {
            operations += operation
            try {
                step()
                assertEquals(operation, list.sessions, rows.toList())
            } catch (wrong: Throwable) {
                errors += wrong
            }
            lists.onEvent(rows.map { it.sessionId })
        }

        fun await(what: String, isIt: (List<String>) -> Boolean) {
            lists.awaitEvent(what, isIt)
            assertNoError()
        }

        fun assertNoError() = errors.forEach { throw it }

        /** Waits for these events and takes them. */
        fun awaitOperations(vararg expected: String) {
            val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20)
            while (operations.size < expected.size && System.nanoTime() < deadline) Thread.sleep(5)
            assertEquals(expected.toList(), takeOperations())
            assertNoError()
        }

        fun takeOperations(): List<String> = operations.toList().also { operations.clear() }
    }

    private companion object {
        /** Accounts that no other test of this JVM, nor of an earlier run on a device, used. */
        val accounts = AtomicLong(System.currentTimeMillis() * 100)
    }
}

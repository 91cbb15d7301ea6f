// The behaviour of a sync on every platform. JUnit 4 and plain Kotlin, so that it also
// runs on a device; needs a real server.
package dev.huihua.sdk

import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicLong
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

abstract class SyncContract {
    protected abstract val server: TestServer

    private val me = "syncer${accounts.incrementAndGet()}"
    private val now = System.currentTimeMillis()
    private val service: SessionService by lazy { server.service(me) }

    @After
    fun closeService() = service.close()

    @Test
    fun aCopyEndsAWait() {
        val latest = sync(SyncOption(SyncOption.LATEST))
        assertTrue(latest.changes.isEmpty())
        val waiting = ask(SyncOption(latest.cursor, waitMs = WAIT_MS))
        assertFalse("nothing changed yet", waiting.receivedWithin(300))
        server.deliverText("amy", me, now, 51, "你好")
        assertTrue("ended before the wait is over", waiting.receivedWithin(WAIT_MS / 2))
        val result = waiting.result()
        val change = result.changes.single() as SessionChange.Updated
        assertEquals("p2p|amy", change.sessionId)
        assertEquals(now, change.session.updateTime)
        assertEquals("你好", change.session.toRecentContact().content)
        assertFalse(result.isReset)
        assertFalse(result.hasMore())
        assertTrue(sync(SyncOption(result.cursor)).changes.isEmpty())
    }

    /** The timeouts are shorter than the wait, which is added to them. */
    @Test
    fun aWaitWithoutChangesSucceeds() {
        val hasty = server.service(me) { attemptTimeoutMs(1_000).callTimeoutMs(1_000) }
        hasty.use {
            val waiting = Recorder<SyncResult>()
            val start = System.nanoTime()
            it.sync(SyncOption(SyncOption.LATEST, waitMs = 1_500), waiting)
            val result = waiting.result()
            val tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)
            assertTrue("$tookMs", tookMs >= 1_500)
            assertTrue(result.changes.isEmpty())
            assertFalse(result.isReset)
            assertTrue(result.cursor.isNotEmpty())
        }
    }

    @Test
    fun aDeletionIsAChange() {
        server.deliverText("amy", me, now, 52, "hello")
        server.deliverText("ben", me, now, 53, "hello")
        val before = sync(null)
        assertEquals(listOf("p2p|amy", "p2p|ben"), before.changes.map { it.sessionId })
        assertTrue(before.changes.all { it is SessionChange.Updated })
        delete("p2p|amy")
        val change = sync(SyncOption(before.cursor)).changes.single()
        assertTrue("$change", change is SessionChange.Deleted)
        assertEquals("p2p|amy", change.sessionId)
        assertNull(change.session)
    }

    @Test
    fun anUnknownCursorIsAReset() {
        server.deliverText("amy", me, now, 54, "hello")
        val ofAnother = server.service("another$me").use { another ->
            Recorder<SyncResult>().also { another.sync(null, it) }.result().cursor
        }
        for (cursor in listOf("garbage", "", "你好 &limit=1", ofAnother)) {
            val answer = ask(SyncOption(cursor, waitMs = WAIT_MS))
            assertTrue("a reset does not wait", answer.receivedWithin(WAIT_MS / 2))
            val result = answer.result()
            assertTrue(cursor, result.isReset)
            assertTrue(cursor, result.changes.isEmpty())
            val next = sync(SyncOption(result.cursor))
            assertFalse(cursor, next.isReset)
            assertTrue("$cursor: now, not the beginning", next.changes.isEmpty())
        }
    }

    @Test
    fun changesArriveInPagesInTheirOrder() {
        (1L..5L).forEach { server.deliverText("peer$it", me, now - it, it, "hello") }
        server.deliverText("peer1", me, now, 6, "again")
        val option = SyncOption(limit = 2, isNeedLastMsg = false)
        val pages = mutableListOf<List<String>>()
        do {
            val page = sync(option)
            pages += page.changes.map { it.sessionId }
            assertTrue(page.changes.all { checkNotNull(it.session).lastMsg.isEmpty() })
            option.cursor = page.cursor
        } while (page.hasMore())
        val expected = listOf(2, 3, 4, 5, 1).map { "p2p|peer$it" }.chunked(2)
        assertEquals(expected, pages)
    }

    @Test
    fun anAbortedWaitCallsNoCallback() {
        val cursor = sync(null).cursor
        val aborted = Recorder<SyncResult>()
        val call = service.sync(SyncOption(cursor, waitMs = WAIT_MS), aborted)
        assertFalse("it waits", aborted.receivedWithin(300))
        assertTrue(call.abort())
        assertFalse(call.abort())
        // The outcome of a wait that started with it shows that its time is over.
        val other = ask(SyncOption(cursor, waitMs = WAIT_MS))
        server.deliverText("amy", me, now, 55, "hello")
        assertEquals("p2p|amy", other.result().changes.single().sessionId)
        assertFalse(aborted.receivedWithin(100))
    }

    /** A change during the paging is in one of the pages or in the sync after them. */
    @Test
    fun pagingAndTheSyncAfterItGiveTheList() {
        (1L..7L).forEach { server.deliverText("peer$it", me, now - it, it, "hello $it") }
        val mine = mutableMapOf<String, RecentSession>()
        val option = QueryMySessionOption(limit = 3)
        val meanwhile = ArrayDeque(
            listOf(
                { server.deliverText("peer6", me, now + 1, 61, "jumps over the reader") },
                { delete("p2p|peer2") },
            ),
        )
        var cursor: String
        do {
            val page = list(option)
            cursor = page.syncCursor
            page.sessionList.forEach { assertNull(it.sessionId, mine.put(it.sessionId, it)) }
            option.pageToken = page.nextPageToken
            meanwhile.removeFirstOrNull()?.invoke()
        } while (page.hasMore())
        assertTrue("all of it happened during the walk", meanwhile.isEmpty())
        val after = sync(SyncOption(cursor))
        assertFalse(after.isReset)
        assertFalse(after.hasMore())
        val changed = after.changes.map { it.sessionId }.toSet()
        assertEquals(setOf("p2p|peer6", "p2p|peer2"), changed)
        for (change in after.changes) {
            val session = change.session
            if (session == null) {
                assertNotNull("was in the walk", mine.remove(change.sessionId))
            } else {
                mine[change.sessionId] = session
            }
        }
        fun facts(rows: Iterable<RecentSession>) =
            rows.associate { it.sessionId to (it.updateTime to it.lastMsg) }
        assertEquals(facts(list(QueryMySessionOption()).sessionList), facts(mine.values))
    }

    @Test
    fun aBadArgumentIsFailure414() {
        server.deliverText("amy", me, now, 56, "hello")
        for (limit in listOf(0, 501, -1, Int.MIN_VALUE)) {
            assertEquals("limit $limit", 414, ask(SyncOption(limit = limit)).code())
        }
        for (waitMs in listOf(30_001, -1, Long.MIN_VALUE, Long.MAX_VALUE)) {
            assertEquals("waitMs $waitMs", 414, ask(SyncOption(waitMs = waitMs)).code())
        }
        assertEquals(1, sync(SyncOption(limit = 500, waitMs = 30_000)).changes.size)
    }

    private fun ask(option: SyncOption?) =
        Recorder<SyncResult>().also { service.sync(option, it) }

    private fun sync(option: SyncOption?) = ask(option).result()

    private fun list(option: QueryMySessionOption) =
        Recorder<RecentSessionList>().also { service.queryMySessionList(option, it) }.result()

    private fun delete(id: String) {
        val done = Recorder<Void>()
        service.deleteMySession(listOf(id), done)
        assertNull(done.result())
    }

    private companion object {
        /** Longer than any call without a wait. */
        const val WAIT_MS = 20_000L

        /** Accounts that no other test of this JVM, nor of an earlier run on a device, used. */
        val accounts = AtomicLong(System.currentTimeMillis() * 100)
    }
}

// A live list against a naive model: whatever happens in whatever order, the rows shown are the top
// of the server's list, and the operations lead there.
package dev.huihua.sdk.internal

import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.nim.Pair as SessionIdPair
import dev.huihua.sdk.nim.RecentContact
import dev.huihua.sdk.nim.RevokeMsgNotification
import kotlin.random.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class SessionRowsTest {
    @Test
    fun theRowsAreAlwaysTheTopOfTheServersList() {
        for (seed in 0 until 3_000) {
            try {
                Scenario(Random(seed)).run()
            } catch (failure: Throwable) {
                throw AssertionError("seed $seed: ${failure.message}", failure)
            }
        }
    }

    @Test
    fun oneChangeIsTwoOperationsAtMost() {
        val list = Mirrored()
        val page = (1..50).map { row("p2p|$it", 1_000L - it, "") }
        list.rows.addPage(page, hasMore = false)
        assertEquals(listOf("Inserted 0 50"), list.take())
        list.rows.apply(SessionChange.Updated(row("p2p|40", 2_000, "new")))
        assertEquals(listOf("Moved 39 0", "Changed 0 1"), list.take())
        list.rows.apply(SessionChange.Updated(row("p2p|40", 2_000, "newer")))
        assertEquals(listOf("Changed 0 1"), list.take())
        list.rows.apply(SessionChange.Updated(row("p2p|40", 2_000, "newer")))
        list.rows.apply(SessionChange.Deleted("p2p|never"))
        assertEquals(emptyList<String>(), list.take())
        list.rows.apply(SessionChange.Deleted("p2p|1"))
        assertEquals(listOf("Removed 1 1"), list.take())
        list.rows.apply(SessionChange.Updated(row("team|9", 1, "")))
        assertEquals(listOf("Inserted 49 1"), list.take())
    }

    @Test
    fun aRefreshNeedsFewOperations() {
        val list = Mirrored()
        val page = (1..50).map { row("p2p|$it", 1_000L - it, "") }
        list.rows.addPage(page, hasMore = true)
        list.take()
        val next = SessionRows()
        val moved = listOf(row("p2p|50", 3_000, "up")) + page.subList(0, 10) +
            page.subList(13, 49) + row("p2p|13", 1, "down")
        next.addPage(moved, hasMore = false)
        list.rows.replaceBy(next)
        val expected = listOf(
            "Removed 10 2", "Moved 47 0", "Removed 11 1", "Inserted 47 1", "Changed 0 1",
        )
        assertEquals(expected, list.take())
        assertEquals(moved, list.rows.rows)
    }

    @Test
    fun sessionsOfOneTimeAreInTheServersOrder() {
        val ids = listOf(
            "p2p|a", "p2p|b", "p2p|é", "p2p|\uFFFD", "p2p|😀", "team|1", "team|10", "super_team|1",
        )
        val rows = ids.map { row(it, 7, "") }
        assertEquals(ids, rows.shuffled(Random(1)).sortedWith(listOrder).map { it.sessionId })
    }
}

/** Checks that the operations of a list lead to its rows. */
private class Mirrored {
    private val mirror = ArrayList<RecentSession>()
    private val operations = ArrayList<String>()
    val rows: SessionRows = SessionRows { operation ->
        val now = rowsNow()
        when (operation) {
            is ListOperation.Inserted -> {
                val end = operation.position + operation.count
                mirror.addAll(operation.position, now.subList(operation.position, end))
                operations += "Inserted ${operation.position} ${operation.count}"
            }
            is ListOperation.Removed -> {
                repeat(operation.count) { mirror.removeAt(operation.position) }
                operations += "Removed ${operation.position} ${operation.count}"
            }
            is ListOperation.Moved -> {
                mirror.add(operation.to, mirror.removeAt(operation.from))
                operations += "Moved ${operation.from} ${operation.to}"
            }
            is ListOperation.Changed -> {
                for (i in operation.position until operation.position + operation.count) {
                    mirror[i] = now[i]
                }
                operations += "Changed ${operation.position} ${operation.count}"
            }
        }
        assertEquals("after ${operations.last()}", now, mirror.toList())
    }

    private fun rowsNow() = rows.rows

    /** The operations since the last time. */
    fun take(): List<String> = operations.toList().also { operations.clear() }
}

/** A server in twenty lines: sessions with versions, a walk, a sync. */
private class NaiveServer {
    private class Entry(val row: RecentSession?, val version: Int)

    private val entries = HashMap<String, Entry>()
    var version = 0
        private set

    fun put(id: String, row: RecentSession?) {
        entries[id] = Entry(row, ++version)
    }

    fun list(): List<RecentSession> = entries.values.mapNotNull { it.row }.sortedWith(listOrder)

    /** The page after [last] of a walk that began at [start], and whether there is more. */
    fun page(start: Int, last: RecentSession?, limit: Int): Pair<List<RecentSession>, Boolean> {
        val rest = entries.values.filter { it.version <= start }.mapNotNull { it.row }
            .sortedWith(listOrder).filter { last == null || listOrder.compare(it, last) > 0 }
        return rest.take(limit) to (rest.size > limit)
    }

    /** Up to [limit] changes since [cursor], and the cursor after them. */
    fun sync(cursor: Int, limit: Int): Pair<List<SessionChange>, Int> {
        val changes = entries.entries.filter { it.value.version > cursor }
            .sortedBy { it.value.version }.take(limit)
        val last = changes.lastOrNull()?.value?.version ?: cursor
        return changes.map { (id, entry) ->
            entry.row?.let { SessionChange.Updated(it) } ?: SessionChange.Deleted(id)
        } to last
    }
}

/** One list on one server, and things happening to both. */
private class Scenario(private val random: Random) {
    private val server = NaiveServer()
    private val list = Mirrored()
    private val ids = List(random.nextInt(1, 25)) {
        listOf("p2p|", "team|", "super_team|").random(random) + it
    }
    private var clock = 100L

    private inner class Walk(
        val rows: SessionRows,
        val start: Int = server.version,
        var last: RecentSession? = null,
    ) {
        fun page() {
            val (page, more) = server.page(start, last, random.nextInt(1, 8))
            last = page.lastOrNull() ?: last
            rows.addPage(page, more)
        }
    }

    private var cursor = 0
    private lateinit var walk: Walk
    private var next: Walk? = null

    fun run() {
        repeat(random.nextInt(40)) { mutate() }
        // The watch may have been running for a while, but a change always has the latest state.
        cursor = random.nextInt(server.version + 1)
        walk = Walk(list.rows).apply { page() }
        repeat(random.nextInt(60)) {
            step()
            check()
        }
        while (deliver(3)) check()
        assertIsTop()
        while (walk.rows.hasMore) walk.page()
        assertIsTop()
        assertEquals(server.list(), list.rows.rows)
    }

    private fun step() {
        when (random.nextInt(10)) {
            in 0..3 -> mutate()
            in 4..5 -> deliver(random.nextInt(1, 4))
            6 -> if (walk.rows.hasMore) walk.page()
            7 -> next = Walk(SessionRows()).apply { page() }
            8 -> next?.let { if (it.rows.hasMore) it.page() }
            else -> next?.let {
                list.rows.replaceBy(it.rows)
                walk = Walk(list.rows, it.start, it.last)
                next = null
            }
        }
    }

    private fun mutate() {
        val id = ids.random(random)
        val old = server.list().firstOrNull { it.sessionId == id }
        val time = when (random.nextInt(4)) {
            0 -> old?.updateTime ?: clock
            1 -> random.nextLong(1, clock + 1)
            else -> ++clock
        }
        server.put(id, if (random.nextInt(5) == 0) null else row(id, time, "${random.nextInt()}"))
    }

    private fun deliver(limit: Int): Boolean {
        val (changes, cursor) = server.sync(cursor, limit)
        this.cursor = cursor
        for (change in changes) {
            next?.rows?.apply(change)
            list.rows.apply(change)
            assertTrue("operations of one change", list.take().size <= 2)
        }
        return changes.isNotEmpty()
    }

    private fun check() {
        list.take()
        val rows = list.rows.rows
        assertEquals(rows.sortedWith(listOrder), rows)
        assertEquals(rows.size, rows.map { it.sessionId }.toSet().size)
    }

    private fun assertIsTop() =
        assertEquals(server.list().take(list.rows.rows.size), list.rows.rows)
}

private fun row(id: String, time: Long, text: String): RecentSession = Row(id, time, text)

private class Row(
    override val sessionId: String,
    override val updateTime: Long,
    override val ext: String,
) : RecentSession {
    override val lastMsg get() = ""
    override val lastMessage get() = null
    override val lastMsgType get() = 0
    override val revokeNotification: RevokeMsgNotification? get() = null

    override fun toRecentContact(): RecentContact = throw UnsupportedOperationException()

    override fun parseSessionId(): SessionIdPair<SessionTypeEnum, String> {
        val (kind, id) = sessionId.split('|', limit = 2)
        val type = when (kind) {
            "p2p" -> SessionTypeEnum.P2P
            "team" -> SessionTypeEnum.Team
            else -> SessionTypeEnum.SUPER_TEAM
        }
        return SessionIdPair(type, id)
    }

    override fun equals(other: Any?) = other is Row && toString() == other.toString()

    override fun hashCode() = toString().hashCode()

    override fun toString() = "$sessionId@$updateTime:$ext"
}

// A view's rows from one list to the next: the operations lead there, and they are few. That the list
// is the server's is tested where it is decided, in core/src/client/list_rows.rs.
package dev.huihua.sdk.internal

import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.nim.Pair as SessionIdPair
import dev.huihua.sdk.nim.RecentContact
import dev.huihua.sdk.nim.RevokeMsgNotification
import kotlin.random.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test

class SessionRowsTest {
    @Test
    fun theOperationsLeadFromAnyListToAnyOther() {
        for (seed in 0 until 3_000) {
            val random = Random(seed)
            try {
                val list = Mirrored()
                repeat(random.nextInt(2, 12)) { check(list, nextList(list, random)) }
            } catch (failure: Throwable) {
                throw AssertionError("seed $seed: ${failure.message}", failure)
            }
        }
    }

    /** Changes some sessions of the list, as a sync or a reading of the list does. */
    private fun nextList(list: Mirrored, random: Random): List<RecentSession> {
        val next = list.rows.rows.associateBy { it.sessionId }.toMutableMap()
        repeat(random.nextInt(1, 8)) {
            val id = "p2p|${random.nextInt(25)}"
            when (random.nextInt(5)) {
                0 -> next -= id
                else -> next[id] = row(id, random.nextLong(1, 30), "${random.nextInt(4)}")
            }
        }
        // A row that is equal may be another object, as after a restart.
        return next.values.map { if (random.nextInt(3) == 0) row(it) else it }
            .sortedWith(compareBy({ -it.updateTime }, { it.sessionId }))
            .take(random.nextInt(1, 26))
    }

    private fun check(list: Mirrored, target: List<RecentSession>) {
        val before = list.rows.rows
        list.rows.replaceBy(target)
        assertEquals(target, list.rows.rows)
        for (row in list.rows.rows) before.find { it == row }?.let { assertSame(it, row) }
        val gone = before.toSet() - target.toSet()
        val differing = gone.size + (target.toSet() - before.toSet()).size
        val operations = list.take()
        assertTrue("$operations for $differing", operations.size <= 2 * differing)
    }

    @Test
    fun oneChangeIsTwoOperationsAtMost() {
        val list = Mirrored()
        val page = (1..50).map { row("p2p|$it", 1_000L - it, "") }
        list.rows.replaceBy(page)
        assertEquals(listOf("Inserted 0 50"), list.take())
        val rest = page.filter { it.sessionId != "p2p|40" }
        list.rows.replaceBy(listOf(row("p2p|40", 2_000, "new")) + rest)
        assertEquals(listOf("Moved 39 0", "Changed 0 1"), list.take())
        list.rows.replaceBy(listOf(row("p2p|40", 2_000, "newer")) + rest)
        assertEquals(listOf("Changed 0 1"), list.take())
        list.rows.replaceBy(listOf(row("p2p|40", 2_000, "newer")) + rest)
        assertEquals(emptyList<String>(), list.take())
        val without = list.rows.rows.filter { it.sessionId != "p2p|1" }
        list.rows.replaceBy(without)
        assertEquals(listOf("Removed 1 1"), list.take())
        list.rows.replaceBy(without + row("team|9", 1, ""))
        assertEquals(listOf("Inserted 49 1"), list.take())
        list.rows.replaceBy(list.rows.rows.drop(1) + row("p2p|40", 0, "down"))
        assertEquals(listOf("Moved 0 49", "Changed 49 1"), list.take())
    }

    @Test
    fun aRefreshNeedsFewOperations() {
        val list = Mirrored()
        val page = (1..50).map { row("p2p|$it", 1_000L - it, "") }
        list.rows.replaceBy(page)
        list.take()
        val moved = listOf(row("p2p|50", 3_000, "up")) + page.subList(0, 10) +
            page.subList(13, 49) + row("p2p|13", 1, "down")
        list.rows.replaceBy(moved)
        val expected = listOf(
            "Removed 10 2", "Moved 47 0", "Removed 11 1", "Inserted 47 1", "Changed 0 1",
        )
        assertEquals(expected, list.take())
        assertEquals(moved, list.rows.rows)
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

private fun row(id: String, time: Long, text: String): RecentSession = Row(id, time, text)

private fun row(of: RecentSession) = row(of.sessionId, of.updateTime, of.ext)

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

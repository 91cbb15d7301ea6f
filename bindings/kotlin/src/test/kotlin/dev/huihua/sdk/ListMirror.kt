// What a view makes of a live list, and what an observer was told: both kept, to be compared with
// the server's list.
package dev.huihua.sdk

import java.util.concurrent.CopyOnWriteArrayList

/** All that can be seen of a row, on one line. */
fun RecentSession.facts(): String {
    val notice = revokeNotification
    val shown = if (notice == null) lastMsg else "recalled by ${notice.revokeAccount}"
    return "$sessionId|$updateTime|$ext|$lastMsgType|$shown|${notice?.customInfo}"
}

/** Holds rows as a RecyclerView's adapter does: it believes the operations, and nothing else. */
class ListMirror(private val list: SessionList) : SessionList.Listener {
    private val rows = mutableListOf<RecentSession>()

    /** Each operation after which the rows were not the list's. */
    val faults = CopyOnWriteArrayList<String>()
    val states = CopyOnWriteArrayList<SessionList.State>()

    override fun onInserted(position: Int, count: Int) = step("inserted $count at $position") {
        addAll(position, list.sessions.subList(position, position + count))
    }

    override fun onRemoved(position: Int, count: Int) = step("removed $count at $position") {
        subList(position, position + count).clear()
    }

    override fun onMoved(from: Int, to: Int) = step("moved $from to $to") {
        add(to, removeAt(from))
    }

    override fun onChanged(position: Int, count: Int) = step("changed $count at $position") {
        for (at in position until position + count) {
            if (this[at].facts() == list.sessions[at].facts()) faults += "$at did not change"
            this[at] = list.sessions[at]
        }
    }

    override fun onState(state: SessionList.State) {
        states += state
    }

    private fun step(what: String, edit: MutableList<RecentSession>.() -> Unit) {
        try {
            rows.edit()
        } catch (thrown: IndexOutOfBoundsException) {
            faults += "$what: $thrown"
        }
        // Its content may be newer already: the change of it is told next.
        if (rows.map { it.sessionId } != list.sessions.map { it.sessionId }) faults += what
    }
}

/** What an observer was told, in order; each change as one line. */
class ChangeLog : Observer<SessionChange> {
    val lines = CopyOnWriteArrayList<String>()

    override fun onEvent(event: SessionChange) {
        lines += when (event) {
            is SessionChange.Updated -> event.session.facts()
            is SessionChange.Deleted -> "${event.sessionId} deleted"
            is SessionChange.Reset -> RESET
        }
    }

    /** What the list is after the changes that were told, if it was [before]. */
    fun replay(before: Collection<RecentSession>): Set<String> {
        val rows = before.associate { it.sessionId to it.facts() }.toMutableMap()
        for (line in lines) {
            val id = line.split('|').take(2).joinToString("|").removeSuffix(" deleted")
            if (line.endsWith(" deleted")) rows -= id else rows[id] = line
        }
        return rows.values.toSet()
    }

    companion object {
        const val RESET = "reset"
    }
}

// A view's copy of a live list and an observer's log of changes, to compare with the server's list.
package dev.huihua.sdk

import java.util.concurrent.CopyOnWriteArrayList

/** Returns the visible content of a row as one line. */
fun RecentSession.facts(): String {
    val notice = revokeNotification
    val shown = if (notice == null) lastMsg else "recalled by ${notice.revokeAccount}"
    return "$sessionId|$updateTime|$ext|$lastMsgType|$shown|${notice?.customInfo}"
}

/** Keeps rows by the operations alone, as the adapter of a RecyclerView does. */
class ListMirror(private val list: SessionList) : SessionList.Listener {
    private val rows = mutableListOf<RecentSession>()

    /** Each operation after which the rows differed from the list. */
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
        // Its content may be newer already: that change is reported next.
        if (rows.map { it.sessionId } != list.sessions.map { it.sessionId }) faults += what
    }
}

/** Records the changes of an observer in order, each as one line. */
class ChangeLog : Observer<SessionChange> {
    val lines = CopyOnWriteArrayList<String>()

    override fun onEvent(event: SessionChange) {
        lines += when (event) {
            is SessionChange.Updated -> event.session.facts()
            is SessionChange.Deleted -> "${event.sessionId} deleted"
            is SessionChange.Reset -> RESET
        }
    }

    /** Returns the list after the recorded changes, if it was [before]. */
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

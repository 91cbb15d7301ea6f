// What a native list has reported so far, as one immutable value: events go in, and the state that
// a view shows comes out. Threads are in SessionList.kt.
package dev.huihua.sdk.internal

import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionList.State

/** Says which events know of the last [NativeList.loadMore] and [NativeList.refresh]. */
internal class ListWishes {
    var more = NEVER
    var refresh = NEVER

    companion object {
        /** Before any event. */
        const val NEVER = -1L
    }
}

/**
 * Holds a list as of its last event.
 *
 * @property rows its sessions; null until it has any, or knows that there are none.
 * @property end the failure that ended it.
 */
internal class ListReport private constructor(
    val rows: List<RecentSession>?,
    val facts: ListFacts,
    val end: SessionException?,
    private val broken: SessionException?,
    private val moreFailure: SessionException?,
    private val moreFailedAt: Long,
) {
    /** Returns the report after one more event. */
    fun after(event: ListEvent, facts: ListFacts): ListReport = when (event) {
        is ListEvent.Sessions -> copy(facts, rows = spliced(event))
        is ListEvent.MoreFailed ->
            copy(facts, moreFailure = event.failure, moreFailedAt = facts.number)
        is ListEvent.Status -> when (val status = event.status) {
            is WatchStatus.Ended -> copy(this.facts, end = status.failure)
            is WatchStatus.Broken -> copy(facts, broken = status.failure)
            WatchStatus.Connecting -> copy(facts, broken = null)
            // The list can load more again.
            WatchStatus.Live -> copy(facts, broken = null, moreFailure = null)
        }
    }

    /** Returns the state of a list that shows rows or none, and has these wishes. */
    fun state(hasRows: Boolean, wishes: ListWishes): State {
        val number = facts.number
        val isRefreshing = number <= wishes.refresh
        val moreFailed = moreFailure.takeIf { moreFailedAt > maxOf(wishes.more, wishes.refresh) }
        return when {
            end != null -> State.Failed(end)
            isRefreshing -> reading(hasRows)
            number <= wishes.more || (facts.isLoadingMore && !facts.isReading) ->
                State.LoadingMore
            facts.isReading || facts.isFromCache -> broken?.let(State::Failed) ?: reading(hasRows)
            moreFailed != null -> State.Failed(moreFailed)
            else -> State.Ready
        }
    }

    private fun reading(hasRows: Boolean) = if (hasRows) State.Refreshing else State.Loading

    private fun spliced(event: ListEvent.Sessions): List<RecentSession> {
        val before = rows.orEmpty()
        val after = ArrayList<RecentSession>(before.size - event.removed + event.sessions.size)
        after.addAll(before.subList(0, event.position))
        after.addAll(event.sessions)
        after.addAll(before.subList(event.position + event.removed, before.size))
        return after
    }

    private fun copy(
        facts: ListFacts,
        rows: List<RecentSession>? = this.rows,
        end: SessionException? = this.end,
        broken: SessionException? = this.broken,
        moreFailure: SessionException? = this.moreFailure,
        moreFailedAt: Long = this.moreFailedAt,
    ) = ListReport(rows, facts, end, broken, moreFailure, moreFailedAt)

    companion object {
        private val NOTHING = ListFacts(0, true, false, true, false)

        /** What a list has reported that has just started. */
        val NONE = ListReport(null, NOTHING, null, null, null, 0)
    }
}

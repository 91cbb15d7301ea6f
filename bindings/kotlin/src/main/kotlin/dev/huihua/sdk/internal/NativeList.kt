// The interface of a running native list, so that only Native.kt imports generated code.
package dev.huihua.sdk.internal

import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionException

/** Controls a list, which runs until it is stopped or ends in [WatchStatus.Ended]. */
internal interface NativeList {
    /** Loads the next page; returns the number of the last event that may not know of it yet. */
    fun loadMore(): Long

    /** Reads the list again; returns as [loadMore]. */
    fun refresh(): Long

    /** Reconnects at once, if the list pauses after a failure. */
    fun reconnect()

    /** Ends the waiting request until [resume]. */
    fun pause()

    fun resume()

    /** Stops the list and frees its handle, without waiting: one more event may arrive. */
    fun stop()
}

/** Receives a list's events in order, one at a time, never inside the call that starts it. */
internal fun interface ListListener {
    fun onEvent(event: ListEvent, facts: ListFacts)
}

/** Represents what changed of a list. */
internal sealed interface ListEvent {
    /** From [position] on, [removed] sessions are gone and [sessions] are in their place. */
    class Sessions(
        val position: Int,
        val removed: Int,
        val sessions: List<RecentSession>,
    ) : ListEvent

    class Status(val status: WatchStatus) : ListEvent

    class MoreFailed(val failure: SessionException) : ListEvent
}

/**
 * Describes a list at the time of an event.
 *
 * @property number counts the events from 1 on.
 */
internal class ListFacts(
    val number: Long,
    val hasMore: Boolean,
    val isFromCache: Boolean,
    val isReading: Boolean,
    val isLoadingMore: Boolean,
)

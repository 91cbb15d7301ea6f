// The changes that wait for a collector, at most one per session of the account.
package dev.huihua.sdk.internal

import dev.huihua.sdk.SessionChange

/** Keeps the latest change of each session, in order; a reset removes earlier changes. */
internal class PendingChanges {
    private val latest = LinkedHashMap<String, SessionChange>()

    @Synchronized
    fun add(change: SessionChange) {
        if (change is SessionChange.Reset) latest.clear()
        latest.remove(change.sessionId)
        latest[change.sessionId] = change
    }

    /** Returns and removes all pending changes. */
    @Synchronized
    fun take(): List<SessionChange> = latest.values.toList().also { latest.clear() }
}

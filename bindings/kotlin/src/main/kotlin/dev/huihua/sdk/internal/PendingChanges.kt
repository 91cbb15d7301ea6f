// Changes that wait for a collector, and are never more than the sessions of an account.
package dev.huihua.sdk.internal

import dev.huihua.sdk.SessionChange

/** Keeps the latest change of each session, in the order of the changes; a reset voids the rest. */
internal class PendingChanges {
    private val latest = LinkedHashMap<String, SessionChange>()

    @Synchronized
    fun add(change: SessionChange) {
        if (change is SessionChange.Reset) latest.clear()
        latest.remove(change.sessionId)
        latest[change.sessionId] = change
    }

    /** All that wait; they wait no longer. */
    @Synchronized
    fun take(): List<SessionChange> = latest.values.toList().also { latest.clear() }
}

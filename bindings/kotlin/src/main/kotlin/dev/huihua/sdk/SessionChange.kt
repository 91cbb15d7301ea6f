// What happens to a list.
package dev.huihua.sdk

import java.io.Serializable

/**
 * One session that changed: [Updated] or [Deleted]; to an observer also [Reset], when it is not
 * known what changed.
 */
public sealed class SessionChange : Serializable {
    /** The session that changed; empty for [Reset]. */
    public abstract val sessionId: String

    /** Its latest state; null when it was deleted, and for [Reset]. */
    public abstract val session: RecentSession?

    /** It is new, or something of it changed. */
    public class Updated internal constructor(override val session: RecentSession) :
        SessionChange() {
        override val sessionId: String get() = session.sessionId

        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /** It is not in the list any more. */
    public class Deleted internal constructor(override val sessionId: String) : SessionChange() {
        override val session: RecentSession? get() = null

        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /**
     * It is not known what changed: the app was away for too long, or the server was restored from
     * a backup. Read the list again; what changes from now on is told. Never in a [SyncResult],
     * which says it by [SyncResult.isReset].
     */
    public class Reset internal constructor() : SessionChange() {
        override val sessionId: String get() = ""
        override val session: RecentSession? get() = null

        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    private companion object {
        private const val serialVersionUID = 1L
    }
}

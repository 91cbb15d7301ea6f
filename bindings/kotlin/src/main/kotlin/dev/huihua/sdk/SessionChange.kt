// The changes of a list.
package dev.huihua.sdk

import java.io.Serializable

/**
 * Describes one session that changed: [Updated] or [Deleted].
 *
 * Observers also receive [Reset], after which the list must be read again. NIM has no such type.
 */
public sealed class SessionChange : Serializable {
    /** The id of the session; empty for [Reset]. */
    public abstract val sessionId: String

    /** The session's latest state; null for [Deleted] and [Reset]. */
    public abstract val session: RecentSession?

    /** Reports a new or changed session. */
    public class Updated internal constructor(override val session: RecentSession) :
        SessionChange() {
        override val sessionId: String get() = session.sessionId

        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /** Reports a session that is no longer in the list. */
    public class Deleted internal constructor(override val sessionId: String) : SessionChange() {
        override val session: RecentSession? get() = null

        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /**
     * Reports that changes are unknown and the list must be read again.
     *
     * The app was offline for too long, or the server was restored from a backup. Later changes
     * are reported as usual. A [SyncResult] never holds it, but sets [SyncResult.isReset].
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

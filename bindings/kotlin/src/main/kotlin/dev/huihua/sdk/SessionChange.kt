// One session that changed.
package dev.huihua.sdk

import java.io.Serializable

/** One session that changed: [Updated] or [Deleted]. */
public sealed class SessionChange : Serializable {
    /** The session that changed. */
    public abstract val sessionId: String

    /** Its latest state; null exactly when it was deleted. */
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

    private companion object {
        private const val serialVersionUID = 1L
    }
}

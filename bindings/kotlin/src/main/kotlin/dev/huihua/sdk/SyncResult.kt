// What changed since a cursor.
package dev.huihua.sdk

import java.io.Serializable

/** What changed since a cursor. */
public class SyncResult internal constructor(
    /** In the order of the changes, each session once, in its latest state. */
    public val changes: List<SessionChange>,
    /** Opaque; where the next sync starts. */
    public val cursor: String,
    private val more: Boolean,
    /**
     * The cursor was too old, of another account or unknown: there are no changes, [cursor] is now,
     * and the list has to be read again.
     */
    public val isReset: Boolean,
) : Serializable {
    /** Whether the next sync has something at once; exact. */
    public fun hasMore(): Boolean = more

    private companion object {
        private const val serialVersionUID = 1L
    }
}

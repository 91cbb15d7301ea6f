// The result of a sync.
package dev.huihua.sdk

import java.io.Serializable

/** Holds the changes since a cursor. NIM has no such type. */
public class SyncResult internal constructor(
    /** The changes in their order, each session once in its latest state. */
    public val changes: List<SessionChange>,
    /** The cursor for the next sync. Opaque. */
    public val cursor: String,
    private val more: Boolean,
    /**
     * Whether the cursor was too old, of another account or unknown. There are no changes then,
     * [cursor] is the current one, and the list must be read again.
     */
    public val isReset: Boolean,
) : Serializable {
    /** Returns whether the next sync returns changes at once; exact. */
    public fun hasMore(): Boolean = more

    private companion object {
        private const val serialVersionUID = 1L
    }
}

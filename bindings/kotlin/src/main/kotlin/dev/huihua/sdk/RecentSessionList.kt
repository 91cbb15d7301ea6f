// One page of an account's list.
package dev.huihua.sdk

import java.io.Serializable

/** Holds one page of an account's list. Mirrors NIM's `RecentSessionList`. */
public class RecentSessionList internal constructor(
    /** The sessions by `updateTime`, newest first, then by kind (p2p, team, super team) and id. */
    public val sessionList: List<RecentSession>,
    private val more: Boolean,
    /** The token of the next page, see [QueryMySessionOption.pageToken]; null if there is none. */
    public val nextPageToken: String?,
    /** The cursor for a sync that continues where the first page was read. Opaque. */
    public val syncCursor: String,
) : Serializable {
    /** Returns whether older sessions match; exact. */
    public fun hasMore(): Boolean = more

    private companion object {
        private const val serialVersionUID = 1L
    }
}

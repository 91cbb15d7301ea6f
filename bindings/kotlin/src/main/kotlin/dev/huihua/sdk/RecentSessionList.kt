// One page of an account's list.
package dev.huihua.sdk

import java.io.Serializable

/** One page of an account's list. */
public class RecentSessionList internal constructor(
    /** The rows: newest `updateTime` first, ties by kind (p2p, team, super team), then by id. */
    public val sessionList: List<RecentSession>,
    private val more: Boolean,
    /** Asks for the next page, see [QueryMySessionOption.pageToken]; null when there is none. */
    public val nextPageToken: String?,
    /** Opaque; everything up to here is in the walk that this page belongs to. */
    public val syncCursor: String,
) : Serializable {
    /** Whether older rows match; exact. */
    public fun hasMore(): Boolean = more

    private companion object {
        private const val serialVersionUID = 1L
    }
}

// The option of a sync.
package dev.huihua.sdk

import java.io.Serializable

/**
 * Selects the changes that [SessionService.sync] returns. NIM has no such type.
 *
 * The call reads it when it starts; later changes have no effect. It must not be changed from two
 * threads at once.
 *
 * @property cursor [SyncResult.cursor] of the previous sync, or [RecentSessionList.syncCursor] of a
 * first page; null = from the beginning, [LATEST] = from now.
 * @property limit number of changes, 1..=500; any other ends in `onFailed(414)`.
 * @property isNeedLastMsg whether sessions carry their last message.
 * @property waitMs longest time for which the server waits for a change, in ms, 0..=30,000; any
 * other ends in `onFailed(414)`. It is added to the service's timeouts.
 */
public class SyncOption(
    public var cursor: String? = null,
    public var limit: Int = 100,
    public var isNeedLastMsg: Boolean = true,
    public var waitMs: Long = 0,
) : Serializable {
    /** Holds the special cursor. */
    public companion object {
        /** The cursor that selects no changes and returns only the current cursor. */
        public const val LATEST: String = "latest"
        private const val serialVersionUID = 1L
    }
}

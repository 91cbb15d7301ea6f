// What a sync asks for.
package dev.huihua.sdk

import java.io.Serializable

/**
 * What [SessionService.sync] asks for. Read when the call starts: changes made later do not reach
 * it. Not safe to change from two threads at once.
 *
 * @property cursor [SyncResult.cursor] of the sync before, or [RecentSessionList.syncCursor] of a
 * walk; null = from the beginning, [LATEST] = from now.
 * @property limit changes wanted, 1..=500; anything else ends in `onFailed(414)`.
 * @property isNeedLastMsg whether sessions carry their last message.
 * @property waitMs how long the server holds the call until something changes, 0..=30,000 ms;
 * anything else ends in `onFailed(414)`. It comes on top of the service's timeouts.
 */
public class SyncOption(
    public var cursor: String? = null,
    public var limit: Int = 100,
    public var isNeedLastMsg: Boolean = true,
    public var waitMs: Long = 0,
) : Serializable {
    /** What stands in place of a cursor. */
    public companion object {
        /** In place of a cursor: from now. No changes come, only a cursor. */
        public const val LATEST: String = "latest"
        private const val serialVersionUID = 1L
    }
}

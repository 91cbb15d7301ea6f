// The option of a list call.
package dev.huihua.sdk

import java.io.Serializable

/**
 * Selects a page of [SessionService.queryMySessionList]. Mirrors NIM's `QueryMySessionOption`.
 *
 * The call reads it when it starts; later changes have no effect. It must not be changed from two
 * threads at once.
 *
 * There are two ways to page. By time, as in NIM: the next [maxTimestamp] is the last session's
 * `updateTime`; that session comes again, since the bound is inclusive. By token, which is exact:
 * see [pageToken].
 *
 * @property minTimestamp lower bound of `updateTime`, in ms since 1970, inclusive; 0 = none.
 * @property maxTimestamp upper bound of `updateTime`, in ms since 1970, inclusive; 0 = none. A
 * minimum above it ends in `onFailed(414)`.
 * @property isNeedLastMsg whether sessions carry their last message.
 * @property limit number of sessions, 1..=100; any other ends in `onFailed(414)`. A page is longer
 * only if more sessions share one `updateTime`, so that paging by time always advances.
 */
public class QueryMySessionOption(
    public var minTimestamp: Long = 0,
    public var maxTimestamp: Long = 0,
    public var isNeedLastMsg: Boolean = true,
    public var limit: Int = 100,
) : Serializable {
    /**
     * [RecentSessionList.nextPageToken] of the previous page; null selects the first page.
     *
     * No session is repeated or lost, whatever changes meanwhile. Both timestamps must be 0 with
     * it, otherwise the call ends in `onFailed(414)`. NIM has no such option.
     */
    public var pageToken: String? = null

    private companion object {
        private const val serialVersionUID = 1L
    }
}

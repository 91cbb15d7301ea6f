// What a list call asks for.
package dev.huihua.sdk

import java.io.Serializable

/**
 * What [SessionService.queryMySessionList] asks for. Read when the call starts: changes made later
 * do not reach it. Not safe to change from two threads at once.
 *
 * Two ways to page. By time, as NIM's users do: the next [maxTimestamp] is the last row's
 * `updateTime`; that row comes again, since the bound is inclusive. By token: exact, see
 * [pageToken].
 *
 * @property minTimestamp oldest `updateTime` wanted, ms since 1970, inclusive; 0 = unbounded.
 * @property maxTimestamp newest `updateTime` wanted, ms since 1970, inclusive; 0 = unbounded. A
 * minimum above it ends in `onFailed(414)`.
 * @property isNeedLastMsg whether rows carry their last message.
 * @property limit rows wanted, 1..=100; anything else ends in `onFailed(414)`. A page is longer
 * only where more rows than that share one `updateTime`, so that paging by time never sticks.
 */
public class QueryMySessionOption(
    public var minTimestamp: Long = 0,
    public var maxTimestamp: Long = 0,
    public var isNeedLastMsg: Boolean = true,
    public var limit: Int = 100,
) : Serializable {
    /**
     * [RecentSessionList.nextPageToken] of the page before: no row twice, none lost, whatever
     * changes meanwhile. Both timestamps must then be 0, else `onFailed(414)`. Null asks for the
     * first page.
     */
    public var pageToken: String? = null

    private companion object {
        private const val serialVersionUID = 1L
    }
}

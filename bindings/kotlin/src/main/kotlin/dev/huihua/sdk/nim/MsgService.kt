// The four calls in NIM's shape.
package dev.huihua.sdk.nim

import dev.huihua.sdk.InvocationFuture
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.SessionService

/**
 * The cloud session list, in the shape of NIM's service of the same name; got by
 * [NIMClient.getService]. Each call starts at once, returns at once, and means what the call of the
 * same name of [SessionService] means.
 */
public interface MsgService {
    /** One page of the list; null stands for the default option. */
    public fun queryMySessionList(
        option: QueryMySessionOption?,
    ): InvocationFuture<RecentSessionList>

    /**
     * One page of the list; a null argument stands for its default.
     *
     * @param minTimestamp oldest `updateTime` wanted, ms, inclusive; 0 = unbounded.
     * @param maxTimestamp newest `updateTime` wanted, ms, inclusive; 0 = unbounded.
     * @param needLastMsg 0 leaves the last messages out.
     * @param limit rows wanted, 1..=100.
     * @param hasMore ignored.
     */
    @Deprecated("Say it by name.", ReplaceWith("queryMySessionList(QueryMySessionOption())"))
    public fun queryMySessionList(
        minTimestamp: Long,
        maxTimestamp: Long?,
        needLastMsg: Int?,
        limit: Int?,
        hasMore: Int?,
    ): InvocationFuture<RecentSessionList>

    /** One session; `onFailed(404)` when there is none. */
    public fun queryMySession(sessionId: String): InvocationFuture<RecentSession>

    /** Sets the account's own text on a session. */
    public fun updateMySession(sessionId: String, ext: String): InvocationFuture<Void>

    /** Deletes 1..=100 sessions, all or none. */
    public fun deleteMySession(sessionIdArr: Array<String>): InvocationFuture<Void>
}

// The four calls in NIM's shape.
package dev.huihua.sdk.nim

import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.SessionService

/**
 * Makes the calls of the cloud session list. Mirrors NIM's `MsgService`.
 *
 * [NIMClient.getService] returns it. Each call starts and returns at once, and works as the method
 * of the same name of [SessionService]. Without a login it ends in `onFailed(302)`, with a null
 * argument or half of a surrogate pair in `onFailed(414)`. No call throws.
 */
public interface MsgService {
    /** Reads one page of the list; null stands for the default option. */
    public fun queryMySessionList(
        option: QueryMySessionOption?,
    ): InvocationFuture<RecentSessionList>

    /**
     * Reads one page of the list; a null argument stands for its default.
     *
     * @param minTimestamp lower bound of `updateTime`, in ms since 1970, inclusive; 0 = none.
     * @param maxTimestamp upper bound of `updateTime`, in ms since 1970, inclusive; 0 = none.
     * @param needLastMsg 0 omits the last messages.
     * @param limit number of sessions, 1..=100.
     * @param hasMore ignored.
     */
    @Deprecated(
        "Use the overload with an option.",
        ReplaceWith("queryMySessionList(QueryMySessionOption())"),
    )
    public fun queryMySessionList(
        minTimestamp: Long,
        maxTimestamp: Long?,
        needLastMsg: Int?,
        limit: Int?,
        hasMore: Int?,
    ): InvocationFuture<RecentSessionList>

    /** Reads one session; ends in `onFailed(404)` if the list has no such session. */
    public fun queryMySession(sessionId: String?): InvocationFuture<RecentSession>

    /** Sets the account's private text on a session, at most 4,096 bytes of UTF-8. */
    public fun updateMySession(sessionId: String?, ext: String?): InvocationFuture<Void>

    /** Deletes 1..=100 sessions, all or none. */
    public fun deleteMySession(sessionIdArr: Array<out String?>?): InvocationFuture<Void>
}

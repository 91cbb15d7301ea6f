// One row of an account's list.
package dev.huihua.sdk

import java.io.Serializable

/**
 * One row of an account's list, as the server knew it when it answered. Plain data, safe to read
 * from any thread. A row without a last message is normal: [ext] and [lastMsg] are empty then.
 */
public interface RecentSession : Serializable {
    /** The full id: `p2p|<account>`, `team|<team id>` or `super_team|<team id>`. */
    public val sessionId: String

    /** Time of the last message, else of the first `updateMySession`; ms since 1970. */
    public val updateTime: Long

    /** The account's own text on the session, seen by nobody else; empty when never set. */
    public val ext: String

    /** The last message, the text of a JSON object; empty for a recall, and where there is none. */
    public val lastMsg: String

    /** 0 for a message or none, 1 for the notice of a recall. */
    public val lastMsgType: Int

    /** The notice of a recall, non-null exactly when [lastMsgType] is 1. Partly filled. */
    public val revokeNotification: RevokeMsgNotification?

    /** A new local recent contact with this row's content; the caller may change it. */
    public fun toRecentContact(): RecentContact

    /** The kind and the id (account or team id) that [sessionId] is made of. */
    public fun parseSessionId(): SessionIdPair

    /** NIM's constants. */
    public companion object {
        /** Where [toRecentContact] puts an [ext] that is no JSON object. */
        public const val KEY_EXT: String = "ext"
    }
}

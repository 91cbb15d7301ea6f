// One session of an account's list.
package dev.huihua.sdk

import dev.huihua.sdk.nim.Pair
import dev.huihua.sdk.nim.RecentContact
import dev.huihua.sdk.nim.RevokeMsgNotification
import java.io.Serializable

/**
 * Holds one session of an account's list. Mirrors NIM's `RecentSession`.
 *
 * It is immutable and safe to read from any thread. Two sessions are equal if the list shows the
 * same of them: id, time, [ext] and last message. A session without a last message is normal:
 * [lastMsg] is empty then, and [lastMessage] null.
 */
public interface RecentSession : Serializable {
    /** The session's id: `p2p|<account>`, `team|<team id>` or `super_team|<team id>`. */
    public val sessionId: String

    /** Time of the last message, else of the first `updateMySession`, in ms since 1970. */
    public val updateTime: Long

    /** The account's private text on the session, at most 4,096 bytes; empty by default. */
    public val ext: String

    /** The last message as a JSON object; empty for a recall and for no message. */
    public val lastMsg: String

    /**
     * The last message, or the recall in its place, as a value; null for no message. It is read
     * once, when it is first asked for. NIM has no such method.
     */
    public val lastMessage: LastMessage?

    /** The kind of the last message: 0 for a message or none, 1 for the notice of a recall. */
    public val lastMsgType: Int

    /** The notice of a recall, only partly filled; null unless [lastMsgType] is 1. */
    public val revokeNotification: RevokeMsgNotification?

    /** Converts the session to a new local recent contact, which the caller may change. */
    public fun toRecentContact(): RecentContact

    /** Splits [sessionId] into the kind and the account or team id. */
    public fun parseSessionId(): Pair<SessionTypeEnum, String>

    /** Holds NIM's constants. */
    public companion object {
        /** The key under which [toRecentContact] puts an [ext] that is not a JSON object. */
        public const val KEY_EXT: String = "ext"
    }
}

// A session in the shape of NIM's local list.
package dev.huihua.sdk.nim

import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import java.io.Serializable

/**
 * Holds a session in the shape of NIM's local `RecentContact`.
 *
 * [RecentSession.toRecentContact] makes it. It is an independent copy, which its setters change
 * only locally. It must not be changed from two threads at once.
 */
public interface RecentContact : Serializable {
    /** The account or the team id. */
    public val contactId: String

    /** Sender of the last message; for a recall, the account that recalled; empty if unknown. */
    public val fromAccount: String

    /** The sender's nickname; empty if unknown. */
    public val fromNick: String

    /** The kind of the session: p2p, team or super team. */
    public val sessionType: SessionTypeEnum

    /** The client's id (uuid) of the last or the recalled message; empty if unknown. */
    public val recentMessageId: String

    /** Type of the last message; `undef` for a recall and for no message. */
    public val msgType: MsgTypeEnum

    /** State of the last message; `success` at first, since the server has it. */
    public var msgStatus: MsgStatusEnum

    /** Always 0: the service does not count unread messages. */
    public val unreadCount: Int

    /** Body of the last message; for a recall, the text that the user added. */
    public val content: String

    /** The session's `updateTime`, in ms since 1970. */
    public val time: Long

    /** Attachment of the last message; null if it has none. */
    public val attachment: MsgAttachment?

    /** A number for the app's own use; 0 at first. */
    public var tag: Long

    /**
     * The fields of the session's `ext`, a JSON object; any other ext is the value of
     * [RecentSession.KEY_EXT]. Values are String, Boolean, Int, Long, Double, List, Map and null.
     */
    public var extension: Map<String, Any?>
}

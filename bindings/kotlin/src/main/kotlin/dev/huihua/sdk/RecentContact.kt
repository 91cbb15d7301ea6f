// A session row in the shape of NIM's local list.
package dev.huihua.sdk

import java.io.Serializable

/**
 * A session row in the shape of NIM's local recent contact: what [RecentSession.toRecentContact]
 * makes. A copy of its own: setters change it and nothing else. Not safe to change from two threads
 * at once.
 */
public interface RecentContact : Serializable {
    /** The account, or the team id. */
    public val contactId: String

    /** Sender of the last message; of a recall, who recalled; empty when there is neither. */
    public val fromAccount: String

    /** The sender's nick; empty when unknown. */
    public val fromNick: String

    /** p2p, team or super team. */
    public val sessionType: SessionTypeEnum

    /** Client id (uuid) of the last message, or of the recalled one; empty when unknown. */
    public val recentMessageId: String

    /** Kind of the last message; `undef` for a recall, and where there is none. */
    public val msgType: MsgTypeEnum

    /** State of the last message: success, since the server has it. */
    public var msgStatus: MsgStatusEnum

    /** Always 0: the service counts no unread messages. */
    public val unreadCount: Int

    /** Body of the last message; of a recall, the words that go with it. */
    public val content: String

    /** The row's `updateTime`, ms since 1970. */
    public val time: Long

    /** Attachment of the last message; null when it has none. */
    public val attachment: MsgAttachment?

    /** The app's own mark; 0 until set. */
    public var tag: Long

    /**
     * The row's `ext` as the fields of its JSON object; an ext that is no JSON object stands under
     * [RecentSession.KEY_EXT]. Values are String, Boolean, Int, Long, Double, List, Map and null.
     */
    public var extension: Map<String, Any?>
}

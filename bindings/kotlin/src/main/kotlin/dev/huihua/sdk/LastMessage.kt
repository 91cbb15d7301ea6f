// The last message of a session as a value.
package dev.huihua.sdk

import dev.huihua.sdk.internal.attachmentOf
import java.io.Serializable

/**
 * Describes the last message of a session, or the recall in its place. NIM has no such type.
 *
 * [RecentSession.lastMsg] is the same as the server sent it. Unknown texts are empty.
 */
public class LastMessage internal constructor(
    /** The kind; `undef` for a recall and for a kind that this version does not know. */
    public val kind: MsgTypeEnum,
    /** The text that a user reads, mostly of a text or a tip; empty for a recall. */
    public val text: String,
    /** The account that sent the message. */
    public val from: String,
    /** The nickname of that account; for a recall, that of [MessageRecall.account]. */
    public val fromNick: String,
    /** Time of the message, in ms since 1970; 0 if unknown. */
    public val time: Long,
    /** The client's id (uuid) of the message. */
    public val clientId: String,
    /** The server's id of the message. */
    public val serverId: String,
    /** The text that the app attached to the message (NIM: remote extension). */
    public val ext: String,
    internal val attach: String,
    /** The recall of the message; null if it was not recalled. */
    public val recall: MessageRecall?,
) : Serializable {
    @Transient
    private var read: MessageAttachment? = null

    /** What the message carries beside its text, by its kind; null if it carries nothing. */
    public val attachment: MessageAttachment?
        get() {
            if (attach.isEmpty()) return null
            return read ?: attachmentOf(kind, attach).also { read = it }
        }

    private val content
        get() = listOf(kind, text, from, fromNick, time, clientId, serverId, ext, attach, recall)

    /** Returns whether [other] is an equal message. */
    override fun equals(other: Any?): Boolean =
        this === other || (other is LastMessage && content == other.content)

    /** Returns the hash code of the message. */
    override fun hashCode(): Int = 31 * time.hashCode() + serverId.hashCode()

    /** Returns kind, sender and time, for logs, but nothing that a user wrote. */
    override fun toString(): String {
        val what = if (recall == null) kind.name else "recalled"
        return "LastMessage($what by $from at $time)"
    }

    private companion object {
        private const val serialVersionUID = 1L
    }
}

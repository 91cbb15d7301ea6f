// A row of the list. It holds the last message as the bytes that the server sent, and reads them
// once, when something of them is first asked for.
package dev.huihua.sdk.internal

import dev.huihua.sdk.LastMessage
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.nim.ContactRow
import dev.huihua.sdk.nim.Pair
import dev.huihua.sdk.nim.RecentContact
import dev.huihua.sdk.nim.RevokeMsgNotification
import dev.huihua.sdk.nim.noticeOf

private const val RECALL = 1

internal class SessionRow(
    override val sessionId: String,
    override val updateTime: Long,
    override val ext: String,
    /** The last message or the notice of its recall: a JSON object in UTF-8; empty for none. */
    private val message: ByteArray,
    override val lastMsgType: Int,
) : RecentSession {
    // Two threads may both read the message; they find the same.

    @Transient
    private var text: String? = null

    @Transient
    private var said: LastMessage? = null

    @Transient
    private var notice: RevokeMsgNotification? = null

    override val lastMsg: String
        get() {
            if (lastMsgType == RECALL || message.isEmpty()) return ""
            return text ?: String(message, Charsets.UTF_8).also { text = it }
        }

    override val lastMessage: LastMessage?
        get() {
            if (message.isEmpty() && lastMsgType != RECALL) return null
            return said ?: readMessage().also { said = it }
        }

    override val revokeNotification: RevokeMsgNotification?
        get() {
            if (lastMsgType != RECALL) return null
            return notice ?: noticeOf(NumberedFields.of(message)).also { notice = it }
        }

    override fun toRecentContact(): RecentContact {
        val id = parseSessionId()
        return ContactRow(id.second, id.first, updateTime, lastMessage, ext)
    }

    override fun parseSessionId(): Pair<SessionTypeEnum, String> {
        val kind = when (sessionId.substringBefore('|')) {
            "p2p" -> SessionTypeEnum.P2P
            "team" -> SessionTypeEnum.Team
            "super_team" -> SessionTypeEnum.SUPER_TEAM
            else -> SessionTypeEnum.None
        }
        return Pair(kind, sessionId.substringAfter('|'))
    }

    override fun equals(other: Any?): Boolean {
        if (this === other) return true
        return other is SessionRow && sessionId == other.sessionId &&
            updateTime == other.updateTime && ext == other.ext &&
            lastMsgType == other.lastMsgType && message.contentEquals(other.message)
    }

    override fun hashCode(): Int = 31 * sessionId.hashCode() + updateTime.hashCode()

    /** Names what differs between two rows, but nothing that a user wrote. */
    override fun toString(): String {
        val what = when {
            lastMsgType == RECALL -> "a recall"
            message.isEmpty() -> "no message"
            else -> "a message"
        }
        val size = "${message.size} bytes of $what, ${ext.length} characters of ext"
        return "RecentSession($sessionId at $updateTime, $size)"
    }

    private fun readMessage(): LastMessage {
        val fields = NumberedFields.of(message)
        return if (lastMsgType == RECALL) recalledMessageOf(fields) else messageOf(fields)
    }

    private companion object {
        private const val serialVersionUID = 2L
    }
}

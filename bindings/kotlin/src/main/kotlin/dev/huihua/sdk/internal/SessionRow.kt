// A row of the list. It holds the last message as the bytes that the server sent, and reads them
// once, when something of them is first asked for.
package dev.huihua.sdk.internal

import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.nim.IMMessage
import dev.huihua.sdk.nim.MsgAttachment
import dev.huihua.sdk.nim.MsgStatusEnum
import dev.huihua.sdk.nim.Pair
import dev.huihua.sdk.nim.RecentContact
import dev.huihua.sdk.nim.RevokeMsgNotification
import dev.huihua.sdk.nim.RevokeType
import java.io.Serializable

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
    private var summary: MessageSummary? = null

    @Transient
    private var notice: RevokeMsgNotification? = null

    override val lastMsg: String
        get() {
            if (lastMsgType == RECALL || message.isEmpty()) return ""
            return text ?: String(message, Charsets.UTF_8).also { text = it }
        }

    override val revokeNotification: RevokeMsgNotification?
        get() {
            if (lastMsgType != RECALL) return null
            return notice ?: noticeOf(NumberedFields.of(message)).also { notice = it }
        }

    override fun toRecentContact(): RecentContact {
        val id = parseSessionId()
        val said = summary ?: summarize().also { summary = it }
        return ContactRow(id.second, id.first, updateTime, said, ext)
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

    private fun summarize(): MessageSummary =
        revokeNotification?.let(::summaryOf) ?: summaryOf(NumberedFields.of(message))

    private companion object {
        private const val serialVersionUID = 2L
    }
}

/** Reads the notice of a recall, by NIM's keys of it. */
private fun noticeOf(fields: NumberedFields) = RevokeMsgNotification(
    message = IMMessage(
        uuid = fields.text(10),
        serverIdText = fields.text(11),
        fromAccount = fields.text(3),
        time = fields.number(14) ?: 0,
    ),
    attach = fields.text(5),
    revokeAccount = fields.text(16),
    customInfo = fields.text(4).ifEmpty { fields.text(8) },
    revokeType = RevokeType.typeOfValue(fields.int(1)),
    callbackExt = fields.text(22),
)

/** Reads a message, by NIM's keys of it. */
private fun summaryOf(fields: NumberedFields) = MessageSummary(
    fromAccount = fields.text(2),
    fromNick = fields.text(6),
    clientId = fields.text(11),
    type = MsgTypeEnum.typeOfValue(fields.int(8)),
    body = fields.text(9),
    attach = fields.text(10),
)

private fun summaryOf(notice: RevokeMsgNotification) = MessageSummary(
    fromAccount = notice.revokeAccount,
    fromNick = "",
    clientId = notice.message.uuid,
    type = MsgTypeEnum.undef,
    body = notice.customInfo,
    attach = "",
)

/** Returns the number, -1 if it is missing or too large. */
private fun NumberedFields.int(key: Int): Int =
    number(key)?.takeIf { it == it.toInt().toLong() }?.toInt() ?: -1

/** Holds what a contact shows of the last message. */
private class MessageSummary(
    val fromAccount: String,
    val fromNick: String,
    val clientId: String,
    val type: MsgTypeEnum,
    val body: String,
    val attach: String,
) : Serializable {
    private companion object {
        private const val serialVersionUID = 1L
    }
}

private class ContactRow(
    override val contactId: String,
    override val sessionType: SessionTypeEnum,
    override val time: Long,
    private val said: MessageSummary,
    private val ext: String,
) : RecentContact {
    @Volatile
    private var fields: Map<String, Any?>? = null

    override val fromAccount get() = said.fromAccount
    override val fromNick get() = said.fromNick
    override val recentMessageId get() = said.clientId
    override val msgType get() = said.type
    override val content get() = said.body
    override val attachment: MsgAttachment? =
        said.attach.ifEmpty { null }?.let(::TextAttachment)
    override var msgStatus = MsgStatusEnum.success
    override var tag = 0L
    override val unreadCount get() = 0

    override var extension: Map<String, Any?>
        get() = fields ?: extensionOf(ext).also { fields = it }
        set(value) {
            fields = value
        }

    private companion object {
        private const val serialVersionUID = 2L
    }
}

private fun extensionOf(ext: String): Map<String, Any?> {
    if (ext.isEmpty()) return LinkedHashMap()
    return readJsonObject(ext) ?: mapOf(RecentSession.KEY_EXT to ext)
}

private class TextAttachment(private val text: String) : MsgAttachment {
    override fun toJson(send: Boolean) = text

    private companion object {
        private const val serialVersionUID = 1L
    }
}

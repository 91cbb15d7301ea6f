// A row of the list in NIM's shapes: as a local contact, and as the notice of a recall.
package dev.huihua.sdk.nim

import dev.huihua.sdk.LastMessage
import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.internal.NumberedFields
import dev.huihua.sdk.internal.int
import dev.huihua.sdk.internal.readJsonObject

/** Reads the notice of a recall, by NIM's keys of it. */
internal fun noticeOf(fields: NumberedFields) = RevokeMsgNotification(
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

internal class ContactRow(
    override val contactId: String,
    override val sessionType: SessionTypeEnum,
    override val time: Long,
    private val said: LastMessage?,
    private val ext: String,
) : RecentContact {
    @Volatile
    private var fields: Map<String, Any?>? = null

    override val fromAccount: String get() = said?.recall?.account ?: said?.from.orEmpty()
    override val fromNick: String get() = if (said?.recall == null) said?.fromNick.orEmpty() else ""
    override val recentMessageId: String get() = said?.clientId.orEmpty()
    override val msgType: MsgTypeEnum get() = said?.kind ?: MsgTypeEnum.undef
    override val content: String get() = said?.recall?.text ?: said?.text.orEmpty()
    override val attachment: MsgAttachment? =
        said?.attach?.ifEmpty { null }?.let(::TextAttachment)
    override var msgStatus = MsgStatusEnum.success
    override var tag = 0L
    override val unreadCount get() = 0

    override var extension: Map<String, Any?>
        get() = fields ?: extensionOf(ext).also { fields = it }
        set(value) {
            fields = value
        }

    private companion object {
        private const val serialVersionUID = 3L
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

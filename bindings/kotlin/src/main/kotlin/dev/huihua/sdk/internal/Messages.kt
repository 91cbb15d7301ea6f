// Reads the JSON of a last message, by NIM's keys of a message and of a recall.
package dev.huihua.sdk.internal

import dev.huihua.sdk.LastMessage
import dev.huihua.sdk.MessageAttachment
import dev.huihua.sdk.MessageRecall
import dev.huihua.sdk.MsgTypeEnum

/** Reads a message. */
internal fun messageOf(fields: NumberedFields) = LastMessage(
    kind = MsgTypeEnum.typeOfValue(fields.int(8)),
    text = fields.text(9),
    from = fields.text(2),
    fromNick = fields.text(6),
    time = fields.number(7) ?: 0,
    clientId = fields.text(11),
    serverId = fields.text(12),
    ext = fields.text(15),
    attach = fields.text(10),
    recall = null,
)

/** Reads the notice of a recall, which stands in its message's place. */
internal fun recalledMessageOf(fields: NumberedFields) = LastMessage(
    kind = MsgTypeEnum.undef,
    text = "",
    from = fields.text(3),
    fromNick = fields.text(15),
    time = fields.number(14) ?: 0,
    clientId = fields.text(10),
    serverId = fields.text(11),
    ext = "",
    attach = "",
    recall = MessageRecall(
        account = fields.text(16),
        text = fields.text(4).ifEmpty { fields.text(8) },
        time = fields.number(0) ?: 0,
    ),
)

/** Returns the number, -1 if it is missing or too large. */
internal fun NumberedFields.int(key: Int): Int =
    number(key)?.takeIf { it == it.toInt().toLong() }?.toInt() ?: -1

/** Reads an attachment, by NIM's names of its fields. */
internal fun attachmentOf(kind: MsgTypeEnum, json: String): MessageAttachment = when (kind) {
    MsgTypeEnum.image -> AttachmentFields(json).run {
        MessageAttachment.Image(json, text("url"), text("name"), size, width, height)
    }
    MsgTypeEnum.audio -> AttachmentFields(json).run {
        MessageAttachment.Audio(json, text("url"), size, long("dur"))
    }
    MsgTypeEnum.video -> AttachmentFields(json).run {
        MessageAttachment.Video(json, text("url"), size, long("dur"), width, height)
    }
    MsgTypeEnum.location -> AttachmentFields(json).run {
        MessageAttachment.Location(json, double("lat"), double("lng"), text("title"))
    }
    MsgTypeEnum.file -> AttachmentFields(json).run {
        MessageAttachment.File(json, text("url"), text("name"), size)
    }
    else -> MessageAttachment.Other(json)
}

/** Holds the fields of an attachment; numbers may be written as strings. */
private class AttachmentFields(json: String) {
    private val fields = readJsonObject(json).orEmpty()

    val size get() = long("size")
    val width get() = pixels("w")
    val height get() = pixels("h")

    fun text(name: String): String = fields[name] as? String ?: ""

    fun long(name: String): Long = when (val value = fields[name]) {
        is Number -> value.toLong()
        is String -> value.toLongOrNull() ?: 0
        else -> 0
    }

    fun double(name: String): Double = when (val value = fields[name]) {
        is Number -> value.toDouble()
        is String -> value.toDoubleOrNull()?.takeIf { it.isFinite() } ?: 0.0
        else -> 0.0
    }

    private fun pixels(name: String) = long(name).coerceIn(0, Int.MAX_VALUE.toLong()).toInt()
}

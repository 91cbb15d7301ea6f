// The preview of a session in its row: a draft first, else the last message, by its type.
package dev.huihua.sample

import android.content.Context
import android.text.SpannableStringBuilder
import android.text.Spanned
import android.text.style.ForegroundColorSpan
import dev.huihua.sdk.LastMessage
import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum

/** Returns the line below a session's name, from the view of [account]. */
internal fun Context.previewText(session: RecentSession, account: String): CharSequence {
    val ext = Ext.of(session.ext)
    val message = session.lastMessage
    return when {
        ext.draft.isNotBlank() -> draftText(ext.draft)
        message == null -> ext.note.ifEmpty { getString(R.string.no_message) }
        message.recall != null -> recallText(message, account)
        else -> messageText(session, message, account)
    }
}

private fun Context.draftText(draft: String): CharSequence {
    val colour = ForegroundColorSpan(getColor(R.color.warning))
    return SpannableStringBuilder()
        .append(getString(R.string.draft), colour, Spanned.SPAN_EXCLUSIVE_EXCLUSIVE)
        .append(" ").append(draft)
}

private fun Context.recallText(message: LastMessage, account: String): String {
    val recall = message.recall ?: return ""
    val name = message.fromNick.ifEmpty { recall.account }
    val text = when {
        recall.account == account -> getString(R.string.recalled_by_me)
        name.isEmpty() -> getString(R.string.recalled)
        else -> getString(R.string.recalled_by, name)
    }
    return if (recall.text.isEmpty()) text else getString(R.string.said_by, text, recall.text)
}

private fun Context.messageText(
    session: RecentSession,
    message: LastMessage,
    account: String,
): String {
    val label = labelOf(message.kind)?.let(::getString).orEmpty()
    val said = "$label ${message.text}".trim()
    val isOthersInTeam = session.parseSessionId().first != SessionTypeEnum.P2P &&
        message.from != account && message.kind != MsgTypeEnum.notification
    if (!isOthersInTeam) return said
    return getString(R.string.said_by, message.fromNick.ifEmpty { message.from }, said)
}

private fun labelOf(type: MsgTypeEnum): Int? = when (type) {
    MsgTypeEnum.text, MsgTypeEnum.tip -> null
    MsgTypeEnum.image -> R.string.image
    MsgTypeEnum.audio -> R.string.audio
    MsgTypeEnum.video -> R.string.video
    MsgTypeEnum.location -> R.string.location
    MsgTypeEnum.notification -> R.string.notification
    MsgTypeEnum.file -> R.string.file
    MsgTypeEnum.avchat, MsgTypeEnum.nrtc_netcall -> R.string.call
    MsgTypeEnum.robot -> R.string.robot
    MsgTypeEnum.custom, MsgTypeEnum.appCustom, MsgTypeEnum.qiyuCustom, MsgTypeEnum.qchatCustom ->
        R.string.custom
    MsgTypeEnum.undef -> R.string.unknown
}

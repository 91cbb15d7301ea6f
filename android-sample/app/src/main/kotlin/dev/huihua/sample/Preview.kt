// The preview of a session in its row: a draft first, else the last message, by its type.
package dev.huihua.sample

import android.content.Context
import android.text.SpannableStringBuilder
import android.text.Spanned
import android.text.style.ForegroundColorSpan
import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.nim.RecentContact

/** Returns the line below a session's name, from the view of [account]. */
internal fun Context.previewText(session: RecentSession, account: String): CharSequence {
    val contact = session.toRecentContact()
    // This app's convention for its ext: IM apps store unsent text there.
    val draft = contact.extension["draft"] as? String
    return when {
        !draft.isNullOrBlank() -> draftText(draft)
        session.revokeNotification != null -> recallText(contact, account)
        session.lastMsg.isNotEmpty() -> messageText(contact, account)
        else -> session.ext.ifEmpty { getString(R.string.no_message) }
    }
}

private fun Context.draftText(draft: String): CharSequence {
    val colour = ForegroundColorSpan(getColor(R.color.warning))
    return SpannableStringBuilder()
        .append(getString(R.string.draft), colour, Spanned.SPAN_EXCLUSIVE_EXCLUSIVE)
        .append(" ").append(draft)
}

private fun Context.recallText(contact: RecentContact, account: String): String {
    val recall = when {
        contact.fromAccount == account -> getString(R.string.recalled_by_me)
        contact.senderName.isEmpty() -> getString(R.string.recalled)
        else -> getString(R.string.recalled_by, contact.senderName)
    }
    val reason = contact.content
    return if (reason.isEmpty()) recall else getString(R.string.said_by, recall, reason)
}

private fun Context.messageText(contact: RecentContact, account: String): String {
    val label = labelOf(contact.msgType)?.let(::getString).orEmpty()
    val said = "$label ${contact.content}".trim()
    val isOthersInTeam = contact.sessionType != SessionTypeEnum.P2P &&
        contact.fromAccount != account && contact.msgType != MsgTypeEnum.notification
    return if (isOthersInTeam) getString(R.string.said_by, contact.senderName, said) else said
}

private val RecentContact.senderName get() = fromNick.ifEmpty { fromAccount }

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

// How a session reads in one row.
package dev.huihua.sample

import android.text.format.DateUtils
import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum

/** Kind, peer and time; below them the last message. */
internal fun describe(session: RecentSession): String {
    val (kind, peer) = session.parseSessionId()
    val mark = when (kind) {
        SessionTypeEnum.P2P -> ""
        SessionTypeEnum.Team -> "[team] "
        SessionTypeEnum.SUPER_TEAM -> "[super team] "
        else -> "[${kind.name}] "
    }
    val time = DateUtils.getRelativeTimeSpanString(
        session.updateTime, System.currentTimeMillis(), DateUtils.MINUTE_IN_MILLIS,
    )
    return "$mark$peer · $time\n${preview(session)}"
}

private fun preview(session: RecentSession): String {
    val contact = session.toRecentContact()
    if (session.revokeNotification != null) {
        val words = contact.content.ifEmpty { "a message" }
        return "${contact.fromAccount} recalled: $words"
    }
    return when (contact.msgType) {
        MsgTypeEnum.undef -> ""
        MsgTypeEnum.text, MsgTypeEnum.tip -> contact.content
        else -> "[${contact.msgType.name}] ${contact.content}".trim()
    }
}

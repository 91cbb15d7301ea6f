// The texts of a session: a row of a table for people, a line for the check.
package dev.huihua.demo

import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import java.time.Instant
import java.time.ZoneOffset
import java.time.format.DateTimeFormatter

private val titles = listOf("time (UTC+8)", "kind", "peer", "preview", "ext")
private val widths = listOf(14, 5, 10, 38, 16)
private val clock = DateTimeFormatter.ofPattern("MM-dd HH:mm:ss").withZone(ZoneOffset.ofHours(8))

/** Prints sessions as a table. */
internal fun printSessions(sessions: List<RecentSession>) {
    val rows = sessions.map { session ->
        val (kind, peer) = session.parseSessionId()
        listOf(clockTime(session.updateTime), nameOf(kind), peer, preview(session), session.ext)
    }
    printTable(titles, widths, rows)
}

/** Formats a time as `10-31 09:00:00`, in the time zone of the samples. */
internal fun clockTime(ms: Long): String = clock.format(Instant.ofEpochMilli(ms))

/** Returns the preview of a session: the text of the last message, or its type. */
internal fun preview(session: RecentSession): String {
    session.revokeNotification?.let { recall ->
        val words = if (recall.customInfo.isEmpty()) "" else ": ${recall.customInfo}"
        return "[撤回] ${recall.revokeAccount}$words"
    }
    val contact = session.toRecentContact()
    val kind = when (contact.msgType) {
        MsgTypeEnum.text, MsgTypeEnum.tip, MsgTypeEnum.undef -> ""
        MsgTypeEnum.image -> "[图片]"
        MsgTypeEnum.audio -> "[语音]"
        MsgTypeEnum.video -> "[视频]"
        MsgTypeEnum.location -> "[位置]"
        MsgTypeEnum.notification -> "[群通知]"
        MsgTypeEnum.file -> "[文件]"
        MsgTypeEnum.avchat -> "[音视频]"
        MsgTypeEnum.robot -> "[机器人]"
        MsgTypeEnum.nrtc_netcall -> "[通话]"
        MsgTypeEnum.custom, MsgTypeEnum.appCustom, MsgTypeEnum.qiyuCustom,
        MsgTypeEnum.qchatCustom,
        -> "[自定义]"
    }
    return listOf(kind, contact.content).filter(String::isNotEmpty).joinToString(" ")
}

/** Returns the columns of `samples/expected.json`, separated by tabs, without raw line breaks. */
internal fun rowForComparing(session: RecentSession): String {
    val contact = session.toRecentContact()
    val fields = listOf(
        session.sessionId, session.updateTime, session.lastMsgType, contact.msgType.value,
        contact.recentMessageId, preview(session),
    )
    return fields.joinToString("\t") { field ->
        field.toString().replace("\\", "\\\\").replace("\t", "\\t")
            .replace("\n", "\\n").replace("\r", "\\r")
    }
}

private fun nameOf(kind: SessionTypeEnum): String = when (kind) {
    SessionTypeEnum.P2P -> "p2p"
    SessionTypeEnum.Team -> "team"
    SessionTypeEnum.SUPER_TEAM -> "super"
    SessionTypeEnum.None, SessionTypeEnum.Ysf, SessionTypeEnum.System, SessionTypeEnum.ChatRoom,
    SessionTypeEnum.QChat,
    -> "?"
}

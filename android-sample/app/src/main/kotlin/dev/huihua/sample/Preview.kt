// What a row says, worked out without Android: name, letter, last message, age.
package dev.huihua.sample

import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.RecentContact
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import java.util.Calendar
import java.util.TimeZone

/**
 * One line about a session: [speaker] said [label] and [text], any of which may be missing. A
 * [label] is a string resource; it may hold a place for [argument].
 */
internal data class Preview(
    val label: Int? = null,
    val text: String = "",
    val argument: String? = null,
    val speaker: String = "",
)

/** The preview of a session, as [account] sees it: a draft first, else the last message. */
internal fun previewOf(session: RecentSession, account: String): Preview {
    val contact = session.toRecentContact()
    // An app's own convention for its ext, as IM apps store what was typed and not yet sent.
    val draft = contact.extension["draft"] as? String
    return when {
        !draft.isNullOrBlank() -> Preview(R.string.draft, draft)
        session.revokeNotification != null -> recallOf(contact, account)
        session.lastMsg.isEmpty() && session.ext.isEmpty() -> Preview(R.string.no_message)
        session.lastMsg.isEmpty() -> Preview(text = session.ext)
        else -> messageOf(contact, account)
    }
}

private fun recallOf(contact: RecentContact, account: String): Preview {
    val name = contact.fromNick.ifEmpty { contact.fromAccount }
    return when {
        contact.fromAccount == account -> Preview(R.string.recalled_by_me, contact.content)
        name.isEmpty() -> Preview(R.string.recalled, contact.content)
        else -> Preview(R.string.recalled_by, contact.content, argument = name)
    }
}

private fun messageOf(contact: RecentContact, account: String): Preview {
    val isOthersInTeam = contact.sessionType != SessionTypeEnum.P2P &&
        contact.fromAccount != account && contact.msgType != MsgTypeEnum.notification
    val speaker = if (isOthersInTeam) contact.fromNick.ifEmpty { contact.fromAccount } else ""
    return Preview(labelOf(contact.msgType), contact.content, speaker = speaker)
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

/** What an avatar without a picture shows: the first letter or digit of a name. */
internal fun letterOf(name: String): String {
    val first = name.codePoints().filter(Character::isLetterOrDigit).findFirst()
    return if (first.isPresent) String(Character.toChars(first.asInt)).uppercase() else "#"
}

/**
 * The number that stands for a session where Android wants one (FNV-1a, 64 bits). The same whenever
 * it is asked, so that a selection stays with its sessions when the screen is made anew.
 */
internal fun idOf(sessionId: String): Long =
    sessionId.fold(FNV_OFFSET) { hash, c -> (hash xor c.code.toLong()) * FNV_PRIME }

/** How far back a time is, in the steps in which a list tells it. */
internal enum class Age { NOW, MINUTES, TODAY, YESTERDAY, WEEK, YEAR, OLDER }

/** The age of [timeMs] at [nowMs], both ms since 1970, by the calendar of [zone]. */
internal fun ageOf(timeMs: Long, nowMs: Long, zone: TimeZone): Age {
    val elapsedMs = nowMs - timeMs
    val days = dayOf(nowMs, zone) - dayOf(timeMs, zone)
    return when {
        // The server's clock may be ahead of ours.
        elapsedMs in -CLOCK_SKEW_MAX_MS until MINUTE_MS -> Age.NOW
        elapsedMs in MINUTE_MS until HOUR_MS -> Age.MINUTES
        days == 0L -> Age.TODAY
        days == 1L -> Age.YESTERDAY
        days in 2L..6L -> Age.WEEK
        yearOf(timeMs, zone) == yearOf(nowMs, zone) -> Age.YEAR
        else -> Age.OLDER
    }
}

private fun dayOf(timeMs: Long, zone: TimeZone) =
    Math.floorDiv(timeMs + zone.getOffset(timeMs), DAY_MS)

private fun yearOf(timeMs: Long, zone: TimeZone) =
    Calendar.getInstance(zone).apply { timeInMillis = timeMs }.get(Calendar.YEAR)

internal const val MINUTE_MS = 60_000L
private const val HOUR_MS = 60 * MINUTE_MS
private const val DAY_MS = 24 * HOUR_MS
private const val CLOCK_SKEW_MAX_MS = 10 * MINUTE_MS
private const val FNV_OFFSET = -0x340d631b7bdddcdbL
private const val FNV_PRIME = 0x100000001b3L

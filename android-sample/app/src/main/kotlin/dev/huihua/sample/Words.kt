// The texts of the screens, in the phone's language and by its clock.
package dev.huihua.sample

import android.content.Context
import android.text.SpannableStringBuilder
import android.text.Spanned
import android.text.format.DateFormat
import android.text.style.ForegroundColorSpan
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone

/** The peer's nick where the last message tells it, else the id; teams have only a number here. */
internal fun Context.nameOf(session: RecentSession): String {
    val contact = session.toRecentContact()
    return when (contact.sessionType) {
        SessionTypeEnum.Team -> getString(R.string.team, contact.contactId)
        SessionTypeEnum.SUPER_TEAM -> getString(R.string.super_team, contact.contactId)
        else -> {
            val isPeers = contact.fromAccount == contact.contactId
            contact.fromNick.takeIf { isPeers && it.isNotEmpty() } ?: contact.contactId
        }
    }
}

/** The line below the name; a draft stands out. */
internal fun Context.previewText(session: RecentSession, account: String): CharSequence {
    val preview = previewOf(session, account)
    val label = preview.label?.let { getString(it, preview.argument) }.orEmpty()
    val isRecall = session.revokeNotification != null && preview.label != R.string.draft
    val said = when {
        label.isEmpty() || preview.text.isEmpty() -> label + preview.text
        isRecall -> getString(R.string.said_by, label, preview.text)
        else -> "$label ${preview.text}"
    }
    if (preview.speaker.isNotEmpty()) return getString(R.string.said_by, preview.speaker, said)
    if (preview.label != R.string.draft) return said
    return SpannableStringBuilder(said).apply {
        val colour = ForegroundColorSpan(getColor(R.color.warning))
        setSpan(colour, 0, label.length, Spanned.SPAN_EXCLUSIVE_EXCLUSIVE)
    }
}

/** When a session was last updated, as short as a list needs it. */
internal fun Context.timeText(timeMs: Long, nowMs: Long = System.currentTimeMillis()): String {
    val date = Date(timeMs)
    fun formatted(pattern: String) = SimpleDateFormat(pattern, Locale.getDefault()).format(date)
    return when (ageOf(timeMs, nowMs, TimeZone.getDefault())) {
        Age.NOW -> getString(R.string.just_now)
        Age.MINUTES -> {
            val minutes = ((nowMs - timeMs) / MINUTE_MS).toInt()
            resources.getQuantityString(R.plurals.minutes_ago, minutes, minutes)
        }
        Age.TODAY -> DateFormat.getTimeFormat(this).format(date)
        Age.YESTERDAY -> getString(R.string.yesterday)
        Age.WEEK -> formatted("EEE")
        Age.YEAR -> formatted(getString(R.string.pattern_day))
        Age.OLDER -> formatted(getString(R.string.pattern_date))
    }
}

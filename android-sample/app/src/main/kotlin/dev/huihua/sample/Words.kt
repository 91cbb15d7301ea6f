// Names and times as the screens tell them.
package dev.huihua.sample

import android.content.Context
import android.text.format.DateUtils
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum

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

/** What an avatar without a picture shows: the first letter or digit of a name. */
internal fun letterOf(name: String): String {
    val first = name.codePoints().filter(Character::isLetterOrDigit).findFirst()
    return if (first.isPresent) String(Character.toChars(first.asInt)).uppercase() else "#"
}

/**
 * How long before [nowMs] a time was, in the phone's own words; both ms since 1970. A time to come
 * is now: the server's clock may be ahead of the phone's.
 */
internal fun Context.timeText(
    timeMs: Long,
    nowMs: Long = System.currentTimeMillis(),
): CharSequence {
    if (nowMs - timeMs < DateUtils.MINUTE_IN_MILLIS) return getText(R.string.just_now)
    val style = DateUtils.FORMAT_ABBREV_ALL
    return DateUtils.getRelativeTimeSpanString(timeMs, nowMs, DateUtils.MINUTE_IN_MILLIS, style)
}

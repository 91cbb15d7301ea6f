// The texts for names and times.
package dev.huihua.sample

import android.content.Context
import android.text.format.DateUtils
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum

/** Returns the nickname of the peer if the last message has it, otherwise the id. */
internal fun Context.nameOf(session: RecentSession): String {
    val (kind, id) = session.parseSessionId()
    return when (kind) {
        SessionTypeEnum.Team -> getString(R.string.team, id)
        SessionTypeEnum.SUPER_TEAM -> getString(R.string.super_team, id)
        else -> session.lastMessage?.takeIf { it.from == id }?.fromNick.orEmpty().ifEmpty { id }
    }
}

/** Returns the text of an avatar without a picture: the first letter or digit of a name. */
internal fun letterOf(name: String): String {
    val first = name.codePoints().filter(Character::isLetterOrDigit).findFirst()
    return if (first.isPresent) String(Character.toChars(first.asInt)).uppercase() else "#"
}

/** Returns the size of that text in sp. A Latin letter is lower than a Chinese one of its size. */
internal fun avatarSizeOf(letter: String): Float =
    if (letter.isNotEmpty() && letter.codePointAt(0) >= FIRST_SQUARE_LETTER) 19f else 23f

/** The first radical: from here on letters fill their square. */
private const val FIRST_SQUARE_LETTER = 0x2E80

/**
 * Returns the time relative to [nowMs] in the phone's language; both in ms since 1970. A future
 * time is "just now": the server's clock may be ahead of the phone's.
 */
internal fun Context.timeText(
    timeMs: Long,
    nowMs: Long = System.currentTimeMillis(),
): CharSequence {
    if (nowMs - timeMs < DateUtils.MINUTE_IN_MILLIS) return getText(R.string.just_now)
    val style = DateUtils.FORMAT_ABBREV_ALL
    return DateUtils.getRelativeTimeSpanString(timeMs, nowMs, DateUtils.MINUTE_IN_MILLIS, style)
}

// What a row says, as far as neither Android nor a server is needed for it.
package dev.huihua.sample

import java.util.Calendar
import java.util.GregorianCalendar
import java.util.TimeZone
import org.junit.Assert.assertEquals
import org.junit.Test

class PreviewTest {
    private val zone = TimeZone.getTimeZone("Asia/Shanghai")
    private val now = at(2026, Calendar.MARCH, 3, 9, 30)

    @Test
    fun agesFollowTheCalendar() {
        val table = listOf(
            now to Age.NOW,
            now - 59_999 to Age.NOW,
            now + 9 * MINUTE_MS to Age.NOW,
            now - MINUTE_MS to Age.MINUTES,
            now - 60 * MINUTE_MS + 1 to Age.MINUTES,
            now - 60 * MINUTE_MS to Age.TODAY,
            at(2026, Calendar.MARCH, 3, 0, 0) to Age.TODAY,
            at(2026, Calendar.MARCH, 2, 23, 59) to Age.YESTERDAY,
            at(2026, Calendar.MARCH, 1, 23, 59) to Age.WEEK,
            at(2026, Calendar.FEBRUARY, 25, 0, 0) to Age.WEEK,
            at(2026, Calendar.FEBRUARY, 24, 23, 59) to Age.YEAR,
            at(2026, Calendar.JANUARY, 1, 0, 0) to Age.YEAR,
            at(2025, Calendar.DECEMBER, 31, 23, 59) to Age.OLDER,
            0L to Age.OLDER,
            at(2026, Calendar.MARCH, 4, 0, 0) to Age.YEAR,
            at(2027, Calendar.JANUARY, 1, 0, 0) to Age.OLDER,
        )
        for ((time, expected) in table) assertEquals("$time", expected, ageOf(time, now, zone))
    }

    @Test
    fun aDayEndsWhereThePhoneIs() {
        val midnight = at(2026, Calendar.MARCH, 3, 0, 0)
        assertEquals(Age.YESTERDAY, ageOf(midnight - 1, midnight + 60 * MINUTE_MS, zone))
        val utc = TimeZone.getTimeZone("UTC")
        assertEquals(Age.TODAY, ageOf(midnight - 1, midnight + 60 * MINUTE_MS, utc))
    }

    @Test
    fun anAvatarShowsTheFirstLetter() {
        val table = listOf(
            "alice" to "A", "李雷" to "李", "7eleven" to "7", "@bob" to "B", "😀 ok" to "O",
            "ß" to "SS", "𠮷野" to "𠮷", "" to "#", "…" to "#",
        )
        for ((name, expected) in table) assertEquals(name, expected, letterOf(name))
    }

    private fun at(year: Int, month: Int, day: Int, hour: Int, minute: Int): Long =
        GregorianCalendar(zone).apply {
            clear()
            set(year, month, day, hour, minute)
        }.timeInMillis
}

// The texts of a row that need neither Android nor a server.
package dev.huihua.sample

import org.junit.Assert.assertEquals
import org.junit.Test

class WordsTest {
    @Test
    fun anAvatarShowsTheFirstLetter() {
        val table = listOf(
            "alice" to "A", "李雷" to "李", "7eleven" to "7", "@bob" to "B", "😀 ok" to "O",
            "ß" to "SS", "𠮷野" to "𠮷", "" to "#", "…" to "#",
        )
        for ((name, expected) in table) assertEquals(name, expected, letterOf(name))
    }
}

// The widths of texts in a terminal: Chinese, emoji, combining marks, flags.
package dev.huihua.demo

import org.junit.Assert.assertEquals
import org.junit.Test

class TableTest {
    @Test
    fun `one sign is counted once, whatever it is made of`() {
        val expected = mapOf(
            "abc" to 3, "你好" to 4, "「西溪」" to 8, "À" to 1, "A\u0300" to 1, "👌" to 2, "👋🏽" to 2,
            "❤️" to 2, "👨‍👩‍👧‍👦" to 2, "🇨🇳" to 2, "🇨🇳🇫🇷" to 4, "🏃‍♀️" to 2, "✅" to 2,
            "" to 0,
        )
        for ((text, width) in expected) {
            assertEquals(text, width, clusters(text).sumOf(::columns))
        }
    }

    @Test
    fun `a cell has exactly its width`() {
        assertEquals("你好  ", fit("你好", 6))
        assertEquals("你好世…", fit("你好世界!", 7))
        assertEquals("你好… ", fit("你好世界", 6))
        assertEquals("a⏎b ", fit("a\nb", 4))
        assertEquals("a👨‍👩‍👧‍👦…", fit("a👨‍👩‍👧‍👦👌👌", 4))
    }
}

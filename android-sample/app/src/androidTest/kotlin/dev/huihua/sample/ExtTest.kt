// What the app reads from an ext and writes into it, with Android's own JSON.
package dev.huihua.sample

import androidx.test.ext.junit.runners.AndroidJUnit4
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class ExtTest {
    @Test
    fun anExtIsReadAsDraftAndNote() {
        val table = listOf(
            "" to ("" to ""),
            "call back" to ("" to "call back"),
            """{"draft":"d"}""" to ("d" to ""),
            """{"draft":"d","note":"n"}""" to ("d" to "n"),
            """{"draft":{"a":1},"note":7}""" to ("" to ""),
            """{"a":1} b""" to ("" to """{"a":1} b"""),
            "{hi}" to ("" to "{hi}"),
            "[1]" to ("" to "[1]"),
        )
        for ((text, expected) in table) {
            val ext = Ext.of(text)
            assertEquals(text, expected, ext.draft to ext.note)
        }
    }

    @Test
    fun aChangedDraftLeavesTheRestOfTheExt() {
        val table = listOf(
            Triple("", "" to "", ""),
            Triple("", "" to "n", "n"),
            Triple("n", "d" to "n", """{"draft":"d","note":"n"}"""),
            Triple("""{"draft":"d"}""", "" to "", ""),
            Triple("""{"a":1,"draft":"d"}""", "" to "", """{"a":1}"""),
            Triple("""{"draft":{"a":1}}""", "" to "n", """{"draft":{"a":1},"note":"n"}"""),
        )
        for ((before, edited, expected) in table) {
            assertEquals(before, expected, Ext.of(before).with(edited.first, edited.second))
        }
    }

    @Test
    fun aNoteThatLooksLikeAnExtStaysANote() {
        val note = """{"draft":"no draft"}"""
        val ext = Ext.of(Ext.of("").with("", note))
        assertEquals("" to note, ext.draft to ext.note)
    }
}

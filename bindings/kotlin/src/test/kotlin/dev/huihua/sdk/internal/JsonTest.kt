// The reader of JSON: values as they are shown, and no input that makes it throw or run on.
package dev.huihua.sdk.internal

import java.util.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test

class JsonTest {
    @Test
    fun numbersAreWhatAndroidMakesOfThem() {
        val numbers = mapOf(
            "0" to 0, "-1" to -1, "2147483647" to Int.MAX_VALUE, "-2147483648" to Int.MIN_VALUE,
            "2147483648" to 2147483648L, "9223372036854775807" to Long.MAX_VALUE,
            "-9223372036854775808" to Long.MIN_VALUE,
            "9223372036854775808" to 9.223372036854775808E18, "-0" to -0.0, "0e9" to 0.0,
            "1.5" to 1.5, "-1.5E+3" to -1500.0, "1e-9" to 1e-9, "1.0" to 1.0,
        )
        for ((text, number) in numbers) {
            assertEquals(text, mapOf("a" to number), readJsonObject("""{"a": $text }"""))
        }
    }

    @Test
    fun valuesOfAllKindsAreRead() {
        val text = """ {"t":true,"f":false,"n":null,"s":"a\"\u00e9","l":[1,[],{}],"o":{"k":"v"}} """
        val expected = mapOf(
            "t" to true, "f" to false, "n" to null, "s" to "a\"é",
            "l" to listOf(1, emptyList<Any>(), emptyMap<String, Any>()), "o" to mapOf("k" to "v"),
        )
        assertEquals(expected, readJsonObject(text))
        assertEquals(expected.keys.toList(), readJsonObject(text)?.keys?.toList())
    }

    @Test
    fun whatIsNoObjectIsNull() {
        val texts = listOf(
            "", " ", "1", "[]", "null", "\"a\"", "{", "{\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{}}",
            "{\"a\":1,}", "{,}", "{\"a\":}", "{\"a\":1 \"b\":2}", "{\"a\":\"\\", "{\"a\":\"\\u12",
            "{\"a\":\"\\u12g4\"}", "{\"a\":-}", "{\"a\":1e}", "{\"a\":tru}", "{\"a\":[1,]}",
            "{\"a\":[1 2]}", "{\"a\":\"\n\"}", "{\"a\":\u0000}",
        )
        for (text in texts) assertNull(text, readJsonObject(text))
        assertNull(readJsonObject("{\"a\":" + "[".repeat(1_000_000)))
    }

    /** A row may have been deserialized from bytes that core has not seen. */
    @Test
    fun damagedBytesNeitherThrowNorRunOn() {
        val whole = """{"1":7,"9":"hi \u4f60\n","10":{"a":[1,"}"]},"22":null,"8":-1.5e3}"""
        val random = Random(7)
        repeat(200_000) {
            val bytes = whole.toByteArray()
            repeat(1 + random.nextInt(4)) {
                bytes[random.nextInt(bytes.size)] = "{}[]\",:\\u0 \u0000\u00ff"[random.nextInt(13)]
                    .code.toByte()
            }
            val cut = bytes.copyOf(random.nextInt(bytes.size + 1))
            for (json in listOf(bytes, cut)) {
                val fields = NumberedFields.of(json)
                for (key in 0..22) {
                    fields.text(key)
                    fields.number(key)
                }
                readJsonObject(String(json, Charsets.ISO_8859_1))
            }
        }
    }
}

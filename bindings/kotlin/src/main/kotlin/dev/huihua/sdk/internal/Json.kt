// Reads JSON: the fields of a last message and the text of an ext. A reader of our own, because
// Android's is absent on the JVM, and others' would come into every app for two small texts.
package dev.huihua.sdk.internal

/**
 * Holds the places of an object's fields whose names are small numbers, NIM's keys. Strings,
 * numbers and other values read alike, as text.
 */
internal class NumberedFields private constructor(
    private val json: ByteArray,
    /** By key: the start in the upper half, the end in the lower one; 0 for a missing key. */
    private val places: LongArray,
) {
    /** Returns a string's content, any other value's JSON, `""` for null or a missing key. */
    fun text(key: Int): String {
        val start = (places[key] ushr Int.SIZE_BITS).toInt()
        val end = places[key].toInt()
        if (start == end) return ""
        return when (json[start].toInt().toChar()) {
            '"' -> try {
                unescape(json, start + 1, end - 1)
            } catch (_: NotJson) {
                ""
            }
            'n' -> ""
            else -> String(json, start, end - start, Charsets.UTF_8)
        }
    }

    /** Returns a whole number that is written as a number or as a string. */
    fun number(key: Int): Long? =
        // Kotlin would take the digits of all scripts.
        text(key).trim().takeIf { text -> text.all { it <= '9' } }?.toLongOrNull()

    companion object {
        /** The greatest key that is read. */
        private const val KEY_MAX = 22

        /** Finds the fields of an object in UTF-8; none if it is not one. */
        fun of(json: ByteArray): NumberedFields {
            val places = LongArray(KEY_MAX + 1)
            val fields = try {
                JsonReader(json).fields { key, start, end ->
                    if (key in 0..KEY_MAX) {
                        places[key] = (start.toLong() shl Int.SIZE_BITS) or end.toLong()
                    }
                }
                places
            } catch (_: NotJson) {
                LongArray(KEY_MAX + 1)
            }
            return NumberedFields(json, fields)
        }
    }
}

/**
 * Reads an object's fields in their order; null if [text] is not a JSON object. Numbers become what
 * Android's own reader makes of them: Int if it fits, else Long, else Double.
 */
internal fun readJsonObject(text: String): Map<String, Any?>? = try {
    JsonReader(text.toByteArray()).wholeObject()
} catch (_: NotJson) {
    null
}

/** Ends a reading. It quotes nothing, and has no stack trace, which would cost more than it says. */
private object NotJson : RuntimeException("not JSON", null, false, false) {
    private fun readResolve(): Any = NotJson
}

/** Reads JSON in UTF-8. Every function throws [NotJson] for anything else. */
private class JsonReader(private val json: ByteArray) {
    private var at = 0

    /** Calls [field] with each field's name as a key, and the place of its value. */
    inline fun fields(field: (key: Int, start: Int, end: Int) -> Unit) {
        expect('{')
        if (!takes('}')) {
            do {
                val key = key()
                expect(':')
                next()
                val start = at
                skipValue()
                field(key, start, at)
            } while (takes(','))
            expect('}')
        }
        end()
    }

    fun wholeObject(): Map<String, Any?> {
        if (next() != '{') throw NotJson
        return dictionary(DEPTH_MAX).also { end() }
    }

    private fun value(depth: Int): Any? = when (val first = next()) {
        '{' -> dictionary(depth)
        '[' -> array(depth)
        '"' -> string()
        't' -> true.also { word("true") }
        'f' -> false.also { word("false") }
        'n' -> null.also { word("null") }
        else -> if (first == '-' || first in '0'..'9') number() else throw NotJson
    }

    private fun dictionary(depth: Int): Map<String, Any?> {
        val inside = deeper(depth)
        val fields = LinkedHashMap<String, Any?>()
        expect('{')
        if (takes('}')) return fields
        do {
            val name = string()
            expect(':')
            fields[name] = value(inside)
        } while (takes(','))
        expect('}')
        return fields
    }

    private fun array(depth: Int): List<Any?> {
        val inside = deeper(depth)
        val values = ArrayList<Any?>()
        expect('[')
        if (takes(']')) return values
        do values += value(inside) while (takes(','))
        expect(']')
        return values
    }

    private fun deeper(depth: Int) = if (depth == 1) throw NotJson else depth - 1

    private fun number(): Any {
        val start = at
        if (peek() == '-') at++
        if (peek() == '0') at++ else digits()
        val wholeEnd = at
        if (peek() == '.') {
            at++
            digits()
        }
        if (peek() == 'e' || peek() == 'E') {
            at++
            if (peek() == '+' || peek() == '-') at++
            digits()
        }
        val text = String(json, start, at - start, Charsets.US_ASCII)
        val whole = if (at == wholeEnd && text != "-0") text.toLongOrNull() else null
        return when {
            whole == null -> text.toDouble().also { if (it.isInfinite()) throw NotJson }
            whole == whole.toInt().toLong() -> whole.toInt()
            else -> whole
        }
    }

    private fun digits() {
        if (peek() !in '0'..'9') throw NotJson
        while (peek() in '0'..'9') at++
    }

    /** Reads a name that is a number below 100, mostly without making a text of it; else -1. */
    private fun key(): Int {
        if (next() != '"') throw NotJson
        val first = digit(at + 1)
        val second = digit(at + 2)
        return when {
            first >= 0 && isQuote(at + 2) -> first.also { at += 3 }
            first > 0 && second >= 0 && isQuote(at + 3) -> (first * 10 + second).also { at += 4 }
            else -> keyOf(string())
        }
    }

    private fun keyOf(name: String): Int {
        val isWritten = name.length in 1..2 && name.all { it in '0'..'9' }
        return if (isWritten && (name.length == 1 || name[0] != '0')) name.toInt() else -1
    }

    private fun digit(place: Int): Int {
        val digit = if (place < json.size) json[place] - '0'.code else -1
        return if (digit in 0..9) digit else -1
    }

    private fun isQuote(place: Int) = place < json.size && json[place] == '"'.code.toByte()

    private fun string(): String {
        if (next() != '"') throw NotJson
        val start = at + 1
        skipString()
        return unescape(json, start, at - 1)
    }

    /** Skips a value; nesting costs no stack. What is inside a value is not checked. */
    private fun skipValue() {
        var depth = 0
        do {
            when (next()) {
                '"' -> skipString()
                '{', '[' -> {
                    depth++
                    at++
                }
                '}', ']' -> {
                    depth--
                    at++
                }
                ',', ':' -> if (depth == 0) throw NotJson else at++
                else -> skipScalar()
            }
        } while (depth > 0)
        if (depth < 0) throw NotJson
    }

    private fun skipString() {
        at++
        while (true) {
            when (peek()) {
                '"' -> break
                '\\' -> at += 2
                in END..'\u001F' -> throw NotJson
                else -> at++
            }
        }
        at++
    }

    private fun skipScalar() {
        val start = at
        while (peek().let { it in '0'..'9' || it in 'a'..'z' || it in "+-.E" }) at++
        if (at == start) throw NotJson
    }

    private fun word(text: String) = text.forEach {
        if (peek() != it) throw NotJson
        at++
    }

    private fun takes(wanted: Char): Boolean = (next() == wanted).also { if (it) at++ }

    private fun expect(wanted: Char) {
        if (!takes(wanted)) throw NotJson
    }

    private fun end() {
        next()
        if (at < json.size) throw NotJson
    }

    /** Skips white space and returns the character there. */
    private fun next(): Char {
        while (true) {
            val here = peek()
            if (here != ' ' && here != '\n' && here != '\t' && here != '\r') return here
            at++
        }
    }

    /** Returns the byte here as a character, [END] at the end. */
    private fun peek(): Char =
        if (at < json.size) (json[at].toInt() and 0xFF).toChar() else END
}

/** The nesting at which core stops, too; it keeps the stack from overflowing. */
private const val DEPTH_MAX = 128
private const val END = '\u0000'
private const val UNICODE_DIGITS = 4
private const val HEX = 16

/** Returns the content of a string between its quotes. */
private fun unescape(json: ByteArray, start: Int, end: Int): String {
    var plain = start
    while (plain < end && json[plain] != '\\'.code.toByte()) plain++
    if (plain >= end) return String(json, start, end - start, Charsets.UTF_8)
    val text = StringBuilder(end - start)
    var at = start
    while (at < end) {
        if (json[at] != '\\'.code.toByte()) {
            val from = at
            while (at < end && json[at] != '\\'.code.toByte()) at++
            text.append(String(json, from, at - from, Charsets.UTF_8))
            continue
        }
        val escape = if (at + 1 < end) json[at + 1].toInt().toChar() else throw NotJson
        if (escape == 'u') {
            at += 2 + UNICODE_DIGITS
            text.append(codeUnit(json, at - UNICODE_DIGITS, end))
        } else {
            at += 2
            text.append(unescaped(escape))
        }
    }
    return text.toString().also { if (textFault(it) != null) throw NotJson }
}

private fun unescaped(escape: Char): Char = when (escape) {
    '"', '\\', '/' -> escape
    'b' -> '\b'
    'f' -> '\u000C'
    'n' -> '\n'
    'r' -> '\r'
    't' -> '\t'
    else -> throw NotJson
}

private fun codeUnit(json: ByteArray, start: Int, end: Int): Char {
    if (start + UNICODE_DIGITS > end) throw NotJson
    return (start until start + UNICODE_DIGITS).fold(0) { code, at ->
        val digit = Character.digit(json[at].toInt().toChar(), HEX)
        if (digit < 0 || json[at] < 0) throw NotJson
        code * HEX + digit
    }.toChar()
}

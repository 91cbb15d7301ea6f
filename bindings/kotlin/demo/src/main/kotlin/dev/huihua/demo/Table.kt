// Tables for a terminal, where Chinese and emoji of several code points take two columns.
package dev.huihua.demo

/** Prints [rows] under [titles] in columns of [widths]; cuts wider texts. */
internal fun printTable(titles: List<String>, widths: List<Int>, rows: List<List<String>>) {
    val line = { cells: List<String> ->
        cells.zip(widths) { cell, width -> fit(cell, width) }.joinToString("  ").trimEnd()
    }
    println("  " + line(titles))
    println("  " + widths.joinToString("  ") { "-".repeat(it) })
    rows.forEach { println("  " + line(it)) }
}

/** Returns [text] on one line, cut or padded to exactly [width] columns. */
internal fun fit(text: String, width: Int): String {
    val parts = clusters(text.replace("\n", "⏎").replace("\t", " "))
    val total = parts.sumOf(::columns)
    if (total <= width) {
        return parts.joinToString("") + " ".repeat(width - total)
    }
    val kept = StringBuilder()
    var used = 0
    for (part in parts) {
        if (used + columns(part) > width - 1) break
        kept.append(part)
        used += columns(part)
    }
    return "$kept…" + " ".repeat(width - used - 1)
}

/** Splits a text into characters as seen: a code point with all that join or modify it. */
internal fun clusters(text: String): List<String> {
    val parts = mutableListOf<StringBuilder>()
    var joins = false
    for (point in text.codePoints().toArray()) {
        val isFlagEnd = point in FLAGS && parts.lastOrNull()?.let(::isHalfFlag) == true
        if (parts.isNotEmpty() && (joins || isFlagEnd || modifiesTheOneBefore(point))) {
            parts.last().appendCodePoint(point)
        } else {
            parts += StringBuilder().appendCodePoint(point)
        }
        joins = point == JOINER
    }
    return parts.map(StringBuilder::toString)
}

/** Returns the columns that one of [clusters] takes in a terminal. */
internal fun columns(cluster: String): Int {
    val first = cluster.codePointAt(0)
    val isWide = WIDE.any { first in it } || cluster.contains(EMOJI_STYLE.toChar())
    return if (isWide) 2 else 1
}

private fun isHalfFlag(part: StringBuilder) = part.length == 2 && part.codePointAt(0) in FLAGS

private fun modifiesTheOneBefore(point: Int): Boolean =
    point == JOINER || point == EMOJI_STYLE || point in SKIN_TONES ||
        Character.getType(point).toByte() in
        listOf(Character.NON_SPACING_MARK, Character.ENCLOSING_MARK)

private const val JOINER = 0x200D
private const val EMOJI_STYLE = 0xFE0F
private val SKIN_TONES = 0x1F3FB..0x1F3FF
private val FLAGS = 0x1F1E6..0x1F1FF

/** East Asian Wide and Fullwidth, and the emoji that terminals draw wide. */
private val WIDE = listOf(
    0x1100..0x115F, 0x231A..0x231B, 0x2705..0x2705, 0x2728..0x2728, 0x274C..0x274C,
    0x2E80..0x303E, 0x3041..0xA4CF, 0xAC00..0xD7A3, 0xF900..0xFAFF, 0xFE30..0xFE4F,
    0xFF00..0xFF60, 0xFFE0..0xFFE6, 0x1F1E6..0x1F1FF, 0x1F300..0x1F64F, 0x1F680..0x1F6FF,
    0x1F900..0x1F9FF, 0x1FA70..0x1FAFF, 0x20000..0x3FFFD,
)

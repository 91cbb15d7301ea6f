// What this app keeps in a session's ext: a draft and a note.
package dev.huihua.sample

import org.json.JSONException
import org.json.JSONObject
import org.json.JSONTokener

/** Holds the parts of an ext. An ext that is no JSON object is a note. */
internal class Ext private constructor(
    val draft: String,
    val note: String,
    private val others: JSONObject,
) {
    /** Returns the ext with another draft and note; what other apps keep in it stays. */
    fun with(draft: String, note: String): String {
        val isPlain = draft.isEmpty() && others.length() == 0 && objectIn(note) == null
        if (isPlain) return note
        val fields = JSONObject(others.toString())
        if (draft.isNotEmpty()) fields.put(DRAFT, draft)
        if (note.isNotEmpty()) fields.put(NOTE, note)
        return fields.toString()
    }

    companion object {
        private const val DRAFT = "draft"
        private const val NOTE = "note"

        fun of(ext: String): Ext {
            val fields = objectIn(ext) ?: return Ext("", ext, JSONObject())
            return Ext(fields.take(DRAFT), fields.take(NOTE), fields)
        }

        /** Removes a field and returns its text; another type is not ours, and stays. */
        private fun JSONObject.take(name: String): String {
            val text = opt(name) as? String ?: return ""
            remove(name)
            return text
        }

        /** Returns the JSON object that this text is, wholly; null for any other text. */
        private fun objectIn(text: String): JSONObject? = try {
            val tokens = JSONTokener(text)
            (tokens.nextValue() as? JSONObject).takeIf { tokens.nextClean() == '\u0000' }
        } catch (_: JSONException) {
            null
        }
    }
}

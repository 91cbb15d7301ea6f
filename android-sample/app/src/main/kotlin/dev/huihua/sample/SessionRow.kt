// One row of the list: the views of the layout `session_row`, and the session that they show.
package dev.huihua.sample

import android.content.res.ColorStateList
import android.util.TypedValue
import android.view.View
import android.widget.TextView
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum

/** Shows a session; writes only what differs from what it shows. */
internal class SessionRow private constructor(private val row: View) {
    private val avatar = row.findViewById<TextView>(R.id.avatar)
    private val team = row.findViewById<View>(R.id.avatar_of_team)
    private val name = row.findViewById<TextView>(R.id.name)
    private val time = row.findViewById<TextView>(R.id.time)
    private val preview = row.findViewById<TextView>(R.id.preview)
    private var shownTo = ""

    /** The session on display; null for a new row. */
    var session: RecentSession? = null
        private set

    init {
        // The phone has bolder Latin letters, but mostly no bolder Chinese ones: emboldening the
        // regular letters of both gives both the same weight.
        name.paint.isFakeBoldText = true
        avatar.paint.isFakeBoldText = true
    }

    /** Shows a session from the view of [account]. */
    fun show(next: RecentSession, account: String) {
        // Passes by itself, so it is not among what a session's equality tells.
        val age = row.context.timeText(next.updateTime)
        if (age.toString() != time.text.toString()) time.text = age
        if (next == session && account == shownTo) return
        session = next
        shownTo = account
        val title = row.context.nameOf(next)
        if (title != name.text.toString()) name.text = title
        preview.text = row.context.previewText(next, account)
        showAvatar(next, title)
    }

    private fun showAvatar(next: RecentSession, title: String) {
        val isP2p = next.parseSessionId().first == SessionTypeEnum.P2P
        val letter = if (isP2p) letterOf(title) else ""
        team.visibility = if (isP2p) View.GONE else View.VISIBLE
        avatar.text = letter
        avatar.setTextSize(TypedValue.COMPLEX_UNIT_SP, avatarSizeOf(letter))
        val colours = row.resources.getIntArray(R.array.avatars)
        val place = (idOf(next.sessionId) ushr 33) % colours.size
        avatar.backgroundTintList = ColorStateList.valueOf(colours[place.toInt()])
    }

    companion object {
        /** Returns the row of this view of the layout. */
        fun of(view: View): SessionRow =
            view.tag as? SessionRow ?: SessionRow(view).also { view.tag = it }
    }
}

/**
 * Returns a stable number for a session (FNV-1a, 64 bits).
 *
 * By it a selection stays with its sessions when the screen is recreated.
 */
internal fun idOf(sessionId: String): Long =
    sessionId.fold(FNV_OFFSET) { hash, c -> (hash xor c.code.toLong()) * FNV_PRIME }

private const val FNV_OFFSET = -0x340d631b7bdddcdbL
private const val FNV_PRIME = 0x100000001b3L

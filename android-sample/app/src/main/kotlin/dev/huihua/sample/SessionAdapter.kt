// The rows of the list, and the animation of their moves.
package dev.huihua.sample

import android.content.res.ColorStateList
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.view.ViewTreeObserver
import android.widget.BaseAdapter
import android.widget.ListView
import android.widget.TextView
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionTypeEnum

/** Makes one row per session. */
internal class SessionAdapter(val account: String) : BaseAdapter() {
    var sessions: List<RecentSession> = emptyList()

    override fun getCount() = sessions.size
    override fun getItem(position: Int) = sessions[position]
    override fun getItemId(position: Int) = idOf(sessions[position].sessionId)
    override fun hasStableIds() = true

    override fun getView(position: Int, reused: View?, parent: ViewGroup): View {
        val row = reused ?: LayoutInflater.from(parent.context)
            .inflate(R.layout.session_row, parent, false)
        bindRow(row, sessions[position], account)
        return row
    }
}

/** Binds a session to the views of the layout `session_row`. */
internal fun bindRow(row: View, session: RecentSession, account: String) {
    val context = row.context
    val name = context.nameOf(session)
    val isP2p = session.parseSessionId().first == SessionTypeEnum.P2P
    val avatar = row.findViewById<TextView>(R.id.avatar)
    val colours = context.resources.getIntArray(R.array.avatars)
    val place = (idOf(session.sessionId) ushr 33) % colours.size
    avatar.text = if (isP2p) letterOf(name) else context.getString(R.string.avatar_of_team)
    avatar.backgroundTintList = ColorStateList.valueOf(colours[place.toInt()])
    row.tag = session.sessionId
    row.findViewById<TextView>(R.id.name).text = name
    row.findViewById<TextView>(R.id.time).text = context.timeText(session.updateTime)
    row.findViewById<TextView>(R.id.preview).text = context.previewText(session, account)
}

/**
 * Returns a stable number for a session (FNV-1a, 64 bits).
 *
 * By it a selection stays with its sessions when the screen is recreated.
 */
private fun idOf(sessionId: String): Long =
    sessionId.fold(FNV_OFFSET) { hash, c -> (hash xor c.code.toLong()) * FNV_PRIME }

private const val FNV_OFFSET = -0x340d631b7bdddcdbL
private const val FNV_PRIME = 0x100000001b3L

/** Applies a change of the rows and animates the visible ones to their new positions. */
internal fun ListView.animateChange(change: () -> Unit) {
    val tops = visibleRows().associate { it.tag to it.top + it.translationY }
    change()
    viewTreeObserver.addOnPreDrawListener(
        object : ViewTreeObserver.OnPreDrawListener {
            override fun onPreDraw(): Boolean {
                viewTreeObserver.removeOnPreDrawListener(this)
                for (row in visibleRows()) {
                    row.animate().cancel()
                    row.translationY = tops[row.tag]?.minus(row.top) ?: 0f
                    if (row.translationY != 0f) row.animate().translationY(0f)
                }
                return true
            }
        },
    )
}

/** Returns the visible rows that show a session. */
private fun ListView.visibleRows() =
    (0 until childCount).map(::getChildAt).filter { it.tag != null }

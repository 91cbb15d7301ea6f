// The rows of the list: which of them a change touches, and the animation of their moves.
package dev.huihua.sample

import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.view.ViewTreeObserver
import android.widget.BaseAdapter
import android.widget.ListView
import dev.huihua.sdk.RecentSession

/** Makes one row per session. By the stable ids, a session keeps its row wherever it moves. */
internal class SessionAdapter(val account: String) : BaseAdapter() {
    var sessions: List<RecentSession> = emptyList()

    override fun getCount() = sessions.size
    override fun getItem(position: Int) = sessions[position]
    override fun getItemId(position: Int) = idOf(sessions[position].sessionId)
    override fun hasStableIds() = true

    override fun getView(position: Int, reused: View?, parent: ViewGroup): View {
        val row = reused ?: LayoutInflater.from(parent.context)
            .inflate(R.layout.session_row, parent, false)
        SessionRow.of(row).show(sessions[position], account)
        return row
    }
}

/** Shows the present sessions of these positions in their rows, without a layout of the list. */
internal fun ListView.showAgain(positions: IntRange) {
    // Rows are elsewhere until the layout is done, which shows them all anyway.
    if (isLayoutRequested) return
    for (at in 0 until childCount) {
        val position = firstVisiblePosition + at
        if (position in positions) adapter.getView(position, getChildAt(at), this)
    }
}

/** Applies a change of the rows and animates the visible ones to their new positions. */
internal fun ListView.animateChange(change: () -> Unit) {
    val tops = visibleRows().associate { it.sessionId to it.top + it.translationY }
    change()
    viewTreeObserver.addOnPreDrawListener(
        object : ViewTreeObserver.OnPreDrawListener {
            override fun onPreDraw(): Boolean {
                viewTreeObserver.removeOnPreDrawListener(this)
                for (row in visibleRows()) {
                    row.animate().cancel()
                    row.translationY = tops[row.sessionId]?.minus(row.top) ?: 0f
                    if (row.translationY != 0f) row.animate().translationY(0f)
                }
                return true
            }
        },
    )
}

/** Returns the visible rows that show a session. */
private fun ListView.visibleRows() =
    (0 until childCount).map(::getChildAt).filter { it.sessionId != null }

private val View.sessionId get() = (tag as? SessionRow)?.session?.sessionId

// A pull-to-refresh layout, which the framework lacks.
package dev.huihua.sample

import android.annotation.SuppressLint
import android.content.Context
import android.util.AttributeSet
import android.view.MotionEvent
import android.view.View
import android.view.ViewConfiguration
import android.widget.FrameLayout

/** Shows its first child, the progress, when the user pulls the others down from their top. */
class PullToRefresh(context: Context, attributes: AttributeSet) : FrameLayout(context, attributes) {
    private val slop = ViewConfiguration.get(context).scaledTouchSlop
    private val depth = DEPTH_DP * resources.displayMetrics.density
    private var downY = 0f

    /** Called on the main thread when the user pulled far enough and released. */
    var onRefresh: () -> Unit = {}

    /** Whether the progress stays visible. */
    var isRefreshing = false
        set(value) {
            field = value
            settle()
        }

    override fun onInterceptTouchEvent(event: MotionEvent): Boolean {
        if (event.actionMasked == MotionEvent.ACTION_DOWN) downY = event.y
        val isPull = event.actionMasked == MotionEvent.ACTION_MOVE && event.y - downY > slop
        val isAtTop = content().none { it.isShown && it.canScrollVertically(-1) }
        return isPull && isAtTop && !isRefreshing
    }

    @SuppressLint("ClickableViewAccessibility") // The menu has the same command.
    override fun onTouchEvent(event: MotionEvent): Boolean {
        if (isRefreshing) return false
        when (event.actionMasked) {
            MotionEvent.ACTION_DOWN -> downY = event.y
            MotionEvent.ACTION_MOVE ->
                move(((event.y - downY - slop) / RESISTANCE).coerceIn(0f, 2 * depth))
            MotionEvent.ACTION_UP -> {
                val isDeepEnough = content().any { it.translationY >= depth }
                if (isDeepEnough) onRefresh()
                settle()
            }
            MotionEvent.ACTION_CANCEL -> settle()
        }
        return true
    }

    private fun content(): List<View> = (1 until childCount).map(::getChildAt)

    private fun move(y: Float) {
        getChildAt(0).visibility = if (y > 0) View.VISIBLE else View.INVISIBLE
        content().forEach {
            // The way back from the last pull would fight with the finger.
            it.animate().cancel()
            it.translationY = y
        }
    }

    private fun settle() {
        getChildAt(0).visibility = if (isRefreshing) View.VISIBLE else View.INVISIBLE
        content().forEach { it.animate().translationY(if (isRefreshing) depth else 0f) }
    }

    private companion object {
        const val DEPTH_DP = 64

        /** Ratio of the finger's distance to the list's: it should feel heavier than scrolling. */
        const val RESISTANCE = 2f
    }
}

// What stands where content is missing: it loads, there is none, it failed.
package dev.huihua.sample

import android.view.View
import android.widget.Button
import android.widget.TextView

/** The views of `notice`. */
internal class Notice(private val views: View) {
    private val progress = views.findViewById<View>(R.id.notice_progress)
    private val title = views.findViewById<TextView>(R.id.notice_title)
    private val detail = views.findViewById<TextView>(R.id.notice_detail)
    private val button = views.findViewById<Button>(R.id.notice_button)

    fun hide() {
        views.visibility = View.GONE
    }

    fun showProgress() = show(isLoading = true)

    fun show(title: Int, detail: CharSequence) {
        show(isLoading = false)
        button.visibility = View.GONE
        this.title.setText(title)
        this.detail.text = detail
    }

    fun show(title: Int, detail: CharSequence, action: Int, onAction: () -> Unit) {
        show(title, detail)
        button.visibility = View.VISIBLE
        button.setText(action)
        button.setOnClickListener { onAction() }
    }

    private fun show(isLoading: Boolean) {
        views.visibility = View.VISIBLE
        progress.visibility = if (isLoading) View.VISIBLE else View.GONE
        for (view in listOf(title, detail, button)) {
            view.visibility = if (isLoading) View.GONE else View.VISIBLE
        }
    }
}

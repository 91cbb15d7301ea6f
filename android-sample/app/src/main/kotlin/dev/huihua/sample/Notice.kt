// The notice in place of missing content: loading, empty or failed.
package dev.huihua.sample

import android.view.View
import android.widget.Button
import android.widget.TextView

/** Controls the views of the layout `notice`. */
internal class Notice(private val views: View) {
    fun hide() {
        views.visibility = View.GONE
    }

    /** Shows the notice. An empty text takes no space; without a title it shows progress. */
    fun show(
        title: CharSequence = "",
        detail: CharSequence = "",
        action: CharSequence = "",
        onAction: () -> Unit = {},
    ) {
        views.visibility = View.VISIBLE
        val progress = views.findViewById<View>(R.id.notice_progress)
        progress.visibility = if (title.isEmpty()) View.VISIBLE else View.GONE
        write(R.id.notice_title, title)
        write(R.id.notice_detail, detail)
        write(R.id.notice_button, action)
        views.findViewById<Button>(R.id.notice_button).setOnClickListener { onAction() }
    }

    private fun write(id: Int, text: CharSequence) {
        val view = views.findViewById<TextView>(id)
        view.text = text
        view.visibility = if (text.isEmpty()) View.GONE else View.VISIBLE
    }
}

// Selecting sessions and deleting them.
package dev.huihua.sample

import android.app.AlertDialog
import android.view.ActionMode
import android.view.Menu
import android.view.MenuItem
import android.widget.AbsListView
import android.widget.ListView
import android.widget.Toast
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionService

/** Selects sessions by long press and taps; deletes them by [service] after confirmation. */
internal class Selection(private val rows: ListView, private val service: () -> SessionService?) :
    AbsListView.MultiChoiceModeListener {
    private val context get() = rows.context

    var mode: ActionMode? = null
        private set
    var question: AlertDialog? = null
        private set

    /** Closes the confirmation with its window; the selection stays. */
    fun dismiss() {
        question?.dismiss()
    }

    override fun onCreateActionMode(mode: ActionMode, menu: Menu): Boolean {
        this.mode = mode
        mode.menuInflater.inflate(R.menu.selection, menu)
        return true
    }

    override fun onPrepareActionMode(mode: ActionMode, menu: Menu) = false

    override fun onItemCheckedStateChanged(mode: ActionMode, at: Int, id: Long, on: Boolean) {
        mode.title = counted(R.plurals.selected, rows.checkedItemCount)
    }

    override fun onActionItemClicked(mode: ActionMode, item: MenuItem): Boolean {
        val checked = rows.checkedItemIds.toSet()
        val sessionIds = (0 until rows.count).filter { rows.getItemIdAtPosition(it) in checked }
            .map { (rows.getItemAtPosition(it) as RecentSession).sessionId }
        question = AlertDialog.Builder(context)
            .setTitle(counted(R.plurals.delete_question, sessionIds.size))
            .setMessage(R.string.delete_detail)
            .setNegativeButton(R.string.cancel, null)
            .setPositiveButton(R.string.delete) { _, _ -> delete(sessionIds) }
            .show()
        return true
    }

    override fun onDestroyActionMode(mode: ActionMode) {
        this.mode = null
    }

    private fun delete(sessionIds: List<String>) {
        val button = mode?.menu?.findItem(R.id.delete)?.setEnabled(false)
        val fail = { failure: Throwable ->
            button?.isEnabled = true
            val text = context.getString(R.string.delete_failed, context.reasonOf(failure))
            Toast.makeText(context, text, Toast.LENGTH_LONG).show()
        }
        val callback = ScreenCallback<Void>(fail) { _: Void? -> mode?.finish() }
        service()?.deleteMySession(sessionIds, callback)
    }

    private fun counted(plural: Int, count: Int) =
        context.resources.getQuantityString(plural, count, count)
}

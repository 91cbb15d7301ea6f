// The screen of one session: its row, and its draft and note, which are in its ext.
package dev.huihua.sample

import android.app.Activity
import android.content.Context
import android.content.Intent
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.EditText
import dev.huihua.sdk.Call
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionService

/** Shows one session and edits its draft and note; closes once they are stored. */
class SessionActivity : Activity() {
    private val settings by lazy { Settings.read(this) }
    private val service: SessionService get() = Sessions.service(this, settings)
    private val sessionId get() = intent.getStringExtra(SESSION_ID).orEmpty()
    private val notice by lazy { Notice(findViewById(R.id.notice)) }
    private val draft by lazy { findViewById<EditText>(R.id.draft) }
    private val note by lazy { findViewById<EditText>(R.id.note) }
    private var ext = Ext.of("")
    private var call: Call? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.session)
        setActionBar(findViewById(R.id.toolbar))
        actionBar?.setDisplayHomeAsUpEnabled(true)
        title = ""
        findViewById<Button>(R.id.save).setOnClickListener { save() }
        load(isEdited = savedInstanceState != null)
    }

    override fun onDestroy() {
        call?.abort()
        super.onDestroy()
    }

    /** Loads the session. Android itself restores an edited text after a rotation. */
    private fun load(isEdited: Boolean) {
        notice.show()
        val fail = { failure: Throwable ->
            val title = getText(R.string.session_failed)
            notice.show(title, reasonOf(failure), getText(R.string.retry)) { load(isEdited) }
        }
        call = service.queryMySession(sessionId, ScreenCallback(fail) { show(it, isEdited) })
    }

    private fun show(session: RecentSession, isEdited: Boolean) {
        notice.hide()
        findViewById<View>(R.id.content).visibility = View.VISIBLE
        title = nameOf(session)
        SessionRow.of(findViewById(R.id.row)).show(session, settings.account)
        ext = Ext.of(session.ext)
        if (isEdited) return
        draft.setText(ext.draft)
        note.setText(ext.note)
    }

    private fun save() {
        val button = findViewById<Button>(R.id.save)
        button.isEnabled = false
        val fail = { failure: Throwable ->
            button.isEnabled = true
            // A text that is too long is the longer one.
            val field = if (draft.length() > note.length()) draft else note
            field.error = getString(R.string.not_saved, reasonOf(failure))
        }
        val text = ext.with(draft.text.toString(), note.text.toString())
        val callback = ScreenCallback<Void>(fail) { _: Void? -> finish() }
        call = service.updateMySession(sessionId, text, callback)
    }

    companion object {
        private const val SESSION_ID = "sessionId"

        /** Opens the screen of this session. */
        fun intent(context: Context, sessionId: String): Intent =
            Intent(context, SessionActivity::class.java).putExtra(SESSION_ID, sessionId)
    }
}

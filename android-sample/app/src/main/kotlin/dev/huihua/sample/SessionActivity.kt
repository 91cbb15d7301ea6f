// The screen of one session: its row and an editor of its ext.
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

/** Shows one session and edits its ext; closes once the ext is stored. */
class SessionActivity : Activity() {
    private val settings by lazy { Settings.read(this) }
    private val service: SessionService get() = Sessions.service(this, settings)
    private val sessionId get() = intent.getStringExtra(SESSION_ID).orEmpty()
    private val notice by lazy { Notice(findViewById(R.id.notice)) }
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
        bindRow(findViewById(R.id.row), session, settings.account)
        if (!isEdited) findViewById<EditText>(R.id.ext).setText(session.ext)
    }

    private fun save() {
        val ext = findViewById<EditText>(R.id.ext)
        val button = findViewById<Button>(R.id.save)
        button.isEnabled = false
        val fail = { failure: Throwable ->
            button.isEnabled = true
            ext.error = getString(R.string.ext_failed, reasonOf(failure))
        }
        val text = ext.text.toString()
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

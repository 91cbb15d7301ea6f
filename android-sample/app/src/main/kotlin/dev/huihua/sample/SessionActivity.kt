// The screen of one session: its row, and its ext to edit.
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
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionService

/** Reads one session and writes its ext; closes when that is stored. */
class SessionActivity : Activity() {
    private val settings by lazy { Settings.read(this) }
    private val service: SessionService get() = Sessions.service(settings)
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

    /** What was being typed, when the screen is made anew, Android puts back itself. */
    private fun load(isEdited: Boolean) {
        notice.showProgress()
        val callback = object : RequestCallback<RecentSession> {
            override fun onSuccess(param: RecentSession) = show(param, isEdited)

            override fun onFailed(code: Int) = fail(reasonOf(code))

            override fun onException(exception: Throwable) = fail(reasonOf(exception))

            private fun fail(reason: String) =
                notice.show(R.string.session_failed, reason, R.string.retry) { load(isEdited) }
        }
        call = service.queryMySession(sessionId, callback)
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
        val callback = object : RequestCallback<Void> {
            override fun onSuccess(param: Void?) = finish()

            override fun onFailed(code: Int) = fail(reasonOf(code))

            override fun onException(exception: Throwable) = fail(reasonOf(exception))

            private fun fail(reason: String) {
                button.isEnabled = true
                ext.error = getString(R.string.ext_failed, reason)
            }
        }
        call = service.updateMySession(sessionId, ext.text.toString(), callback)
    }

    companion object {
        private const val SESSION_ID = "sessionId"

        /** Opens the screen of this session. */
        fun intent(context: Context, sessionId: String): Intent =
            Intent(context, SessionActivity::class.java).putExtra(SESSION_ID, sessionId)
    }
}

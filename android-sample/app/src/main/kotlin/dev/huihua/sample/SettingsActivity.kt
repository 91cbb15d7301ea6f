// The screen for entering server, account and token.
package dev.huihua.sample

import android.app.Activity
import android.os.Bundle
import android.widget.Button
import android.widget.EditText
import dev.huihua.sdk.AccountInfo
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionService

/** Stores the settings once the server has confirmed that the token is the account's. */
class SettingsActivity : Activity() {
    private val serverUrl get() = findViewById<EditText>(R.id.server_url)
    private val account get() = findViewById<EditText>(R.id.account)
    private val token get() = findViewById<EditText>(R.id.token)
    private val save get() = findViewById<Button>(R.id.save)
    private var trial: SessionService? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.settings)
        setActionBar(findViewById(R.id.toolbar))
        actionBar?.setDisplayHomeAsUpEnabled(true)
        // Android itself restores edited texts.
        if (savedInstanceState == null) {
            val stored = Settings.read(this)
            serverUrl.setText(stored.serverUrl)
            account.setText(stored.account)
            token.setText(stored.token)
        }
        save.setOnClickListener { save() }
    }

    override fun onDestroy() {
        trial?.close()
        super.onDestroy()
    }

    private fun save() {
        val fields = listOf(serverUrl, account, token)
        val missing = fields.filter { it.text.isBlank() }
        missing.forEach { it.error = getString(R.string.required) }
        if (missing.isNotEmpty()) return
        val (url, name, secret) = fields.map { it.text.toString().trim() }
        val settings = Settings(url, name, secret)
        try {
            trial?.close()
            trial = Sessions.connect(this, settings)
        } catch (refused: IllegalArgumentException) {
            serverUrl.error = getString(R.string.refused_option, refused.message)
            return
        }
        save.isEnabled = false
        trial?.account(ScreenCallback(::refuse) { keep(settings, it) })
    }

    private fun keep(settings: Settings, info: AccountInfo) {
        save.isEnabled = true
        if (!info.account.equals(settings.account, ignoreCase = true)) {
            account.error = getString(R.string.other_account, info.account)
            return
        }
        // The server may lower-case ids, as NIM does: rows carry the spelling of its answer.
        settings.copy(account = info.account, appKey = info.appKey).save(this)
        finish()
    }

    private fun refuse(failure: Throwable) {
        if (isDestroyed) return
        save.isEnabled = true
        val code = (failure as? SessionException.Failed)?.code
        val isToken = code == TOKEN_REFUSED
        (if (isToken) token else serverUrl).error = reasonOf(failure)
    }

    private companion object {
        const val TOKEN_REFUSED = 302
    }
}

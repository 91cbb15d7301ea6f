// The screen where server, account and token are told.
package dev.huihua.sample

import android.app.Activity
import android.os.Bundle
import android.widget.Button
import android.widget.EditText

/** Stores what was typed, once it can be used. */
class SettingsActivity : Activity() {
    private val serverUrl get() = findViewById<EditText>(R.id.server_url)
    private val account get() = findViewById<EditText>(R.id.account)
    private val token get() = findViewById<EditText>(R.id.token)

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.settings)
        setActionBar(findViewById(R.id.toolbar))
        actionBar?.setDisplayHomeAsUpEnabled(true)
        // Android itself puts back what was being typed.
        if (savedInstanceState == null) {
            val stored = Settings.read(this)
            serverUrl.setText(stored.serverUrl)
            account.setText(stored.account)
            token.setText(stored.token)
        }
        findViewById<Button>(R.id.save).setOnClickListener { save() }
    }

    private fun save() {
        val fields = listOf(serverUrl, account, token)
        val missing = fields.filter { it.text.isBlank() }
        missing.forEach { it.error = getString(R.string.required) }
        if (missing.isNotEmpty()) return
        val (url, name, secret) = fields.map { it.text.toString().trim() }
        val settings = Settings(url, name, secret)
        try {
            Sessions.service(settings)
        } catch (refused: IllegalArgumentException) {
            serverUrl.error = getString(R.string.refused_option, refused.message)
            return
        }
        settings.save(this)
        finish()
    }
}

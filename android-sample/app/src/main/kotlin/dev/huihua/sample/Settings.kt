// The server and account that the app shows, as the settings screen stores them.
package dev.huihua.sample

import android.content.Context

/**
 * Holds server, account and token. A real app gets the token from its own server when needed.
 *
 * The server tells the [appKey] of the token; while it is empty, no list is kept on the phone.
 */
internal data class Settings(
    val serverUrl: String,
    val account: String,
    val token: String,
    val appKey: String = "",
) {
    val isComplete get() = serverUrl.isNotEmpty() && account.isNotEmpty() && token.isNotEmpty()

    fun save(context: Context) = preferences(context).edit()
        .putString("serverUrl", serverUrl)
        .putString("account", account)
        .putString("token", token)
        .putString("appKey", appKey)
        .apply()

    // Hides the token: whoever reads it in a log can use the account.
    override fun toString() = "Settings"

    companion object {
        fun read(context: Context): Settings {
            val stored = preferences(context)
            fun text(name: String) = stored.getString(name, null).orEmpty()
            return Settings(text("serverUrl"), text("account"), text("token"), text("appKey"))
        }

        private fun preferences(context: Context) =
            context.getSharedPreferences("settings", Context.MODE_PRIVATE)
    }
}

// The app's one screen: the cloud session list, page by page, with its empty and failed states.
package dev.huihua.sample

import android.app.Activity
import android.os.Bundle
import android.view.View
import android.view.ViewGroup
import android.widget.BaseAdapter
import android.widget.Button
import android.widget.LinearLayout
import android.widget.ListView
import android.widget.TextView
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions

/**
 * Shows the list of the account whose token comes with the intent:
 * `adb shell am start -n dev.huihua.sample/.SessionListActivity -e serverUrl http://10.0.2.2:8480
 * -e token …`. A real app gets the token from its own server, by a `TokenProvider`.
 */
class SessionListActivity : Activity() {
    private val sessions = mutableListOf<RecentSession>()
    private lateinit var rows: SessionRows
    private lateinit var status: TextView
    private lateinit var more: Button
    private var service: SessionService? = null
    private var nextPageToken: String? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        rows = SessionRows(sessions)
        status = TextView(this)
        more = Button(this).apply { setOnClickListener { load() } }
        setContentView(
            LinearLayout(this).apply {
                orientation = LinearLayout.VERTICAL
                val rest = LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, 0, 1f)
                addView(status)
                addView(ListView(context).apply { adapter = rows }, rest)
                addView(more)
            },
        )
        val url = intent.getStringExtra("serverUrl") ?: "http://10.0.2.2:8480"
        val token = intent.getStringExtra("token").orEmpty()
        try {
            service = SessionService(SessionServiceOptions.Builder(url, token).build())
            load()
        } catch (wrong: IllegalArgumentException) {
            say(wrong.message.orEmpty())
            more.visibility = View.GONE
        }
    }

    override fun onDestroy() {
        // Running calls end in onException; this Activity no longer listens to them.
        service?.close()
        super.onDestroy()
    }

    private fun load() {
        say("Loading…")
        more.isEnabled = false
        val option = QueryMySessionOption(limit = PAGE_ROWS)
        option.pageToken = nextPageToken
        service?.queryMySessionList(
            option,
            object : RequestCallback<RecentSessionList> {
                override fun onSuccess(param: RecentSessionList) = show(param)

                override fun onFailed(code: Int) = fail("Failed with code $code")

                override fun onException(exception: Throwable) = fail(exception.message.orEmpty())
            },
        )
    }

    private fun show(page: RecentSessionList) {
        if (isDestroyed) return
        sessions += page.sessionList
        nextPageToken = page.nextPageToken
        rows.notifyDataSetChanged()
        say(if (sessions.isEmpty()) "No sessions yet" else "${sessions.size} sessions")
        more.text = "Load more"
        more.isEnabled = true
        more.visibility = if (page.hasMore()) View.VISIBLE else View.GONE
    }

    private fun fail(reason: String) {
        if (isDestroyed) return
        say(reason)
        more.text = "Try again"
        more.isEnabled = true
        more.visibility = View.VISIBLE
    }

    private fun say(text: String) {
        status.text = text
    }

    private companion object {
        const val PAGE_ROWS = 20
    }
}

/** One view a session: who and when above, what below. */
private class SessionRows(private val sessions: List<RecentSession>) : BaseAdapter() {
    override fun getCount() = sessions.size

    override fun getItem(position: Int) = sessions[position]

    override fun getItemId(position: Int) = position.toLong()

    override fun getView(position: Int, reused: View?, parent: ViewGroup): View {
        val row = reused as? TextView
            ?: TextView(parent.context).apply { setPadding(24, 16, 24, 16) }
        row.text = describe(sessions[position])
        return row
    }
}

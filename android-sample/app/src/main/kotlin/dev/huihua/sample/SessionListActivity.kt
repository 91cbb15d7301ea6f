// The app's first screen: the live session list, with its loading, empty and failed states.
package dev.huihua.sample

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.view.LayoutInflater
import android.view.Menu
import android.view.MenuItem
import android.view.View
import android.widget.AbsListView
import android.widget.ListView
import android.widget.TextView
import dev.huihua.sdk.OnlineStatus
import dev.huihua.sdk.SessionList
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.Subscription

/** Binds a [SessionList] to a ListView; the list itself survives a rotation. */
class SessionListActivity : Activity(), SessionList.Listener {
    private class Live(val settings: Settings, val service: SessionService) {
        val list = SessionList(service, PAGE_ROWS).also { it.open() }
    }

    private val pull by lazy { findViewById<PullToRefresh>(R.id.pull) }
    private val rows by lazy { findViewById<ListView>(R.id.list) }
    private val notice by lazy { Notice(findViewById(R.id.notice)) }
    private val more by lazy { LayoutInflater.from(this).inflate(R.layout.load_more, rows, false) }
    private lateinit var adapter: SessionAdapter
    private var live: Live? = null
    private var status = OnlineStatus.IDLE
    private var statuses: Subscription? = null

    /** Whether the user pulled the list down, and sees that progress. */
    private var isPulled = false
    internal lateinit var selection: Selection
        private set

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.session_list)
        setActionBar(findViewById(R.id.toolbar))
        live = lastNonConfigurationInstance as? Live
        rows.addFooterView(more, null, false)
        selection = Selection(rows) { live?.service }
        rows.setMultiChoiceModeListener(selection)
        rows.setOnItemClickListener { _, _, position, _ ->
            startActivity(SessionActivity.intent(this, adapter.getItem(position).sessionId))
        }
        rows.setOnScrollListener(LoadMore())
        more.findViewById<View>(R.id.more_failed).setOnClickListener { live?.list?.loadMore() }
        findViewById<View>(R.id.banner_retry).setOnClickListener { reconnect() }
        pull.onRefresh = {
            isPulled = true
            live?.list?.refresh()
        }
    }

    override fun onStart() {
        super.onStart()
        val settings = Settings.read(this)
        if (live?.settings != settings) {
            live?.list?.close()
            live = settings.takeIf { it.isComplete }?.let { Live(it, Sessions.service(this, it)) }
        }
        if (rows.adapter == null || adapter.account != settings.account) {
            adapter = SessionAdapter(settings.account)
            rows.adapter = adapter
        }
        actionBar?.subtitle = settings.account.ifEmpty { null }
        live?.list?.setListener(this)
        statuses = live?.service?.observeOnlineStatus(::onStatus)
        // Also updates the relative times.
        change()
    }

    override fun onStop() {
        live?.list?.setListener(null)
        statuses?.close()
        super.onStop()
    }

    override fun onRetainNonConfigurationInstance(): Any? = live

    override fun onDestroy() {
        selection.dismiss()
        if (!isChangingConfigurations) live?.list?.close()
        super.onDestroy()
    }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menuInflater.inflate(R.menu.session_list, menu)
        return true
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        when (item.itemId) {
            R.id.refresh -> live?.list?.refresh()
            R.id.settings -> openSettings()
            else -> return super.onOptionsItemSelected(item)
        }
        return true
    }

    private fun openSettings() = startActivity(Intent(this, SettingsActivity::class.java))

    override fun onInserted(position: Int, count: Int) = change()
    override fun onRemoved(position: Int, count: Int) = change()
    override fun onMoved(from: Int, to: Int) = change()

    override fun onChanged(position: Int, count: Int) {
        adapter.sessions = live?.list?.sessions.orEmpty()
        rows.showAgain(position until position + count)
        showState()
    }

    override fun onState(state: SessionList.State) = showState()

    private fun onStatus(next: OnlineStatus) {
        // Each attempt to reconnect reports it briefly; the warning must stay until one succeeds.
        if (next != OnlineStatus.CONNECTING) status = next
        showState()
    }

    /** Tries at once what the SDK would try later. */
    private fun reconnect() {
        live?.service?.reconnect()
        if (live?.list?.state is SessionList.State.Failed) live?.list?.refresh()
    }

    /** Shows another order or number of rows; those with the same session stay as they are. */
    private fun change() {
        rows.animateChange {
            adapter.sessions = live?.list?.sessions.orEmpty()
            adapter.notifyDataSetChanged()
        }
        showState()
    }

    private fun showState() {
        val list = live?.list
        val state = list?.state
        val failure = (state as? SessionList.State.Failed)?.exception
        val hasRows = !adapter.isEmpty
        show(R.id.list, hasRows)
        val isRefreshing = state == SessionList.State.Refreshing
        isPulled = isPulled && isRefreshing
        pull.isRefreshing = isPulled
        show(R.id.progress, isRefreshing && !isPulled)
        val hasMore = list?.hasMore == true
        show(R.id.more_progress, hasMore && failure == null)
        show(R.id.more_failed, hasMore && failure != null)
        val text = findViewById<TextView>(R.id.warning)
        val warning = when {
            failure != null -> reasonOf(failure)
            status != OnlineStatus.OFFLINE -> null
            // Each try refreshes the list briefly; the reason must stay until one succeeds.
            isRefreshing && text.length() > 0 -> text.text
            else -> getString(R.string.offline)
        }
        if (warning?.toString().orEmpty() != text.text.toString()) text.text = warning
        show(R.id.banner, hasRows && warning != null)
        when {
            list == null -> notice.show(
                getText(R.string.welcome), getText(R.string.welcome_detail),
                getText(R.string.open_settings), ::openSettings,
            )
            hasRows -> notice.hide()
            failure != null -> notice.show(
                getText(R.string.failed), reasonOf(failure), getText(R.string.retry), list::refresh,
            )
            state == SessionList.State.Ready ->
                notice.show(getText(R.string.empty), getText(R.string.empty_detail))
            else -> notice.show()
        }
    }

    private fun show(view: Int, isShown: Boolean) {
        findViewById<View>(view).visibility = if (isShown) View.VISIBLE else View.GONE
    }

    /** Loads older sessions shortly before the user reaches the last row. */
    private inner class LoadMore : AbsListView.OnScrollListener {
        override fun onScrollStateChanged(view: AbsListView, state: Int) = Unit

        override fun onScroll(view: AbsListView, first: Int, visible: Int, total: Int) {
            val list = live?.list ?: return
            val isNear = visible > 0 && first + visible >= total - ROWS_AHEAD
            if (isNear && list.hasMore && list.state == SessionList.State.Ready) list.loadMore()
        }
    }

    private companion object {
        const val PAGE_ROWS = 20
        const val ROWS_AHEAD = 3
    }
}

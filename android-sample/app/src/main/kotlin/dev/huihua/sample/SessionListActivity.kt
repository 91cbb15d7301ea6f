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

/** Binds a [SessionList] to a ListView; the list itself survives a rotation. */
class SessionListActivity : Activity(), SessionList.Listener {
    private class Live(val settings: Settings, val list: SessionList)

    private val pull by lazy { findViewById<PullToRefresh>(R.id.pull) }
    private val rows by lazy { findViewById<ListView>(R.id.list) }
    private val notice by lazy { Notice(findViewById(R.id.notice)) }
    private val more by lazy { LayoutInflater.from(this).inflate(R.layout.load_more, rows, false) }
    private lateinit var adapter: SessionAdapter
    private var live: Live? = null

    internal lateinit var selection: Selection
        private set

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.session_list)
        setActionBar(findViewById(R.id.toolbar))
        live = lastNonConfigurationInstance as? Live
        rows.addFooterView(more, null, false)
        selection = Selection(rows) { live?.settings?.let(Sessions::service) }
        rows.setMultiChoiceModeListener(selection)
        rows.setOnItemClickListener { _, _, position, _ ->
            startActivity(SessionActivity.intent(this, adapter.getItem(position).sessionId))
        }
        rows.setOnScrollListener(LoadMore())
        more.findViewById<View>(R.id.more_failed).setOnClickListener { live?.list?.loadMore() }
        pull.onRefresh = { live?.list?.refresh() }
    }

    override fun onStart() {
        super.onStart()
        val settings = Settings.read(this)
        if (live?.settings != settings) {
            live?.list?.close()
            live = if (settings.isComplete) open(settings) else null
        }
        if (rows.adapter == null || adapter.account != settings.account) {
            adapter = SessionAdapter(settings.account)
            rows.adapter = adapter
        }
        actionBar?.subtitle = settings.account.ifEmpty { null }
        live?.list?.setListener(this)
        change()
    }

    private fun open(settings: Settings): Live {
        val list = SessionList(Sessions.service(settings), PAGE_ROWS)
        list.open()
        return Live(settings, list)
    }

    override fun onRetainNonConfigurationInstance(): Any? = live

    override fun onDestroy() {
        selection.dismiss()
        live?.list?.setListener(null)
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

    override fun onChanged(position: Int, count: Int) = change()

    override fun onState() = showState()

    private fun change() {
        rows.glide {
            adapter.sessions = live?.list?.sessions.orEmpty().toList()
            adapter.notifyDataSetChanged()
        }
        showState()
    }

    private fun showState() {
        val list = live?.list
        val isEmpty = adapter.isEmpty
        rows.visibility = if (isEmpty) View.GONE else View.VISIBLE
        pull.isRefreshing = list != null && list.isRefreshing && !isEmpty
        val failure = list?.failure
        show(R.id.offline, failure != null && !isEmpty)
        show(R.id.more_row, list != null && list.hasMore)
        show(R.id.more_progress, list?.moreFailed == false)
        show(R.id.more_failed, list?.moreFailed == true)
        when {
            list == null -> notice.show(
                R.string.welcome, getString(R.string.welcome_detail), R.string.open_settings,
            ) { openSettings() }
            !isEmpty -> notice.hide()
            list.isRefreshing -> notice.showProgress()
            failure != null ->
                notice.show(R.string.failed, reason(failure), R.string.retry) { list.refresh() }
            else -> notice.show(R.string.empty, getString(R.string.empty_detail))
        }
    }

    private fun reason(failure: Any) =
        if (failure is Int) reasonOf(failure) else reasonOf(failure as Throwable)

    private fun show(view: Int, isShown: Boolean) {
        findViewById<View>(view)?.visibility = if (isShown) View.VISIBLE else View.GONE
    }

    /** Asks for older sessions shortly before somebody gets to the last row. */
    private inner class LoadMore : AbsListView.OnScrollListener {
        override fun onScrollStateChanged(view: AbsListView, state: Int) = Unit

        override fun onScroll(view: AbsListView, first: Int, visible: Int, total: Int) {
            val list = live?.list ?: return
            val isNear = first + visible >= total - ROWS_AHEAD
            if (isNear && visible > 0 && list.hasMore && !list.moreFailed) list.loadMore()
        }
    }

    private companion object {
        const val PAGE_ROWS = 20
        const val ROWS_AHEAD = 3
    }
}

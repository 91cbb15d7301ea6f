// TEMPORARY until the facade's SessionList lands on branch b.
package dev.huihua.sample

import dev.huihua.sdk.*
import android.os.Handler
import android.os.Looper

internal class SessionList(private val service: SessionService, private val pageSize: Int) {
    interface Listener {
        fun onInserted(position: Int, count: Int)
        fun onRemoved(position: Int, count: Int)
        fun onMoved(from: Int, to: Int)
        fun onChanged(position: Int, count: Int)
        fun onState()
    }
    val sessions = ArrayList<RecentSession>()
    var hasMore = false; private set
    var isRefreshing = false; private set
    var isLoadingMore = false; private set
    var moreFailed = false; private set
    var failure: Any? = null; private set
    private var token: String? = null
    private var listener: Listener? = null
    private var syncing: Call? = null
    private var closed = false
    private val handler = Handler(Looper.getMainLooper())
    private val order = compareByDescending<RecentSession> { it.updateTime }.thenBy { it.parseSessionId().first.value }.thenBy { it.sessionId }

    fun setListener(listener: Listener?) { this.listener = listener }
    fun open() = refresh()
    fun close() { closed = true; syncing?.abort(); handler.removeCallbacksAndMessages(null) }

    fun refresh() {
        if (isRefreshing || closed) return
        isRefreshing = true; listener?.onState()
        syncing?.abort()
        service.queryMySessionList(QueryMySessionOption(limit = pageSize), object : RequestCallback<RecentSessionList> {
            override fun onSuccess(param: RecentSessionList) {
                if (closed) return
                isRefreshing = false; failure = null
                hasMore = param.hasMore(); token = param.nextPageToken
                sessions.clear(); sessions += param.sessionList
                listener?.onInserted(0, sessions.size); listener?.onState()
                sync(param.syncCursor)
            }
            override fun onFailed(code: Int) = fail(code)
            override fun onException(exception: Throwable) = fail(exception)
            private fun fail(what: Any) { if (closed) return; isRefreshing = false; failure = what; listener?.onState() }
        })
    }

    fun loadMore() {
        if (isLoadingMore || !hasMore || closed) return
        isLoadingMore = true; moreFailed = false; listener?.onState()
        val option = QueryMySessionOption(limit = pageSize).also { it.pageToken = token }
        service.queryMySessionList(option, object : RequestCallback<RecentSessionList> {
            override fun onSuccess(param: RecentSessionList) {
                if (closed) return
                isLoadingMore = false; hasMore = param.hasMore(); token = param.nextPageToken
                val known = sessions.map { it.sessionId }.toSet()
                sessions += param.sessionList.filter { it.sessionId !in known }
                listener?.onInserted(0, 0); listener?.onState()
            }
            override fun onFailed(code: Int) = fail()
            override fun onException(exception: Throwable) = fail()
            private fun fail() { if (closed) return; isLoadingMore = false; moreFailed = true; listener?.onState() }
        })
    }

    private fun sync(cursor: String) {
        if (closed) return
        syncing = service.sync(SyncOption(cursor = cursor, waitMs = 20_000), object : RequestCallback<SyncResult> {
            override fun onSuccess(param: SyncResult) {
                if (closed) return
                if (failure != null) { failure = null; listener?.onState() }
                if (param.isReset) return refresh()
                for (change in param.changes) {
                    sessions.removeAll { it.sessionId == change.sessionId }
                    change.session?.let { sessions += it }
                }
                sessions.sortWith(order)
                if (param.changes.isNotEmpty()) listener?.onMoved(0, 0)
                sync(param.cursor)
            }
            override fun onFailed(code: Int) = fail(code)
            override fun onException(exception: Throwable) = fail(exception)
            private fun fail(what: Any) { if (closed) return; failure = what; listener?.onState(); handler.postDelayed({ sync(cursor) }, 500) }
        })
    }
}

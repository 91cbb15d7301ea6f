// A live list of sessions for a view, made of pages and live changes. internal/SessionRows.kt holds
// the rules of what the list is after each of them.
package dev.huihua.sdk

import dev.huihua.sdk.internal.Codes
import dev.huihua.sdk.internal.Delivery
import dev.huihua.sdk.internal.ListOperation
import dev.huihua.sdk.internal.LiveListener
import dev.huihua.sdk.internal.Outcome
import dev.huihua.sdk.internal.SessionRows
import dev.huihua.sdk.internal.reportUncaught
import dev.huihua.sdk.internal.toSessionException
import java.util.concurrent.CopyOnWriteArrayList

/**
 * Keeps an account's list up to date for a view. NIM has no such class.
 *
 * It holds the newest page, loads more on demand, and applies every change from any device. It
 * reports each as an operation of list views, as the `notifyItem…` methods of Android's
 * `RecyclerView.Adapter`.
 *
 * Its sessions are always the top of the server's list, in its order and without a gap: a change
 * below them shows once [loadMore] reaches it. Live changes need the same request as an observer,
 * and pause in the background, see [SessionServiceOptions.Builder.pauseInBackground]. If changes
 * are unknown ([SessionChange.Reset]) or a page token has expired, the list refreshes itself.
 *
 * All methods return at once and may be called from any thread. The listener runs on the service's
 * callback executor, one call after the other, and [sessions] changes only there: by default that
 * is Android's main thread, where a view reads it. An exception of the listener goes to that
 * thread's uncaught-exception handler.
 *
 * It works until [close]; closing the service ends it in [State.Failed].
 *
 * @param pageSize sessions of one page, 1..=100.
 * @throws IllegalArgumentException from the constructor, for any other page size.
 */
public class SessionList @JvmOverloads constructor(
    private val service: SessionService,
    private val pageSize: Int = 40,
) : AutoCloseable {
    /** Receives the changes of [SessionList.sessions], which is already the changed list. */
    public interface Listener {
        /** Reports that [count] sessions were inserted, the first of them at [position]. */
        public fun onInserted(position: Int, count: Int)

        /** Reports that [count] sessions were removed, the first of them from [position]. */
        public fun onRemoved(position: Int, count: Int)

        /** Reports that the session at [from] was moved and is now at [to]. */
        public fun onMoved(from: Int, to: Int)

        /** Reports that [count] sessions changed in place, the first of them at [position]. */
        public fun onChanged(position: Int, count: Int)

        /** Reports a new [SessionList.state]; [SessionList.hasMore] may have changed too. */
        public fun onState(state: State)
    }

    /** Represents the state of a list. */
    public sealed class State {
        /** The list has not been opened. */
        public object Idle : State()

        /** The list is loading its first page. */
        public object Loading : State()

        /** The list is loaded and waits for changes. */
        public object Ready : State()

        /** The list is loading the next page. */
        public object LoadingMore : State()

        /** The list is refreshing itself; its sessions stay until that is done. */
        public object Refreshing : State()

        /**
         * The list could not load a page, or live changes ended; its sessions stay.
         *
         * [SessionList.loadMore] and [SessionList.refresh] try again. The list tries again by
         * itself when lost live changes reconnect.
         *
         * @property exception the failure.
         */
        public class Failed internal constructor(public val exception: SessionException) : State() {
            /** Returns the state's name and the failure, for logs. */
            override fun toString(): String = "Failed(${exception.message})"
        }

        /** Returns the state's name, for logs. */
        override fun toString(): String = javaClass.simpleName
    }

    /** The sessions, newest first; an immutable list, replaced at each change. */
    @Volatile
    public var sessions: List<RecentSession> = emptyList()
        private set

    /** Whether the server has more sessions; true until the first page is loaded. */
    @Volatile
    public var hasMore: Boolean = true
        private set

    /** The state of the list. */
    @Volatile
    public var state: State = State.Idle
        private set

    @Volatile
    private var listener: Listener? = null

    @Volatile
    private var isClosed = false

    /** Called after a page, a change or a new state, for the `Flow`s. */
    internal val watchers = CopyOnWriteArrayList<() -> Unit>()

    // Only tasks of the service's serial executor access the fields below.
    private val serial = service.serial
    private var shown = newRows()

    /** The pages that a refresh has loaded so far. */
    private var next: SessionRows? = null
    private var nextPageToken: String? = null
    private var running: Call? = null

    /** Whether the list misses something that no live change will bring. */
    private var isStale = true
    private var wasBroken = false

    init {
        require(pageSize in 1..PAGE_ROWS_MAX) { "option pageSize: must be 1..=$PAGE_ROWS_MAX" }
    }

    /** Loads the first page and starts live changes; has no effect when called again. */
    public fun open(): Unit = post {
        if (state != State.Idle) return@post
        service.live.hold(this) // The watch then starts at the first page's cursor.
        service.live.add(changes)
        reload()
    }

    /** Loads the next page; has no effect if there is none or a page is loading. */
    public fun loadMore(): Unit = post {
        if (state == State.Idle || running != null) return@post
        if (isStale) return@post reload()
        if (!hasMore) return@post
        enter(State.LoadingMore)
        load(nextPageToken, pageSize, ::takeMore)
    }

    /** Loads the list again, up to its present length, and reports the differences. */
    public fun refresh(): Unit = post {
        if (state != State.Idle) reload()
    }

    /**
     * Sets the listener; null removes it.
     *
     * The present [sessions] and [state] are not reported: read them when you set it. On the thread
     * of the callback executor no event occurs in between.
     */
    public fun setListener(listener: Listener?) {
        this.listener = listener
    }

    /**
     * Stops live changes and loading. [sessions] stays as it is.
     *
     * No call of the listener starts after this returned. If it is called on the thread of the
     * callback executor, none is in progress either.
     */
    override fun close() {
        isClosed = true
        listener = null
        service.live.remove(changes)
        serial.execute {
            // Removed again, because a task may have opened the list meanwhile.
            service.live.remove(changes)
            running?.abort()
            running = null
            service.live.release(this, null)
            watchers.forEach { it() }
        }
    }

    internal val isOver: Boolean get() = isClosed

    private fun post(task: () -> Unit) = serial.execute { if (!isClosed) task() }

    private fun newRows(): SessionRows = SessionRows(::show)

    /** Loads the list from its first page; the present sessions stay meanwhile. */
    private fun reload() {
        running?.abort()
        next = null
        isStale = true
        wasBroken = false
        enter(if (sessions.isEmpty()) State.Loading else State.Refreshing)
        service.live.hold(this)
        load(null, maxOf(pageSize, minOf(shown.rows.size, PAGE_ROWS_MAX)), ::takeFirst)
    }

    private fun takeFirst(page: RecentSessionList) {
        service.live.release(this, page.syncCursor)
        next = SessionRows()
        takeNext(page)
    }

    private fun takeNext(page: RecentSessionList) {
        val walk = checkNotNull(next)
        walk.addPage(page.sessionList, page.hasMore())
        if (page.hasMore() && walk.rows.size < shown.rows.size) {
            load(page.nextPageToken, PAGE_ROWS_MAX, ::takeNext)
            return
        }
        next = null
        isStale = false
        shown.replaceBy(walk)
        finish(page)
    }

    private fun takeMore(page: RecentSessionList) {
        shown.addPage(page.sessionList, page.hasMore())
        finish(page)
    }

    private fun finish(page: RecentSessionList) {
        nextPageToken = page.nextPageToken
        hasMore = page.hasMore()
        enter(State.Ready)
    }

    private fun load(pageToken: String?, limit: Int, take: (RecentSessionList) -> Unit) {
        val option = QueryMySessionOption(limit = limit).apply { this.pageToken = pageToken }
        val call = Delivery<RecentSessionList>(serial)
        running = call
        service.native.queryMySessionList(option, call)
        call.receive { outcome ->
            if (isClosed || running !== call) return@receive
            running = null
            when (outcome) {
                is Outcome.Success -> take(checkNotNull(outcome.value))
                is Outcome.Failure -> fail(outcome.error.toSessionException())
            }
        }
    }

    private fun fail(failure: SessionException) {
        val code = (failure as? SessionException.Failed)?.code
        if (code == Codes.INVALID_PARAMETER && state == State.LoadingMore) return reload()
        next = null
        wasBroken = code in NO_CONNECTION
        service.live.release(this, null)
        enter(State.Failed(failure))
    }

    private fun enter(state: State) {
        this.state = state
        notifyListener { it.onState(state) }
        watchers.forEach { it() }
    }

    private fun show(operation: ListOperation) {
        sessions = shown.rows
        when (operation) {
            is ListOperation.Inserted ->
                notifyListener { it.onInserted(operation.position, operation.count) }
            is ListOperation.Removed ->
                notifyListener { it.onRemoved(operation.position, operation.count) }
            is ListOperation.Moved -> notifyListener { it.onMoved(operation.from, operation.to) }
            is ListOperation.Changed ->
                notifyListener { it.onChanged(operation.position, operation.count) }
        }
    }

    private inline fun notifyListener(event: (Listener) -> Unit) {
        if (isClosed) return
        try {
            listener?.let(event)
        } catch (thrown: Throwable) {
            reportUncaught(thrown)
        }
    }

    private val changes = object : LiveListener {
        override fun onChange(change: SessionChange) {
            if (isClosed) return
            if (change is SessionChange.Reset) return reload()
            next?.apply(change)
            shown.apply(change)
            watchers.forEach { it() }
        }

        override fun onStatus(status: OnlineStatus) {
            if (status == OnlineStatus.OFFLINE) wasBroken = true
            val isBack = status == OnlineStatus.ONLINE && wasBroken
            if (!isClosed && isBack && isStale && running == null) reload()
        }

        override fun onEnded(failure: SessionException) {
            // A page that is loading fails by itself.
            if (!isClosed && running == null) enter(State.Failed(failure))
        }
    }

    private companion object {
        /** The server's limit of one page, in sessions. */
        const val PAGE_ROWS_MAX = 100
        val NO_CONNECTION = setOf(Codes.TIMEOUT, Codes.NO_CONNECTION)
    }
}

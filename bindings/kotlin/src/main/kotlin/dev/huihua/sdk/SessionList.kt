// A live list of sessions for a view. The native library keeps it up to date; internal/ListReport.kt
// holds what it has reported, internal/SessionRows.kt how a view gets there.
package dev.huihua.sdk

import dev.huihua.sdk.internal.ListEvent
import dev.huihua.sdk.internal.ListFacts
import dev.huihua.sdk.internal.ListListener
import dev.huihua.sdk.internal.ListOperation
import dev.huihua.sdk.internal.ListReport
import dev.huihua.sdk.internal.ListWishes
import dev.huihua.sdk.internal.NativeList
import dev.huihua.sdk.internal.SessionRows
import dev.huihua.sdk.internal.WatchStatus
import dev.huihua.sdk.internal.reportUncaught
import java.util.concurrent.CopyOnWriteArrayList

/**
 * Keeps an account's list up to date for a view. NIM has no such class.
 *
 * It holds the newest page, loads more on demand, and applies every change from any device. It
 * reports each as an operation of list views, as the `notifyItem…` methods of Android's
 * `RecyclerView.Adapter`.
 *
 * Its sessions are always the top of the server's list, in its order and without a gap: a change
 * below them shows once [loadMore] reaches it. Live changes need one waiting request of each list,
 * and pause in the background, see [SessionServiceOptions.Builder.pauseInBackground]. If changes
 * are unknown ([SessionChange.Reset]) or a page token has expired, the list refreshes itself.
 *
 * With [SessionServiceOptions.Builder.cacheFolder] it opens with what the account's list showed
 * last, without the network, and then brings it up to date: [isFromCache] says which of the two it
 * shows.
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

        /**
         * Reports a new [SessionList.state]; [SessionList.hasMore] and [SessionList.isFromCache]
         * may have changed too.
         */
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

        /**
         * The list is being brought up to date; its sessions stay until that is done. So is one
         * that opened with the sessions of an earlier run.
         */
        public object Refreshing : State()

        /**
         * The list could not load a page, or live changes ended; its sessions stay.
         *
         * [SessionList.loadMore] and [SessionList.refresh] try again. After a failure that may pass
         * (no connection, a server that is not available) the list tries again by itself, with
         * growing pauses.
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

    /**
     * Whether the sessions are those of an earlier run, which may have changed since: true from the
     * opening until the server has named all changes. Always false without
     * [SessionServiceOptions.Builder.cacheFolder].
     */
    @Volatile
    public var isFromCache: Boolean = false
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
    private val shown = SessionRows(::show)
    private var run: Run? = null
    private var report = ListReport.NONE
    private val wishes = ListWishes()

    init {
        require(pageSize in 1..PAGE_ROWS_MAX) { "option pageSize: must be 1..=$PAGE_ROWS_MAX" }
    }

    /** Shows what was kept, if anything, and loads the list; no effect when called again. */
    public fun open(): Unit = post {
        if (state != State.Idle) return@post
        service.lists.add(this)
        if (!isClosed) start() else service.lists.remove(this)
    }

    /** Loads the next page; has no effect if there is none or a page is loading. */
    public fun loadMore(): Unit = post {
        val native = run?.native ?: return@post retry()
        when {
            state == State.LoadingMore -> return@post
            // What is below is unknown until the list is up to date.
            report.facts.isReading || isFromCache -> native.reconnect()
            hasMore -> wishes.more = native.loadMore()
        }
        enter()
    }

    /** Loads the list again, up to its present length, and reports the differences. */
    public fun refresh(): Unit = post {
        val native = run?.native ?: return@post retry()
        wishes.refresh = native.refresh()
        native.reconnect()
        enter()
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
        service.lists.remove(this)
        serial.execute {
            run?.native?.stop()
            run = null
            watchers.forEach { it() }
        }
    }

    internal val isOver: Boolean get() = isClosed

    /** Pauses or resumes live changes, as the service says. */
    internal fun onForeground(): Unit = post {
        val native = run?.native
        when {
            !service.lists.isForeground -> native?.pause()
            native != null -> native.resume()
            else -> retry()
        }
    }

    internal fun onReconnect(): Unit = post { run?.native?.reconnect() ?: retry() }

    private fun post(task: () -> Unit) = serial.execute { if (!isClosed) task() }

    /** Starts the list again, if it has ended in a failure that may pass. */
    private fun retry() {
        if (state != State.Idle && report.end !is SessionException.Closed) start()
    }

    private fun start() {
        val run = Run()
        this.run = run
        report = ListReport.NONE
        wishes.more = ListWishes.NEVER
        wishes.refresh = ListWishes.NEVER
        try {
            run.native = service.native.list(pageSize, shown.rows.size, run)
            if (!service.lists.isForeground) run.native?.pause()
        } catch (thrown: Throwable) {
            val text = "internal error: a list could not start"
            run.end(thrown as? SessionException ?: SessionException.Internal(text, thrown))
        }
        enter()
    }

    private fun take(next: ListReport) {
        report = next
        val rows = next.rows
        val before = hasMore to isFromCache
        if (rows != null) {
            hasMore = next.facts.hasMore
            isFromCache = next.facts.isFromCache
            shown.replaceBy(rows)
        }
        if (next.end != null) {
            run?.native?.stop()
            run?.native = null
        }
        enter(isForced = before != hasMore to isFromCache)
        watchers.forEach { it() }
    }

    /** Reports the state, if it is another one. */
    private fun enter(isForced: Boolean = false) {
        val next = report.state(shown.rows.isNotEmpty(), wishes)
        val isSame = next === state || isSameFailure(next, state)
        if (isSame && !isForced) return
        if (!isSame) state = next
        notifyListener { it.onState(state) }
        watchers.forEach { it() }
    }

    private fun isSameFailure(a: State, b: State) =
        a is State.Failed && b is State.Failed && a.exception === b.exception

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

    /** Receives the events of one native list. Those after its stop are dropped. */
    private inner class Run : ListListener {
        var native: NativeList? = null
        private val waiting = ArrayDeque<ListReport>()
        private var latest = ListReport.NONE

        override fun onEvent(event: ListEvent, facts: ListFacts) = add { it.after(event, facts) }

        fun end(failure: SessionException) {
            val end = ListEvent.Status(WatchStatus.Ended(failure))
            add { it.after(end, it.facts) }
        }

        private fun add(next: (ListReport) -> ListReport) {
            synchronized(waiting) {
                latest = next(latest)
                val isFull = waiting.size == REPORTS_MAX
                if (isFull) waiting.removeLast()
                waiting += latest
                if (isFull) return
            }
            serial.execute(::takeNext)
        }

        private fun takeNext() {
            val next = synchronized(waiting) { waiting.removeFirst() }
            if (!isClosed && run === this) take(next)
        }
    }

    private companion object {
        /** The server's limit of one page, in sessions. */
        const val PAGE_ROWS_MAX = 100

        /** Limit of the reports that wait for a slow executor: then the last one covers more. */
        const val REPORTS_MAX = 16
    }
}

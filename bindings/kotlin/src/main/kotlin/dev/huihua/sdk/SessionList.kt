// A live list of sessions that a view can show: pages and live changes, put together. What the list
// is after each of them, internal/SessionRows.kt decides.
package dev.huihua.sdk

import dev.huihua.sdk.internal.Delivery
import dev.huihua.sdk.internal.LiveListener
import dev.huihua.sdk.internal.ListOperation
import dev.huihua.sdk.internal.SessionRows
import dev.huihua.sdk.internal.reportUncaught
import dev.huihua.sdk.internal.toSessionException
import java.util.concurrent.CopyOnWriteArrayList

/**
 * An account's list as a view shows it: the newest page, more on demand, and every change from any
 * device in its place, as the operations that list views know (of Android's `RecyclerView.Adapter`
 * the `notifyItem…` of the same name).
 *
 * The rows are always the top of the server's list, in its order and without a gap: what changes
 * below them waits until [loadMore] reaches it. Live changes cost what an observer costs, and rest
 * in the background as [SessionServiceOptions.Builder.pauseInBackground] says. When the server does
 * not know any more what changed, or a page token has grown old, the list reads itself again.
 *
 * All methods return at once and may be called on any thread. The listener is called on the
 * service's callback executor, one call after the other, and [sessions] changes only there: on
 * Android, unless an executor was set, that is the main thread, where a view reads it. What a
 * listener throws goes to that thread's uncaught-exception handler.
 *
 * It lives until [close]; closing the service ends it in [State.Failed].
 *
 * @param pageSize rows of one page, 1..=100.
 * @throws IllegalArgumentException from the constructor, for any other page size.
 */
public class SessionList @JvmOverloads constructor(
    private val service: SessionService,
    private val pageSize: Int = 40,
) : AutoCloseable {
    /** Told how [SessionList.sessions] changed, each call with the list that it led to. */
    public interface Listener {
        /** [count] rows came in; the first of them is now at [position]. */
        public fun onInserted(position: Int, count: Int)

        /** [count] rows went; the first of them was at [position]. */
        public fun onRemoved(position: Int, count: Int)

        /** The row at [from] was taken out and put in again, so that it is now at [to]. */
        public fun onMoved(from: Int, to: Int)

        /** The content of [count] rows changed, the first of them at [position]. */
        public fun onChanged(position: Int, count: Int)

        /** [SessionList.state] changed; [SessionList.hasMore] may have changed before it. */
        public fun onState(state: State)
    }

    /** What a list is doing. */
    public sealed class State {
        /** Not opened yet. */
        public object Idle : State()

        /** The first page is on its way. */
        public object Loading : State()

        /** It shows what it has and waits for changes. */
        public object Ready : State()

        /** The next page is on its way. */
        public object LoadingMore : State()

        /** It reads itself again; the rows stay until that is done. */
        public object Refreshing : State()

        /**
         * A page could not be read, or live changes ended; the rows stay. [SessionList.loadMore]
         * and [SessionList.refresh] try again. The list itself does when live changes, which were
         * lost, come back.
         *
         * @property exception why.
         */
        public class Failed internal constructor(public val exception: SessionException) : State() {
            /** Its name and why, for people to read. */
            override fun toString(): String = "Failed(${exception.message})"
        }

        /** Its name, for people to read. */
        override fun toString(): String = javaClass.simpleName
    }

    /** The rows, newest first; a list that is never modified, another one after each change. */
    @Volatile
    public var sessions: List<RecentSession> = emptyList()
        private set

    /** Whether the server has rows below [sessions]; true until the first page came. */
    @Volatile
    public var hasMore: Boolean = true
        private set

    /** What the list is doing. */
    @Volatile
    public var state: State = State.Idle
        private set

    @Volatile
    private var listener: Listener? = null

    @Volatile
    private var isClosed = false

    /** Called after a page, a change or a new state: the coroutine door. */
    internal val watchers = CopyOnWriteArrayList<() -> Unit>()

    // All below is touched by tasks of the service's serial executor only.
    private val serial = service.serial
    private var shown = newRows()

    /** What a list that reads itself again has read so far. */
    private var next: SessionRows? = null
    private var nextPageToken: String? = null
    private var running: Call? = null

    /** Whether the rows lack something that no change will bring. */
    private var isStale = true
    private var wasBroken = false

    init {
        require(pageSize in 1..PAGE_ROWS_MAX) { "option pageSize: must be 1..=$PAGE_ROWS_MAX" }
    }

    /** Reads the first page and begins to listen; once. */
    public fun open(): Unit = post {
        if (state != State.Idle) return@post
        service.live.hold(this) // The watch had better begin where the first page ends.
        service.live.add(changes)
        readAgain()
    }

    /** Reads the next page; nothing happens where there is none, or while a page is on its way. */
    public fun loadMore(): Unit = post {
        if (state == State.Idle || running != null) return@post
        if (isStale) return@post readAgain()
        if (!hasMore) return@post
        enter(State.LoadingMore)
        ask(nextPageToken, pageSize, ::takeMore)
    }

    /** Reads the list again, as many rows as it shows, and shows the difference. */
    public fun refresh(): Unit = post {
        if (state != State.Idle) readAgain()
    }

    /**
     * Sets who is told; null tells nobody. Read [sessions] and [state] when you set it: what they
     * hold is not told again. On the callback executor's thread nothing comes in between.
     */
    public fun setListener(listener: Listener?) {
        this.listener = listener
    }

    /**
     * Stops listening and loading. No call of the listener begins after this returned; called on
     * the callback executor's thread, none is going on either. [sessions] stays as it is.
     */
    override fun close() {
        isClosed = true
        listener = null
        service.live.remove(changes)
        serial.execute {
            // Again: a task may have been opening it while this was called.
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

    /** From the first page on, while the rows that are shown stay. */
    private fun readAgain() {
        running?.abort()
        next = null
        isStale = true
        wasBroken = false
        enter(if (sessions.isEmpty()) State.Loading else State.Refreshing)
        service.live.hold(this)
        ask(null, maxOf(pageSize, minOf(shown.rows.size, PAGE_ROWS_MAX)), ::takeFirst)
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
            ask(page.nextPageToken, PAGE_ROWS_MAX, ::takeNext)
            return
        }
        next = null
        isStale = false
        shown.become(walk)
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

    private fun ask(pageToken: String?, limit: Int, take: (RecentSessionList) -> Unit) {
        val option = QueryMySessionOption(limit = limit).apply { this.pageToken = pageToken }
        val answer = Delivery<RecentSessionList>(serial)
        running = answer
        service.native.queryMySessionList(option, answer)
        answer.setCallback(
            object : RequestCallback<RecentSessionList> {
                override fun onSuccess(param: RecentSessionList) = end { take(param) }

                override fun onFailed(code: Int) = Unit

                override fun onFailed(failure: SessionException.Failed) = end { fail(failure) }

                override fun onException(exception: Throwable) = end {
                    fail(exception.toSessionException())
                }

                private inline fun end(outcome: () -> Unit) {
                    if (isClosed || running !== answer) return
                    running = null
                    outcome()
                }
            },
        )
    }

    private fun fail(failure: SessionException) {
        val code = (failure as? SessionException.Failed)?.code
        if (code == STALE_TOKEN && state == State.LoadingMore) return readAgain()
        next = null
        wasBroken = code in NO_CONNECTION
        service.live.release(this, null)
        enter(State.Failed(failure))
    }

    private fun enter(state: State) {
        this.state = state
        tell { it.onState(state) }
        watchers.forEach { it() }
    }

    private fun show(operation: ListOperation) {
        sessions = shown.rows
        when (operation) {
            is ListOperation.Inserted ->
                tell { it.onInserted(operation.position, operation.count) }
            is ListOperation.Removed -> tell { it.onRemoved(operation.position, operation.count) }
            is ListOperation.Moved -> tell { it.onMoved(operation.from, operation.to) }
            is ListOperation.Changed -> tell { it.onChanged(operation.position, operation.count) }
        }
    }

    private inline fun tell(event: (Listener) -> Unit) {
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
            if (change is SessionChange.Reset) return readAgain()
            next?.apply(change)
            shown.apply(change)
            watchers.forEach { it() }
        }

        override fun onStatus(status: StatusCode) {
            if (status == StatusCode.NET_BROKEN) wasBroken = true
            val isBack = status == StatusCode.LOGINED && wasBroken
            if (!isClosed && isBack && isStale && running == null) readAgain()
        }

        override fun onEnded(failure: SessionException) {
            // A page that is on its way ends by itself.
            if (!isClosed && running == null) enter(State.Failed(failure))
        }
    }

    private companion object {
        /** The server's limit of one page. */
        const val PAGE_ROWS_MAX = 100
        const val STALE_TOKEN = 414
        val NO_CONNECTION = setOf(408, 415)
    }
}

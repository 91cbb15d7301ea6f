// Live changes of one service: one watch for all who listen, running only while somebody does.
package dev.huihua.sdk.internal

import dev.huihua.sdk.ResponseCode
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.StatusCode
import dev.huihua.sdk.SyncResult
import java.util.concurrent.CopyOnWriteArrayList

/** Told on the service's callback executor, one event after the other. */
internal interface LiveListener {
    fun onChange(change: SessionChange) = Unit

    /** The status changed; the first call, after the listener was added, tells what it is. */
    fun onStatus(status: StatusCode) = Unit

    /** Nothing comes any more, unless somebody begins to listen anew. */
    fun onEnded(failure: SessionException) = Unit
}

/**
 * The watch runs while there is a listener, nobody holds it, the app is in the foreground (where
 * that is looked at) and the listeners keep up; whenever it starts again, it goes on at its cursor.
 */
internal class LiveChanges(
    private val serial: Serial,
    private val watch: (cursor: String?, WatchListener) -> NativeWatch,
) {
    private val listeners = CopyOnWriteArrayList<LiveListener>()
    private val lock = Any()
    private val holders = HashSet<Any>()
    private var running: Run? = null
    private var cursor: String? = null
    private var isForeground = true
    private var undelivered = 0

    @Volatile
    private var failure: SessionException? = null
    private var status = StatusCode.UNLOGIN

    /** Adds a listener, unless one that equals it is there, and revives a watch that has ended. */
    fun add(listener: LiveListener) {
        synchronized(lock) {
            if (!listeners.addIfAbsent(listener)) return
            revive()
            val (now, over) = status to failure
            tell {
                if (it === listener) {
                    it.onStatus(now)
                    over?.let(it::onEnded)
                }
            }
            adjust()
        }
        serial.start()
    }

    /** After this, and after an event that is being told right now, it is told nothing. */
    fun remove(listener: LiveListener) {
        listeners.remove(listener)
        synchronized(lock) { adjust() }
    }

    /**
     * Stops the watch until [release]: whoever asks for a page meanwhile knows that each change
     * told after it is at least as new as the page.
     */
    fun hold(holder: Any) {
        synchronized(lock) {
            holders += holder
            adjust()
        }
    }

    /** Ends [hold]; [pageCursor] is where a watch begins that has no cursor yet. */
    fun release(holder: Any, pageCursor: String?) {
        synchronized(lock) {
            if (!holders.remove(holder)) return
            if (pageCursor != null) revive()
            cursor = cursor ?: pageCursor
            adjust()
        }
        serial.start()
    }

    fun setForeground(isForeground: Boolean) {
        synchronized(lock) {
            this.isForeground = isForeground
            if (isForeground) revive()
            adjust()
        }
        serial.start()
    }

    /** Tries at once, if the watch waits to try again or has ended. */
    fun poke() {
        synchronized(lock) {
            revive()
            adjust()
            running?.native?.poke()
        }
        serial.start()
    }

    /** Ends it for good: the listeners are told that, and no change any more. */
    fun close() {
        synchronized(lock) { end(SessionException.Closed()) }
        serial.start()
    }

    private val isClosed get() = failure is SessionException.Closed

    private fun revive() {
        if (!isClosed) failure = null
    }

    /** Starts or stops the watch, as things are now. */
    private fun adjust() {
        val wanted = failure == null && isForeground && holders.isEmpty() &&
            undelivered < UNDELIVERED_MAX && !listeners.isEmpty()
        if (wanted == (running != null)) return
        if (!wanted) {
            running?.native?.stop()
            running = null
            return
        }
        val run = Run()
        running = run
        try {
            run.native = watch(cursor, run)
        } catch (thrown: Throwable) {
            running = null
            val text = "internal error: a watch could not start"
            end(thrown as? SessionException ?: SessionException.Internal(text, thrown))
        }
    }

    private fun end(reason: SessionException) {
        if (isClosed) return
        failure = reason
        adjust()
        setStatus(statusAfter(reason))
        tell { it.onEnded(reason) }
    }

    private fun setStatus(next: StatusCode) {
        if (next == status) return
        status = next
        tell { it.onStatus(next) }
    }

    private fun tell(event: (LiveListener) -> Unit) = serial.add {
        for (listener in listeners) {
            try {
                // The one before may have taken it away.
                if (listener in listeners) event(listener)
            } catch (thrown: Throwable) {
                reportUncaught(thrown)
            }
        }
    }

    private fun deliver(changes: List<SessionChange>) {
        undelivered++
        for (change in changes) tell { if (!isClosed) it.onChange(change) }
        serial.add {
            synchronized(lock) {
                undelivered--
                adjust()
            }
        }
    }

    /** One run of the watch; what comes after it was stopped is dropped, and comes again. */
    private inner class Run : WatchListener {
        var native: NativeWatch? = null

        override fun onChanges(result: SyncResult) {
            synchronized(lock) {
                if (running !== this) return
                cursor = result.cursor
                setStatus(StatusCode.LOGINED)
                if (result.isReset) deliver(listOf(SessionChange.Reset()))
                if (result.changes.isNotEmpty()) deliver(result.changes)
                adjust()
            }
            serial.start()
        }

        override fun onStatus(status: WatchStatus) {
            synchronized(lock) {
                if (running !== this) return
                when (status) {
                    // Going on after a hold or a rest in the background is no news to anybody.
                    WatchStatus.Connecting ->
                        if (this@LiveChanges.status != StatusCode.LOGINED) {
                            setStatus(StatusCode.CONNECTING)
                        }
                    // From now on a change may be missed by nobody: not before the cursor is known.
                    WatchStatus.Live -> if (cursor != null) setStatus(StatusCode.LOGINED)
                    WatchStatus.Broken -> setStatus(StatusCode.NET_BROKEN)
                    is WatchStatus.Ended -> end(status.failure)
                }
            }
            serial.start()
        }
    }

    private companion object {
        /** Answers of the server that wait for a slow executor; more are left with the server. */
        const val UNDELIVERED_MAX = 16
    }
}

/** What a login, or a watch, that ended with [failure] leaves behind. */
internal fun statusAfter(failure: SessionException): StatusCode = when (failure) {
    is SessionException.Closed -> StatusCode.LOGOUT
    is SessionException.Failed -> when (failure.code) {
        ResponseCode.RES_EUIDPASS.toInt() -> StatusCode.PWD_ERROR
        ResponseCode.RES_FORBIDDEN.toInt() -> StatusCode.FORBIDDEN
        else -> StatusCode.NET_BROKEN
    }
    is SessionException.UnexpectedAnswer,
    is SessionException.TokenProviderFailed,
    is SessionException.Internal,
    -> StatusCode.NET_BROKEN
}

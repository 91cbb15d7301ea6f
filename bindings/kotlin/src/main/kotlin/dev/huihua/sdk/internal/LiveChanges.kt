// The live changes of one service: one watch for all listeners, running while there are any.
package dev.huihua.sdk.internal

import dev.huihua.sdk.OnlineStatus
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SyncResult
import java.util.concurrent.CopyOnWriteArrayList

/** Receives events on the service's callback executor, one after the other. */
internal interface LiveListener {
    fun onChange(change: SessionChange) = Unit

    /** Receives each new status; the first call, after the registration, has the current one. */
    fun onStatus(status: OnlineStatus) = Unit

    /** Receives the final failure. No event follows until another listener is added. */
    fun onEnded(failure: SessionException) = Unit
}

/**
 * Runs the watch of one service and notifies its listeners.
 *
 * The watch runs while there is a listener, the app is in the foreground (if that is observed) and
 * the listeners keep up. Each time it resumes at its cursor.
 */
internal class LiveChanges(
    private val serial: Serial,
    private val watch: (cursor: String?, WatchListener) -> NativeWatch,
) {
    private val listeners = CopyOnWriteArrayList<LiveListener>()
    private val lock = Any()
    private var running: Run? = null
    private var cursor: String? = null
    private var isForeground = true
    private var undelivered = 0

    @Volatile
    private var failure: SessionException? = null
    private var status = OnlineStatus.IDLE

    /** Adds a listener, unless it is registered, and restarts a watch that has ended. */
    fun add(listener: LiveListener) {
        synchronized(lock) {
            if (!listeners.addIfAbsent(listener)) return
            clearFailure()
            val (now, over) = status to failure
            notifyListeners {
                if (it === listener) {
                    it.onStatus(now)
                    over?.let(it::onEnded)
                }
            }
            adjust()
        }
        serial.start()
    }

    /** Removes a listener. An event that is in progress may still reach it. */
    fun remove(listener: LiveListener) {
        listeners.remove(listener)
        synchronized(lock) { adjust() }
    }

    fun setForeground(isForeground: Boolean) {
        synchronized(lock) {
            this.isForeground = isForeground
            if (isForeground) clearFailure()
            adjust()
        }
        serial.start()
    }

    /** Reconnects at once, if the watch pauses or has ended. */
    fun reconnect() {
        synchronized(lock) {
            clearFailure()
            adjust()
            running?.native?.reconnect()
        }
        serial.start()
    }

    /** Ends the watch finally: the listeners receive the end, and no more changes. */
    fun close() {
        synchronized(lock) { end(SessionException.Closed()) }
        serial.start()
    }

    private val isClosed get() = failure is SessionException.Closed

    private fun clearFailure() {
        if (!isClosed) failure = null
    }

    /** Starts or stops the watch, as its conditions require. */
    private fun adjust() {
        val wanted = failure == null && isForeground &&
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
        notifyListeners { it.onEnded(reason) }
    }

    private fun setStatus(next: OnlineStatus) {
        if (next == status) return
        status = next
        notifyListeners { it.onStatus(next) }
    }

    private fun notifyListeners(event: (LiveListener) -> Unit) = serial.add {
        for (listener in listeners) {
            try {
                // The listener before may have removed it.
                if (listener in listeners) event(listener)
            } catch (thrown: Throwable) {
                reportUncaught(thrown)
            }
        }
    }

    private fun deliver(changes: List<SessionChange>) {
        undelivered++
        for (change in changes) notifyListeners { if (!isClosed) it.onChange(change) }
        serial.add {
            synchronized(lock) {
                undelivered--
                adjust()
            }
        }
    }

    /** Receives the events of one run. Those after its stop are dropped and come again later. */
    private inner class Run : WatchListener {
        var native: NativeWatch? = null

        override fun onChanges(result: SyncResult) {
            synchronized(lock) {
                if (running !== this) return
                cursor = result.cursor
                setStatus(OnlineStatus.ONLINE)
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
                    // Resuming after a hold or a pause in the background changes no status.
                    WatchStatus.Connecting ->
                        if (this@LiveChanges.status != OnlineStatus.ONLINE) {
                            setStatus(OnlineStatus.CONNECTING)
                        }
                    // Only once the cursor is known can no later change be missed.
                    WatchStatus.Live -> if (cursor != null) setStatus(OnlineStatus.ONLINE)
                    is WatchStatus.Broken -> setStatus(OnlineStatus.OFFLINE)
                    is WatchStatus.Ended -> end(status.failure)
                }
            }
            serial.start()
        }
    }

    private companion object {
        /** Limit of the answers that wait for a slow executor; the server keeps the others. */
        const val UNDELIVERED_MAX = 16
    }
}

/** Returns the status after a login or a watch failed with [failure]. */
internal fun statusAfter(failure: SessionException): OnlineStatus = when (failure) {
    is SessionException.Closed -> OnlineStatus.CLOSED
    is SessionException.Failed -> when (failure.code) {
        Codes.TOKEN_REFUSED -> OnlineStatus.REFUSED
        Codes.FORBIDDEN, Codes.ACCOUNT_BLOCKED -> OnlineStatus.FORBIDDEN
        else -> OnlineStatus.OFFLINE
    }
    is SessionException.UnexpectedAnswer,
    is SessionException.TokenProviderFailed,
    is SessionException.Internal,
    -> OnlineStatus.OFFLINE
}

// Delivers a call's outcome to its callback: on the executor, exactly once, despite exceptions.
package dev.huihua.sdk.internal

import dev.huihua.sdk.AbortableFuture
import dev.huihua.sdk.Call
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionException
import java.util.concurrent.Executor

/** Represents the outcome of a call: the three methods of a callback as values. */
internal sealed interface Outcome<out T> {
    class Success<T>(val value: T?) : Outcome<T>

    class Failed(val failure: SessionException.Failed) : Outcome<Nothing>

    class Exception(val error: Throwable) : Outcome<Nothing>
}

/** Controls a running call of the native library. */
internal interface NativeCall {
    /** Aborts the call; if it returns true, the callback is not called. */
    fun abort(): Boolean

    /** Frees the handle; the call continues. */
    fun destroy()
}

/**
 * Delivers the outcome of one call, which [end] sets, to its callback.
 *
 * Callback and outcome may be set in any order; once both are set, it posts to the executor. No
 * lock is held while code of the app runs.
 */
internal class Delivery<T>(private val executor: Executor) : Call, AbortableFuture<T> {
    private enum class Phase { OPEN, POSTED, DELIVERED, ABORTED }

    private val lock = Any()
    private var phase = Phase.OPEN
    private var outcome: Outcome<T>? = null
    private var callback: RequestCallback<T>? = null
    private var callbackIsSet = false
    private var native: NativeCall? = null

    override fun setCallback(callback: RequestCallback<T>?) {
        synchronized(lock) {
            check(!callbackIsSet) { "setCallback was called before" }
            callbackIsSet = true
            this.callback = callback
        }
        post()
    }

    /** Sets the handle of the call, which may have ended or been aborted meanwhile. */
    fun started(call: NativeCall) {
        val aborted = synchronized(lock) {
            if (phase == Phase.OPEN && outcome == null) {
                native = call
                return
            }
            phase == Phase.ABORTED
        }
        if (aborted) call.abort()
        call.destroy()
    }

    /** Sets the outcome; only the first one counts. May run on any thread, never throws. */
    fun end(outcome: Outcome<T>) {
        val finished = synchronized(lock) {
            if (this.outcome != null) return
            this.outcome = outcome
            native.also { native = null }
        }
        finished?.destroy()
        post()
    }

    override fun abort(): Boolean {
        val running = synchronized(lock) {
            if (phase == Phase.DELIVERED || phase == Phase.ABORTED) return false
            phase = Phase.ABORTED
            callback = null
            native.also { native = null }
        }
        running?.abort()
        running?.destroy()
        return true
    }

    private fun post() {
        synchronized(lock) {
            if (phase != Phase.OPEN || outcome == null || callback == null) return
            phase = Phase.POSTED
        }
        try {
            executor.execute(::deliver)
        } catch (refused: Throwable) {
            // The app's executor rejected the task; the call must end once all the same.
            synchronized(lock) { outcome = Outcome.Exception(refused) }
            Platform.callbackExecutor.execute(::deliver)
        }
    }

    private fun deliver() {
        val (outcome, callback) = synchronized(lock) {
            if (phase != Phase.POSTED) return
            phase = Phase.DELIVERED
            checkNotNull(outcome) to checkNotNull(callback).also { callback = null }
        }
        try {
            when (outcome) {
                is Outcome.Success -> callback.onSuccess(outcome.value)
                is Outcome.Failed -> callback.onFailed(outcome.failure)
                is Outcome.Exception -> callback.onException(outcome.error)
            }
        } catch (thrown: Throwable) {
            reportUncaught(thrown)
        }
    }
}

/**
 * Passes an exception of the app's code to the thread's uncaught-exception handler. It is not
 * rethrown: an executor may swallow it, and the native library takes an Error for success.
 */
internal fun reportUncaught(thrown: Throwable) {
    val thread = Thread.currentThread()
    try {
        thread.uncaughtExceptionHandler.uncaughtException(thread, thrown)
    } catch (_: Throwable) {
        // The JVM ignores exceptions of a handler, too.
    }
}

/** Converts an exception; any that is not a SessionException comes from the app's executor. */
internal fun Throwable.toSessionException(): SessionException =
    this as? SessionException
        ?: SessionException.Internal("internal error: the callback executor failed", this)

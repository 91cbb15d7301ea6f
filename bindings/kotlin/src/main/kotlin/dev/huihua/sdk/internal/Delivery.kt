// Brings a call's outcome to its callback: on the executor, exactly once, whatever is thrown.
package dev.huihua.sdk.internal

import dev.huihua.sdk.AbortableFuture
import dev.huihua.sdk.Call
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionException
import java.util.concurrent.Executor

/** How a call ended: the three methods of a callback, as values. */
internal sealed interface Outcome<out T> {
    class Success<T>(val value: T?) : Outcome<T>

    class Failed(val failure: SessionException.Failed) : Outcome<Nothing>

    class Exception(val error: Throwable) : Outcome<Nothing>
}

/** What a running call of the native library can be told. */
internal interface NativeCall {
    /** Stops it; its callback is not called after true. */
    fun abort(): Boolean

    /** Frees the handle; the call itself goes on. */
    fun destroy()
}

/**
 * One call's way from [end] to its callback. Callback and outcome may come in any order; the first
 * moment with both posts to the executor. No lock is held while code of the app runs.
 */
internal class Delivery<T>(private val executor: Executor) : Call, AbortableFuture<T> {
    private enum class Phase { OPEN, POSTED, TOLD, ABORTED }

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

    /** Takes the handle of the call, which may have ended or been aborted in the meantime. */
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

    /** Takes the outcome; the first one counts. Called on any thread, never throws. */
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
            if (phase == Phase.TOLD || phase == Phase.ABORTED) return false
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
            executor.execute(::tell)
        } catch (refused: Throwable) {
            // The app's executor is ours to survive; the call still has to end once.
            synchronized(lock) { outcome = Outcome.Exception(refused) }
            Platform.callbackExecutor.execute(::tell)
        }
    }

    private fun tell() {
        val (outcome, callback) = synchronized(lock) {
            if (phase != Phase.POSTED) return
            phase = Phase.TOLD
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
 * Gives what code of the app threw to the thread's uncaught-exception handler. Not by throwing it
 * on: an executor may swallow it, and the border takes an Error for success.
 */
internal fun reportUncaught(thrown: Throwable) {
    val thread = Thread.currentThread()
    try {
        thread.uncaughtExceptionHandler.uncaughtException(thread, thrown)
    } catch (_: Throwable) {
        // As the JVM does with what a handler throws.
    }
}

/** What `onException` brings, as one type: all but ours is what the app's executor threw. */
internal fun Throwable.toSessionException(): SessionException =
    this as? SessionException
        ?: SessionException.Internal("internal error: the callback executor failed", this)

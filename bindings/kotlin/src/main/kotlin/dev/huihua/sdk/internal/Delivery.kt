// Delivers a call's outcome to its callback: on the executor, exactly once, despite exceptions.
package dev.huihua.sdk.internal

import dev.huihua.sdk.Call
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionException
import java.util.concurrent.Executor

/** Represents the outcome of a call. */
internal sealed interface Outcome<out T> {
    /** Holds the result; null for a call without one. */
    class Success<T>(val value: T?) : Outcome<T>

    /** Holds a [SessionException], or the exception of the app's executor. */
    class Failure(val error: Throwable) : Outcome<Nothing>
}

/** Controls a running call of the native library. */
internal interface NativeCall {
    /** Aborts the call; if it returns true, the callback is not called. */
    fun abort(): Boolean

    /** Frees the handle; the call continues. */
    fun destroy()
}

/**
 * Delivers the outcome of one call, which [end] sets, to its receiver: the app's callback, or code
 * of the facade that takes the outcome as a value.
 *
 * Receiver and outcome may be set in any order; once both are set, it posts to the executor. No
 * lock is held while code of the app runs.
 */
internal class Delivery<T>(private val executor: Executor) : Call {
    private enum class Phase { OPEN, POSTED, DELIVERED, ABORTED }

    private val lock = Any()
    private var phase = Phase.OPEN
    private var outcome: Outcome<T>? = null
    private var receiver: ((Outcome<T>) -> Unit)? = null
    private var receiverIsSet = false
    private var native: NativeCall? = null

    /** Sets the app's callback; null ignores the outcome. */
    fun setCallback(callback: RequestCallback<T>?) = receive(callback?.let { it::end })

    /** Sets the receiver of the outcome, once; null ignores it. A later call has no effect. */
    fun receive(receiver: ((Outcome<T>) -> Unit)?) {
        synchronized(lock) {
            if (receiverIsSet) return
            receiverIsSet = true
            this.receiver = receiver
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
            receiver = null
            native.also { native = null }
        }
        running?.abort()
        running?.destroy()
        return true
    }

    private fun post() {
        synchronized(lock) {
            if (phase != Phase.OPEN || outcome == null || receiver == null) return
            phase = Phase.POSTED
        }
        try {
            executor.execute(::deliver)
        } catch (refused: Throwable) {
            // The app's executor rejected the task; the call must end once all the same.
            synchronized(lock) { outcome = Outcome.Failure(refused) }
            Platform.callbackExecutor.execute(::deliver)
        }
    }

    private fun deliver() {
        val (outcome, receiver) = synchronized(lock) {
            if (phase != Phase.POSTED) return
            phase = Phase.DELIVERED
            checkNotNull(outcome) to checkNotNull(receiver).also { receiver = null }
        }
        try {
            receiver(outcome)
        } catch (thrown: Throwable) {
            reportUncaught(thrown)
        }
    }
}

/** The edge to the app: calls the method of the callback that the outcome is for. */
private fun <T> RequestCallback<T>.end(outcome: Outcome<T>) = when (outcome) {
    is Outcome.Success -> onSuccess(outcome.value)
    is Outcome.Failure -> when (val error = outcome.error) {
        is SessionException.Failed -> onFailed(error)
        else -> onException(error)
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

// The outcome of a call as a value, so that the tour reads from top to bottom; apps use callbacks.
package dev.huihua.demo

import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.nim.InvocationFuture
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit

/** Represents the outcome of a call: one of the three methods of a callback. */
internal sealed class Outcome<out T> {
    class Succeeded<T>(val result: T) : Outcome<T>()

    class Failed(val code: Int) : Outcome<Nothing>()

    class Threw(val exception: Throwable) : Outcome<Nothing>()

    override fun toString(): String = when (this) {
        is Succeeded -> "onSuccess"
        is Failed -> "onFailed($code)"
        is Threw -> "onException(${exception.javaClass.simpleName}: ${exception.message})"
    }
}

/** Waits for the outcome of the call. */
internal fun <T> InvocationFuture<T>.outcome(): Outcome<T> {
    val outcome = CompletableFuture<Outcome<T>>()
    setCallback(object : RequestCallback<T> {
        override fun onSuccess(param: T) {
            outcome.complete(Outcome.Succeeded(param))
        }

        override fun onFailed(code: Int) {
            outcome.complete(Outcome.Failed(code))
        }

        override fun onException(exception: Throwable) {
            outcome.complete(Outcome.Threw(exception))
        }
    })
    // Longer than the SDK's own timeout of a call.
    return outcome.get(60, TimeUnit.SECONDS)
}

/** Waits for the result of a call that must succeed. */
internal fun <T> InvocationFuture<T>.result(): T = when (val outcome = outcome()) {
    is Outcome.Succeeded -> outcome.result
    is Outcome.Failed, is Outcome.Threw -> error("a call ended in $outcome")
}

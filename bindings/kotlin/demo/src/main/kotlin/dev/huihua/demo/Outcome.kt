// How a call ended, as a value: the tour reads from top to bottom. An app goes on in its callback.
package dev.huihua.demo

import dev.huihua.sdk.InvocationFuture
import dev.huihua.sdk.RequestCallback
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit

/** One of the three methods of a callback, with what it brought. */
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

/** Waits until the callback is told. */
internal fun <T> InvocationFuture<T>.outcome(): Outcome<T> {
    val told = CompletableFuture<Outcome<T>>()
    setCallback(object : RequestCallback<T> {
        override fun onSuccess(param: T) {
            told.complete(Outcome.Succeeded(param))
        }

        override fun onFailed(code: Int) {
            told.complete(Outcome.Failed(code))
        }

        override fun onException(exception: Throwable) {
            told.complete(Outcome.Threw(exception))
        }
    })
    // Longer than the SDK's own deadline of a call.
    return told.get(60, TimeUnit.SECONDS)
}

/** The result of a call that has to succeed. */
internal fun <T> InvocationFuture<T>.result(): T = when (val outcome = outcome()) {
    is Outcome.Succeeded -> outcome.result
    is Outcome.Failed, is Outcome.Threw -> error("a call ended in $outcome")
}

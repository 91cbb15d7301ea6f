// A callback that records its outcomes.
package dev.huihua.sdk

import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue

/** Records every outcome, then calls [onReceived], which may throw. */
class Recorder<T>(private val onReceived: () -> Unit = {}) : RequestCallback<T> {
    private val answered = CountDownLatch(1)

    /** All outcomes in order: a second entry means that a call ended twice. */
    val answers = CopyOnWriteArrayList<Any?>()

    @Volatile
    lateinit var thread: Thread

    override fun onSuccess(param: T) = note(Success(param))

    override fun onFailed(code: Int) = note(code)

    override fun onException(exception: Throwable) = note(exception)

    /** Waits for the result. */
    fun result(): T {
        val answer = answer()
        assertTrue("success expected, not $answer", answer is Success<*>)
        @Suppress("UNCHECKED_CAST")
        return (answer as Success<T>).value
    }

    /** Waits for the code of `onFailed`. */
    fun code(): Any? = answer()

    /** Waits for the exception of `onException`. */
    fun exception(): Throwable {
        val answer = answer()
        assertTrue("an exception expected, not $answer", answer is Throwable)
        return answer as Throwable
    }

    /** Returns whether an outcome arrives within this time. */
    fun receivedWithin(ms: Long): Boolean = answered.await(ms, TimeUnit.MILLISECONDS)

    private fun answer(): Any? {
        assertTrue("no answer", answered.await(PATIENCE_S, TimeUnit.SECONDS))
        assertEquals("answers", 1, answers.size)
        return answers.single()
    }

    private fun note(answer: Any?) {
        thread = Thread.currentThread()
        answers += answer
        try {
            onReceived()
        } finally {
            answered.countDown()
        }
    }

    private class Success<T>(val value: T)

    private companion object {
        const val PATIENCE_S = 40L
    }
}

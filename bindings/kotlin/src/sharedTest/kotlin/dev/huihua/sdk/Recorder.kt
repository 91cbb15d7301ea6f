// A callback that remembers what it was told.
package dev.huihua.sdk

import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue

/** Remembers every call of itself; [told] after it remembered, for tests that throw there. */
class Recorder<T>(private val told: () -> Unit = {}) : RequestCallback<T> {
    private val answered = CountDownLatch(1)

    /** Everything it was told, in order: a second entry is a second answer. */
    val answers = CopyOnWriteArrayList<Any?>()

    @Volatile
    lateinit var thread: Thread

    override fun onSuccess(param: T) = note(Success(param))

    override fun onFailed(code: Int) = note(code)

    override fun onException(exception: Throwable) = note(exception)

    /** The result, after waiting for it. */
    fun result(): T {
        val answer = answer()
        assertTrue("success expected, not $answer", answer is Success<*>)
        @Suppress("UNCHECKED_CAST")
        return (answer as Success<T>).value
    }

    /** The code of `onFailed`, after waiting for it. */
    fun code(): Any? = answer()

    /** The exception of `onException`, after waiting for it. */
    fun exception(): Throwable {
        val answer = answer()
        assertTrue("an exception expected, not $answer", answer is Throwable)
        return answer as Throwable
    }

    /** Whether it was told anything within this time. */
    fun toldWithin(ms: Long): Boolean = answered.await(ms, TimeUnit.MILLISECONDS)

    private fun answer(): Any? {
        assertTrue("no answer", answered.await(PATIENCE_S, TimeUnit.SECONDS))
        assertEquals("answers", 1, answers.size)
        return answers.single()
    }

    private fun note(answer: Any?) {
        thread = Thread.currentThread()
        answers += answer
        try {
            told()
        } finally {
            answered.countDown()
        }
    }

    private class Success<T>(val value: T)

    private companion object {
        const val PATIENCE_S = 40L
    }
}

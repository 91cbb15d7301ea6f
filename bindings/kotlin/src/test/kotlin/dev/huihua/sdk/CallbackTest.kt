// The app's callbacks: their threads, their exceptions, and those of executors and providers.
package dev.huihua.sdk

import com.sun.jna.Callback
import dev.huihua.sdk.ScriptedServer.Companion.PAGE
import dev.huihua.sdk.ScriptedServer.Companion.fail
import dev.huihua.sdk.ScriptedServer.Companion.send
import dev.huihua.sdk.internal.CallbackThreads
import java.util.concurrent.Executor
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test

class CallbackTest {
    /** Whoever holds it while a call starts gets its answer afterwards, however slow the thread. */
    private val starting = ReentrantLock()

    private val server = ScriptedServer {
        starting.withLock {}
        when (it.requestURI.path.substringAfterLast('/')) {
            "sessions" -> it.send(200, PAGE)
            "p2p%7Cgone", "p2p|gone" -> it.fail(404, 404)
            else -> it.send(502, "<html>proxy</html>", "text/html")
        }
    }

    @Test
    fun anExceptionOfACallbackReachesOnlyTheUncaughtHandler() = server.use {
        server.service().use { service -> throwFromEachMethod(service, "huihua-callback") }
    }

    @Test
    fun anExceptionOnADirectExecutorReachesOnlyTheUncaughtHandler() = server.use {
        server.service { callbackExecutor(Executor(Runnable::run)) }
            .use { service -> throwFromEachMethod(service, "huihua-runtime") }
    }

    private fun throwFromEachMethod(service: SessionService, thread: String) {
        val calls = listOf<(Recorder<Any>) -> Call>(
            { service.queryMySessionList(null, it.cast()) },
            { service.queryMySession("p2p|gone", it.cast()) },
            { service.queryMySession("p2p|garbage", it.cast()) },
        )
        val expected = listOf("PageAnswer", 404, SessionException.UnexpectedAnswer::class)
        for ((call, answer) in calls.zip(expected)) {
            for (thrown in listOf(IllegalStateException("a bug"), AssertionError("a bug"))) {
                val uncaught = uncaughtDuring {
                    val recorder = Recorder<Any> { throw thrown }
                    starting.withLock { call(recorder) }
                    assertTrue(recorder.receivedWithin(20_000))
                    // The next call works, and the first one has no second outcome.
                    Recorder<RecentSessionList>().also { service.queryMySessionList(null, it) }
                        .result()
                    assertEquals("$answer", 1, recorder.answers.size)
                    if (answer == 404) assertEquals(404, recorder.answers.single())
                }
                assertSame(thrown, uncaught.second)
                assertEquals(thread, uncaught.first.name)
            }
        }
    }

    /** Returns the only exception that reaches the uncaught-exception handler during [block]. */
    private fun uncaughtDuring(block: () -> Unit): Pair<Thread, Throwable> {
        val seen = LinkedBlockingQueue<Pair<Thread, Throwable>>()
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { thread, thrown -> seen += thread to thrown }
        try {
            block()
            val first = checkNotNull(seen.poll(10, TimeUnit.SECONDS)) { "nothing was uncaught" }
            assertNull("a second one", seen.poll(50, TimeUnit.MILLISECONDS))
            return first
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
    }

    @Test
    fun theSdksThreadsAreDaemons() = server.use {
        val onRuntime = Recorder<RecentSessionList>()
        server.service { callbackExecutor(Executor(Runnable::run)) }.use {
            starting.withLock { it.queryMySessionList(null, onRuntime) }
            onRuntime.result()
        }
        val byDefault = Recorder<RecentSessionList>()
        server.service().use {
            it.queryMySessionList(null, byDefault)
            byDefault.result()
        }
        for (thread in listOf(onRuntime.thread, byDefault.thread)) {
            assertTrue("${thread.name} keeps the JVM alive", thread.isDaemon)
        }
        assertEquals("huihua-runtime", onRuntime.thread.name)
    }

    @Test
    fun aRejectingExecutorEndsTheCallInOnException() = server.use {
        val refusal = RejectedExecutionException("full")
        server.service { callbackExecutor { throw refusal } }.use { service ->
            repeat(2) {
                val recorder = Recorder<RecentSessionList>()
                service.queryMySessionList(null, recorder)
                assertSame(refusal, recorder.exception())
                assertEquals("huihua-callback", recorder.thread.name)
            }
        }
    }

    @Test
    fun aFailingTokenProviderEndsTheCallAndIsRetried() = server.use {
        val failures = ArrayDeque(listOf(IllegalStateException("no login"), AssertionError("bug")))
        val threads = LinkedBlockingQueue<Thread>()
        val provider = TokenProvider {
            threads += Thread.currentThread()
            throw failures.removeFirstOrNull() ?: return@TokenProvider "token"
        }
        val url = server.options().build().serverUrls.first()
        SessionService(SessionServiceOptions.Builder(url, provider).build()).use { service ->
            for (failure in failures.toList()) {
                val recorder = Recorder<RecentSessionList>()
                service.queryMySessionList(null, recorder)
                val received = recorder.exception()
                assertTrue("$received", received is SessionException.TokenProviderFailed)
                assertSame(failure, received.cause)
            }
            Recorder<RecentSessionList>().also { service.queryMySessionList(null, it) }.result()
        }
        assertEquals(3, threads.size)
        assertTrue(threads.all { it.isDaemon && it != Thread.currentThread() })
    }

    @Test
    fun aRefusedTokenIsRefreshedOnce() {
        val real = ServerProcess.shared
        val asked = LinkedBlockingQueue<Boolean>()
        val provider = TokenProvider { refresh ->
            asked += refresh
            if (refresh) real.token("renewer") else "expired"
        }
        SessionService(SessionServiceOptions.Builder(real.url, provider).build()).use { service ->
            repeat(2) {
                Recorder<RecentSessionList>().also { service.queryMySessionList(null, it) }.result()
            }
        }
        assertEquals(listOf(false, true), asked.toList())
    }

    @Test
    fun aForeignAnswerIsAnException() = server.use {
        server.service().use { service ->
            val recorder = Recorder<RecentSession>()
            service.queryMySession("p2p|garbage", recorder)
            val received = recorder.exception()
            assertTrue("$received", received is SessionException.UnexpectedAnswer)
            assertEquals(502, (received as SessionException.UnexpectedAnswer).status)
        }
    }

    @Test
    fun aCallNeedsNoCallback() {
        val deletions = AtomicInteger()
        ScriptedServer {
            deletions.incrementAndGet()
            it.send(204, "")
        }.use { server ->
            server.service().use { service ->
                service.deleteMySession(listOf("p2p|amy"), null)
                awaitTrue("the request") { deletions.get() == 1 }
            }
        }
    }

    /** A callback that is not in the list would attach and detach a Java thread at each call. */
    @Test
    fun everyGeneratedCallbackIsInTheListOfCallbackThreads() {
        val generated = Leftovers.generatedClasses()
            .filter { Callback::class.java.isAssignableFrom(it) && !it.isInterface }
            .toSet()
        assertFalse(generated.isEmpty())
        assertEquals(generated, CallbackThreads.callbacks.map { it.javaClass }.toSet())
    }

    @Suppress("UNCHECKED_CAST")
    private fun <T> Recorder<Any>.cast() = this as RequestCallback<T>
}

// The handles of calls: abort, garbage collection, close, and leaks.
package dev.huihua.sdk

import dev.huihua.sdk.ScriptedServer.Companion.PAGE
import dev.huihua.sdk.ScriptedServer.Companion.send
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.random.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

class CallTest {
    @Test
    fun anAbortedCallCallsNoCallback() {
        val gate = CountDownLatch(1)
        ScriptedServer.stalled(gate).use { server ->
            server.service().use { service ->
                val recorder = Recorder<RecentSessionList>()
                val call = service.queryMySessionList(null, recorder)
                assertTrue(call.abort())
                assertFalse("a second abort aborts nothing", call.abort())
                gate.countDown()
                // The outcome of a later call shows that the first one's time is over.
                Recorder<RecentSessionList>()
                    .also { service.queryMySessionList(null, it) }.result()
                assertFalse(recorder.receivedWithin(100))
            }
        }
    }

    @Test
    fun abortReturnsTheTruthAtEveryMoment() {
        val random = Random(7)
        ScriptedServer { it.send(200, PAGE) }.use { server ->
            server.service().use { service ->
                val rounds = (0 until 500).map {
                    val recorder = Recorder<RecentSessionList>()
                    val call = service.queryMySessionList(null, recorder)
                    val end = System.nanoTime() + random.nextLong(3_000_000)
                    while (System.nanoTime() < end) Thread.onSpinWait()
                    call.abort() to recorder
                }
                rounds.filterNot { it.first }.forEach { it.second.result() }
                Thread.sleep(100) // An aborted call would have called its callback by now.
                rounds.filter { it.first }.forEach { assertEquals(0, it.second.answers.size) }
                val aborted = rounds.count { it.first }
                assertTrue("both must occur, $aborted aborted", aborted in 1 until rounds.size)
            }
        }
    }

    @Test
    fun anOutcomeThatWaitsForItsExecutorCanBeAborted() {
        val tasks = java.util.concurrent.LinkedBlockingQueue<Runnable>()
        ScriptedServer { it.send(200, PAGE) }.use { server ->
            server.service { callbackExecutor(tasks::add) }.use { service ->
                val recorder = Recorder<RecentSessionList>()
                val call = service.queryMySessionList(null, recorder)
                val task = checkNotNull(tasks.poll(10, TimeUnit.SECONDS))
                assertTrue(call.abort())
                task.run()
                assertEquals(0, recorder.answers.size)
            }
        }
    }

    /** As with NIM, an app need not keep handle or service: their collection must end no call. */
    @Test
    fun garbageCollectionOfHandleAndServiceEndsNoCall() {
        val gate = CountDownLatch(1)
        ScriptedServer.stalled(gate).use { server ->
            val recorder = Recorder<RecentSessionList>()
            startAndForget(server, recorder)
            awaitTrue("the request arrived") { server.requests.get() == 1 }
            collect()
            assertFalse(recorder.receivedWithin(50))
            gate.countDown()
            assertEquals(1, recorder.result().sessionList.size)
        }
    }

    private fun startAndForget(server: ScriptedServer, recorder: Recorder<RecentSessionList>) {
        server.service().queryMySessionList(null, recorder)
    }

    @Test
    fun closeEndsRunningCalls() {
        val gate = CountDownLatch(1)
        ScriptedServer.stalled(gate).use { server ->
            val service = server.service()
            val recorders = (1..5).map { Recorder<RecentSessionList>() }
            recorders.forEach { service.queryMySessionList(null, it) }
            awaitTrue("the requests arrived") { server.requests.get() == recorders.size }
            service.close()
            recorders.forEach { assertTrue(it.exception() is SessionException.Closed) }
            gate.countDown()
        }
    }

    @Test
    fun tenThousandCallsLeakNothing() {
        collect() // Services that other tests only dropped are gone now.
        val providers = Leftovers.tokenProviders()
        val others = Leftovers.runtimeThreads()
        ServerProcess.shared.service("busy").use { service ->
            run(service, 200) // Threads and connections that stay are there now.
            val threads = Leftovers.javaThreads()
            val nativeThreads = Leftovers.nativeThreads().size
            run(service, 10_000)
            awaitAtMost(0, "callbacks") { Leftovers.callbacks().values.sum() }
            // One of the two workers may have called no callback before and is no Java thread then.
            awaitAtMost(threads + 1, "Java threads", Leftovers::javaThreads)
            awaitAtMost(nativeThreads, "threads") { Leftovers.nativeThreads().size }
            awaitAtMost(providers + 1, "token providers", Leftovers::tokenProviders)
        }
        awaitAtMost(providers, "token providers", Leftovers::tokenProviders)
        awaitAtMost(others, "runtime threads", Leftovers::runtimeThreads)
        // The thread of the last callback may still reference it.
        awaitAtMost(0, "objects of calls") { Leftovers.objectsOfCalls().values.sum() }
    }

    /** Makes [count] calls of all five kinds, 50 at a time, each with one outcome. */
    private fun run(service: SessionService, count: Int) {
        val window = Semaphore(50)
        val answers = AtomicInteger()
        repeat(count) { n ->
            window.acquire()
            val received = {
                answers.incrementAndGet()
                window.release()
            }
            when (n % 5) {
                0 -> service.queryMySessionList(null, Recorder(received))
                1 -> service.queryMySession("p2p|amy", Recorder(received))
                2 -> service.updateMySession("p2p|amy", "x", Recorder(received))
                3 -> service.sync(null, Recorder(received))
                else -> service.deleteMySession(listOf("p2p|amy"), Recorder(received))
            }
        }
        window.acquire(50)
        assertEquals(count, answers.get())
    }
}

/** Longer than a call of another test can last on a busy machine. */
private val PATIENCE_NS = TimeUnit.SECONDS.toNanos(60)

/** Waits for a condition that other threads fulfil. */
internal fun awaitTrue(what: String, condition: () -> Boolean) {
    val deadline = System.nanoTime() + PATIENCE_NS
    while (!condition()) {
        assertTrue(what, System.nanoTime() < deadline)
        Thread.sleep(10)
    }
}

/** Waits until a count, which other threads lower, is at most [limit]. */
internal fun awaitAtMost(limit: Int, what: String, count: () -> Int) {
    val deadline = System.nanoTime() + PATIENCE_NS
    while (count() > limit) {
        assertTrue(
            "$what: ${count()}, at most $limit; callbacks ${Leftovers.callbacks()}, " +
                "objects ${Leftovers.objectsOfCalls()}",
            System.nanoTime() < deadline,
        )
        Thread.sleep(10)
    }
}

/** Runs the garbage collector until an unreferenced object is gone and JNA's cleaner ran. */
internal fun collect() {
    val canary = java.lang.ref.WeakReference(Any())
    awaitTrue("a collection") {
        System.gc()
        canary.get() == null
    }
    repeat(3) {
        System.gc()
        Thread.sleep(50)
    }
}

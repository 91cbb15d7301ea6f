// Ten thousand calls under all faults at once, some of them aborted: each has one outcome, or none
// if it was aborted, and nothing leaks.
package dev.huihua.sdk

import java.util.concurrent.Semaphore
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicIntegerArray
import kotlin.random.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class FaultStormTest {
    private val server = ServerProcess.shared

    @Test
    fun tenThousandCallsUnderFaultsLeakNothing() {
        warmUp()
        collect() // Services that other tests only dropped are gone now.
        val providers = Leftovers.tokenProviders()
        val runtimeThreads = Leftovers.runtimeThreads()
        val javaThreads = Leftovers.javaThreads()
        val sockets = Leftovers.sockets()
        val storm = FaultProxy(server, ::fault).use { proxy ->
            proxy.service("stormy") {
                connectTimeoutMs(500).attemptTimeoutMs(500).callTimeoutMs(1_500).attemptsMax(2)
            }.use { service -> Storm(service).also(Storm::run) }
        }
        storm.assertToldOnce()
        awaitAtMost(0, "callbacks") { Leftovers.callbacks().values.sum() }
        awaitAtMost(providers, "token providers", Leftovers::tokenProviders)
        awaitAtMost(runtimeThreads, "runtime threads", Leftovers::runtimeThreads)
        awaitAtMost(javaThreads, "Java threads", Leftovers::javaThreads)
        awaitAtMost(sockets, "sockets", Leftovers::sockets)
        assertEquals(emptyMap<String, Int>(), Leftovers.objectsOfCalls())
    }

    /** Uses everything once: the callback thread and a socket of Java then stay for good. */
    private fun warmUp() = FaultProxy(server).use { proxy ->
        proxy.service("stormy").use { service ->
            Recorder<Any>().also { FiveCalls.UPDATE.start(service, it) }.result()
        }
    }

    private val random = Random(11)

    /** A third of the requests fail. Few stall: each takes the time of a whole attempt. */
    private fun fault(request: HttpBytes): Fault {
        assertTrue(request.firstLine.endsWith("HTTP/1.1"))
        val dice = synchronized(random) { random.nextInt(1_000) }
        return when {
            dice < 60 -> Fault.Reset
            dice < 120 -> Fault.ResetAnswer
            dice < 180 -> Fault.HalfAnswer
            dice < 220 -> Fault.Garbage
            dice < 240 -> Fault.Stall
            dice < 245 -> Fault.Trickle
            dice < 246 -> Fault.Huge
            dice < 280 -> Fault.Answer(502, "<html>", listOf("Content-Type: text/html"))
            dice < 300 -> problem(503, 503)
            dice < 320 -> problem(429, 416, "Retry-After: 60")
            else -> Fault.Pass
        }
    }

    /** Makes [COUNT] calls, 100 at a time; many are aborted at random moments. */
    private class Storm(private val service: SessionService) {
        private val received = AtomicIntegerArray(COUNT)
        private val aborted = AtomicIntegerArray(COUNT)
        private val outcomes = java.util.concurrent.ConcurrentHashMap<String, AtomicInteger>()
        private val window = Semaphore(WINDOW)
        private val random = Random(12)

        fun run() {
            repeat(COUNT) { n ->
                if (n % CHURN == 0) listenAnew()
                window.acquire()
                val recent = n % RECENT
                calls[recent] = n to
                    FiveCalls.entries[n % FiveCalls.entries.size].start(service, Counter(n))
                if (random.nextInt(5) == 0) abort(calls[random.nextInt(RECENT)])
            }
            window.acquire(WINDOW)
            subscription.close()
            calls.fill(null) // What is counted afterwards is not what this test holds.
        }

        /** Aborts recent calls, which may be running, being delivered, or over. */
        private val calls = arrayOfNulls<Pair<Int, Call>>(RECENT)

        private fun abort(call: Pair<Int, Call>?) {
            val (n, handle) = call ?: return
            if (!handle.abort()) return
            aborted.incrementAndGet(n)
            window.release()
        }

        private val observer = Observer<SessionChange> {}
        private var subscription = service.observeSessionChanges(observer)
        private var list = SessionList(service)

        /** Replaces an observer and a list, with all that they have in progress. */
        private fun listenAnew() {
            subscription.close()
            list.close()
            subscription = service.observeSessionChanges(observer)
            list = SessionList(service, pageSize = 2).also(SessionList::open)
            list.loadMore()
        }

        fun assertToldOnce() {
            for (n in 0 until COUNT) {
                assertEquals("call $n", 1 - aborted.get(n), received.get(n))
            }
            // Otherwise there were too few faults.
            val seen = outcomes.keys
            for (outcome in listOf("success", "415", "408", "416", "503", "UnexpectedAnswer")) {
                assertTrue("$outcome never came: $outcomes", outcome in seen)
            }
            assertTrue("no abort", (0 until COUNT).any { aborted.get(it) == 1 })
        }

        private inner class Counter(private val n: Int) : RequestCallback<Any> {
            override fun onSuccess(param: Any?) = count("success")

            override fun onFailed(code: Int) = count("$code")

            override fun onException(exception: Throwable) =
                count(exception.javaClass.simpleName)

            private fun count(outcome: String) {
                received.incrementAndGet(n)
                outcomes.computeIfAbsent(outcome) { AtomicInteger() }.incrementAndGet()
                window.release()
            }
        }
    }

    private companion object {
        const val COUNT = 10_000
        const val WINDOW = 100
        const val CHURN = 50
        const val RECENT = 2 * WINDOW
    }
}

// Ten thousand calls under every fault at once, some of them aborted: each is told once or never,
// and nothing stays behind.
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
    fun tenThousandCallsUnderFaultsLeaveNothingBehind() {
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

    /** What stays once it was used is there now: the callback thread, a socket that Java keeps. */
    private fun warmUp() = FaultProxy(server).use { proxy ->
        proxy.service("stormy").use { service ->
            Recorder<Any>().also { FiveCalls.UPDATE.start(service, it) }.result()
        }
    }

    private val random = Random(11)

    /** A third of the requests go wrong. Few stall: each takes a whole attempt's time. */
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

    /** [COUNT] calls, 100 at a time; one of ten is aborted at a random moment. */
    private class Storm(private val service: SessionService) {
        private val told = AtomicIntegerArray(COUNT)
        private val aborted = AtomicIntegerArray(COUNT)
        private val outcomes = java.util.concurrent.ConcurrentHashMap<String, AtomicInteger>()
        private val window = Semaphore(WINDOW)
        private val random = Random(12)

        fun run() {
            repeat(COUNT) { n ->
                window.acquire()
                val call = FiveCalls.entries[n % FiveCalls.entries.size]
                    .start(service, Counter(n))
                if (random.nextInt(10) == 0) {
                    repeat(random.nextInt(100)) { Thread.onSpinWait() }
                    if (call.abort()) {
                        aborted.incrementAndGet(n)
                        window.release()
                    }
                }
            }
            window.acquire(WINDOW)
        }

        fun assertToldOnce() {
            for (n in 0 until COUNT) {
                assertEquals("call $n", 1 - aborted.get(n), told.get(n))
            }
            // Else it was no storm.
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
                told.incrementAndGet(n)
                outcomes.computeIfAbsent(outcome) { AtomicInteger() }.incrementAndGet()
                window.release()
            }
        }
    }

    private companion object {
        const val COUNT = 10_000
        const val WINDOW = 100
    }
}

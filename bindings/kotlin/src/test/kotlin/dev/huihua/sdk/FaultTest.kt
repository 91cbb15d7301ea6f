// Each fault of the network and of the server, alone: the expected outcome, once, in time, and the
// service works as soon as the fault is over.
package dev.huihua.sdk

import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class FaultTest {
    private val server = ServerProcess.shared
    private val proxy = FaultProxy(server)
    private val account = "faulty${accounts.incrementAndGet()}"

    @After
    fun closeProxy() = proxy.close()

    private fun SessionServiceOptions.Builder.hasty() =
        connectTimeoutMs(ATTEMPT_MS).attemptTimeoutMs(ATTEMPT_MS).callTimeoutMs(CALL_MS)
            .attemptsMax(2)

    @Test
    fun eachFaultHasItsExpectedOutcome() = proxy.service(account) { hasty() }.use { service ->
        update(service)
        val html = Fault.Answer(502, "<html>proxy</html>", listOf("Content-Type: text/html"))
        val json = listOf("Content-Type: application/json")
        val expected = mapOf(
            Fault.Reset to "415",
            Fault.ResetAnswer to "415",
            Fault.Stall to "408",
            Fault.HalfAnswer to "415",
            Fault.Trickle to "408",
            Fault.Garbage to "415",
            Fault.Huge to "UnexpectedAnswer 200",
            html to "UnexpectedAnswer 502",
            Fault.Answer(200, "{\"a\":[}", json) to "UnexpectedAnswer 200",
            Fault.Answer(200, "{\"a\":1}", json) to "UnexpectedAnswer 200",
            Fault.Answer(200, "", json) to "UnexpectedAnswer 200",
            Fault.Answer(418, "{}", json) to "UnexpectedAnswer 418",
            problem(401, 302) to "302",
            problem(429, 416, "Retry-After: 3600") to "416",
            problem(503, 503, "Retry-After: 3600") to "503",
            problem(500, 500) to "500",
        )
        for ((fault, outcome) in expected) {
            proxy.script = { fault }
            endAll(service, "$fault".take(90), outcome)
            proxy.script = { Fault.Pass }
            Recorder<RecentSessionList>().also { service.queryMySessionList(null, it) }.result()
        }
    }

    @Test
    fun anUnreachableServerIsFailure415AndItsReturnIsEnough() =
        proxy.service(account) { hasty() }.use { service ->
            update(service)
            repeat(2) {
                proxy.down()
                endAll(service, "down", "415")
                proxy.up()
                update(service)
            }
        }

    /** Makes each of the five calls concurrently. */
    private fun endAll(service: SessionService, fault: String, outcome: String) {
        val recorders = FiveCalls.entries.associateWith { Recorder<Any>() }
        recorders.forEach { (call, recorder) -> call.start(service, recorder) }
        for ((call, recorder) in recorders) {
            assertTrue("$fault $call: over time", recorder.receivedWithin(CALL_MS + SLACK_MS))
            val received = when (val answer = recorder.answers.single()) {
                is SessionException.UnexpectedAnswer -> "UnexpectedAnswer ${answer.status}"
                else -> "$answer"
            }
            assertEquals("$fault $call", outcome, received)
        }
    }

    /** A retry of a write has the key of the call that it repeats. */
    @Test
    fun callsRecoverFromAPassingFault() {
        val faults = listOf(
            Fault.Reset, Fault.ResetAnswer, Fault.Stall, Fault.HalfAnswer, Fault.Garbage,
            problem(503, 503),
        )
        proxy.service(account) { attemptTimeoutMs(ATTEMPT_MS) }.use { service ->
            update(service)
            for (fault in faults) {
                for (call in FiveCalls.entries) {
                    proxy.requests.clear()
                    proxy.script = { if (proxy.requests.size == 1) fault else Fault.Pass }
                    Recorder<Any>().also { call.start(service, it) }.result()
                    val (first, second) = proxy.requests
                    assertEquals("$fault $call", first.firstLine, second.firstLine)
                    val keys = listOf(first, second).map { it.header("Idempotency-Key") }
                    val writes = call == FiveCalls.UPDATE || call == FiveCalls.DELETE
                    assertEquals("$fault $call: $keys", writes, keys.all { it != null })
                    assertEquals("$fault $call: one call, one key", 1, keys.toSet().size)
                    assertEquals("$fault $call: requests", 2, proxy.requests.size)
                }
            }
        }
    }

    @Test
    fun aFailureHasTheServersRetryAfter() {
        proxy.service(account).use { service ->
            for (refusal in listOf(problem(503, 503, "Retry-After: 1"), tooFrequent)) {
                proxy.requests.clear()
                val times = mutableListOf<Long>()
                proxy.script = {
                    times += System.nanoTime()
                    if (times.size == 1) refusal else Fault.Pass
                }
                Recorder<Any>().also { FiveCalls.LIST.start(service, it) }.result()
                val pauseMs = TimeUnit.NANOSECONDS.toMillis(times[1] - times[0])
                assertTrue("came back after $pauseMs ms", pauseMs >= 1_000)
                assertEquals(2, times.size)
            }
        }
    }

    @Test
    fun fiftyRefusedCallsCauseOneRefresh() {
        val refreshes = AtomicInteger()
        val all = CountDownLatch(CALLERS)
        val good = server.token(account)
        val tokens = TokenProvider { refresh ->
            if (!refresh) return@TokenProvider "worn-out"
            refreshes.incrementAndGet()
            good
        }
        // The first refusal comes once all calls have sent the old token.
        proxy.script = {
            if (it.header("Authorization") == "Bearer worn-out") {
                all.countDown()
                all.await()
            }
            Fault.Pass
        }
        proxy.service(tokens).use { service ->
            update(server.service(account))
            val recorders = List(CALLERS) { Recorder<Any>() }
            recorders.forEachIndexed { n, recorder ->
                FiveCalls.entries[n % FiveCalls.entries.size].start(service, recorder)
            }
            recorders.forEach { it.result() }
            assertEquals(1, refreshes.get())
            assertEquals(2 * CALLERS, proxy.requests.size)
        }
    }

    @Test
    fun callsRecoverWhenTheServerRestarts() = ServerProcess.start().use { own ->
        FaultProxy(own).use { network ->
            val configure: SessionServiceOptions.Builder.() -> Unit = { hasty() }
            network.service("restarter", configure).use { service ->
                update(service)
                for (end in listOf(own::stop, own::kill)) {
                    val waiting = Recorder<SyncResult>()
                    service.sync(SyncOption(SyncOption.LATEST, waitMs = 30_000), waiting)
                    awaitTrue("it waits") { network.requests.any { "wait" in it.firstLine } }
                    network.requests.clear()
                    end()
                    assertTrue("the wait ends", waiting.receivedWithin(CALL_MS + SLACK_MS))
                    endAll(service, "gone", "415")
                    own.startAgain()
                    val page = Recorder<RecentSessionList>()
                    service.queryMySessionList(null, page)
                    assertEquals("p2p|amy", page.result().sessionList.single().sessionId)
                }
            }
        }
    }

    private fun update(service: SessionService) {
        Recorder<Any>().also { FiveCalls.UPDATE.start(service, it) }.result()
    }

    private companion object {
        const val ATTEMPT_MS = 600L
        const val CALL_MS = 2_000L

        /** Tolerance for a busy machine, far below the time of a call without a deadline. */
        const val SLACK_MS = 8_000L
        const val CALLERS = 50
        val tooFrequent = problem(429, 416, "Retry-After: 1")
        val accounts = AtomicInteger()
    }
}

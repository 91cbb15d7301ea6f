// The coroutine API: results, failures, cancellation, Flows.
package dev.huihua.sdk

import dev.huihua.sdk.ScriptedServer.Companion.send
import dev.huihua.sdk.ffi.FfiConverterTypeCallCallback
import java.util.concurrent.CountDownLatch
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

class CoroutinesTest {
    private val server = ServerProcess.shared
    private val me = "coroutines${accounts.incrementAndGet()}"
    private val now = System.currentTimeMillis()

    private fun run(test: suspend (SessionService) -> Unit) = server.service(me).use {
        runBlocking { withTimeout(60_000) { test(it) } }
    }

    @Test
    fun everyCallReturnsOrThrows() = run { service ->
        server.deliverText("amy", me, now, 81, "hello")
        assertEquals("p2p|amy", service.queryMySessionList().sessionList.single().sessionId)
        service.updateMySession("p2p|amy", "mine")
        assertEquals("mine", service.queryMySession("p2p|amy").ext)
        service.deleteMySession(listOf("p2p|amy"))
        val failure = failureOf { service.queryMySession("p2p|amy") } as SessionException.Failed
        assertEquals(404, failure.code)
        assertFalse(failure.retryable)
        assertFalse(failure.mayHaveApplied)
        assertTrue(failure.requestId.orEmpty().isNotEmpty())
        assertNull(failure.retryAfterMs)
        assertEquals(
            414,
            (
                failureOf {
                    service.queryMySession("bad")
                } as SessionException.Failed
                ).code,
        )
        assertFalse(service.sync().isReset)
        assertEquals(me, service.account().account)
        service.close()
        assertTrue(failureOf { service.queryMySessionList() } is SessionException.Closed)
    }

    @Test
    fun cancellingACoroutineAbortsItsCall() {
        val gate = CountDownLatch(1)
        val callbacks = FfiConverterTypeCallCallback.handleMap
        ScriptedServer.stalled(gate).use { stalled ->
            stalled.service().use { service ->
                runBlocking {
                    val waiting = launch(Dispatchers.Default, CoroutineStart.UNDISPATCHED) {
                        service.queryMySessionList()
                    }
                    withContext(Dispatchers.IO) {
                        awaitTrue("the request") { stalled.requests.get() == 1 }
                    }
                    assertEquals(1, callbacks.size)
                    waiting.cancelAndJoin()
                    withContext(Dispatchers.IO) {
                        awaitTrue("the call is gone") { callbacks.size == 0 }
                    }
                    gate.countDown()
                    assertEquals(1, service.queryMySessionList().sessionList.size)
                }
            }
        }
    }

    @Test
    fun aFlowEmitsEachChangeAndCompletesWithTheService() = run { service ->
        val received = Channel<SessionChange>(Channel.UNLIMITED)
        runBlocking {
            val collector = launch {
                service.sessionChanges().collect { received.send(it) }
            }
            service.onlineStatus().first { it == OnlineStatus.ONLINE }
            server.deliverText("amy", me, now, 82, "hello")
            assertEquals("p2p|amy", received.receive().sessionId)
            service.deleteMySession(listOf("p2p|amy"))
            assertTrue(received.receive() is SessionChange.Deleted)
            service.close()
            collector.join()
        }
        assertEquals(emptyList<SessionChange>(), service.sessionChanges().toList())
    }

    @Test
    fun aFlowFailsWhenTheTokenIsRefused() = runBlocking {
        SessionService(SessionServiceOptions.Builder(server.url, "forged").build()).use {
            val failure = failureOf { it.sessionChanges().toList() } as SessionException.Failed
            assertEquals(302, failure.code)
        }
    }

    /** A slow collector receives only the latest state of a session that changes repeatedly. */
    @Test
    fun aSlowCollectorSkipsNoSession() = run { service ->
        runBlocking {
            val first = CountDownLatch(1)
            val seen = LinkedBlockingQueue<SessionChange>()
            val collector = launch(Dispatchers.IO) {
                service.sessionChanges().collect {
                    seen += it
                    first.await()
                }
            }
            service.onlineStatus().first { it == OnlineStatus.ONLINE }
            (1L..20L).forEach {
                server.deliverText("peer${it % 3}", me, now + it, 8_300 + it, "$it")
            }
            service.updateMySession("p2p|last", "")
            val observer = Events<SessionChange>()
            service.observeSessionChanges(observer)
            first.countDown()
            withContext(Dispatchers.IO) {
                awaitTrue("$seen") { seen.lastOrNull()?.sessionId == "p2p|last" }
            }
            val latest = seen.associate { it.sessionId to it.session?.toRecentContact()?.content }
            assertEquals(setOf("p2p|peer0", "p2p|peer1", "p2p|peer2", "p2p|last"), latest.keys)
            assertEquals(listOf("18", "19", "20"), (0..2).map { latest["p2p|peer$it"] })
            collector.cancelAndJoin()
        }
    }

    @Test
    fun aListIsAFlowOfSnapshots() = run { service ->
        server.deliverText("amy", me, now, 84, "hello")
        SessionList(service).use { list ->
            runBlocking {
                val states = async { list.states().toList() }
                list.open()
                assertEquals("p2p|amy", list.snapshots().first { it.isNotEmpty() }[0].sessionId)
                list.states().first { it == SessionList.State.Ready }
                server.deliverText("ben", me, now + 1, 85, "hello")
                assertEquals(2, list.snapshots().first { it.size == 2 }.size)
                list.close()
                assertEquals(SessionList.State.Ready, states.await().last())
            }
        }
    }

    @Test
    fun aTokenMayComeFromASuspendingFunctionOrACallback() {
        val refused = AtomicInteger()
        val suspending = suspendTokenProvider { refresh ->
            delay(1)
            if (refresh) server.token(me) else "old"
        }
        val calling = TokenProvider.ofCallback { refresh, callback ->
            if (refresh) callback.onSuccess(server.token(me)) else callback.onSuccess("old")
        }
        for (provider in listOf(suspending, calling)) {
            val options = SessionServiceOptions.Builder(server.url, provider).build()
            SessionService(options).use { runBlocking { it.queryMySessionList() } }
        }
        val failing = TokenProvider.ofCallback { _, callback ->
            callback.onFailed(refused.incrementAndGet())
        }
        val options = SessionServiceOptions.Builder(server.url, failing).build()
        SessionService(options).use {
            val failure = runBlocking { failureOf { it.queryMySessionList() } }
            assertTrue("$failure", failure is SessionException.TokenProviderFailed)
            assertEquals("the token provider failed: 1", failure?.cause?.message)
        }
    }

    @Test
    fun aFailureHasItsRetryAfter() {
        val busy = ScriptedServer {
            it.responseHeaders.add("Retry-After", "7")
            val body =
                """{"type":"about:blank","title":"t","status":503,"detail":"d","code":503,""" +
                    """"requestId":"r1","retryable":true}"""
            it.send(503, body, "application/problem+json")
        }
        busy.use {
            busy.service().use { service ->
                val failure = runBlocking { failureOf { service.deleteMySession(listOf("p2p|a")) } }
                    as SessionException.Failed
                assertEquals(503, failure.code)
                assertEquals(7_000L, failure.retryAfterMs)
                assertEquals("r1", failure.requestId)
                assertTrue(failure.retryable)
                val code = Recorder<RecentSessionList>()
                service.queryMySessionList(null, code)
                assertEquals(503, code.code())
            }
        }
    }

    private suspend fun failureOf(call: suspend () -> Unit): SessionException? = try {
        call()
        null
    } catch (failure: SessionException) {
        failure
    }

    private companion object {
        val accounts = AtomicInteger()
    }
}

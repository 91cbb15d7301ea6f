// App code that throws, wherever the SDK calls it: its exceptions go where the documents say, and
// the SDK keeps working.
package dev.huihua.sdk

import dev.huihua.sdk.nim.RequestCallbackWrapper
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executor
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.atomic.AtomicInteger
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test

class ThrowingCodeTest {
    private val server = ServerProcess.shared
    private val me = "thrower${accounts.incrementAndGet()}"
    private val token = server.token(me)
    private val uncaught = CopyOnWriteArrayList<Throwable>()
    private val handlerBefore = Thread.getDefaultUncaughtExceptionHandler()
    private var messages = 0

    @Before
    fun collectWhatIsUncaught() =
        Thread.setDefaultUncaughtExceptionHandler { _, thrown -> uncaught += thrown }

    @After
    fun giveBackTheHandler() = Thread.setDefaultUncaughtExceptionHandler(handlerBefore)

    /** The places where the app's code runs on the thread of callbacks. */
    private val onCallbackThread = mapOf<String, (SessionService, Throwable) -> Unit>(
        "onSuccess" to { service, thrown ->
            service.queryMySessionList(null, Recorder { throw thrown })
        },
        "onFailed" to { service, thrown ->
            service.queryMySession("p2p|nobody", Recorder { throw thrown })
        },
        "onFailed with all that is known" to { service, thrown ->
            service.queryMySession("p2p|nobody", Callback(thrown))
        },
        "onException" to { _, thrown ->
            service(TokenProvider { error("no token") }).use { failing ->
                Recorder<RecentSessionList> { throw thrown }
                    .also { failing.queryMySessionList(null, it) }.exception()
            }
        },
        "RequestCallbackWrapper.onResult" to { service, thrown ->
            service.queryMySessionList(null, Wrapper(thrown))
        },
        "observeUpdateMySession" to { service, thrown ->
            service.observeUpdateMySession { throw thrown }
        },
        "observeSessionChanges" to { service, thrown ->
            service.observeSessionChanges { throw thrown }
        },
        "observeOnlineStatus" to { service, thrown ->
            service.observeOnlineStatus { throw thrown }
        },
        "SessionList.Listener" to { service, thrown ->
            SessionList(service).apply { setListener(ThrowingListener(thrown)) }.open()
        },
    )

    @Test
    fun exceptionsOfCallbacksAndObserversReachOnlyTheirThread() {
        for ((place, use) in onCallbackThread) {
            for (thrown in listOf(IllegalStateException(place), AssertionError(place))) {
                uncaught.clear()
                service(TokenProvider.of(token)).use { service ->
                    val witness = ChangeLog()
                    service.observeSessionChanges(witness)
                    awaitLive(service)
                    use(service, thrown)
                    assertGoesOn(service, witness, place)
                }
                awaitTrue("$place: $thrown is uncaught") { thrown in uncaught }
                // An exception of the previous service's observer may arrive late.
                val places = onCallbackThread.keys
                assertTrue("$place: $uncaught", uncaught.all { it.message in places })
            }
        }
    }

    /** Asserts that [service] works: calls, and two changes, each reported once. */
    private fun assertGoesOn(service: SessionService, witness: ChangeLog, place: String) {
        val list = SessionList(service)
        list.open()
        awaitTrue("$place: a list opens") { list.state == SessionList.State.Ready }
        repeat(2) {
            val received = witness.lines.size
            Recorder<Any>().also { FiveCalls.LIST.start(service, it) }.result()
            server.deliverText("amy", me, System.currentTimeMillis(), 1, "body ${++messages}")
            awaitTrue("$place: the other observer is notified") { witness.lines.size > received }
            assertEquals("$place: once", received + 1, witness.lines.size)
            awaitTrue("$place: the list follows") {
                list.sessions.firstOrNull()?.lastMsg?.contains("body $messages") == true
            }
        }
        list.close()
    }

    private fun awaitLive(service: SessionService) {
        val statuses = CopyOnWriteArrayList<OnlineStatus>()
        service.observeOnlineStatus { statuses += it }.use {
            awaitTrue("live") { statuses.lastOrNull() == OnlineStatus.ONLINE }
        }
    }

    @Test
    fun aThrowingTokenProviderEndsItsCallsAndIsRetried() {
        fun failure(n: Int) = if (n % 2 == 0) IllegalStateException("$n") else AssertionError("$n")
        val shapes = mapOf<String, (() -> String) -> TokenProvider>(
            "getToken" to { give -> TokenProvider { give() } },
            "ofCallback" to { give ->
                TokenProvider.ofCallback { _, to -> to.onSuccess(give()) }
            },
            "ofCallback, called" to { give ->
                TokenProvider.ofCallback { _, to ->
                    try {
                        to.onSuccess(give())
                    } catch (thrown: Throwable) {
                        to.onException(thrown)
                    }
                }
            },
            "suspendTokenProvider" to { give -> suspendTokenProvider { give() } },
        )
        for ((shape, make) in shapes) {
            val asked = AtomicInteger()
            val given = CopyOnWriteArrayList<Throwable>()
            val provider = make {
                val n = asked.getAndIncrement()
                if (n < FAILURES) throw failure(n).also { given += it }
                token
            }
            service(provider).use { service ->
                repeat(FAILURES) { n ->
                    val received = Recorder<RecentSessionList>()
                        .also { service.queryMySessionList(null, it) }.exception()
                    assertTrue(
                        "$shape: $received",
                        received is SessionException.TokenProviderFailed,
                    )
                    // A coroutine's exception is a copy, with the original as its cause.
                    val cause = checkNotNull(received.cause)
                    assertEquals(shape, failure(n).message, cause.message)
                    assertEquals(shape, failure(n).javaClass, cause.javaClass)
                }
                Recorder<Any>().also { FiveCalls.LIST.start(service, it) }.result()
            }
            assertEquals(shape, FAILURES, given.size)
        }
        assertEquals("only its calls fail", emptyList<Throwable>(), uncaught)
    }

    @Test
    fun liveChangesSurviveAThrowingTokenProvider() {
        val asked = AtomicInteger()
        val provider = TokenProvider {
            if (asked.getAndIncrement() < FAILURES) throw AssertionError("not yet")
            token
        }
        service(provider).use { service ->
            val witness = ChangeLog()
            service.observeSessionChanges(witness)
            awaitLive(service)
            assertGoesOn(service, witness, "token provider")
        }
        assertEquals(emptyList<Throwable>(), uncaught)
    }

    @Test
    fun anExceptionOfALoggerIsIgnored() {
        for (thrown in listOf(IllegalStateException("log"), AssertionError("log"))) {
            val lines = AtomicInteger()
            val logger = Logger { _, _ ->
                lines.incrementAndGet()
                throw thrown
            }
            service(TokenProvider.of(token)) { logger(logger) }.use { service ->
                val witness = ChangeLog()
                service.observeSessionChanges(witness)
                awaitLive(service)
                assertGoesOn(service, witness, "logger")
            }
            assertTrue("it was called", lines.get() > 0)
        }
        assertEquals(emptyList<Throwable>(), uncaught)
    }

    /** A call then ends in an exception; a change is reported all the same. */
    @Test
    fun aThrowingExecutorEndsCallsInOnExceptionAndLosesNoChange() {
        for (thrown in listOf(RejectedExecutionException("full"), AssertionError("bug"))) {
            service(TokenProvider.of(token)) { callbackExecutor { throw thrown } }.use { service ->
                val recorder = Recorder<RecentSessionList>()
                service.queryMySessionList(null, recorder)
                assertSame(thrown, recorder.exception())
                val witness = ChangeLog()
                service.observeSessionChanges(witness)
                awaitLive(service)
                server.deliverText("amy", me, System.currentTimeMillis(), 1, "b ${++messages}")
                awaitTrue("the change is reported") { witness.lines.size == 1 }
            }
        }
        assertEquals(emptyList<Throwable>(), uncaught)
    }

    @Test
    fun anExecutorThatSometimesThrowsLosesNoEvent() {
        val count = AtomicInteger()
        val callbacks = CopyOnWriteArrayList<Any>()
        val moody = Executor { task ->
            if (count.incrementAndGet() % 2 == 0) throw RejectedExecutionException("full")
            task.run()
        }
        service(TokenProvider.of(token)) { callbackExecutor(moody) }.use { service ->
            val witness = ChangeLog()
            service.observeSessionChanges(witness)
            awaitLive(service)
            repeat(10) { n ->
                service.queryMySessionList(null, Recorder { callbacks += n })
                server.deliverText("amy", me, System.currentTimeMillis() + n, 1, "c $n")
                awaitTrue("change $n") { witness.lines.size == n + 1 }
            }
            awaitTrue("$callbacks") { callbacks.toSet().size == 10 }
            assertEquals(10, callbacks.size)
        }
    }

    private fun service(
        tokens: TokenProvider,
        configure: SessionServiceOptions.Builder.() -> Unit = {},
    ) = SessionService(SessionServiceOptions.Builder(server.url, tokens).apply(configure).build())

    private class Callback<T>(private val thrown: Throwable) : RequestCallback<T> {
        override fun onSuccess(param: T) = throw thrown

        override fun onFailed(code: Int) = throw thrown

        override fun onFailed(failure: SessionException.Failed) = throw thrown

        override fun onException(exception: Throwable) = throw thrown
    }

    private class Wrapper<T>(private val thrown: Throwable) : RequestCallbackWrapper<T>() {
        override fun onResult(code: Int, result: T?, exception: Throwable?) {
            assertNull(exception)
            throw thrown
        }
    }

    private class ThrowingListener(private val thrown: Throwable) : SessionList.Listener {
        override fun onInserted(position: Int, count: Int) = throw thrown

        override fun onRemoved(position: Int, count: Int) = throw thrown

        override fun onMoved(from: Int, to: Int) = throw thrown

        override fun onChanged(position: Int, count: Int) = throw thrown

        override fun onState(state: SessionList.State) = throw thrown
    }

    private companion object {
        const val FAILURES = 4
        val accounts = AtomicInteger()
    }
}

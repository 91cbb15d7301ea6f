// The details of a failure: whether and when to retry, and whether the call may have taken effect.
package dev.huihua.sdk

import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Test

class RichFailureTest {
    private val proxy = FaultProxy(ServerProcess.shared)

    @After
    fun closeProxy() = proxy.close()

    @Test
    fun aFailureHasItsDetails() {
        val json = listOf("Content-Type: application/json")
        // For an update: code or status, retryable, mayHaveApplied, retryAfterMs.
        val expected = mapOf(
            Fault.Reset to "415 true true null",
            Fault.ResetAnswer to "415 true true null",
            Fault.Stall to "408 true true null",
            Fault.HalfAnswer to "415 true true null",
            problem(401, 302) to "302 false false null",
            problem(403, 403) to "403 false false null",
            problem(404, 404) to "404 false false null",
            problem(400, 414) to "414 false false null",
            problem(429, 416, "Retry-After: 3600") to "416 true false 3600000",
            problem(503, 503, "Retry-After: 3600") to "503 true true 3600000",
            problem(500, 500) to "500 false true null",
            Fault.Answer(200, "no JSON", json) to "UnexpectedAnswer 200 false true null",
            Fault.Answer(502, "<html>", json) to "UnexpectedAnswer 502 true true null",
        )
        val received = expected.mapValues { (fault, _) ->
            proxy.script = { fault }
            failureOf(FiveCalls.UPDATE)
        }
        assertEquals(expected, received)
        proxy.script = { Fault.Reset }
        assertEquals("a read applies nothing", "415 true false null", failureOf(FiveCalls.LIST))
        proxy.down()
        // The first may still be accepted by the kernel while the port is closed.
        failureOf(FiveCalls.UPDATE)
        assertEquals("it was not sent", "415 true false null", failureOf(FiveCalls.UPDATE))
    }

    private fun failureOf(call: FiveCalls): String {
        val received = CompletableFuture<SessionException>()
        val callback = object : RequestCallback<Any> {
            override fun onSuccess(param: Any?) {
                received.completeExceptionally(AssertionError("the call succeeded"))
            }

            override fun onFailed(code: Int) {
                received.completeExceptionally(AssertionError("only the code was delivered"))
            }

            override fun onFailed(failure: SessionException.Failed) {
                received.complete(failure)
            }

            override fun onException(exception: Throwable) {
                received.complete(exception as SessionException)
            }
        }
        proxy.service(TokenProvider.of("any")) {
            attemptTimeoutMs(500).callTimeoutMs(1_500).attemptsMax(2)
        }.use { service ->
            call.start(service, callback)
            return describe(received.get(20, TimeUnit.SECONDS))
        }
    }

    private fun describe(failure: SessionException): String {
        val what = when (failure) {
            is SessionException.Failed -> "${failure.code}"
            is SessionException.UnexpectedAnswer -> "UnexpectedAnswer ${failure.status}"
            else -> failure.javaClass.simpleName
        }
        return "$what ${failure.retryable} ${failure.mayHaveApplied} ${failure.retryAfterMs}"
    }
}

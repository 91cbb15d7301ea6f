// An observer that remembers what it was told.
package dev.huihua.sdk

import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import org.junit.Assert.assertNull

/** Remembers each event until a test takes it; [told] after it remembered, for tests that throw. */
class Events<T : Any>(private val told: (T) -> Unit = {}) : Observer<T> {
    private val events = LinkedBlockingQueue<T>()

    override fun onEvent(event: T) {
        events += event
        told(event)
    }

    /** The next event, after waiting for it. */
    fun next(): T = checkNotNull(events.poll(PATIENCE_S, TimeUnit.SECONDS)) { "no event" }

    /** Takes events until this one. */
    fun awaitEvent(what: String, isIt: (T) -> Boolean): T {
        val passed = mutableListOf<T>()
        while (true) {
            val event = events.poll(PATIENCE_S, TimeUnit.SECONDS) ?: error("no $what in $passed")
            if (isIt(event)) return event
            passed += event
        }
    }

    /** Fails when an event waits or comes within this time. */
    fun assertNothing(ms: Long = 100) = assertNull(events.poll(ms, TimeUnit.MILLISECONDS))

    private companion object {
        const val PATIENCE_S = 40L
    }
}

/** Waits until live changes of this service are told at once. */
fun SessionService.awaitLive() {
    val statuses = Events<StatusCode>()
    observeOnlineStatus(statuses, true)
    statuses.awaitEvent("LOGINED") { it == StatusCode.LOGINED }
    observeOnlineStatus(statuses, false)
}

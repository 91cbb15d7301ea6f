// An observer that records its events.
package dev.huihua.sdk

import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import org.junit.Assert.assertNull

/** Records each event until a test takes it, then calls [onReceived], which may throw. */
class Events<T : Any>(private val onReceived: (T) -> Unit = {}) : Observer<T> {
    private val events = LinkedBlockingQueue<T>()

    override fun onEvent(event: T) {
        events += event
        onReceived(event)
    }

    /** Waits for the next event. */
    fun next(): T = checkNotNull(events.poll(PATIENCE_S, TimeUnit.SECONDS)) { "no event" }

    /** Takes events up to this one. */
    fun awaitEvent(what: String, isIt: (T) -> Boolean): T {
        val passed = mutableListOf<T>()
        while (true) {
            val event = events.poll(PATIENCE_S, TimeUnit.SECONDS) ?: error("no $what in $passed")
            if (isIt(event)) return event
            passed += event
        }
    }

    /** Fails if an event is pending or arrives within this time. */
    fun assertNothing(ms: Long = 100) = assertNull(events.poll(ms, TimeUnit.MILLISECONDS))

    private companion object {
        const val PATIENCE_S = 40L
    }
}

/** Waits until live changes of this service are connected. */
fun SessionService.awaitLive() {
    val statuses = Events<OnlineStatus>()
    observeOnlineStatus(statuses).use {
        statuses.awaitEvent("ONLINE") { it == OnlineStatus.ONLINE }
    }
}

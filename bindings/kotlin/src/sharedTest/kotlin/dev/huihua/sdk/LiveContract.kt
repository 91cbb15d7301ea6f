// The events of observers on every platform. JUnit 4 and plain Kotlin, so that it also runs on a
// device; needs a real server.
package dev.huihua.sdk

import java.util.concurrent.atomic.AtomicLong
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

abstract class LiveContract {
    protected abstract val server: TestServer

    private val me = "watcher${accounts.incrementAndGet()}"
    private val now = System.currentTimeMillis()
    private val service: SessionService by lazy { server.service(me) }
    private val otherDevice: SessionService by lazy { server.service(me) }

    @After
    fun closeServices() {
        service.close()
        otherDevice.close()
    }

    @Test
    fun everyChangeIsReportedOnceInOrder() {
        val changes = Events<SessionChange>()
        val updates = Events<RecentSession>()
        service.observeSessionChanges(changes)
        service.observeUpdateMySession(updates)
        service.awaitLive()
        server.deliverText("amy", me, now, 61, "你好")
        assertEquals(
            "你好",
            (changes.next() as SessionChange.Updated).session.toRecentContact().content,
        )
        assertEquals("p2p|amy", updates.next().sessionId)
        val done = Recorder<Void>()
        otherDevice.updateMySession("p2p|amy", "mine", done)
        done.result()
        assertEquals("mine", checkNotNull(changes.next().session).ext)
        assertEquals("mine", updates.next().ext)
        delete("p2p|amy")
        val deleted = changes.next()
        assertTrue("$deleted", deleted is SessionChange.Deleted)
        assertEquals("p2p|amy", deleted.sessionId)
        server.deliverText("ben", me, now, 62, "hello")
        assertEquals("p2p|ben", changes.next().sessionId)
        assertEquals("p2p|ben", updates.next().sessionId)
        changes.assertNothing()
        updates.assertNothing()
    }

    /** Both name their message by id and are changes like any; `updateTime` stays. */
    @Test
    fun anEditAndARecallWithAnotherTimeAreReported() {
        val updates = Events<RecentSession>()
        service.observeUpdateMySession(updates)
        service.awaitLive()
        server.deliverText("amy", me, now, 68, "frist")
        assertEquals("frist", updates.next().toRecentContact().content)
        server.postEvent(editEvent("amy", me, 68, now + 1, "first"))
        val edited = updates.next()
        assertEquals("first", edited.toRecentContact().content)
        assertEquals(now, edited.updateTime)
        server.postEvent(recallEvent("amy", me, now, 68, "typo"))
        val recalled = updates.next()
        assertEquals("", recalled.lastMsg)
        assertEquals("typo", recalled.revokeNotification?.customInfo)
        assertEquals(now, recalled.updateTime)
        updates.assertNothing()
    }

    @Test
    fun aClosedSubscriptionReceivesNothing() {
        val gone = Events<RecentSession>()
        val stays = Events<RecentSession>()
        val subscription = service.observeUpdateMySession(gone)
        // Its own, although the observer is the same.
        service.observeUpdateMySession(gone).close()
        service.observeUpdateMySession(stays)
        service.awaitLive()
        server.deliverText("amy", me, now, 63, "hello")
        gone.next()
        stays.next()
        subscription.close()
        subscription.close()
        server.deliverText("ben", me, now, 64, "hello")
        assertEquals("p2p|ben", stays.next().sessionId)
        gone.assertNothing()
    }

    /** Without observers nothing runs; a new one receives the changes in between. */
    @Test
    fun aNewObserverResumesWhereTheLastOneStopped() {
        val first = Events<RecentSession>()
        val subscription = service.observeUpdateMySession(first)
        service.awaitLive()
        subscription.close()
        server.deliverText("amy", me, now, 65, "in between")
        first.assertNothing()
        val second = Events<RecentSession>()
        service.observeUpdateMySession(second)
        assertEquals("p2p|amy", second.next().sessionId)
        second.assertNothing()
    }

    @Test
    fun aThrowingObserverReceivesTheNextChange() {
        val handler = Thread.getDefaultUncaughtExceptionHandler()
        val uncaught = Events<Throwable>()
        Thread.setDefaultUncaughtExceptionHandler { _, thrown -> uncaught.onEvent(thrown) }
        try {
            val angry = Events<SessionChange> { throw AssertionError("a bug") }
            val calm = Events<SessionChange>()
            service.observeSessionChanges(angry)
            service.observeSessionChanges(calm)
            service.awaitLive()
            for (peer in listOf("amy", "ben")) {
                server.deliverText(peer, me, now, 66, "hello")
                assertEquals("p2p|$peer", angry.next().sessionId)
                assertEquals("p2p|$peer", calm.next().sessionId)
                assertEquals("a bug", uncaught.next().message)
            }
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(handler)
        }
    }

    @Test
    fun everyStatusIsReportedFromTheFirstToTheLast() {
        val statuses = Events<OnlineStatus>()
        service.observeOnlineStatus(statuses)
        assertEquals(OnlineStatus.IDLE, statuses.next())
        assertEquals(OnlineStatus.CONNECTING, statuses.next())
        assertEquals(OnlineStatus.ONLINE, statuses.next())
        service.close()
        assertEquals(OnlineStatus.CLOSED, statuses.next())
        val late = Events<OnlineStatus>()
        service.observeOnlineStatus(late)
        assertEquals(OnlineStatus.CLOSED, late.next())
        late.assertNothing()
        statuses.assertNothing()
    }

    @Test
    fun aRefusedTokenEndsLiveChangesUntilANewObserver() {
        val tokens = ArrayDeque(listOf("forged", "forged"))
        val provider = TokenProvider { tokens.removeFirstOrNull() ?: server.token(me) }
        SessionService(SessionServiceOptions.Builder(server.url, provider).build()).use {
            val statuses = Events<OnlineStatus>()
            it.observeOnlineStatus(statuses).use {
                statuses.awaitEvent("REFUSED") { status -> status == OnlineStatus.REFUSED }
            }
            it.awaitLive()
        }
    }

    @Test
    fun accountReturnsTheTokensAccount() {
        val answer = Recorder<AccountInfo>().also { service.account(it) }.result()
        assertEquals(me, answer.account)
        assertEquals(server.appKey, answer.appKey)
        assertTrue("${answer.expiresAt}", answer.expiresAt in now..now + 3_700_000)
    }

    private fun delete(id: String) {
        val done = Recorder<Void>()
        otherDevice.deleteMySession(listOf(id), done)
        done.result()
    }

    private companion object {
        /** Accounts that no other test of this JVM, nor of an earlier run on a device, used. */
        val accounts = AtomicLong(System.currentTimeMillis() * 100)
    }
}

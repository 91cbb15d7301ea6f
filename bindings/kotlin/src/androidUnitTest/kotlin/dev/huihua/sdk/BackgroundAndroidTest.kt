// Live changes pause while no Activity is started, and resume without a loss.
package dev.huihua.sdk

import android.app.Activity
import android.content.Context
import android.content.ContextWrapper
import android.os.Looper
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import dev.huihua.sdk.nim.AuthService
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.MsgServiceObserve
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.SDKOptions
import java.util.concurrent.atomic.AtomicLong
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.android.controller.ActivityController

@RunWith(AndroidJUnit4::class)
class BackgroundAndroidTest {
    private val server = ServerProcess.shared
    private val me = "resting${accounts.incrementAndGet()}"
    private val now = System.currentTimeMillis()
    private var messages = 100L
    private val instrumentation = InstrumentationRegistry.getInstrumentation()

    private fun service(rests: Boolean) = server.service(me) {
        if (rests) pauseInBackground(instrumentation.targetContext)
    }

    private fun <T> onMain(task: () -> T): T {
        var result: Result<T>? = null
        instrumentation.runOnMainSync { result = runCatching(task) }
        return checkNotNull(result).getOrThrow()
    }

    private fun startActivity(): ActivityController<Activity> = onMain {
        Robolectric.buildActivity(Activity::class.java).create().start().resume()
    }

    @Test
    fun changesPauseInTheBackgroundAndArriveOnReturn() {
        val activity = startActivity()
        service(rests = true).use { service ->
            val updates = Events<RecentSession>()
            service.observeUpdateMySession(updates)
            service.awaitLive()
            server.deliverText("amy", me, now, 1, "seen")
            assertEquals("p2p|amy", updates.next().sessionId)
            onMain { activity.pause().stop() }
            server.deliverText("ben", me, now, 2, "in the background")
            updates.assertNothing(500)
            onMain { activity.start().resume() }
            assertEquals("p2p|ben", updates.next().sessionId)
            // Rotated: the new one starts after the old one stopped.
            onMain { activity.recreate() }
            server.deliverText("cat", me, now, 3, "after a turn")
            assertEquals("p2p|cat", updates.next().sessionId)
            onMain { activity.pause().stop().destroy() }
        }
    }

    @Test
    fun aListPausesInTheBackgroundAndCatchesUpOnReturn() {
        val activity = startActivity()
        service(rests = true).use { service ->
            val list = SessionList(service)
            val states = Events<SessionList.State>()
            list.setListener(Listening(states))
            list.open()
            states.awaitEvent("Ready") { it == SessionList.State.Ready }
            server.deliverText("amy", me, now, 11, "seen")
            awaitIds(list, "p2p|amy")
            onMain { activity.pause().stop() }
            server.deliverText("ben", me, now + 1, 12, "in the background")
            Thread.sleep(500)
            awaitIds(list, "p2p|amy")
            onMain { activity.start().resume() }
            awaitIds(list, "p2p|ben", "p2p|amy")
            list.close()
            onMain { activity.pause().stop().destroy() }
        }
    }

    private fun awaitIds(list: SessionList, vararg ids: String) {
        val deadline = System.nanoTime() + 20_000_000_000
        while (list.sessions.map { it.sessionId } != ids.toList()) {
            assertTrue("${list.sessions}", System.nanoTime() < deadline)
            Thread.sleep(5)
        }
    }

    private class Listening(private val states: Events<SessionList.State>) : SessionList.Listener {
        override fun onInserted(position: Int, count: Int) = Unit

        override fun onRemoved(position: Int, count: Int) = Unit

        override fun onMoved(from: Int, to: Int) = Unit

        override fun onChanged(position: Int, count: Int) = Unit

        override fun onState(state: SessionList.State) = states.onEvent(state)
    }

    @Test
    fun withoutTheOptionChangesContinueInTheBackground() {
        val activity = startActivity()
        service(rests = false).use { service ->
            val updates = Events<RecentSession>()
            service.observeUpdateMySession(updates)
            service.awaitLive()
            onMain { activity.pause().stop().destroy() }
            server.deliverText("amy", me, now, 4, "in the background")
            assertEquals("p2p|amy", updates.next().sessionId)
        }
    }

    @Test
    fun withNimsApiChangesPauseInTheBackgroundByDefault() {
        for (goesOn in listOf(false, true)) {
            val activity = startActivity()
            val options = SDKOptions(SessionServiceOptions.Builder(server.url).build())
            options.liveInBackground = goesOn
            NIMClient.init(instrumentation.targetContext, LoginInfo(me, server.token(me)), options)
            val updates = Events<RecentSession>()
            val observe = NIMClient.getService(MsgServiceObserve::class.java)
            observe.observeUpdateMySession(updates, true)
            checkNotNull(NIMClient.getSessionService()).awaitLive()
            onMain { activity.pause().stop() }
            server.deliverText("dan", me, now + ++messages, messages, "in the background")
            if (!goesOn) {
                updates.assertNothing(500)
                onMain { activity.start().resume() }
            }
            assertEquals("p2p|dan", updates.next().sessionId)
            observe.observeUpdateMySession(updates, false)
            NIMClient.getService(AuthService::class.java).logout()
            onMain { if (goesOn) activity.destroy() else activity.pause().stop().destroy() }
        }
    }

    /** The JVM's artifact, whose API is compared with a file, has `Void` in these places. */
    @Test
    fun aContextIsTyped() {
        val context = Context::class.java
        SessionServiceOptions.Builder::class.java.getMethod("pauseInBackground", context)
        val options = SDKOptions::class.java
        NIMClient::class.java.getMethod("init", context, LoginInfo::class.java, options)
    }

    @Test
    fun anInvalidContextIsRefusedByItsOption() {
        val foreign = object : ContextWrapper(instrumentation.targetContext) {
            override fun getApplicationContext(): Context? = null
        }
        val refusal = runCatching { server.service(me) { pauseInBackground(foreign) } }
            .exceptionOrNull()
        assertTrue("$refusal", refusal is IllegalArgumentException)
        assertTrue("$refusal", refusal?.message.orEmpty().startsWith("option pauseInBackground: "))
    }

    @Test
    fun eventsArriveOnTheMainThread() {
        service(rests = false).use { service ->
            val threads = Events<Thread>()
            service.observeOnlineStatus { threads.onEvent(Thread.currentThread()) }
            assertEquals(Looper.getMainLooper().thread, threads.next())
        }
    }

    private companion object {
        /** Accounts that no other test of this JVM used. */
        val accounts = AtomicLong(System.currentTimeMillis() * 100)
    }
}

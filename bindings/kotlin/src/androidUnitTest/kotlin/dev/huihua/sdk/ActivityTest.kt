// An Activity that uses the SDK as documented, rotated and recreated after process death: nothing
// references or calls the old one.
package dev.huihua.sdk

import android.app.Activity
import android.os.Bundle
import android.os.Looper
import android.os.Parcel
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.lang.ref.WeakReference
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicLong
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotSame
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.android.controller.ActivityController

/**
 * Shows a live list: begins in onCreate, ends in onDestroy, keeps its rows in between. Its service
 * is the process's, not its own.
 */
class ListActivity : Activity() {
    private lateinit var list: SessionList
    private lateinit var waiting: Call
    private lateinit var subscription: Subscription
    private var isGone = false

    /** The text on the screen. */
    val rows = CopyOnWriteArrayList<String>()

    private val observer = Observer<SessionChange> { note("observer") }
    private val listener = object : SessionList.Listener {
        override fun onInserted(position: Int, count: Int) = show()

        override fun onRemoved(position: Int, count: Int) = show()

        override fun onMoved(from: Int, to: Int) = show()

        override fun onChanged(position: Int, count: Int) = show()

        override fun onState(state: SessionList.State) = note("state")
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        @Suppress("DEPRECATION", "UNCHECKED_CAST")
        val saved = savedInstanceState?.getSerializable(ROWS) as? ArrayList<RecentSession>
        saved?.forEach { rows += it.sessionId }
        val service = checkNotNull(service)
        list = SessionList(service)
        list.setListener(listener)
        list.open()
        subscription = service.observeSessionChanges(observer)
        val latest = SyncOption(SyncOption.LATEST, waitMs = 30_000)
        waiting = service.sync(latest, Recorder { note("callback") })
    }

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        outState.putSerializable(ROWS, ArrayList(list.sessions))
    }

    override fun onDestroy() {
        waiting.abort()
        subscription.close()
        list.close()
        isGone = true
        super.onDestroy()
    }

    private fun show() {
        note("list")
        rows.clear()
        list.sessions.forEach { rows += it.sessionId }
    }

    private fun note(what: String) {
        if (Looper.myLooper() != Looper.getMainLooper()) wrong += "$what on another thread"
        if (isGone) wrong += "$what after the end"
    }

    companion object {
        private const val ROWS = "rows"

        @Volatile
        var service: SessionService? = null

        /** Unexpected calls. */
        val wrong = CopyOnWriteArrayList<String>()
    }
}

@RunWith(AndroidJUnit4::class)
class ActivityTest {
    private val server = ServerProcess.shared
    private val me = "turner${accounts.incrementAndGet()}"
    private val now = System.currentTimeMillis()
    private val instrumentation = InstrumentationRegistry.getInstrumentation()

    @After
    fun closeService() {
        ListActivity.service?.close()
        ListActivity.service = null
        ListActivity.wrong.clear()
    }

    @Test
    fun aRotatedActivityIsReleased() {
        startProcess()
        server.deliverText("amy", me, now, 1, "before")
        val (controller, old) = open(null)
        onMain { controller.recreate() }
        assertNotSame("it is another one", old.get(), onMain { controller.get() })
        assertSees(onMain { controller.get() }, "p2p|amy")
        server.deliverText("ben", me, now + 1, 2, "after")
        assertSees(onMain { controller.get() }, "p2p|ben", "p2p|amy")
        assertCollected(old)
        assertEquals(emptyList<String>(), ListActivity.wrong)
        onMain { controller.pause().stop().destroy() }
    }

    @Test
    fun anActivityRestoresItsRowsAfterProcessDeath() {
        startProcess()
        server.deliverText("amy", me, now, 1, "before")
        val saved = Bundle()
        val old = openAndLeave(saved)
        // The service dies with its process; the rows travel through the system's memory.
        checkNotNull(ListActivity.service).close()
        server.deliverText("ben", me, now + 1, 2, "meanwhile")
        startProcess()
        val (controller, _) = open(throughTheSystem(saved))
        assertSees(onMain { controller.get() }, "p2p|ben", "p2p|amy")
        assertCollected(old)
        assertEquals(emptyList<String>(), ListActivity.wrong)
        onMain { controller.pause().stop().destroy() }
    }

    @Test
    fun withTheAppsExecutorNothingRunsOnTheMainThread() {
        val own = Executors.newSingleThreadExecutor { Thread(it, "the app's own") }
        server.service(me) { callbackExecutor(own) }.use { service ->
            val threads = Events<String>()
            val name = { threads.onEvent(Thread.currentThread().name) }
            service.queryMySessionList(null, Recorder { name() })
            service.queryMySession("p2p|nobody", Recorder { name() })
            service.observeOnlineStatus { name() }
            service.awaitLive()
            service.observeSessionChanges { name() }
            server.deliverText("amy", me, now, 1, "hello")
            repeat(4) { assertEquals("the app's own", threads.next()) }
        }
        own.shutdown()
    }

    private fun startProcess() {
        ListActivity.service = server.service(me)
    }

    /** A function of its own, so that no variable of a test references the old Activity. */
    private fun open(
        saved: Bundle?,
    ): Pair<ActivityController<ListActivity>, WeakReference<ListActivity>> {
        val controller = onMain {
            Robolectric.buildActivity(ListActivity::class.java).create(saved).start().resume()
        }
        assertSees(onMain { controller.get() }, "p2p|amy")
        return controller to WeakReference(onMain { controller.get() })
    }

    private fun openAndLeave(saved: Bundle): WeakReference<ListActivity> {
        val (controller, old) = open(null)
        onMain { controller.pause().stop().saveInstanceState(saved).destroy() }
        return old
    }

    private fun throughTheSystem(bundle: Bundle): Bundle {
        val parcel = Parcel.obtain()
        bundle.writeToParcel(parcel, 0)
        val bytes = parcel.marshall()
        parcel.recycle()
        val other = Parcel.obtain()
        other.unmarshall(bytes, 0, bytes.size)
        other.setDataPosition(0)
        return checkNotNull(other.readBundle(javaClass.classLoader)).also { other.recycle() }
    }

    private fun assertSees(activity: ListActivity, vararg ids: String) =
        await("${activity.rows}, not ${ids.toList()}") {
            ids.all { it in activity.rows }
        }

    private fun assertCollected(old: WeakReference<ListActivity>) = await("the old one stays") {
        System.gc()
        old.get() == null
    }

    private fun await(what: String, condition: () -> Boolean) {
        val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30)
        while (!condition()) {
            assertTrue(what, System.nanoTime() < deadline)
            Thread.sleep(50)
        }
    }

    private fun <T> onMain(task: () -> T): T {
        var result: Result<T>? = null
        instrumentation.runOnMainSync { result = runCatching(task) }
        return checkNotNull(result).getOrThrow()
    }

    private companion object {
        /** Accounts that no other test of this JVM used. */
        val accounts = AtomicLong(System.currentTimeMillis() * 100)
    }
}

// The helpers of the screen tests: accounts on a real server, touches, reading the screen, waiting.
package dev.huihua.sample

import android.app.Activity
import android.app.Application
import android.content.Context
import android.content.Intent
import android.os.Build
import android.os.Bundle
import android.os.SystemClock
import android.util.Base64
import android.view.MotionEvent
import android.view.View
import android.widget.ListView
import android.widget.TextView
import androidx.test.platform.app.InstrumentationRegistry
import dev.huihua.sdk.TestServer
import javax.crypto.Mac
import javax.crypto.spec.SecretKeySpec
import org.junit.Assert.assertTrue

/**
 * The server of these tests: one that `huihua-server dev` runs, told by arguments, `am instrument
 * -e serverUrl http://10.0.2.2:8480`, and so `appKey`, `appSecret`, `ingestKey` and `tokenKey` from
 * its `dev.json`.
 */
internal object DeviceServer : TestServer {
    override val url get() = argument("serverUrl")
    override val appKey get() = argument("appKey")
    override val appSecret get() = argument("appSecret")
    override val ingestKey get() = argument("ingestKey")

    override fun token(account: String): String {
        val expiry = System.currentTimeMillis() / 1_000 + 3_600
        val head = encoded("""{"alg":"HS256","typ":"JWT","kid":"$appKey"}""".toByteArray())
        val claims = encoded("""{"sub":"$account","exp":$expiry}""".toByteArray())
        val mac = Mac.getInstance("HmacSHA256")
        mac.init(SecretKeySpec(argument("tokenKey").toByteArray(), "HmacSHA256"))
        return "$head.$claims.${encoded(mac.doFinal("$head.$claims".toByteArray()))}"
    }

    private fun encoded(bytes: ByteArray) =
        Base64.encodeToString(bytes, Base64.URL_SAFE or Base64.NO_PADDING or Base64.NO_WRAP)

    private fun argument(name: String) =
        checkNotNull(InstrumentationRegistry.getArguments().getString(name)) { "no argument $name" }
}

/** The phone that the app runs on, and the screens that are open on it. */
internal class Phone {
    private val instrumentation = InstrumentationRegistry.getInstrumentation()
    val context: Context = instrumentation.targetContext
    private val application = context.applicationContext as Application
    private val opened = LinkedHashSet<Activity>()
    private val watcher = object : Application.ActivityLifecycleCallbacks {
        override fun onActivityCreated(activity: Activity, state: Bundle?) {
            opened += activity
        }
        override fun onActivityStarted(activity: Activity) = Unit
        override fun onActivityResumed(activity: Activity) = Unit
        override fun onActivityPaused(activity: Activity) = Unit
        override fun onActivityStopped(activity: Activity) = Unit
        override fun onActivitySaveInstanceState(activity: Activity, state: Bundle) = Unit
        override fun onActivityDestroyed(activity: Activity) {
            opened -= activity
        }
    }

    private val handlerBefore = Thread.getDefaultUncaughtExceptionHandler()

    @Volatile
    private var crash: Throwable? = null

    init {
        // An uncaught exception must fail this test and not end the test run.
        Thread.setDefaultUncaughtExceptionHandler { _, thrown -> crash = thrown }
        application.registerActivityLifecycleCallbacks(watcher)
    }

    /** Makes an account that no other test uses, and sets the app to show it. */
    fun signIn(name: String, serverUrl: String = DeviceServer.url): String =
        signInAs("$name-${System.nanoTime()}", serverUrl)

    /** Sets the app to show this account. */
    fun signInAs(account: String, serverUrl: String = DeviceServer.url): String {
        Settings(serverUrl, account, DeviceServer.token(account)).save(context)
        return account
    }

    fun store(settings: Settings) = settings.save(context)

    fun stored() = Settings.read(context)

    fun open(screen: Class<out Activity>): Activity = open(Intent(context, screen))

    fun openList(): Activity = open(SessionListActivity::class.java)

    fun openSession(sessionId: String): Activity = open(SessionActivity.intent(context, sessionId))

    private fun open(intent: Intent): Activity =
        instrumentation.startActivitySync(intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK))

    /** Rotates the phone, so that a new Activity replaces this one. */
    fun turn(activity: Activity): Activity {
        fun turned() = opened.lastOrNull { it !== activity && it.javaClass == activity.javaClass }
        onMain { activity.recreate() }
        // Robolectric runs what others post while it is still recreating: the focus comes last.
        await("another Activity with the focus") { turned()?.hasWindowFocus() == true }
        return onMain { checkNotNull(turned()) }
    }

    /** Covers the screen by another one for a while. */
    fun leaveAndReturn(activity: Activity) = onMain {
        instrumentation.callActivityOnPause(activity)
        instrumentation.callActivityOnStop(activity)
        instrumentation.callActivityOnRestart(activity)
        instrumentation.callActivityOnStart(activity)
        instrumentation.callActivityOnResume(activity)
    }

    /** Returns whether the action requests that screen from the system, without opening it. */
    fun asksFor(screen: Class<out Activity>, action: () -> Unit): Boolean {
        val monitor = instrumentation.addMonitor(screen.name, null, true)
        onMain(action)
        return try {
            instrumentation.checkMonitorHit(monitor, 1)
        } finally {
            instrumentation.removeMonitor(monitor)
        }
    }

    /** Closes every screen. */
    fun close() {
        onMain { opened.toList().forEach { it.finish() } }
        instrumentation.waitForIdleSync()
        if (Build.FINGERPRINT == "robolectric") {
            onMain { opened.toList().forEach(::destroy) }
            assertTrue("left open: $opened", opened.isEmpty())
        }
        application.unregisterActivityLifecycleCallbacks(watcher)
        Thread.setDefaultUncaughtExceptionHandler(handlerBefore)
        crash?.let { throw AssertionError("the app crashed", it) }
    }

    /**
     * Does what only a real system does to a screen that finishes. Its window would be laid out
     * between two tests, when there is no app: that ends Robolectric's main thread, and the next
     * test waits for it without end.
     */
    private fun destroy(finishing: Activity) {
        instrumentation.callActivityOnPause(finishing)
        instrumentation.callActivityOnStop(finishing)
        instrumentation.callActivityOnDestroy(finishing)
        val window = finishing.window.decorView
        if (window.isAttachedToWindow) finishing.windowManager.removeViewImmediate(window)
    }

    fun <T> onMain(block: () -> T): T {
        var result: Result<T>? = null
        instrumentation.runOnMainSync { result = runCatching(block) }
        return checkNotNull(result).getOrThrow()
    }

    /** Waits until the condition is true. */
    fun await(what: String, condition: () -> Boolean) {
        val deadline = System.nanoTime() + PATIENCE_NS
        while (!onMain(condition)) {
            assertTrue("no sign of $what", System.nanoTime() < deadline)
            pass(20)
        }
    }

    /** Advances a paused test clock, then yields the processor. */
    private fun pass(ms: Long) {
        SystemClock.sleep(ms)
        Thread.sleep(ms)
    }

    /** Swipes in a straight line. */
    fun drag(activity: Activity, view: View, byY: Float) {
        val place = IntArray(2)
        onMain { view.getLocationInWindow(place) }
        val (x, y) = place[0] + view.width / 2f to place[1] + view.height / 4f
        val downMs = touch(activity, MotionEvent.ACTION_DOWN, x, y)
        (1..DRAG_STEPS).forEach {
            touch(activity, MotionEvent.ACTION_MOVE, x, y + byY * it / DRAG_STEPS, downMs)
        }
        touch(activity, MotionEvent.ACTION_UP, x, y + byY, downMs)
    }

    /** Makes a long press. */
    fun longPress(activity: Activity, view: View) {
        val place = IntArray(2)
        onMain { view.getLocationInWindow(place) }
        val (x, y) = place[0] + view.width / 2f to place[1] + view.height / 2f
        val downMs = touch(activity, MotionEvent.ACTION_DOWN, x, y)
        repeat(LONG_PRESS_STEPS) {
            pass(100)
            instrumentation.waitForIdleSync()
        }
        touch(activity, MotionEvent.ACTION_UP, x, y, downMs)
    }

    private fun touch(activity: Activity, action: Int, x: Float, y: Float, downMs: Long = 0): Long {
        val now = SystemClock.uptimeMillis()
        val event = MotionEvent.obtain(if (downMs == 0L) now else downMs, now, action, x, y, 0)
        onMain { activity.dispatchTouchEvent(event) }
        event.recycle()
        pass(10)
        return now
    }

    private companion object {
        const val PATIENCE_NS = 20_000_000_000
        const val DRAG_STEPS = 8
        const val LONG_PRESS_STEPS = 10
    }
}

/** Returns the text of a view, or null while it is not shown. */
internal fun Activity.text(id: Int): String? =
    findViewById<TextView>(id)?.takeIf { it.isShown }?.text?.toString()

internal val Activity.rows: ListView get() = findViewById(R.id.list)

/** Holds the texts of one row. */
internal data class Row(val name: String, val preview: String, val time: String, val letter: String)

/** Reads every row of the list, shown or not. */
internal fun Activity.readRows(): List<Row> {
    val count = rows.adapter.count - rows.footerViewsCount
    return (0 until count).map { rowOf(rows.adapter.getView(it, null, rows)) }
}

internal fun rowOf(row: View): Row {
    fun text(id: Int) = row.findViewById<TextView>(id).text.toString()
    return Row(text(R.id.name), text(R.id.preview), text(R.id.time), text(R.id.avatar))
}

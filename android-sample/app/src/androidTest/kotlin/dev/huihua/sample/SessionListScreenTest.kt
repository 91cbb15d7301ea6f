// A user's actions on the list: reading, scrolling, pulling, live changes, a lost network, rotating
// the phone. Runs on a device and under Robolectric.
package dev.huihua.sample

import android.app.Activity
import android.view.View
import android.widget.Button
import android.widget.Toolbar
import androidx.test.ext.junit.runners.AndroidJUnit4
import dev.huihua.sdk.Gate
import dev.huihua.sdk.OnlineStatus
import dev.huihua.sdk.deliverText
import dev.huihua.sdk.editEvent
import dev.huihua.sdk.postEvent
import dev.huihua.sdk.recallEvent
import java.util.concurrent.CopyOnWriteArrayList
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class SessionListScreenTest {
    private val phone = Phone()
    private val now = System.currentTimeMillis()

    @After
    fun close() = phone.close()

    @Test
    fun aNewAppOpensItsSettings() {
        phone.store(Settings("", "", ""))
        val list = phone.openList()
        assertEquals("No account is set up", phone.onMain { list.text(R.id.notice_title) })
        val button = phone.onMain { list.findViewById<Button>(R.id.notice_button) }
        assertTrue(phone.asksFor(SettingsActivity::class.java) { button.performClick() })
    }

    @Test
    fun anEmptyListShowsAHintAndFillsByItself() {
        val me = phone.signIn("empty")
        val list = phone.openList()
        phone.await("the empty list") { list.text(R.id.notice_title) == "No sessions yet" }
        assertNull(phone.onMain { list.text(R.id.notice_button) })
        DeviceServer.deliverText("bob", me, now, now, "Hello")
        phone.await("the first session") { list.names() == listOf("nick of bob") }
        assertNull(phone.onMain { list.text(R.id.notice_title) })
    }

    @Test
    fun scrollingLoadsOlderSessions() {
        val me = phone.signIn("many")
        val friends = (1L..45L).map { "friend$it" }
        friends.forEachIndexed { at, friend ->
            DeviceServer.deliverText(friend, me, now - at * 1_000L, now + at, "No. $at")
        }
        val list = phone.openList()
        phone.await("the first page") { list.names().size == 20 }
        for (count in listOf(40, 45)) {
            phone.onMain { list.scrollToEnd() }
            phone.await("$count rows") { list.names().size == count }
        }
        assertEquals(friends.map { "nick of $it" }, phone.onMain { list.names() })
        phone.onMain { list.scrollToEnd() }
        phone.await("the footer") { list.rows.lastVisiblePosition == friends.size }
        assertFalse(phone.onMain { list.findViewById<View>(R.id.more_progress).isShown })
    }

    @Test
    fun aSessionMovesUpWhenAnotherDeviceOrAMessageChangesIt() {
        val me = phone.signIn("live")
        DeviceServer.deliverText("ann", me, now - 2_000, now, "first")
        DeviceServer.deliverText("bob", me, now - 1_000, now + 1, "second")
        val list = phone.openList()
        phone.await("both") { list.names() == listOf("nick of bob", "nick of ann") }
        DeviceServer.deliverText("ann", me, now, now + 2, "third")
        phone.await("ann on top") { list.names() == listOf("nick of ann", "nick of bob") }
        assertEquals("third", phone.onMain { list.readRows()[0].preview })
        val device = DeviceServer.device(me)
        device.update("p2p|bob", """{"draft":"from the tablet"}""")
        phone.await("bob's draft") { list.readRows()[1].preview == "[Draft] from the tablet" }
        device.delete("p2p|ann")
        phone.await("ann gone") { list.names() == listOf("nick of bob") }
        device.close()
    }

    /** Neither moves the row; the recall names its message by id and gives another time. */
    @Test
    fun anEditAndARecallShowInTheirRowsPlace() {
        val me = phone.signIn("edit")
        DeviceServer.deliverText("ann", me, now - 2_000, now, "frist")
        DeviceServer.deliverText("bob", me, now - 1_000, now + 1, "second")
        val list = phone.openList()
        val names = listOf("nick of bob", "nick of ann")
        phone.await("both") { list.names() == names }
        DeviceServer.postEvent(editEvent("ann", me, now, now, "first"))
        phone.await("the new text") { list.readRows()[1].preview == "first" }
        assertEquals(names, phone.onMain { list.names() })
        DeviceServer.postEvent(recallEvent("ann", me, now - 2_000, now, "typo"))
        phone.await("the recall") {
            list.readRows()[1].preview == "ann recalled a message: typo"
        }
        assertEquals(listOf("nick of bob", "ann"), phone.onMain { list.names() })
    }

    @Test
    fun pullingDownRefreshesTheList() {
        val network = Gate(DeviceServer, isOpen = false)
        val me = phone.signIn("pull", network.url)
        network.open()
        DeviceServer.deliverText("ann", me, now - 1_000, now, "first")
        val list = phone.openList()
        phone.await("the list") { list.names() == listOf("nick of ann") }
        network.shut()
        phone.await("the warning") { list.text(R.id.warning)?.startsWith("Not connected") == true }
        val pull = list.findViewById<PullToRefresh>(R.id.pull)
        val dp = list.resources.displayMetrics.density
        phone.drag(list, pull, byY = 60 * dp)
        assertFalse("a short pull refreshes", phone.onMain { pull.isRefreshing })
        phone.drag(list, pull, byY = 220 * dp)
        phone.await("what the pull led to") {
            list.text(R.id.warning) == "The server cannot be reached (415)" && !pull.isRefreshing
        }
        assertEquals(listOf("nick of ann"), phone.onMain { list.names() })
        DeviceServer.deliverText("bob", me, now, now + 1, "second")
        network.open()
        phone.drag(list, pull, byY = 220 * dp)
        phone.await("both") { list.names() == listOf("nick of bob", "nick of ann") }
        phone.await("calm") { !pull.isRefreshing && list.text(R.id.warning) == null }
        network.close()
    }

    /** The rows stay where they are; only a pull moves them. */
    @Test
    fun aRefreshByTheMenuShowsAThinLine() {
        val network = Gate(DeviceServer, isOpen = false)
        val me = phone.signIn("line", network.url)
        network.open()
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val list = phone.openList()
        phone.await("the list") { list.names() == listOf("nick of ann") }
        phone.await("no line") { !list.findViewById<View>(R.id.progress).isShown }
        val top = phone.onMain { list.rows.top }
        network.shut()
        network.stall()
        val tools = list.findViewById<Toolbar>(R.id.toolbar)
        phone.onMain { tools.menu.performIdentifierAction(R.id.refresh, 0) }
        phone.await("the line") { list.findViewById<View>(R.id.progress).isShown }
        assertFalse(phone.onMain { list.findViewById<PullToRefresh>(R.id.pull).isRefreshing })
        assertEquals(top, phone.onMain { list.rows.top })
        network.shut()
        network.open()
        phone.await("calm") {
            !list.findViewById<View>(R.id.progress).isShown && list.text(R.id.warning) == null
        }
        network.close()
    }

    @Test
    fun theOfflineBannerOffersToRetry() {
        val network = Gate(DeviceServer, isOpen = false)
        val me = phone.signIn("banner", network.url)
        network.open()
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val list = phone.openList()
        phone.await("the list") { list.names() == listOf("nick of ann") }
        assertFalse(phone.onMain { list.findViewById<View>(R.id.banner).isShown })
        network.shut()
        phone.await("the banner") { list.findViewById<View>(R.id.banner).isShown }
        assertEquals("Try again", phone.onMain { list.text(R.id.banner_retry) })
        val tools = list.findViewById<Toolbar>(R.id.toolbar)
        phone.onMain { tools.menu.performIdentifierAction(R.id.refresh, 0) }
        phone.await("the reason") {
            list.text(R.id.warning) == "The server cannot be reached (415)"
        }
        awaitTryByTap(list, R.id.banner_retry, R.id.progress)
        assertEquals(
            "The server cannot be reached (415)", phone.onMain { list.text(R.id.warning) },
        )
        network.open()
        phone.await("no banner") { !list.findViewById<View>(R.id.banner).isShown }
        network.close()
    }

    @Test
    fun withoutANetworkTheUserCanRetry() {
        val network = Gate(DeviceServer, isOpen = false)
        val me = phone.signIn("offline", network.url)
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val list = phone.openList()
        // Together: the SDK's next try takes them both away.
        phone.await("the failure and its reason") {
            list.text(R.id.notice_title) == "The list could not be loaded" &&
                list.text(R.id.notice_detail) == "The server cannot be reached (415)"
        }
        // With a network the list retries by itself, so the button is tested without one.
        awaitTryByTap(list, R.id.notice_button, R.id.notice_progress)
        network.open()
        phone.await("the list") { list.names() == listOf("nick of ann") }
        network.close()
    }

    @Test
    fun aFailedOlderPageCanBeRetried() {
        val network = Gate(DeviceServer, isOpen = false)
        val me = phone.signIn("page", network.url)
        (1L..30L).forEach {
            DeviceServer.deliverText("f$it", me, now - it * 1_000, now + it, "$it")
        }
        network.open()
        val list = phone.openList()
        phone.await("the first page") { list.names().size == 20 }
        network.shut()
        phone.await("the warning") { list.text(R.id.warning) != null }
        phone.onMain { list.scrollToEnd() }
        phone.await("the failure") { list.text(R.id.more_failed) != null }
        network.open()
        phone.onMain { list.findViewById<View>(R.id.more_failed).performClick() }
        phone.await("all rows") { list.names().size == 30 }
        network.close()
    }

    /** A warning that hides and shows again would move the rows under the user's finger. */
    @Test
    fun theWarningStaysWhileTheAppReconnects() {
        val network = Gate(DeviceServer, isOpen = false)
        val me = phone.signIn("warned", network.url)
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        network.open()
        val list = phone.openList()
        phone.await("the list") { list.names() == listOf("nick of ann") }
        network.shut()
        phone.await("the warning") { list.text(R.id.warning) != null }
        val seen = CopyOnWriteArrayList<Pair<OnlineStatus, String?>>()
        val service = phone.onMain { Sessions.service(phone.context, phone.stored()) }
        // Notified after the screen, whose observer is older.
        val subscription = service.observeOnlineStatus { seen += it to list.text(R.id.warning) }
        phone.await("two tries") { seen.count { it.first == OnlineStatus.CONNECTING } >= 2 }
        subscription.close()
        assertFalse("$seen", seen.any { it.second == null })
        network.open()
        phone.await("calm") { list.text(R.id.warning) == null }
        network.close()
    }

    @Test
    fun aRefusedTokenIsReportedToTheUser() {
        phone.store(Settings(DeviceServer.url, "mallory", "forged"))
        val list = phone.openList()
        phone.await("the refusal") {
            list.text(R.id.notice_detail) == "The server refused the token (302)"
        }
        assertEquals("Try again", phone.onMain { list.text(R.id.notice_button) })
    }

    @Test
    fun rotatingThePhoneKeepsTheListLive() {
        val me = phone.signIn("turn")
        (1L..30L).forEach {
            DeviceServer.deliverText("f$it", me, now - it * 1_000, now + it, "$it")
        }
        val upright = phone.openList()
        phone.await("the first page") { upright.names().size == 20 }
        phone.onMain { upright.scrollToEnd() }
        phone.await("all rows") { upright.names().size == 30 }
        val turned = phone.turn(upright)
        assertEquals("rows right after turning", 30, phone.onMain { turned.names().size })
        DeviceServer.deliverText("f30", me, now, now + 40, "again")
        phone.await("the change") { turned.names().first() == "nick of f30" }
    }

    @Test
    fun otherSettingsShowAnotherList() {
        val ann = phone.signIn("ann")
        DeviceServer.deliverText("bob", ann, now, now, "to ann")
        val list = phone.openList()
        phone.await("ann's list") { list.names() == listOf("nick of bob") }
        val eve = phone.signIn("eve")
        DeviceServer.deliverText("dan", eve, now, now, "to eve")
        phone.leaveAndReturn(list)
        phone.await("eve's list") { list.names() == listOf("nick of dan") }
        assertEquals(eve, phone.onMain { list.actionBar?.subtitle })
    }

    /** Taps the button between two tries of the SDK's own, so that the try it sees is the tap's. */
    private fun awaitTryByTap(list: Activity, button: Int, progress: Int) {
        val line = list.findViewById<View>(progress)
        var isTrying = false
        phone.await("a moment without a try") {
            val isQuiet = !line.isShown
            if (isQuiet) {
                list.findViewById<View>(button).performClick()
                // Runs after what the tap has posted, and before any answer.
                line.post { isTrying = line.isShown }
            }
            isQuiet
        }
        phone.await("a try at once") { isTrying }
    }
}

internal fun Activity.names() = readRows().map { it.name }

/** Scrolls to the last of the present rows. */
internal fun Activity.scrollToEnd() = rows.setSelection(readRows().lastIndex)

// Pictures of every screen, from the real layouts with a real server's rows: light, dark, Chinese.
// They go to target/screenshots; those in docs/images are reviewed copies.
package dev.huihua.sample

import android.app.Activity
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.view.View
import android.widget.Toolbar
import androidx.test.ext.junit.runners.AndroidJUnit4
import dev.huihua.sdk.Gate
import dev.huihua.sdk.deliver
import java.io.File
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.annotation.Config

@RunWith(AndroidJUnit4::class)
@Config(minSdk = 26, qualifiers = "w360dp-h640dp-hdpi")
class ScreenshotTest {
    // Accounts that no other test uses, with readable names.
    private val phone = Phone()
    private val now = System.currentTimeMillis()
    private var lastId = now

    @After
    fun close() = phone.close()

    @Test
    fun list() {
        val list = openFilled("alice")
        take(list, "list", Color.WHITE)
        phone.longPress(list, phone.onMain { list.rows.getChildAt(1) })
        phone.onMain {
            list.rows.performItemClick(list.rows.getChildAt(3), 3, list.rows.getItemIdAtPosition(3))
        }
        take(list, "selection", Color.WHITE)
    }

    @Test
    @Config(qualifiers = "+night")
    fun dark() = take(openFilled("bob.miller"), "list-dark", NIGHT)

    @Test
    @Config(qualifiers = "+zh-rCN")
    fun chinese() {
        val list = openFilled("zhang.wei")
        val previews = phone.onMain { list.readRows().map { it.preview } }
        assertEquals("[草稿] 我在路上", previews[1])
        assertTrue("$previews", previews.containsAll(listOf("[图片]", "[语音]")))
        assertEquals("刚刚", phone.onMain { list.readRows().first().time })
        take(list, "list-zh", Color.WHITE)
    }

    @Test
    @Config(qualifiers = "+zh-rCN-night")
    fun chineseDarkSession() {
        fill(phone.signInAs("li.na"))
        val screen = phone.openSession("p2p|lilei")
        phone.await("the session") { screen.title == "李雷" }
        take(screen, "session-zh-dark", NIGHT)
    }

    @Test
    fun session() {
        fill(phone.signInAs("fred"))
        val screen = phone.openSession("p2p|lilei")
        phone.await("the session") { screen.title == "李雷" }
        take(screen, "session", Color.WHITE)
    }

    @Test
    fun offline() {
        val network = Gate(DeviceServer, isOpen = false)
        val me = phone.signInAs("grace", network.url)
        fill(me)
        network.open()
        val list = phone.openList()
        phone.await("the rows") { list.rows.childCount > 6 && list.names().size == 9 }
        network.shut()
        phone.await("the banner") { list.findViewById<View>(R.id.banner).isShown }
        take(list, "offline", Color.WHITE)
        network.stall()
        phone.onMain { list.findViewById<View>(R.id.banner_retry).performClick() }
        phone.onMain { (list as SessionListActivity).onOptionsItemSelected(refreshOf(list)) }
        phone.await("the line") { list.findViewById<View>(R.id.progress).isShown }
        take(list, "refreshing", Color.WHITE)
        network.close()
    }

    private fun refreshOf(list: Activity) =
        list.findViewById<Toolbar>(R.id.toolbar).menu.findItem(R.id.refresh)

    @Test
    fun settings() {
        phone.store(Settings("https://sessions.example.com", "alice", "a.b.c"))
        take(phone.open(SettingsActivity::class.java), "settings", Color.WHITE)
    }

    @Test
    fun empty() {
        phone.signInAs("dave")
        val list = phone.openList()
        phone.await("the empty list") { list.text(R.id.notice_title) == "No sessions yet" }
        take(list, "empty", Color.WHITE)
    }

    @Test
    fun error() {
        phone.signInAs("carol", Gate(DeviceServer, isOpen = false).url)
        val list = phone.openList()
        phone.await("the failure") { list.text(R.id.notice_button) == "Try again" }
        take(list, "error", Color.WHITE)
    }

    private fun openFilled(account: String): Activity {
        fill(phone.signInAs(account))
        val list = phone.openList()
        phone.await("the rows") { list.rows.childCount > 6 && list.names().size == 9 }
        return list
    }

    private fun fill(me: String) {
        val invite = """{"id":0,"data":{"ids":["$me"],"tinfo":{"1":"2001","3":"t","5":"lilei"}}}"""
        message("TEAM", "lilei", "李雷", "2001", 90, "NOTIFICATION", "", invite)
        message("PERSON", "mum", "妈妈", me, 0, "TEXT", "周末回家吃饭吗?")
        message("PERSON", "lilei", "李雷", me, 4, "TEXT", "到哪儿了?")
        message("TEAM", "lilei", "李雷", "2001", 12, "PICTURE", "", """{"ext":"jpg"}""")
        message("PERSON", "hanmeimei", "韩梅梅", me, 36, "AUDIO", "", """{"dur":3900}""")
        message("PERSON", "bob", "Bob", me, 70, "TEXT", "The build is green again")
        message("PERSON", "eve", "Eve", me, 26 * 60, "PICTURE", "", """{"ext":"jpg"}""")
        recall("eve", me, 26 * 60)
        message("PERSON", "carl", "Carl", me, 27 * 60, "FILE", "", """{"name":"plan.pdf"}""")
        message("PERSON", "dora", "Dora", me, 3 * 24 * 60, "LOCATION", "", """{"title":"Bund"}""")
        message("PERSON", "7eleven", "", me, 40 * 24 * 60, "PICTURE", "", """{"ext":"jpg"}""")
        val device = DeviceServer.device(me)
        device.update("p2p|lilei", """{"draft":"我在路上"}""")
        device.close()
    }

    private fun message(
        scene: String,
        from: String,
        nick: String,
        to: String,
        minutesAgo: Long,
        kind: String,
        body: String,
        attach: String = "",
    ) = DeviceServer.deliver(
        mapOf(
            "eventType" to 1, "convType" to scene, "to" to to, "fromAccount" to from,
            "fromNick" to nick, "msgTimestamp" to now - minutesAgo * 60_000, "msgType" to kind,
            "msgidServer" to ++lastId, "body" to body, "attach" to attach,
        ),
    )

    private fun recall(from: String, to: String, minutesAgo: Long) = DeviceServer.deliver(
        mapOf(
            "eventType" to 7, "from" to from, "to" to to, "msgId" to lastId,
            "sendTime" to now - minutesAgo * 60_000, "deleteTime" to now, "selfMsg" to "",
        ),
    )

    /** Draws the screen, checks a pixel of its background, and stores the picture. */
    private fun take(activity: Activity, name: String, ground: Int) {
        val view: View = activity.window.decorView
        phone.await("a quiet screen") { view.isLaidOut && !view.isLayoutRequested }
        val picture = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
        phone.onMain { view.draw(Canvas(picture)) }
        assertEquals(ground, picture.getPixel(2, view.height - 2))
        val colours = (0 until view.height).map { picture.getPixel(view.width / 3, it) }.toSet()
        assertTrue("nothing is drawn", colours.size > 5)
        val file = File(checkNotNull(System.getProperty("huihua.screenshots")), "android-$name.png")
        file.parentFile?.mkdirs()
        file.outputStream().use { picture.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }

    private companion object {
        const val NIGHT = 0xFF121416.toInt()
    }
}

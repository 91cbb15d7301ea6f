// The rows themselves: which of them a change writes to, and how different names look.
package dev.huihua.sample

import android.app.Activity
import android.text.Editable
import android.text.TextWatcher
import android.view.View
import android.widget.TextView
import androidx.test.ext.junit.runners.AndroidJUnit4
import dev.huihua.sdk.deliver
import dev.huihua.sdk.deliverText
import java.util.concurrent.CopyOnWriteArrayList
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class RowsTest {
    private val phone = Phone()
    private val now = System.currentTimeMillis()

    @After
    fun close() = phone.close()

    @Test
    fun aChangeInPlaceWritesToItsRowOnly() {
        val me = phone.signIn("rows")
        val list = openThree(me)
        val written = phone.onMain { list.watchTexts() }
        val before = phone.onMain { list.visible() }
        val device = DeviceServer.device(me)
        device.update("p2p|bob", """{"draft":"from the tablet"}""")
        phone.await("the draft in bob's row") {
            rowOf(list.visible()[1]).preview == "[Draft] from the tablet"
        }
        assertEquals(setOf("p2p|bob"), written.toSet())
        phone.onMain { list.visible() }.zip(before).forEach { (now, old) -> assertSame(old, now) }
        device.close()
    }

    @Test
    fun aMovedSessionKeepsItsRowAndTheOthersAreNotWrittenTo() {
        val me = phone.signIn("moved")
        val list = openThree(me)
        val written = phone.onMain { list.watchTexts() }
        val before = phone.onMain { list.visible() }
        DeviceServer.deliverText("carl", me, now + 1_000, now + 10, "up")
        phone.await("carl's row on top") { rowOf(list.visible()[0]).preview == "up" }
        assertEquals(setOf("p2p|carl"), written.toSet())
        val after = phone.onMain { list.visible() }
        assertSame("carl", before[2], after[0])
        assertSame("ann", before[0], after[1])
        assertSame("bob", before[1], after[2])
    }

    @Test
    fun chineseAndLatinNamesLookAlike() {
        val me = phone.signIn("names")
        text("PERSON", "lilei", "李雷", me, 1)
        text("PERSON", "bob", "Bob", me, 2)
        DeviceServer.deliver(copy("TEAM", "lilei", "李雷", "77", 4) + invite(me))
        text("TEAM", "lilei", "李雷", "77", 3)
        val list = phone.openList()
        phone.await("the rows") { list.visible().size == 3 }
        val rows = phone.onMain { list.visible() }
        phone.onMain {
            assertEquals(setOf("李雷", "Bob", "Team 77"), rows.map { rowOf(it).name }.toSet())
            assertEquals("heights", 1, rows.map { it.height }.toSet().size)
            for (id in listOf(R.id.name, R.id.preview, R.id.avatar)) {
                val views = rows.map { it.findViewById<TextView>(id) }
                assertEquals("heights of texts", 1, views.map { it.height }.toSet().size)
                // The letters of avatars have sizes of their own.
                val isLine = id != R.id.avatar
                if (isLine) assertEquals("lines", 1, views.map { it.baseline }.toSet().size)
                assertEquals("weights", 1, views.map { it.paint.isFakeBoldText }.toSet().size)
                assertEquals("typefaces", 1, views.map { it.typeface }.toSet().size)
            }
            for (row in rows) {
                val isTeam = rowOf(row).name == "Team 77"
                assertEquals(isTeam, row.findViewById<View>(R.id.avatar_of_team).isShown)
                assertEquals(isTeam, rowOf(row).letter.isEmpty())
            }
        }
    }

    private fun openThree(me: String): Activity {
        listOf("ann", "bob", "carl").forEachIndexed { at, friend ->
            DeviceServer.deliverText(friend, me, now - at * 1_000, now + at, "Hello")
        }
        val list = phone.openList()
        phone.await("three rows") { list.visible().size == 3 }
        return list
    }

    /** Returns the rows on the screen that show a session. */
    private fun Activity.visible(): List<View> =
        (0 until rows.childCount).map(rows::getChildAt).filter { it.tag is SessionRow }

    /** Collects the session of each row to whose name or preview a text is written from now on. */
    private fun Activity.watchTexts(): List<String> {
        val written = CopyOnWriteArrayList<String>()
        for (row in visible()) {
            for (id in listOf(R.id.name, R.id.preview)) {
                row.findViewById<TextView>(id).addTextChangedListener(
                    object : TextWatcher {
                        override fun beforeTextChanged(s: CharSequence, a: Int, b: Int, c: Int) =
                            Unit

                        override fun onTextChanged(s: CharSequence, a: Int, b: Int, c: Int) {
                            written += checkNotNull(SessionRow.of(row).session).sessionId
                        }

                        override fun afterTextChanged(s: Editable) = Unit
                    },
                )
            }
        }
        return written
    }

    private fun text(scene: String, from: String, nick: String, to: String, id: Int) =
        DeviceServer.deliver(copy(scene, from, nick, to, id))

    private fun copy(scene: String, from: String, nick: String, to: String, id: Int) = mapOf(
        "eventType" to 1, "convType" to scene, "to" to to, "fromAccount" to from,
        "fromNick" to nick, "msgTimestamp" to now - id, "msgType" to "TEXT",
        "msgidServer" to now + id, "body" to "Hello 你好",
    )

    private fun invite(me: String) = mapOf(
        "msgType" to "NOTIFICATION", "body" to "",
        "attach" to """{"id":0,"data":{"ids":["$me"],"tinfo":{"1":"77","3":"t","5":"lilei"}}}""",
    )
}

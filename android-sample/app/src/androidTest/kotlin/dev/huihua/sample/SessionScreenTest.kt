// The screen of one session: loading it, editing its draft and note, and failures of both.
package dev.huihua.sample

import android.app.Activity
import android.widget.Button
import android.widget.EditText
import androidx.test.ext.junit.runners.AndroidJUnit4
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.deliverText
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class SessionScreenTest {
    private val phone = Phone()
    private val me = phone.signIn("one")
    private val now = System.currentTimeMillis()

    @After
    fun close() = phone.close()

    @Test
    fun aTapOnARowOpensItsScreen() {
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val list = phone.openList()
        phone.await("the list") { list.rows.childCount > 0 && list.names().size == 1 }
        val opens = phone.asksFor(SessionActivity::class.java) {
            list.rows.performItemClick(list.rows.getChildAt(0), 0, list.rows.getItemIdAtPosition(0))
        }
        assertTrue(opens)
    }

    @Test
    fun aNoteIsShownAndADraftIsStored() {
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val device = DeviceServer.device(me)
        device.update("p2p|ann", "from the tablet")
        val screen = phone.openSession("p2p|ann")
        phone.await("the note") {
            screen.note.isShown && screen.note.text.toString() == "from the tablet"
        }
        assertEquals("nick of ann", phone.onMain { screen.title })
        assertEquals("Hello", phone.onMain { rowOf(screen.findViewById(R.id.row)).preview })
        phone.onMain { screen.note.setText("") }
        phone.onMain { screen.draft.setText("see you") }
        phone.onMain { screen.findViewById<Button>(R.id.save).performClick() }
        phone.await("the end of the screen") { screen.isFinishing }
        val stored = device.list(QueryMySessionOption()).sessionList.single()
        assertEquals("""{"draft":"see you"}""", stored.ext)
        device.close()
    }

    @Test
    fun aDraftIsAFieldOfItsOwnAndWhatOtherAppsKeepStays() {
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val device = DeviceServer.device(me)
        device.update("p2p|ann", """{"pinned":true,"draft":"on my way"}""")
        val screen = phone.openSession("p2p|ann")
        phone.await("the draft") { screen.draft.isShown }
        assertEquals("on my way", phone.onMain { screen.draft.text.toString() })
        assertEquals("", phone.onMain { screen.note.text.toString() })
        phone.onMain { screen.draft.setText("") }
        phone.onMain { screen.note.setText("call back") }
        phone.onMain { screen.findViewById<Button>(R.id.save).performClick() }
        phone.await("the end of the screen") { screen.isFinishing }
        val stored = device.list(QueryMySessionOption()).sessionList.single()
        assertEquals("""{"pinned":true,"note":"call back"}""", stored.ext)
        device.close()
    }

    @Test
    fun aMissingSessionIsReportedToTheUser() {
        val screen = phone.openSession("p2p|nobody")
        phone.await("the reason") {
            screen.text(R.id.notice_detail) == "The session does not exist (404)"
        }
        DeviceServer.deliverText("nobody", me, now, now, "Now I am")
        phone.onMain { screen.findViewById<Button>(R.id.notice_button).performClick() }
        phone.await("the session") { screen.title == "nick of nobody" }
    }

    @Test
    fun aTooLongNoteIsRefusedAndCanBeCorrected() {
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val screen = phone.openSession("p2p|ann")
        phone.await("the session") { screen.note.isShown }
        val save = phone.onMain { screen.findViewById<Button>(R.id.save) }
        phone.onMain {
            screen.note.setText("x".repeat(4_097))
            save.performClick()
        }
        phone.await("the refusal") { screen.note.error?.contains("414") == true }
        phone.onMain {
            screen.note.setText("x".repeat(4_096))
            save.performClick()
        }
        phone.await("the end of the screen") { screen.isFinishing }
    }

    @Test
    fun rotatingThePhoneKeepsTheEnteredText() {
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val upright = phone.openSession("p2p|ann")
        phone.await("the session") { upright.draft.isShown }
        phone.onMain { upright.draft.setText("half a thou") }
        val turned = phone.turn(upright)
        phone.await("the session again") { turned.draft.isShown && turned.title == "nick of ann" }
        assertEquals("half a thou", phone.onMain { turned.draft.text.toString() })
    }

    private val Activity.draft get() = findViewById<EditText>(R.id.draft)
    private val Activity.note get() = findViewById<EditText>(R.id.note)
}

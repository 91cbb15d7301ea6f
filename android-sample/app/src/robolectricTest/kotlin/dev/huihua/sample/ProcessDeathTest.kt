// The app's process is killed in the background and recreated from Android's saved state. Only
// Robolectric can simulate that from inside the process.
package dev.huihua.sample

import android.app.Activity
import android.os.Bundle
import android.os.Parcel
import android.widget.EditText
import androidx.test.ext.junit.runners.AndroidJUnit4
import dev.huihua.sdk.deliverText
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.android.controller.ActivityController

@RunWith(AndroidJUnit4::class)
class ProcessDeathTest {
    private val phone = Phone()
    private val now = System.currentTimeMillis()
    private val me = phone.signIn("reborn")

    @After
    fun close() = phone.close()

    @Test
    fun aListIsRestoredWithItsSelectionAndItsAccount() {
        listOf("ann", "bob", "carl").forEachIndexed { at, friend ->
            DeviceServer.deliverText(friend, me, now - at * 1_000, now + at, "Hello")
        }
        val first = start(SessionListActivity::class.java)
        phone.await("the list") { first.get().rows.childCount >= 3 }
        phone.onMain { first.get().rows.setItemChecked(1, true) }
        val second = killAndRestart(first)
        phone.await("the list again") { second.get().names().size == 3 }
        phone.await("the selection") { second.get().rows.checkedItemCount == 1 }
        DeviceServer.deliverText("dan", me, now + 1_000, now + 9, "new")
        phone.await("a live change") { second.get().names().first() == "nick of dan" }
        assertEquals(me, phone.onMain { second.get().actionBar?.subtitle })
    }

    @Test
    fun anUnsavedDraftIsRestored() {
        DeviceServer.deliverText("ann", me, now, now, "Hello")
        val first = start(SessionActivity::class.java, "p2p|ann")
        phone.await("the session") { first.get().title == "nick of ann" }
        phone.onMain { first.get().findViewById<EditText>(R.id.draft).setText("half a thou") }
        val second = killAndRestart(first)
        phone.await("the session again") { second.get().title == "nick of ann" }
        val text = phone.onMain { second.get().findViewById<EditText>(R.id.draft).text.toString() }
        assertEquals("half a thou", text)
    }

    private fun <A : Activity> start(
        screen: Class<A>,
        sessionId: String = "",
        saved: Bundle? = null,
    ): ActivityController<A> = phone.onMain {
        val intent = SessionActivity.intent(phone.context, sessionId)
            .setClass(phone.context, screen)
        val controller = Robolectric.buildActivity(screen, intent)
        if (saved == null) controller.setup() else controller.setup(saved)
    }

    /** Passes on only the bytes of the saved state, and the intent. */
    private fun <A : Activity> killAndRestart(first: ActivityController<A>): ActivityController<A> {
        val bytes = phone.onMain {
            val state = Bundle()
            first.pause().stop().saveInstanceState(state)
            first.destroy()
            Sessions.close()
            Parcel.obtain().apply { writeBundle(state) }.marshall()
        }
        val state = Parcel.obtain().run {
            unmarshall(bytes, 0, bytes.size)
            setDataPosition(0)
            checkNotNull(readBundle(SessionListActivity::class.java.classLoader))
        }
        val intent = first.get().intent
        return start(first.get().javaClass, intent.getStringExtra("sessionId").orEmpty(), state)
    }
}

// Selecting sessions by a long press, and deleting them.
package dev.huihua.sample

import android.app.Activity
import android.app.AlertDialog
import android.content.DialogInterface.BUTTON_NEGATIVE
import android.content.DialogInterface.BUTTON_POSITIVE
import android.graphics.drawable.ColorDrawable
import android.view.MenuItem
import android.view.View
import androidx.test.ext.junit.runners.AndroidJUnit4
import dev.huihua.sdk.Gate
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.deliverText
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class SelectionTest {
    private val phone = Phone()
    private val network = Gate(DeviceServer, isOpen = false)
    private val me = phone.signIn("selection", network.url)
    private val now = System.currentTimeMillis()

    @Before
    fun threeSessions() {
        network.open()
        listOf("ann", "bob", "carl").forEachIndexed { at, friend ->
            DeviceServer.deliverText(friend, me, now - at * 1_000, now + at, "Hello")
        }
    }

    @After
    fun close() {
        phone.close()
        network.close()
    }

    @Test
    fun aLongPressSelectsAndDeletes() {
        val list = openAndSelect("nick of bob")
        assertEquals(1, phone.onMain { list.rows.checkedItemCount })
        phone.onMain { list.tap(2) }
        assertEquals(2, phone.onMain { list.rows.checkedItemCount })
        answer(list, BUTTON_POSITIVE)
        phone.await("one row") { list.names() == listOf("nick of ann") }
        phone.await("no selection") { list.rows.checkedItemCount == 0 }
        assertEquals(listOf("p2p|ann"), onServer())
    }

    @Test
    fun aSelectedRowShowsATickInPlaceOfItsAvatar() {
        val list = openAndSelect("nick of bob")
        assertEquals(listOf(false, true, false), phone.onMain { list.ticks() })
        phone.onMain { list.tap(2) }
        assertEquals(listOf(false, true, true), phone.onMain { list.ticks() })
        DeviceServer.deliverText("carl", me, now + 1_000, now + 10, "up")
        phone.await("the tick moves too") { list.ticks() == listOf(true, false, true) }
        phone.onMain { (list as SessionListActivity).selection.mode?.finish() }
        phone.await("no tick") { list.ticks() == listOf(false, false, false) }
    }

    @Test
    fun aSelectionStaysWithItsSessionsWhenTheyMove() {
        val list = openAndSelect("nick of bob")
        DeviceServer.deliverText("carl", me, now + 1_000, now + 10, "up")
        phone.await("the move") { list.names().first() == "nick of carl" }
        answer(list, BUTTON_POSITIVE)
        phone.await("bob gone") { list.names() == listOf("nick of carl", "nick of ann") }
    }

    @Test
    fun aCancelledOrFailedDeletionDeletesNothing() {
        val list = openAndSelect("nick of ann")
        answer(list, BUTTON_NEGATIVE)
        assertEquals(1, phone.onMain { list.rows.checkedItemCount })
        network.shut()
        answer(list, BUTTON_POSITIVE)
        phone.await("the end of the call") { deleteItem(list).isEnabled }
        assertEquals(3, phone.onMain { list.names().size })
        assertEquals("the selection stays", 1, phone.onMain { list.rows.checkedItemCount })
        assertEquals(3, onServer().size)
    }

    @Test
    fun rotatingThePhoneKeepsTheSelection() {
        val turned = phone.turn(openAndSelect("nick of bob"))
        phone.await("the selection") { turned.rows.checkedItemCount == 1 }
        answer(turned, BUTTON_POSITIVE)
        phone.await("bob gone") { turned.names() == listOf("nick of ann", "nick of carl") }
    }

    private fun openAndSelect(name: String): Activity {
        val list = phone.openList()
        phone.await("the list") { list.rows.childCount >= 3 && list.names().size == 3 }
        val row = phone.onMain { list.rows.getChildAt(list.names().indexOf(name)) }
        phone.longPress(list, row)
        phone.await("a selection") { list.rows.checkedItemCount == 1 }
        return list
    }

    private fun answer(list: Activity, button: Int) {
        val selection = (list as SessionListActivity).selection
        phone.onMain { selection.mode?.menu?.performIdentifierAction(R.id.delete, 0) }
        val question: AlertDialog = phone.onMain { checkNotNull(selection.question) }
        assertTrue(phone.onMain { question.isShowing })
        phone.onMain { question.getButton(button).performClick() }
        phone.await("the answer") { !question.isShowing }
    }

    /** Tells of each visible row whether it shows a tick. */
    private fun Activity.ticks() = (0 until rows.childCount)
        .mapNotNull { rows.getChildAt(it).findViewById<View>(R.id.tick) }
        .map { it.background.current !is ColorDrawable }

    private fun deleteItem(list: Activity): MenuItem =
        checkNotNull((list as SessionListActivity).selection.mode).menu.findItem(R.id.delete)

    private fun Activity.tap(position: Int) {
        val id = rows.getItemIdAtPosition(position)
        rows.performItemClick(rows.getChildAt(position), position, id)
    }

    private fun onServer() = DeviceServer.device(me).run {
        list(QueryMySessionOption()).sessionList.map { it.sessionId }.also { close() }
    }
}

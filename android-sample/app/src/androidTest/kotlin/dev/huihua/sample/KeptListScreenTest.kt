// A cold start: the list of the last time shows before the server answers, and is then up to date.
package dev.huihua.sample

import android.app.Activity
import android.view.View
import androidx.test.ext.junit.runners.AndroidJUnit4
import dev.huihua.sdk.Gate
import dev.huihua.sdk.deliverText
import java.io.File
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class KeptListScreenTest {
    private val phone = Phone()
    private val network = Gate(DeviceServer, isOpen = false)
    private val now = System.currentTimeMillis()

    @After
    fun close() {
        phone.close()
        network.close()
    }

    @Test
    fun theListOfTheLastTimeShowsBeforeTheServerAnswers() {
        val me = signInAndLook("kept")
        network.shut()
        DeviceServer.deliverText("carl", me, now + 1_000, now + 9, "new")
        DeviceServer.device(me).run {
            delete("p2p|ann")
            close()
        }
        network.stall()
        val list = phone.openList()
        phone.await("the list of the last time") {
            list.names() == listOf("nick of bob", "nick of ann")
        }
        assertTrue("a thin line", phone.onMain { list.findViewById<View>(R.id.progress).isShown })
        assertEquals("no notice", null, phone.onMain { list.text(R.id.notice_title) })
        network.shut()
        network.open()
        phone.await("the server's list") { list.names() == listOf("nick of carl", "nick of bob") }
        phone.await("calm") {
            !list.findViewById<View>(R.id.progress).isShown && list.text(R.id.warning) == null
        }
    }

    @Test
    fun theListOfTheLastTimeStaysUnderTheBannerWithoutANetwork() {
        signInAndLook("keptoffline")
        network.shut()
        val list = phone.openList()
        phone.await("the banner") { list.findViewById<View>(R.id.banner).isShown }
        assertEquals(listOf("nick of bob", "nick of ann"), phone.onMain { list.names() })
    }

    @Test
    fun anotherAccountSeesNothingOfIt() {
        signInAndLook("keptfirst")
        network.shut()
        network.stall()
        signIn("keptsecond")
        val list = phone.openList()
        phone.await("the first page's progress") {
            list.findViewById<View>(R.id.notice_progress).isShown
        }
        assertEquals(emptyList<String>(), phone.onMain { list.names() })
    }

    private fun signIn(name: String): String {
        val me = phone.signIn(name, network.url)
        phone.store(phone.stored().copy(appKey = DeviceServer.appKey))
        return me
    }

    /** Opens the list of a new account, reads it, and ends the app. */
    private fun signInAndLook(name: String): String {
        val me = signIn(name)
        network.open()
        DeviceServer.deliverText("ann", me, now - 1_000, now, "Hello")
        DeviceServer.deliverText("bob", me, now, now + 1, "Hello $me")
        val list = phone.openList()
        phone.await("the list") { list.names() == listOf("nick of bob", "nick of ann") }
        phone.await("the end of loading") { !list.findViewById<View>(R.id.progress).isShown }
        end(list, "Hello $me")
        return me
    }

    /** Ends the app as soon as what its list shows is in its file. */
    private fun end(list: Activity, shown: String) {
        phone.onMain { list.finish() }
        val folder = File(phone.context.noBackupFilesDir, "sessions")
        phone.await("the file") {
            // One may be replaced while it is read; what is being written is not kept yet.
            val kept = folder.listFiles().orEmpty().filter { it.extension == "list" }
            runCatching { kept.any { shown in it.readText() } }.getOrDefault(false)
        }
        phone.await("the end of the screen") { list.isFinishing }
        phone.onMain { Sessions.close() }
    }
}

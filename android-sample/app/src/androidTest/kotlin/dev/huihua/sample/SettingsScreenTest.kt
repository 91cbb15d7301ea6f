// The settings screen: storing valid settings, refusing invalid ones with a reason.
package dev.huihua.sample

import android.app.Activity
import android.widget.Button
import android.widget.EditText
import androidx.test.ext.junit.runners.AndroidJUnit4
import dev.huihua.sdk.Gate
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class SettingsScreenTest {
    private val phone = Phone()

    @After
    fun close() = phone.close()

    @Test
    fun theEnteredSettingsAreStored() {
        phone.store(Settings("", "", ""))
        val screen = phone.open(SettingsActivity::class.java)
        phone.onMain { screen.type(" ${DeviceServer.url} ", "ann", DeviceServer.token("ann")) }
        phone.onMain { screen.findViewById<Button>(R.id.save).performClick() }
        phone.await("the end of the screen") { screen.isFinishing }
        assertEquals(DeviceServer.url, phone.stored().serverUrl)
        assertEquals("ann", phone.stored().account)
        assertEquals("the list is kept from now on", DeviceServer.appKey, phone.stored().appKey)
        val again = phone.open(SettingsActivity::class.java)
        assertEquals("ann", phone.onMain { again.field(R.id.account).text.toString() })
    }

    @Test
    fun theServersSpellingOfTheAccountIsStored() {
        phone.store(Settings("", "", ""))
        val screen = phone.open(SettingsActivity::class.java)
        phone.onMain { screen.type(DeviceServer.url, "Ann", DeviceServer.token("ANN")) }
        phone.onMain { screen.findViewById<Button>(R.id.save).performClick() }
        phone.await("the end of the screen") { screen.isFinishing }
        assertEquals("ann", phone.stored().account)
    }

    @Test
    fun anInvalidSettingIsRefusedAtItsField() {
        val before = Settings(DeviceServer.url, "ann", "a.b.c")
        phone.store(before)
        val screen = phone.open(SettingsActivity::class.java)
        val save = phone.onMain { screen.findViewById<Button>(R.id.save) }
        phone.onMain {
            screen.type(DeviceServer.url, " ", "a.b.c")
            save.performClick()
        }
        assertEquals("Required", phone.onMain { screen.field(R.id.account).error })
        for (url in listOf("http://im.example.com", "sessions.example.com", "ftp://a")) {
            phone.onMain {
                screen.type(url, "ann", "a.b.c")
                save.performClick()
            }
            val error = phone.onMain { screen.field(R.id.server_url).error?.toString().orEmpty() }
            assertTrue("$url: $error", error.contains("serverUrl"))
            assertFalse(phone.onMain { screen.isFinishing })
        }
        assertEquals(before, phone.stored())
    }

    @Test
    fun aTokenIsCheckedBeforeItIsStored() {
        val before = Settings(DeviceServer.url, "ann", "a.b.c")
        phone.store(before)
        val screen = phone.open(SettingsActivity::class.java)
        val save = phone.onMain { screen.findViewById<Button>(R.id.save) }
        fun errorAt(field: Int, url: String, account: String, token: String): String {
            phone.onMain {
                screen.type(url, account, token)
                save.performClick()
                assertFalse("one trial at a time", save.isEnabled)
            }
            phone.await("the answer") { save.isEnabled }
            return phone.onMain { screen.field(field).error?.toString().orEmpty() }
        }
        val nobody = Gate(DeviceServer, isOpen = false).url
        val token = DeviceServer.token("bob")
        assertEquals(
            "The server refused the token (302)", errorAt(R.id.token, DeviceServer.url, "bob", "x"),
        )
        assertEquals(
            "This token belongs to bob", errorAt(R.id.account, DeviceServer.url, "ann", token),
        )
        assertEquals(
            "The server cannot be reached (415)", errorAt(R.id.server_url, nobody, "bob", token),
        )
        assertEquals(before, phone.stored())
    }

    private fun Activity.type(url: String, account: String, token: String) {
        field(R.id.server_url).setText(url)
        field(R.id.account).setText(account)
        field(R.id.token).setText(token)
    }

    private fun Activity.field(id: Int) = findViewById<EditText>(id)
}

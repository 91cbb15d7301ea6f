// A person's use of the app: open it, read, load more, see a failure. Runs on a device and here.
package dev.huihua.sample

import android.app.Activity
import android.content.Intent
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.ListView
import android.widget.TextView
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import dev.huihua.sdk.TestServer
import dev.huihua.sdk.deliverRecall
import dev.huihua.sdk.deliverText
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/**
 * Needs a server that `huihua-server dev` runs, told by arguments: `am instrument -e serverUrl
 * …`, and so `appKey`, `appSecret` (both in its `dev.json`), `account` and its `token`.
 */
@RunWith(AndroidJUnit4::class)
class SessionListActivityTest {
    private val instrumentation = InstrumentationRegistry.getInstrumentation()
    private val arguments = InstrumentationRegistry.getArguments()
    private val account = argument("account")
    private val server = object : TestServer {
        override val url = argument("serverUrl")
        override val appKey = argument("appKey")
        override val appSecret = argument("appSecret")

        override fun token(account: String) = argument("token")
    }

    @Test
    fun sessionsAreShownPageByPage() {
        val now = System.currentTimeMillis()
        (1L..25L).forEach {
            server.deliverText("friend$it", account, now - it, now + it, "你好 $it")
        }
        server.deliverRecall("friend2", account, now - 2, now + 2, "oops")
        val activity = open(server.url, server.token(account))
        awaitOnMain("the first page") { activity.status() == "20 sessions" }
        val texts = onMain { activity.rowTexts() }
        assertTrue(texts[0], texts[0].startsWith("friend1 · ") && texts[0].endsWith("\n你好 1"))
        assertTrue(texts[1], texts[1].endsWith("\nfriend2 recalled: oops"))
        onMain { activity.find<Button>().performClick() }
        awaitOnMain("the second page") { activity.find<ListView>().adapter.count >= 25 }
        val all = onMain { activity.rowTexts() }
        val friends = (1..25).map { "friend$it" }
        assertEquals(friends, all.map { it.substringBefore(" · ") }.filter { it in friends })
        assertEquals(all.distinct(), all)
        onMain { activity.finish() }
    }

    @Test
    fun aFailureIsSaidAndCanBeRetried() {
        val activity = open(server.url, "forged")
        awaitOnMain("the failure") { activity.status() == "Failed with code 302" }
        assertTrue(onMain { activity.find<Button>().isEnabled })
        assertEquals("Try again", onMain { activity.find<Button>().text.toString() })
        onMain { activity.finish() }
    }

    @Test
    fun aWrongAddressIsSaid() {
        val activity = open("http://im.example.com", "any")
        awaitOnMain("the refusal") { activity.status().startsWith("option serverUrl") }
        assertFalse(onMain { activity.find<Button>().isShown })
        onMain { activity.finish() }
    }

    private fun argument(name: String) =
        checkNotNull(arguments.getString(name)) { "argument $name is missing" }

    private fun open(url: String, token: String): Activity {
        val intent = Intent(instrumentation.targetContext, SessionListActivity::class.java)
            .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
            .putExtra("serverUrl", url)
            .putExtra("token", token)
        return instrumentation.startActivitySync(intent)
    }

    private fun Activity.status() =
        views().filterIsInstance<TextView>().first { it !is Button }.text.toString()

    private fun Activity.rowTexts(): List<String> {
        val list = find<ListView>()
        return (0 until list.adapter.count).map {
            (list.adapter.getView(it, null, list) as TextView).text.toString()
        }
    }

    private inline fun <reified V : View> Activity.find(): V = views().filterIsInstance<V>().first()

    private fun Activity.views(): List<View> = window.decorView.andBelow()

    private fun View.andBelow(): List<View> {
        val below = (this as? ViewGroup)?.run { (0 until childCount).map(::getChildAt) }.orEmpty()
        return listOf(this) + below.flatMap { it.andBelow() }
    }

    private fun <T> onMain(block: () -> T): T {
        var result: Result<T>? = null
        instrumentation.runOnMainSync { result = runCatching(block) }
        return checkNotNull(result).getOrThrow()
    }

    private fun awaitOnMain(what: String, condition: () -> Boolean) {
        val deadline = System.nanoTime() + 20_000_000_000
        while (!onMain(condition)) {
            assertTrue("no sign of $what", System.nanoTime() < deadline)
            Thread.sleep(20)
        }
    }
}

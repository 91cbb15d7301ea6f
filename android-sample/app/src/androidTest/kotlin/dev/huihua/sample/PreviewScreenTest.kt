// The previews of each type of message, with a real server's rows, in English and Chinese.
package dev.huihua.sample

import android.content.res.Configuration
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.deliver
import dev.huihua.sdk.deliverRecall
import dev.huihua.sdk.deliverText
import java.util.Locale
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class PreviewScreenTest {
    private val phone = Phone()
    private val me = phone.signIn("me")
    private val now = System.currentTimeMillis()
    private var lastId = now

    @After
    fun close() = phone.close()

    @Test
    fun everyTypeOfMessageHasAPreview() {
        val kinds = listOf(
            "TEXT" to ("你好" to "你好"), "TIPS" to ("你好" to "你好"),
            "PICTURE" to ("[Picture]" to "[图片]"), "AUDIO" to ("[Voice]" to "[语音]"),
            "VIDEO" to ("[Video]" to "[视频]"), "LOCATION" to ("[Location]" to "[位置]"),
            "FILE" to ("[File]" to "[文件]"), "AVCHAT" to ("[Call]" to "[通话]"),
            "NRTC_NETCALL" to ("[Call]" to "[通话]"), "ROBOT" to ("[Robot]" to "[机器人]"),
            "CUSTOM" to ("[Message]" to "[消息]"),
        )
        for ((kind, _) in kinds) {
            val body = if (kind in listOf("TEXT", "TIPS")) "你好" else ""
            message("PERSON", "from-${kind.lowercase()}", me, kind, body, """{"a":1}""")
        }
        val rows = sessions()
        for ((kind, expected) in kinds) {
            val row = rows.getValue("p2p|from-${kind.lowercase()}")
            assertEquals(kind, expected.first, english.previewText(row, me).toString())
            assertEquals(kind, expected.second, chinese.previewText(row, me).toString())
        }
    }

    @Test
    fun recallsDraftsAndTeamsHaveReadablePreviews() {
        DeviceServer.deliverText("bob", me, now, next(), "oops")
        DeviceServer.deliverRecall("bob", me, now, lastId, "typo")
        DeviceServer.deliverText(me, "ann", now, next(), "oops")
        DeviceServer.deliverRecall(me, "ann", now, lastId, "")
        val invite = """{"id":0,"data":{"ids":["$me"],"tinfo":{"1":"77","3":"t","5":"bob"}}}"""
        message("TEAM", "bob", "77", "NOTIFICATION", "", invite)
        message("TEAM", "bob", "77", "TEXT", "hi all")
        val device = DeviceServer.device(me)
        device.update("p2p|carl", "call back")
        device.update("p2p|dora", """{"draft":"on my way"}""")
        device.update("p2p|emil", "")
        device.close()
        val rows = sessions()
        check(rows, "p2p|bob", "bob recalled a message: typo", "bob 撤回了一条消息：typo")
        check(rows, "p2p|ann", "You recalled a message", "你撤回了一条消息")
        check(rows, "team|77", "nick of bob: hi all", "nick of bob：hi all")
        check(rows, "p2p|carl", "call back", "call back")
        check(rows, "p2p|dora", "[Draft] on my way", "[草稿] on my way")
        check(rows, "p2p|emil", "No message yet", "还没有消息")
        assertEquals("Team 77", english.nameOf(rows.getValue("team|77")))
        assertEquals("群 77", chinese.nameOf(rows.getValue("team|77")))
    }

    @Test
    fun timesAreFormattedInBothLanguages() {
        val minute = 60_000L
        val day = 24 * 60 * minute
        // The phone's own words differ a little from one Android to the next.
        val table = listOf(
            -minute to ("Just now" to "刚刚"),
            minute - 1 to ("Just now" to "刚刚"),
            minute to ("1 min" to "1分钟前"),
            59 * minute to ("59 min" to "59分钟前"),
            3 * 60 * minute to ("3 h" to "3小时前"),
            day to ("Yesterday" to "昨天"),
            3 * day to ("3 days ago" to "3天前"),
            100 * day to ("Nov 23, 2019" to "2019年11月23日"),
        )
        val before = Locale.getDefault()
        try {
            for ((age, expected) in table) {
                val time = NOON_MS - age
                Locale.setDefault(Locale.ENGLISH)
                val inEnglish = english.timeText(time, NOON_MS).toString()
                assertTrue(inEnglish, inEnglish.startsWith(expected.first))
                Locale.setDefault(Locale.SIMPLIFIED_CHINESE)
                val inChinese = chinese.timeText(time, NOON_MS).toString()
                assertEquals(expected.second, inChinese.replace(" ", ""))
            }
        } finally {
            Locale.setDefault(before)
        }
    }

    private fun check(rows: Map<String, RecentSession>, id: String, en: String, zh: String) {
        assertEquals(id, en, english.previewText(rows.getValue(id), me).toString())
        assertEquals(id, zh, chinese.previewText(rows.getValue(id), me).toString())
    }

    private fun message(
        scene: String,
        from: String,
        to: String,
        kind: String,
        body: String,
        attach: String = "",
    ) = DeviceServer.deliver(
        mapOf(
            "eventType" to 1, "convType" to scene, "to" to to, "fromAccount" to from,
            "fromNick" to "nick of $from", "msgTimestamp" to now, "msgType" to kind,
            "msgidServer" to next(), "body" to body, "attach" to attach,
        ),
    )

    private fun next() = ++lastId

    private fun sessions() = DeviceServer.device(me).run {
        list(QueryMySessionOption()).sessionList.associateBy { it.sessionId }.also { close() }
    }

    private companion object {
        /** 2020-03-02, noon in every zone but a few. */
        const val NOON_MS = 1_583_150_400_000
    }

    private val english get() = inLanguage(Locale.ENGLISH)
    private val chinese get() = inLanguage(Locale.SIMPLIFIED_CHINESE)

    private fun inLanguage(locale: Locale) = InstrumentationRegistry.getInstrumentation()
        .targetContext.createConfigurationContext(Configuration().apply { setLocale(locale) })
}

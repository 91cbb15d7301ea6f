// The behaviour of the four calls on every platform. JUnit 4 and plain Kotlin, so that it
// also runs on a device; needs a real server.
package dev.huihua.sdk

import dev.huihua.sdk.nim.MsgStatusEnum
import dev.huihua.sdk.nim.RevokeType
import java.net.ServerSocket
import java.util.concurrent.atomic.AtomicLong
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

abstract class SessionServiceContract {
    protected abstract val server: TestServer

    /** The name of the thread that callbacks run on. */
    protected abstract val callbackThread: String

    private val me = "me${accounts.incrementAndGet()}"
    private val now = System.currentTimeMillis()
    protected val service: SessionService by lazy { server.service(me) }

    @After
    fun closeService() = service.close()

    @Test
    fun aMessageCopyBecomesASession() {
        server.deliverText("amy", me, now, 9007199254740993, "你好 \"👋\"")
        val page = list()
        val row = page.sessionList.single()
        assertEquals("p2p|amy", row.sessionId)
        assertEquals(SessionTypeEnum.P2P, row.parseSessionId().first)
        assertEquals("amy", row.parseSessionId().second)
        assertEquals(now, row.updateTime)
        assertEquals("", row.ext)
        assertEquals(0, row.lastMsgType)
        assertNull(row.revokeNotification)
        assertTrue(row.lastMsg, row.lastMsg.contains("\"9\":\"你好"))
        assertFalse(page.hasMore())
        assertNull(page.nextPageToken)
        assertTrue(page.syncCursor.isNotEmpty())
        val contact = row.toRecentContact()
        assertEquals("amy", contact.contactId)
        assertEquals("amy", contact.fromAccount)
        assertEquals("nick of amy", contact.fromNick)
        assertEquals(SessionTypeEnum.P2P, contact.sessionType)
        assertEquals(MsgTypeEnum.text, contact.msgType)
        assertEquals(MsgStatusEnum.success, contact.msgStatus)
        assertEquals("client-9007199254740993", contact.recentMessageId)
        assertEquals("你好 \"👋\"", contact.content)
        assertEquals(now, contact.time)
        assertEquals(0, contact.unreadCount)
        assertNull(contact.attachment)
        assertEquals(emptyMap<String, Any?>(), contact.extension)
    }

    @Test
    fun aRecallReplacesItsMessage() {
        server.deliverText("amy", me, now, 9007199254740995, "a slip")
        server.deliverRecall("amy", me, now, 9007199254740995, "taken back")
        val row = list().sessionList.single()
        assertEquals(1, row.lastMsgType)
        assertEquals("", row.lastMsg)
        assertEquals(now, row.updateTime)
        val notice = checkNotNull(row.revokeNotification)
        assertEquals("amy", notice.revokeAccount)
        assertEquals("taken back", notice.customInfo)
        assertEquals(RevokeType.P2P_DELETE_MSG, notice.revokeType)
        assertEquals(0, notice.notificationType)
        assertEquals(now, notice.message.time)
        assertEquals("amy", notice.message.fromAccount)
        assertEquals("client-9007199254740995", notice.message.uuid)
        assertEquals(9007199254740995, notice.message.serverId)
        val contact = row.toRecentContact()
        assertEquals("taken back", contact.content)
        assertEquals("amy", contact.fromAccount)
        assertEquals(MsgTypeEnum.undef, contact.msgType)
    }

    @Test
    fun pagingWorksByTokenAndByTime() {
        (1L..7L).forEach { server.deliverText("peer$it", me, now - it, it, "hello") }
        val expected = (1..7).map { "p2p|peer$it" }
        val option = QueryMySessionOption(0, 0, true, 3)
        val seen = mutableListOf<String>()
        do {
            val page = list(option)
            seen += page.sessionList.map { it.sessionId }
            assertEquals(page.hasMore(), page.nextPageToken != null)
            option.pageToken = page.nextPageToken
        } while (page.hasMore())
        assertEquals(expected, seen)
        val byTime = list(QueryMySessionOption(now - 6, now - 2, false, 3))
        assertEquals(expected.subList(1, 4), byTime.sessionList.map { it.sessionId })
        assertTrue(byTime.hasMore())
        assertTrue(byTime.sessionList.all { it.lastMsg.isEmpty() })
    }

    @Test
    fun anUpdateAddsASessionThatCanBeReadAndDeleted() {
        val ext = """{"top":true,"n":3,"big":9007199254740993,"list":[1.5,null],"o":{"k":"v"}}"""
        update("team|2530000000", ext)
        val row = one("team|2530000000").result()
        assertEquals(ext, row.ext)
        assertEquals("", row.lastMsg)
        assertNull(row.revokeNotification)
        assertTrue(row.updateTime >= now - 60_000)
        assertEquals(SessionTypeEnum.Team, row.parseSessionId().first)
        val contact = row.toRecentContact()
        assertEquals(MsgTypeEnum.undef, contact.msgType)
        assertEquals("", contact.fromAccount)
        val expected = mapOf(
            "top" to true, "n" to 3, "big" to 9007199254740993, "list" to listOf(1.5, null),
            "o" to mapOf("k" to "v"),
        )
        assertEquals(expected, contact.extension)
        update("team|2530000000", "no JSON")
        val plain = one("team|2530000000").result().toRecentContact()
        assertEquals(mapOf(RecentSession.KEY_EXT to "no JSON"), plain.extension)
        assertNull(delete(listOf("team|2530000000", "p2p|never-there")).result())
        assertEquals(404, one("team|2530000000").code())
        assertTrue(list().sessionList.isEmpty())
    }

    @Test
    fun aBadArgumentIsFailure414() {
        val ids = listOf("", "bob", "p2p|", "qchat|1", "p2p|a|b", "p2p|" + "a".repeat(129))
        for (id in ids) {
            assertEquals(id, 414, one(id).code())
            assertEquals(id, 414, delete(listOf(id)).code())
        }
        for (limit in listOf(0, 101, -1, Int.MIN_VALUE)) {
            assertEquals("$limit", 414, ask(QueryMySessionOption(0, 0, true, limit)).code())
        }
        assertEquals(414, ask(QueryMySessionOption(2, 1, true, 1)).code())
        assertEquals(414, ask(QueryMySessionOption(-1, 0, true, 1)).code())
        assertEquals(414, ask(QueryMySessionOption().apply { pageToken = "forged" }).code())
        assertEquals(414, delete(emptyList()).code())
        assertEquals(414, delete((0..100).map { "p2p|$it" }).code())
        val tooLong = Recorder<Void>()
        service.updateMySession("p2p|amy", "x".repeat(4_097), tooLong)
        assertEquals(414, tooLong.code())
    }

    @Test
    fun aWrongTokenIsFailure302AndADeadServer415() {
        val refused = Recorder<RecentSessionList>()
        SessionService(SessionServiceOptions.Builder(server.url, "forged").build()).use {
            it.queryMySessionList(null, refused)
            assertEquals(302, refused.code())
        }
        val port = ServerSocket(0).use { it.localPort }
        val dead = Recorder<RecentSessionList>()
        val options = SessionServiceOptions.Builder("http://127.0.0.1:$port", "any")
            .attemptsMax(1).build()
        SessionService(options).use {
            it.queryMySessionList(null, dead)
            assertEquals(415, dead.code())
        }
    }

    @Test
    fun callbacksRunOnThePlatformsThread() {
        val page = ask(null)
        page.result()
        assertEquals(callbackThread, page.thread.name)
        val failure = one("bad")
        failure.code()
        assertEquals(callbackThread, failure.thread.name)
    }

    @Test
    fun aClosedServiceEndsEveryCall() {
        service.close()
        service.close()
        val late = ask(null)
        assertTrue(late.exception() is SessionException.Closed)
        assertEquals(callbackThread, late.thread.name)
    }

    @Test
    fun anInvalidOptionIsRefusedByTheConstructor() {
        fun refusal(url: String, configure: SessionServiceOptions.Builder.() -> Unit) =
            try {
                val options = SessionServiceOptions.Builder(url, "t").apply(configure).build()
                SessionService(options).close()
                null
            } catch (e: IllegalArgumentException) {
                e.message
            }
        assertNull(refusal("http://127.0.0.1:1") {})
        assertNotNull(refusal("http://im.example.com") {})
        assertNull(refusal("http://im.example.com") { cleartextAllowed(true) })
        for ((field, wrong) in mapOf(
            "serverUrls" to refusal("not a url") {},
            "rootCertificates" to refusal(server.url) { addRootCertificate(byteArrayOf(1)) },
            "callTimeoutMs" to refusal(server.url) { callTimeoutMs(-1) },
            "connectTimeoutMs" to refusal(server.url) { connectTimeoutMs(0) },
            "attemptTimeoutMs" to refusal(server.url) { attemptTimeoutMs(Long.MAX_VALUE) },
            "attemptsMax" to refusal(server.url) { attemptsMax(0) },
        )) {
            assertTrue("$field: $wrong", wrong.orEmpty().startsWith("option $field: "))
        }
    }

    private fun ask(option: QueryMySessionOption?) =
        Recorder<RecentSessionList>().also { service.queryMySessionList(option, it) }

    private fun list(option: QueryMySessionOption? = null) = ask(option).result()

    private fun one(id: String) = Recorder<RecentSession>().also { service.queryMySession(id, it) }

    private fun update(id: String, ext: String) {
        val done = Recorder<Void>()
        service.updateMySession(id, ext, done)
        assertNull(done.result())
    }

    private fun delete(ids: List<String>) =
        Recorder<Void>().also { service.deleteMySession(ids, it) }

    private companion object {
        /** Accounts that no other test of this JVM, nor of an earlier run on a device, used. */
        val accounts = AtomicLong(System.currentTimeMillis() * 100)
    }
}

// What rows show of their last message and their ext: the cases that core is held to, too, through
// server, core and border.
package dev.huihua.sdk.internal

import dev.huihua.sdk.MsgTypeEnum
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.Recorder
import dev.huihua.sdk.ScriptedServer
import dev.huihua.sdk.ScriptedServer.Companion.PAGE
import dev.huihua.sdk.ScriptedServer.Companion.send
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionTypeEnum
import dev.huihua.sdk.nim.RevokeType
import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.ObjectInputStream
import java.io.ObjectOutputStream
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test

class LastMessagesTest {
    private val cases = cases()

    @Test
    fun everyRowShowsWhatTheCasesSay() {
        val rows = listOf(rowsOf(cases), rowsOf(cases).map(::copyOf))
        for ((case, row) in rows.flatMap { cases.zip(it) }) {
            assertEquals(case.name, "p2p|bob", row.sessionId)
            assertEquals(case.name, case.type, row.lastMsgType)
            assertEquals(case.name, case.lastMsg.takeIf { case.type == 0 }.orEmpty(), row.lastMsg)
            assertEquals(case.name, case.ext, row.ext)
            assertContact(case, row)
            assertNotice(case, row)
        }
    }

    private fun assertContact(case: Case, row: RecentSession) {
        val expected = case.contact
        val contact = row.toRecentContact()
        assertEquals(case.name, "bob", contact.contactId)
        assertEquals(case.name, SessionTypeEnum.P2P, contact.sessionType)
        assertEquals(case.name, 7, contact.time)
        assertEquals(case.name, expected["fromAccount"], contact.fromAccount)
        assertEquals(case.name, expected["fromNick"], contact.fromNick)
        assertEquals(case.name, expected["recentMessageId"], contact.recentMessageId)
        val type = MsgTypeEnum.typeOfValue(expected["msgType"] as Int)
        assertEquals(case.name, type, contact.msgType)
        assertEquals(case.name, expected["content"], contact.content)
        val attachment = contact.attachment?.toJson(false).orEmpty()
        assertEquals(case.name, expected["attachment"], attachment)
        assertFalse(case.name, contact.attachment != null && attachment.isEmpty())
        val extension = readJsonObject(expected["extension"] as String)
        assertEquals(case.name, extension, contact.extension)
    }

    private fun assertNotice(case: Case, row: RecentSession) {
        val expected = case.notice
        val notice = row.revokeNotification ?: return assertNull(case.name, expected)
        val seen = mapOf(
            "time" to notice.message.time, "from" to notice.message.fromAccount,
            "clientId" to notice.message.uuid, "serverId" to notice.message.serverIdText,
            "attach" to notice.attach, "revokeAccount" to notice.revokeAccount,
            "customInfo" to notice.customInfo, "callbackExt" to notice.callbackExt,
            "revokeType" to notice.revokeType,
        )
        val wanted = checkNotNull(expected) { case.name }.mapValues { (name, value) ->
            when (name) {
                "time" -> (value as Number).toLong()
                "revokeType" -> RevokeType.typeOfValue(value as Int)
                else -> value
            }
        }
        assertEquals(case.name, wanted, seen)
    }

    @Test
    fun whatARowShowsIsReadOnce() {
        for (row in rowsOf(cases)) {
            assertSame(row.lastMsg, row.lastMsg)
            assertSame(row.revokeNotification, row.revokeNotification)
            assertSame(row.toRecentContact().content, row.toRecentContact().content)
        }
    }

    @Test
    fun aContactsChangesStayItsOwn() {
        val row = rowsOf(listOf(case("an ext", ext = """{"a":1}"""))).single()
        val contact = row.toRecentContact()
        contact.extension = mapOf("a" to 2)
        contact.tag = 3
        assertEquals(mapOf("a" to 2), copyOf(contact).extension)
        assertEquals(mapOf("a" to 1), row.toRecentContact().extension)
        assertEquals(0, row.toRecentContact().tag)
    }

    @Test
    fun aMegabyteOfMessageIsShownInFull() {
        val body = "晚上 \\\"x\\\" ".repeat(60_000)
        val row = rowsOf(listOf(case("huge", lastMsg = """{"8":0,"9":"$body"}"""))).single()
        assertEquals(body.replace("\\", ""), row.toRecentContact().content)
        assertEquals(row.lastMsg, copyOf(row).lastMsg)
    }

    @Test
    fun anAnswerWithALastMessageThatIsNoObjectIsRefusedInWords() {
        for (bad in listOf("[]", "1", "\"s3cret\"", "{", "{\"9\":}", "{\"9\":\"s3cret\"", "{}x")) {
            val failure = outcome(page(listOf(case("bad", lastMsg = bad)))).exception()
            assertTrue("$bad: $failure", failure is SessionException.UnexpectedAnswer)
            val text = failure.message.orEmpty()
            assertTrue("$bad: $text", "JSON" in text && "line 1 column" in text)
            assertFalse(text, "s3cret" in text)
        }
        assertEquals(1, outcome(PAGE).result().sessionList.size)
    }

    @Test
    fun ofNoMessageNothingIsShown() {
        val row = rowsOf(listOf(case("null", lastMsg = "null"))).single()
        assertEquals("", row.lastMsg)
        assertEquals("", row.toRecentContact().content)
    }

    private fun rowsOf(cases: List<Case>): List<RecentSession> =
        outcome(page(cases)).result().sessionList.also { assertEquals(cases.size, it.size) }

    private fun outcome(body: String): Recorder<RecentSessionList> =
        ScriptedServer { it.send(200, body) }.use { server ->
            server.service().use { service ->
                val recorder = Recorder<RecentSessionList>()
                service.queryMySessionList(QueryMySessionOption(), recorder)
                recorder.apply { assertTrue(receivedWithin(20_000)) }
            }
        }

    private fun page(cases: List<Case>): String {
        val rows = cases.joinToString(",") { case ->
            val message = case.lastMsg?.let { ""","lastMsg":$it""" }.orEmpty()
            """{"sessionId":"p2p|bob","updateTime":7,"lastMsgType":${case.type},""" +
                """"ext":${quoted(case.ext)}$message}"""
        }
        return """{"sessionList":[$rows],"hasMore":false,"syncCursor":"c"}"""
    }

    private fun quoted(text: String) = text.toList().joinToString("", "\"", "\"") {
        if (it in ' '..'~' && it != '"' && it != '\\') "$it" else "\\u%04x".format(it.code)
    }

    @Suppress("UNCHECKED_CAST")
    private fun <T> copyOf(value: T): T {
        val bytes = ByteArrayOutputStream().also { ObjectOutputStream(it).writeObject(value) }
        return ObjectInputStream(ByteArrayInputStream(bytes.toByteArray())).readObject() as T
    }

    private class Case(fields: Map<String, Any?>) {
        val name: String by fields
        val type: Int by fields
        val ext: String by fields
        val lastMsg: String? by fields
        val contact: Map<String, Any?> by fields
        val notice: Map<String, Any?>? by fields
    }

    private companion object {
        fun case(name: String, ext: String = "", lastMsg: String? = null) =
            Case(mapOf("name" to name, "type" to 0, "ext" to ext, "lastMsg" to lastMsg))

        fun cases(): List<Case> {
            val text = File(System.getProperty("huihua.last.messages")).readText()
            val cases = checkNotNull(readJsonObject(text))["cases"] as List<*>
            @Suppress("UNCHECKED_CAST")
            return cases.map { Case(it as Map<String, Any?>) }
        }
    }
}

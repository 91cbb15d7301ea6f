// The last message as a value, and the equality of rows.
package dev.huihua.sdk

import dev.huihua.sdk.internal.SessionRow
import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.ObjectInputStream
import java.io.ObjectOutputStream
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertTrue
import org.junit.Test

class LastMessageTest {
    private fun row(json: String, type: Int = 0, ext: String = "", time: Long = 7): RecentSession =
        SessionRow("p2p|amy", time, ext, json.toByteArray(), type)

    private fun attachment(type: Int, attach: String): MessageAttachment? {
        val quoted = attach.replace("\\", "\\\\").replace("\"", "\\\"")
        return row("""{"8":$type,"10":"$quoted"}""").lastMessage?.attachment
    }

    @Test
    fun aTextHasItsSenderTimeAndIds() {
        val said = checkNotNull(row(TEXT).lastMessage)
        assertEquals(MsgTypeEnum.text, said.kind)
        assertEquals("s3cret", said.text)
        assertEquals("amy" to "Amy", said.from to said.fromNick)
        assertEquals(5L, said.time)
        assertEquals("c1" to "9", said.clientId to said.serverId)
        assertEquals("x", said.ext)
        assertNull(said.attachment)
        assertNull(said.recall)
    }

    @Test
    fun aRecallNamesTheMessageAndWhoRecalledIt() {
        val row = row(RECALL, type = 1)
        val said = checkNotNull(row.lastMessage)
        assertEquals(MsgTypeEnum.undef to "", said.kind to said.text)
        assertEquals("amy" to 5L, said.from to said.time)
        assertEquals("c1" to "9", said.clientId to said.serverId)
        val recall = checkNotNull(said.recall)
        assertEquals("boss" to "typo", recall.account to recall.text)
        assertEquals(6L, recall.time)
        assertEquals(row.revokeNotification?.revokeAccount, recall.account)
    }

    @Test
    fun anAttachmentIsReadByItsKind() {
        val image = attachment(1, """{"url":"u","name":"n","size":"12","w":3,"h":4}""")
        image as MessageAttachment.Image
        assertEquals(listOf("u", "n"), listOf(image.url, image.name))
        assertEquals("12 3 4", "${image.size} ${image.width} ${image.height}")
        val audio = attachment(2, """{"url":"u","size":12,"dur":3900}""")
        audio as MessageAttachment.Audio
        assertEquals("u 12 3900", "${audio.url} ${audio.size} ${audio.durationMs}")
        val video = attachment(3, """{"url":"u","size":12,"dur":"39","w":3,"h":-4}""")
        video as MessageAttachment.Video
        assertEquals("u 12 39", "${video.url} ${video.size} ${video.durationMs}")
        assertEquals("3 0", "${video.width} ${video.height}")
        val place = attachment(4, """{"lat":30.5,"lng":"120","title":"湖"}""")
        place as MessageAttachment.Location
        assertEquals("湖", place.title)
        assertEquals(listOf(30.5, 120.0), listOf(place.latitude, place.longitude))
        val file = attachment(6, """{"url":"u","name":"n","size":12}""")
        file as MessageAttachment.File
        assertEquals("u n 12", "${file.url} ${file.name} ${file.size}")
        val notice = attachment(5, """{"id":0}""")
        assertTrue("$notice", notice is MessageAttachment.Other && notice.json == """{"id":0}""")
    }

    @Test
    fun aMalformedAttachmentIsEmptyAndThrowsNothing() {
        for (json in listOf("nonsense", "[1]", """{"url":{},"size":"big","w":1e99}""")) {
            for (type in listOf(1, 2, 3, 4, 5, 6, 100, 4711)) {
                val read = attachment(type, json)
                assertEquals("$type $json", json, read?.json)
                if (read is MessageAttachment.Image) assertEquals("" to 0L, read.url to read.size)
            }
        }
    }

    @Test
    fun itIsMadeOnceAndIsNullForNoMessage() {
        val row = row(TEXT)
        assertSame(row.lastMessage, row.lastMessage)
        val image = row("""{"8":1,"10":"{}"}""")
        assertSame(image.lastMessage?.attachment, image.lastMessage?.attachment)
        assertNull(row("").lastMessage)
        assertEquals("", row("").lastMsg)
    }

    @Test
    fun rowsAreEqualIfAListShowsTheSame() {
        val row = row(TEXT, ext = "e")
        assertEquals(row, row(TEXT, ext = "e"))
        assertEquals(row.hashCode(), row(TEXT, ext = "e").hashCode())
        assertEquals(row.lastMessage, row(TEXT).lastMessage)
        assertEquals(row.lastMessage.hashCode(), row(TEXT).lastMessage.hashCode())
        val others = listOf(
            row(TEXT), row(TEXT, ext = "f"), row(TEXT, ext = "e", time = 8), row("", ext = "e"),
            row(TEXT, type = 1, ext = "e"), row(TEXT.replace("s3", "S3"), ext = "e"),
            SessionRow("p2p|ben", 7, "e", TEXT.toByteArray(), 0),
        )
        for (other in others) assertNotEquals(row, other)
        for (other in others.drop(3)) {
            if (other.lastMsg != TEXT) assertNotEquals(row.lastMessage, other.lastMessage)
        }
        assertEquals(attachment(1, """{"w":1}"""), attachment(1, """{"w":1}"""))
        assertNotEquals(attachment(1, """{"w":1}"""), attachment(1, """{"w":2}"""))
        assertNotEquals(attachment(1, "{}"), attachment(6, "{}"))
        assertNotEquals(row(RECALL, 1).lastMessage?.recall, row("{}", 1).lastMessage?.recall)
    }

    @Test
    fun theTextForLogsNamesTheRowButNothingThatAUserWrote() {
        val row = row(TEXT, ext = "s3cret too")
        assertTrue("$row", "p2p|amy" in "$row" && "7" in "$row")
        val recalled = checkNotNull(row(RECALL, 1).lastMessage)
        val image = attachment(1, """{"url":"s3cret"}""")
        for (text in listOf("$row", "${row.lastMessage}", "$recalled", "$image")) {
            assertFalse(text, "s3cret" in text || "typo" in text)
        }
    }

    @Test
    fun itSurvivesSerialization() {
        for (row in listOf(row(TEXT), row(RECALL, 1), row("""{"8":1,"10":"{}"}"""), row(""))) {
            row.lastMessage?.attachment
            val bytes = ByteArrayOutputStream()
            ObjectOutputStream(bytes).writeObject(listOf(row, row.lastMessage))
            val copy = ObjectInputStream(ByteArrayInputStream(bytes.toByteArray())).readObject()
            assertEquals(listOf(row, row.lastMessage), copy)
            assertEquals(row.lastMessage, ((copy as List<*>).first() as RecentSession).lastMessage)
        }
    }

    private companion object {
        const val TEXT = """{"2":"amy","6":"Amy","7":5,"8":0,"9":"s3cret","11":"c1","12":"9",""" +
            """"15":"x"}"""
        const val RECALL = """{"0":6,"1":7,"3":"amy","4":"typo","10":"c1","11":"9","14":5,""" +
            """"16":"boss"}"""
    }
}

// Rows travel in Android's Bundles and through process death: they must survive Java serialization.
package dev.huihua.sdk

import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.ObjectInputStream
import java.io.ObjectOutputStream
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class SerializableTest {
    @Test
    fun aPageSurvivesSerialization() {
        val server = ServerProcess.shared
        val now = System.currentTimeMillis()
        server.deliverText("amy", "packer", now, 31, "first")
        server.deliverRecall("amy", "packer", now, 31, "taken back")
        server.deliverText("ben", "packer", now, 32, "second")
        server.service("packer").use { service ->
            val recorder = Recorder<RecentSessionList>()
            service.queryMySessionList(null, recorder)
            val page = recorder.result()
            val copy = copyOf(page)
            assertEquals(2, copy.sessionList.size)
            for ((row, again) in page.sessionList.zip(copy.sessionList)) {
                assertEquals(row.sessionId, again.sessionId)
                assertEquals(row.lastMsg, again.lastMsg)
                assertEquals(
                    row.revokeNotification?.message?.serverIdText,
                    again.revokeNotification?.message?.serverIdText,
                )
                val contact = copyOf(again.toRecentContact())
                assertEquals(row.toRecentContact().content, contact.content)
                assertEquals(row.parseSessionId(), copyOf(again.parseSessionId()))
            }
            val option = QueryMySessionOption(1, 2, false, 3).apply { pageToken = "t" }
            assertEquals("t", copyOf(option).pageToken)
        }
    }

    @Test
    fun aSyncResultSurvivesSerialization() {
        val server = ServerProcess.shared
        val now = System.currentTimeMillis()
        server.service("unpacker").use { service ->
            server.deliverText("amy", "unpacker", now, 33, "first")
            server.deliverText("ben", "unpacker", now, 34, "second")
            val cursor = Recorder<SyncResult>().also { service.sync(null, it) }.result().cursor
            server.deliverText("amy", "unpacker", now + 1, 35, "third")
            Recorder<Void>().also { service.deleteMySession(listOf("p2p|ben"), it) }.result()
            val option = copyOf(SyncOption(cursor, 7, false, 8))
            assertEquals(cursor, option.cursor)
            assertEquals(7, option.limit)
            assertEquals(false, option.isNeedLastMsg)
            assertEquals(8L, option.waitMs)
            val recorder = Recorder<SyncResult>()
            service.sync(SyncOption(cursor), recorder)
            val result = recorder.result()
            val copy = copyOf(result)
            assertEquals(result.cursor, copy.cursor)
            val (updated, deleted) = copy.changes
            assertTrue(updated is SessionChange.Updated && deleted is SessionChange.Deleted)
            assertEquals(listOf("p2p|amy", "p2p|ben"), copy.changes.map { it.sessionId })
            assertEquals(result.changes.first().session?.lastMsg, updated.session?.lastMsg)
        }
    }

    @Suppress("UNCHECKED_CAST")
    private fun <T> copyOf(value: T): T {
        val bytes = ByteArrayOutputStream().also { ObjectOutputStream(it).writeObject(value) }
        return ObjectInputStream(ByteArrayInputStream(bytes.toByteArray())).readObject() as T
    }
}

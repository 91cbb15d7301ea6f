// Live changes against a real server over a network that breaks: the list equals the server's
// afterwards, and each change was reported once.
package dev.huihua.sdk

import java.io.File
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import kotlin.random.Random
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test

class LiveListTest {
    private val server = ServerProcess.start()
    private val network = FaultProxy(server)
    private val token = server.token(ME)
    private val service = network.service(TokenProvider.of(token)) {
        attemptTimeoutMs(2_000).callTimeoutMs(4_000)
    }

    /** The same account on another device, with a working network. */
    private val device =
        SessionService(SessionServiceOptions.Builder(server.url, token).build())
    private val list = SessionList(service, PAGE_ROWS)
    private val mirror = ListMirror(list)
    private val log = ChangeLog()
    private val statuses = CopyOnWriteArrayList<OnlineStatus>()
    private val now = System.currentTimeMillis()
    private var clock = now
    private var ids = 1_000L

    @Before
    fun open() {
        repeat(3 * PAGE_ROWS) { copy("old$it") }
        service.observeSessionChanges(log)
        service.observeOnlineStatus { statuses += it }
        list.setListener(mirror)
        list.open()
        awaitTrue("the first page: ${list.state}") { list.state == SessionList.State.Ready }
        awaitTrue("live: $statuses") { statuses.lastOrNull() == OnlineStatus.ONLINE }
        assertEquals(PAGE_ROWS, list.sessions.size)
    }

    @After
    fun closeAll() {
        listOf(list, service, device, network, server).forEach(AutoCloseable::close)
    }

    @Test
    fun changesOfOthersAreReportedOnceEach() {
        val before = serverList()
        val expected = listOf<() -> String>(
            { copy("amy") },
            { copy("old0") },
            { update("p2p|old1", "on top") },
            { update("p2p|old7", "below the page") },
            {
                delete("p2p|old0")
                "p2p|old0 deleted"
            },
            { copy("old0") },
            { recallLast() },
            {
                delete("p2p|never-there")
                ""
            },
            { update("super_team|77", "without a message") },
            { team("amy") },
            {
                delete("p2p|old7")
                "p2p|old7 deleted"
            },
        ).mapNotNull { action ->
            val received = log.lines.size
            val line = action()
            if (line.isNotEmpty()) awaitTrue("$line is reported") { log.lines.size > received }
            line.ifEmpty { null }
        }
        for ((line, marker) in log.lines.zip(expected)) assertTrue("$line: $marker", marker in line)
        assertEquals("$log", expected.size, log.lines.size)
        converge(before)
    }

    @Test
    fun changesDuringALostConnectionAreReportedOnceAfterwards() {
        val before = serverList()
        network.down()
        awaitTrue("the loss is reported") { statuses.last() == OnlineStatus.OFFLINE }
        val back = System.nanoTime() + TimeUnit.SECONDS.toNanos(OUTAGE_S)
        while (System.nanoTime() < back) {
            copy("old${ids % 6}")
            update("p2p|old${ids % 9}", "offline $ids")
            Thread.sleep(OUTAGE_S * 20)
        }
        delete("p2p|old0")
        assertEquals("nothing comes through", emptyList<String>(), log.lines)
        network.up()
        converge(before)
        assertEquals("once a session", log.lines.size, log.lines.map(::idOf).toSet().size)
        assertEquals(OnlineStatus.ONLINE, statuses.last())
    }

    @Test
    fun aServerRestartCausesNoEvent() {
        val before = serverList()
        for (end in listOf(server::stop, server::kill)) {
            copy("amy")
            end()
            awaitTrue("the loss is reported") { statuses.last() == OnlineStatus.OFFLINE }
            server.startAgain()
            copy("ben")
            service.reconnect()
            converge(before)
        }
        assertEquals(4, log.lines.size)
    }

    @Test
    fun aServerRestoredFromABackupIsReadAgain() {
        val backup = File.createTempFile("huihua", "backup").apply { delete() }
        copy("amy")
        server.backUp(backup)
        copy("lost in the fire")
        delete("p2p|old2")
        awaitTrue("three reports") { log.lines.size == 3 }
        server.restore(backup)
        backup.delete()
        service.reconnect()
        awaitTrue("a reset is reported: ${log.lines}") { ChangeLog.RESET in log.lines }
        awaitTrue("the list is the server's: ${list.state}") { isServers() }
        val before = serverList()
        log.lines.clear()
        copy("ben")
        converge(before)
        assertEquals("once: ${log.lines}", 1, log.lines.size)
    }

    @Test
    fun aUserSessionWorksOnABadNetwork() {
        val before = serverList()
        val random = Random(5)
        network.script = { faultOf(synchronized(random) { random.nextInt(20) }) }
        repeat(STEPS) {
            val name = "old${random.nextInt(3 * PAGE_ROWS)}"
            when (random.nextInt(10)) {
                in 0..4 -> copy(name)
                in 5..6 -> update("p2p|$name", "e${ids++}")
                7 -> recallLast()
                8 -> delete("p2p|$name")
                else -> if (random.nextBoolean()) list.loadMore() else list.refresh()
            }
        }
        network.script = { Fault.Pass }
        converge(before)
        // A session that was added and deleted again in between is deleted twice.
        val again = log.lines.filterNot { it.endsWith(GONE) }.groupBy(::idOf)
            .filterValues { received -> received.zipWithNext().any { (one, next) -> one == next } }
        assertEquals("reported twice", emptyMap<String, List<String>>(), again)
        assertTrue("many changes were reported: ${log.lines.size}", log.lines.size > STEPS / 10)
    }

    private fun faultOf(dice: Int): Fault = when (dice) {
        0 -> Fault.Reset
        1 -> Fault.ResetAnswer
        2 -> Fault.HalfAnswer
        3 -> Fault.Garbage
        4 -> problem(503, 503)
        5 -> Fault.Answer(502, "<html>", listOf("Content-Type: text/html"))
        else -> Fault.Pass
    }

    /** Waits until list, mirror and log equal the server's list; the log started at [before]. */
    private fun converge(before: List<RecentSession>) {
        val rows = serverList().map { it.facts() }.toSet()
        awaitTrue("the log leads to the server's list") { log.replay(before) == rows }
        awaitTrue("the list is the server's: ${list.state}") { isServers() }
        do {
            list.loadMore()
            awaitTrue("a page") { list.state == SessionList.State.Ready }
        } while (list.hasMore)
        awaitTrue("the whole list is the server's") { isServers() }
        assertEquals(rows.size, list.sessions.size)
        assertEquals(emptyList<String>(), mirror.faults)
    }

    /** Returns whether the rows are the top of the server's list. */
    private fun isServers(): Boolean {
        val shown = list.sessions.map { it.facts() }
        return list.state == SessionList.State.Ready && shown.isNotEmpty() &&
            shown == serverList().map { it.facts() }.take(shown.size)
    }

    private fun serverList(): List<RecentSession> {
        val rows = mutableListOf<RecentSession>()
        val option = QueryMySessionOption(limit = 100)
        do {
            val page = Recorder<RecentSessionList>()
                .also { device.queryMySessionList(option, it) }.result()
            rows += page.sessionList
            option.pageToken = page.nextPageToken
        } while (page.hasMore())
        return rows
    }

    /** Sends a message from [from]; returns a text that only its row has. */
    private fun copy(from: String): String {
        server.deliverText(from, ME, ++clock, ++ids, "body $ids")
        lastFrom = from
        return "body $ids"
    }

    private var lastFrom = ""

    /** Recalls the message that [copy] sent last. */
    private fun recallLast(): String {
        server.deliverRecall(lastFrom, ME, clock, ids, "words $ids")
        return "words $ids"
    }

    /** Sends a team message, whose receivers are members. */
    private fun team(from: String): String {
        server.deliver(
            mapOf(
                "eventType" to 1, "convType" to "TEAM", "to" to 7, "fromAccount" to from,
                "msgTimestamp" to ++clock, "msgType" to "TEXT", "msgidServer" to ++ids,
                "msgidClient" to "client-$ids", "body" to "body $ids", "tMembers" to "[$from, $ME]",
            ),
        )
        return "body $ids"
    }

    private fun update(id: String, ext: String): String {
        Recorder<Void>().also { device.updateMySession(id, ext, it) }.result()
        return ext
    }

    private fun delete(id: String) {
        Recorder<Void>().also { device.deleteMySession(listOf(id), it) }.result()
    }

    private fun idOf(line: String) = line.split('|').take(2).joinToString("|").removeSuffix(GONE)

    private companion object {
        const val ME = "watcher"
        const val GONE = " deleted"
        const val PAGE_ROWS = 10
        const val STEPS = 300

        /** Duration of the outage; a minute in the long form. */
        val OUTAGE_S: Long = System.getProperty("huihua.outage.s")?.toLong() ?: 3
    }
}

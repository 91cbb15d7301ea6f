// The four calls of the cloud session list by the NIM-shaped API, as an app makes them.
package dev.huihua.demo

import com.sun.net.httpserver.HttpServer
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.nim.MsgService
import dev.huihua.sdk.nim.NIMClient
import java.net.InetAddress
import java.net.InetSocketAddress
import java.nio.file.Files
import java.nio.file.Path

/** Limit of one page, small enough that the sample's list takes three. */
private const val PAGE_ROWS = 12

/** Written to one session, read back from the server. */
private const val EXT = """{"置顶":true,"草稿":"周五给你 😉"}"""

/** Requested at each use, as apps do; it serves the account of the latest login. */
private val msgService: MsgService get() = NIMClient.getService(MsgService::class.java)

/** Makes all calls; writes every row to [rowsFile], which `cargo xtask demo` compares. */
internal class Tour(
    private val serverUrl: String,
    private val account: String,
    private val rowsFile: Path,
) {
    fun run() {
        val rows = listAll()
        Files.write(rowsFile, rows.map(::rowForComparing))
        val session = rows.first { it.sessionId.startsWith("p2p|") }
        one(session.sessionId)
        ext(session.sessionId)
        delete(rows, listOf(rows[0].sessionId, rows.last().sessionId), session.sessionId)
        failures(rows[0].sessionId)
    }

    /** Reads all pages as NIM's demo does: by the time of the last row, which comes again. */
    private fun listAll(): List<RecentSession> {
        title("queryMySessionList(option), page by page")
        val shown = LinkedHashMap<String, RecentSession>()
        val option = QueryMySessionOption().apply { limit = PAGE_ROWS }
        var number = 1
        do {
            val page = msgService.queryMySessionList(option).result()
            val fresh = page.sessionList.filter { shown.put(it.sessionId, it) == null }
            check(fresh.isNotEmpty()) { "page $number has no new session" }
            val again = page.sessionList.size - fresh.size
            println(
                "\n  Page $number: ${page.sessionList.size} rows, $again shown before, " +
                    "hasMore ${page.hasMore()}",
            )
            printSessions(fresh)
            option.maxTimestamp = page.sessionList.last().updateTime
            number += 1
        } while (page.hasMore())
        return shown.values.toList()
    }

    private fun one(id: String) {
        title("queryMySession(\"$id\")")
        val session = msgService.queryMySession(id).result()
        val contact = session.toRecentContact()
        println("  updateTime    ${session.updateTime} = ${clockTime(session.updateTime)}")
        println("  from          ${contact.fromAccount} (${contact.fromNick})")
        println("  lastMsgType   ${session.lastMsgType}, ${contact.msgType}")
        println("  lastMsg       ${fit(session.lastMsg, 76).trimEnd()}")
    }

    private fun ext(id: String) {
        title("updateMySession(\"$id\", ext)")
        val before = msgService.queryMySession(id).result()
        msgService.updateMySession(id, EXT).result()
        val after = msgService.queryMySession(id).result()
        println("  before   \"${before.ext}\"")
        println("  after    \"${after.ext}\"")
        check(before.ext == "" && after.ext == EXT) { "the ext is \"${after.ext}\"" }
        check(after.updateTime == before.updateTime) { "the session moved" }
    }

    private fun delete(rows: List<RecentSession>, ids: List<String>, withExt: String) {
        title("deleteMySession(${ids.joinToString { "\"$it\"" }})")
        msgService.deleteMySession(ids.toTypedArray()).result()
        val left = msgService.queryMySessionList(QueryMySessionOption()).result().sessionList
        println("  ${rows.size} sessions before, ${left.size} after; the newest of them:\n")
        printSessions(left.take(6))
        val expected = rows.map { it.sessionId } - ids.toSet()
        check(left.map { it.sessionId } == expected) { "the list has other sessions than expected" }
        check(left.first { it.sessionId == withExt }.ext == EXT) { "the list lost the ext" }
    }

    private fun failures(deleted: String) {
        title("How calls fail")
        val tooMany = QueryMySessionOption().apply { limit = 101 }
        expect("onFailed(414)", "limit 101", msgService.queryMySessionList(tooMany).outcome())
        expect("onFailed(404)", "a deleted session", msgService.queryMySession(deleted).outcome())

        logIn(serverUrl, account, "a.wrong.token")
        val refused = msgService.queryMySessionList(null).outcome()
        expect("onFailed(302)", "an invalid token", refused)

        val page = "<html>Welcome to the hotel's Wi-Fi</html>".toByteArray()
        val stranger = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
        stranger.createContext("/") { exchange ->
            exchange.sendResponseHeaders(200, page.size.toLong())
            exchange.responseBody.use { it.write(page) }
        }
        stranger.start()
        logIn("http://127.0.0.1:${stranger.address.port}", account, "any")
        val foreign = msgService.queryMySessionList(null).outcome()
        stranger.stop(0)
        expect("onException(UnexpectedAnswer", "a foreign answer", foreign)
    }
}

/** Shows the failure of a call whose server is down. */
internal fun serverDown() {
    expect("onFailed(415)", "the server is down", msgService.queryMySessionList(null).outcome())
}

private fun expect(start: String, what: String, outcome: Outcome<*>) {
    println("  ${fit(what, 28)}$outcome")
    check(outcome.toString().startsWith(start)) { "$what: $start was expected" }
}

private fun title(text: String) = println("\n-- $text")

// What a list keeps on the device, on every platform: the cold start, the way back, the sign-out,
// other accounts. JUnit 4 and plain Kotlin, so that it also runs on a device; needs a real server.
// The bytes of the file, and kills in the middle of it, are core's tests.
package dev.huihua.sdk

import dev.huihua.sdk.nim.AuthService
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.SDKOptions
import java.io.File
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicLong
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

abstract class KeptListContract {
    protected abstract val server: TestServer

    private val me = "keeper${accounts.incrementAndGet()}"
    private val now = System.currentTimeMillis()
    private val folder = File(File.createTempFile("huihua", "kept").also { it.delete() }, "lists")
    private val opened = mutableListOf<AutoCloseable>()
    private val network: Gate by lazy { Gate(server).also { opened += it } }

    @After
    fun closeAll() {
        NIMClient.getService(AuthService::class.java).logout()
        opened.asReversed().forEach(AutoCloseable::close)
        folder.parentFile?.deleteRecursively()
    }

    private fun service(account: String = me, keeps: Boolean = true): SessionService {
        val options = SessionServiceOptions.Builder(network.url, server.token(account))
        if (keeps) options.cacheFolder(folder, server.appKey, account)
        return SessionService(options.build()).also { opened += it }
    }

    private fun list(service: SessionService) = SessionList(service, PAGE).also { opened += it }

    /** A list that has shown [expected] and was closed, so that its file holds it. */
    private fun showOnce(service: SessionService, expected: List<String>) {
        val list = list(service)
        list.open()
        list.await("$expected") { isReady() && ids() == expected }
        list.close()
        awaitFile { text -> expected.all { it in text } }
        service.close()
    }

    private fun SessionList.ids() = sessions.map { it.sessionId }

    private fun SessionList.isReady() = state == SessionList.State.Ready && !isFromCache

    private fun SessionList.await(what: String, isIt: SessionList.() -> Boolean) {
        val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S)
        while (!isIt()) {
            assertTrue("no $what: $state ${ids()}", System.nanoTime() < deadline)
            Thread.sleep(2)
        }
    }

    private fun files(): List<File> = folder.listFiles().orEmpty().toList()

    private fun awaitFile(isIt: (String) -> Boolean) {
        val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S)

        // It is replaced meanwhile; what is being written is not kept yet.
        fun kept() = files().filter { it.extension == "list" }

        fun text() = runCatching { kept().joinToString { it.readText(Charsets.ISO_8859_1) } }
        while (!isIt(text().getOrDefault(""))) {
            assertTrue("no such file: ${text()}", System.nanoTime() < deadline)
            Thread.sleep(2)
        }
    }

    private fun deliver(range: LongRange, to: String = me) =
        range.forEach { server.deliverText("peer$it", to, now - it, it, "hello") }

    private fun peers(range: IntRange) = range.map { "p2p|peer$it" }

    @Test
    fun aListOpensWithoutTheServerAndCatchesUpOnceItIsBack() {
        deliver(1L..7L)
        showOnce(service(), peers(1..PAGE))
        network.shut()
        server.service(me).use { device ->
            val done = Recorder<Void>()
            device.deleteMySession(listOf("p2p|peer2"), done)
            done.result()
        }
        server.deliverText("new", me, now + 1, 8, "while away")

        val service = service()
        val list = list(service)
        val states = Events<SessionList.State>()
        val mirror = Mirror(list, states)
        list.setListener(mirror)
        assertFalse(list.isFromCache)
        list.open()
        val first = states.awaitEvent("a state") { it != SessionList.State.Loading }
        assertEquals(SessionList.State.Refreshing, first)
        assertEquals(peers(1..PAGE), list.ids())
        assertTrue(list.isFromCache && list.hasMore)
        assertEquals("hello", list.sessions.first().toRecentContact().content)
        val failed = states.awaitEvent("Failed") { it is SessionList.State.Failed }
        val failure = (failed as SessionList.State.Failed).exception as SessionException.Failed
        assertEquals(415, failure.code)
        assertEquals("they stay", peers(1..PAGE), list.ids())
        assertTrue(list.isFromCache)

        network.open()
        service.reconnect()
        val top = listOf("p2p|new", "p2p|peer1", "p2p|peer3")
        list.await("what happened meanwhile") { isReady() && ids().take(PAGE) == top }
        list.loadMore()
        list.await("a page more") { isReady() && sessions.size == 2 * PAGE }
        list.loadMore()
        list.await("all of it") { isReady() && !hasMore }
        assertEquals(listOf("p2p|new", "p2p|peer1") + peers(3..7), list.ids())
        mirror.assertFollowed()
    }

    @Test
    fun moreIsLoadedBelowAKeptListOnceItIsUpToDate() {
        deliver(1L..7L)
        showOnce(service(), peers(1..PAGE))
        network.shut()
        val service = service()
        val list = list(service)
        list.open()
        list.await("the kept ones") { isFromCache }
        list.loadMore()
        list.await("a failure") { state is SessionList.State.Failed }
        network.open()
        list.refresh()
        list.await("Ready") { isReady() }
        list.loadMore()
        list.await("a page more") { isReady() && ids() == peers(1..2 * PAGE) }
    }

    @Test
    fun anErasedListIsGoneWhenTheAppOpens() {
        deliver(1L..2L)
        showOnce(service(), peers(1..2))
        val service = service()
        val list = list(service)
        list.open()
        list.await("Ready") { isReady() }
        val erased = Recorder<Void>()
        service.eraseCache(erased)
        // Closing right after it does not hinder it.
        list.close()
        service.close()
        erased.result()
        assertEquals(emptyList<File>(), files())
        network.shut()
        val next = list(service())
        next.open()
        next.await("Failed") { state is SessionList.State.Failed }
        assertEquals(emptyList<RecentSession>(), next.sessions)
        assertFalse(next.isFromCache)
        val late = Recorder<Void>()
        service.eraseCache(late)
        assertTrue(late.exception() is SessionException.Closed)
    }

    @Test
    fun anotherAccountSeesNothingOfIt() {
        deliver(1L..2L)
        showOnce(service(), peers(1..2))
        network.shut()
        val others = list(service("someone-else"))
        others.open()
        others.await("Failed") { state is SessionList.State.Failed }
        assertEquals(emptyList<RecentSession>(), others.sessions)
        assertEquals("mine is still there", 1, files().size)
    }

    @Test
    fun withoutAFolderNothingIsKept() {
        deliver(1L..2L)
        val service = service(keeps = false)
        val list = list(service)
        list.open()
        list.await("Ready") { isReady() && ids() == peers(1..2) }
        list.close()
        val erased = Recorder<Void>()
        service.eraseCache(erased)
        erased.result()
        assertFalse(folder.exists())
    }

    /** The account is the login's: the options name the app alone. */
    @Test
    fun nimsLogoutErasesTheListAndALoginOfAnotherDoesNot() {
        val options = SessionServiceOptions.Builder(network.url)
            .cacheFolder(folder, server.appKey).build()
        NIMClient.init(null, LoginInfo(me, server.token(me)), SDKOptions(options))
        deliver(1L..2L)
        showCurrent(peers(1..2))
        val other = "other$me"
        deliver(3L..3L, other)
        val auth = NIMClient.getService(AuthService::class.java)
        val loggedIn = Recorder<LoginInfo>()
        auth.login(LoginInfo(other, server.token(other))).setCallback(loggedIn)
        loggedIn.result()
        showCurrent(peers(3..3))
        assertEquals("one each", 2, files().size)
        auth.logout()
        // It is emptied first, and then removed.
        awaitFile { "peer3" !in it && files().size == 1 }
        awaitFile { "peer1" in it }
    }

    private fun showCurrent(expected: List<String>) {
        val list = list(checkNotNull(NIMClient.getSessionService()))
        list.open()
        list.await("$expected") { isReady() && ids() == expected }
        list.close()
        awaitFile { text -> expected.all { it in text } }
    }

    /** Keeps rows by the operations alone, as the adapter of a view does. */
    private class Mirror(
        private val list: SessionList,
        private val states: Events<SessionList.State>,
    ) : SessionList.Listener {
        private val rows = mutableListOf<RecentSession>()

        override fun onInserted(position: Int, count: Int) {
            rows.addAll(position, list.sessions.subList(position, position + count))
        }

        override fun onRemoved(position: Int, count: Int) =
            repeat(count) { rows.removeAt(position) }

        override fun onMoved(from: Int, to: Int) = rows.add(to, rows.removeAt(from))

        override fun onChanged(position: Int, count: Int) {
            for (at in position until position + count) rows[at] = list.sessions[at]
        }

        override fun onState(state: SessionList.State) = states.onEvent(state)

        fun assertFollowed() = assertEquals(list.sessions, rows.toList())
    }

    private companion object {
        const val PAGE = 3
        const val PATIENCE_S = 40L

        /** Accounts that no other test of this JVM, nor of an earlier run on a device, used. */
        val accounts = AtomicLong(System.currentTimeMillis() * 100)
    }
}

// No public function blocks its caller or throws: each one of api/huihua.api, so that none is
// forgotten, is called while the server accepts connections and never answers; with arguments as
// they must be, with null, and when what it belongs to is closed.
package dev.huihua.sdk

import dev.huihua.sdk.ScriptedServer.Companion.send
import dev.huihua.sdk.nim.AbortableFuture
import dev.huihua.sdk.nim.AuthService
import dev.huihua.sdk.nim.AuthServiceObserver
import dev.huihua.sdk.nim.InvocationFuture
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.MsgService
import dev.huihua.sdk.nim.MsgServiceObserve
import dev.huihua.sdk.nim.MsgStatusEnum
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.RequestCallbackWrapper
import dev.huihua.sdk.nim.SDKOptions
import java.io.File
import java.lang.reflect.InvocationTargetException
import java.net.InetAddress
import java.net.ServerSocket
import java.util.concurrent.Executor
import kotlin.coroutines.Continuation
import kotlin.coroutines.EmptyCoroutineContext
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class NothingBlocksTest {
    /** The kernel accepts connections for it; nothing reads or answers. */
    private val silent = ServerSocket(0, 500, InetAddress.getLoopbackAddress())
    private val silentUrl = "http://127.0.0.1:${silent.localPort}"
    private val samples = Samples()
    private val observer = Observer<Any> {}

    /** Whether services and lists are closed before they are used. */
    private var isClosing = false
    private val opened = mutableListOf<AutoCloseable>(silent, samples)

    @After
    fun closeAll() = opened.asReversed().forEach(AutoCloseable::close)

    @Test
    fun everyPublicFunctionReturnsAtOnce() {
        logIn()
        val blocking = functions().filterNot { returnsAtOnce(it, ::argument) }
        assertEquals(emptyList<PublicFunction>(), blocking)
    }

    @Test
    fun noPublicFunctionThrowsForNull() {
        logIn()
        // The SDK alone calls those that the app implements.
        val functions = functions().filterNot { it.isConstructor || it.name == "valueOf" }
            .filterNot { it.ownerName in OF_THE_APP }
        for (function in functions) {
            // Kotlin's compiler alone passes these two.
            val given = setOf(Continuation::class.java) + listOfNotNull(receiverType(function))
            val isQuick = returnsAtOnce(function) { type ->
                if (type.isPrimitive || type in given) argument(type) else null
            }
            assertTrue("$function blocks", isQuick)
            // `init` without options refuses every later login.
            if (function.name == "init") logIn()
        }
    }

    @Test
    fun noPublicFunctionOfAClosedServiceListOrLoginThrows() {
        logIn()
        NIMClient.getService(AuthService::class.java).logout()
        isClosing = true
        val functions = functions().filterNot { it.isConstructor || it.name == "init" }
        assertEquals(
            emptyList<PublicFunction>(),
            functions.filterNot { returnsAtOnce(it, ::argument) },
        )
    }

    @Test
    fun everyCallOfASilentServerEndsOnceWhenItsServiceIsClosed() {
        logIn()
        val service = service()
        val recorders = mutableMapOf<PublicFunction, Recorder<Any>>()
        // A login comes last: it ends the calls of the login before.
        val functions = PublicFunction.all().filter { it.owner in CALLERS }
        for (function in functions.sortedBy { it.owner == AuthService::class.java }) {
            val recorder = Recorder<Any>()
            val arguments = function.parameters.map {
                if (it == RequestCallback::class.java) recorder else argument(it)
            }
            val receiver = if (function.owner == SessionService::class.java) {
                service
            } else {
                NIMClient.getService(function.owner)
            }
            if (function.name == "close" || function.name == "logout") continue
            val made = function.call(receiver, arguments.toTypedArray())
            @Suppress("UNCHECKED_CAST")
            (made as? InvocationFuture<Any>)?.takeUnless { it is Call }?.setCallback(recorder)
            // Erasing waits for no server.
            val waits = function.name != "eraseCache"
            if (waits && (made is Call || made is InvocationFuture<*>)) {
                recorders[function] = recorder
            }
        }
        assertTrue("${recorders.keys}", recorders.size >= 12)
        service.close()
        NIMClient.getService(AuthService::class.java).logout()
        for ((function, recorder) in recorders) {
            val end = recorder.exception()
            assertTrue("$function: $end", end is SessionException.Closed)
        }
        recorders.forEach { (function, it) -> assertEquals("$function", 1, it.answers.size) }
    }

    private fun functions(): List<PublicFunction> {
        val all = PublicFunction.all()
        assertTrue("${all.size} read from the dump", all.size > 200)
        return all.filterNot { it.ownerName in OF_THE_APP && it.isAbstract }
    }

    /** The type that an extension function extends. */
    private fun receiverType(function: PublicFunction): Class<*>? =
        function.parameters.firstOrNull()?.takeIf { function.ownerName == "SessionCoroutines" }

    @Test
    fun makingAServiceDoesNotWaitForThePlatformsTrustStore() {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val library = "-Djna.library.path=" + System.getProperty("jna.library.path")
        val classes = System.getProperty("java.class.path")
        val main = "dev.huihua.sdk.SlowTrustStoreKt"
        val process = ProcessBuilder(java, library, "-cp", classes, main)
            .redirectErrorStream(true).start()
        val output = process.inputStream.bufferedReader().readText()
        assertEquals(output, 0, process.waitFor())
    }

    private fun logIn() {
        val options = SDKOptions(SessionServiceOptions.Builder(silentUrl).build())
        NIMClient.init(null, LoginInfo("alice", "token"), options)
    }

    /** Calls it with true for each Boolean and then with false, which unregisters observers. */
    private fun returnsAtOnce(function: PublicFunction, given: (Class<*>) -> Any?): Boolean {
        val withTrue = returnsAtOnce(function, given, true)
        val hasFlag = function.parameters.any { it == Boolean::class.javaPrimitiveType }
        return withTrue && (!hasFlag || returnsAtOnce(function, given, false))
    }

    private fun returnsAtOnce(
        function: PublicFunction,
        given: (Class<*>) -> Any?,
        flag: Boolean,
    ): Boolean {
        val receiver = if (function.isStatic) null else receiver(function.owner)
        val arguments = function.parameters
            .map { if (it == Boolean::class.javaPrimitiveType) flag else given(it) }
            .toTypedArray()
        var thrown: Throwable? = null
        val caller = Thread {
            try {
                val made = function.call(receiver, arguments)
                if (made is AutoCloseable) opened += made
            } catch (wrapped: InvocationTargetException) {
                thrown = wrapped.targetException
            }
        }
        caller.isDaemon = true
        caller.start()
        caller.join(BOUND_MS)
        if (caller.isAlive) {
            println("$function blocks in\n  ${caller.stackTrace.joinToString("\n  ")}")
            return false
        }
        // A constructor has no outcome; `valueOf` of an enum is Java's own.
        val mayThrow = function.isConstructor || function.name == "valueOf"
        // Its exception is the outcome of a suspend function.
        val isSuspend = Continuation::class.java in function.parameters
        val isHonest = (mayThrow && thrown is IllegalArgumentException) ||
            (isSuspend && thrown is SessionException)
        assertTrue("$function: $thrown", thrown == null || isHonest)
        return true
    }

    private fun service() =
        SessionService(SessionServiceOptions.Builder(silentUrl, "token").build()).also {
            opened += it
            if (isClosing) it.close()
        }

    /** Returns an object of [type], whose calls wait if possible. */
    private fun receiver(type: Class<*>): Any = when (type) {
        SessionService::class.java -> service()
        Subscription::class.java -> service().observeSessionChanges {}
        Call::class.java -> service().queryMySession("p2p|amy", null)
        InvocationFuture::class.java, AbortableFuture::class.java ->
            NIMClient.getService(MsgService::class.java).queryMySessionList(null)
        MsgService::class.java, MsgServiceObserve::class.java, AuthService::class.java,
        AuthServiceObserver::class.java,
        -> NIMClient.getService(type)
        SessionList::class.java -> list()
        else -> samples.find(type) ?: plain(type)
    }

    private fun list() = SessionList(service()).also {
        it.open()
        opened += it
        if (isClosing) it.close()
    }

    private fun plain(type: Class<*>): Any {
        type.enumConstants?.let { return it.first() }
        val holder = if (type.simpleName == "Companion") type.declaringClass else type
        val name = if (type.simpleName == "Companion") "Companion" else "INSTANCE"
        val field = holder.declaredFields.find { it.name == name && it.type == type }
        return field?.get(null) ?: argument(type) ?: error("nothing to call ${type.name} on")
    }

    /** Returns an argument of [type]. */
    private fun argument(type: Class<*>): Any? = when (type) {
        Int::class.javaPrimitiveType, Int::class.javaObjectType -> 1
        Long::class.javaPrimitiveType, Long::class.javaObjectType -> 1L
        String::class.java -> "p2p|amy"
        Any::class.java -> Any()
        Void::class.java -> null
        ByteArray::class.java -> ByteArray(1)
        Class::class.java -> MsgService::class.java
        List::class.java -> listOf("p2p|amy")
        Map::class.java -> mapOf("a" to 1)
        Executor::class.java -> Executor(Runnable::run)
        File::class.java -> File(System.getProperty("java.io.tmpdir"), "huihua-nothing")
        Array<String>::class.java -> arrayOf("p2p|amy")
        RequestCallback::class.java -> Recorder<Any>()
        TokenProvider::class.java -> TokenProvider.of("token")
        Logger::class.java -> Logger { _, _ -> }
        Logger.Level::class.java -> Logger.Level.INFO
        Observer::class.java -> observer
        SessionService::class.java -> service()
        SessionList::class.java -> list()
        RequestCallbackWrapper::class.java -> object : RequestCallbackWrapper<Any>() {
            override fun onResult(code: Int, result: Any?, exception: Throwable?) = Unit
        }
        CallbackTokenProvider::class.java -> CallbackTokenProvider { _, to -> to.onSuccess("t") }
        Continuation::class.java -> Continuation<Any?>(EmptyCoroutineContext) {}
        Function2::class.java -> { _: Any?, _: Any? -> "token" }
        SessionException.Failed::class.java -> samples.find(type)
        Throwable::class.java -> IllegalStateException()
        SessionList.State::class.java -> SessionList.State.Ready
        SessionList.Listener::class.java -> ListMirror(list())
        SessionServiceOptions::class.java ->
            SessionServiceOptions.Builder(silentUrl, "token").build()
        SessionServiceOptions.Builder::class.java ->
            SessionServiceOptions.Builder(silentUrl, "token")
        QueryMySessionOption::class.java -> QueryMySessionOption()
        SyncOption::class.java -> SyncOption(waitMs = 30_000)
        LastMessage::class.java -> samples.find(type)
        LoginInfo::class.java -> LoginInfo("alice", "token")
        SDKOptions::class.java -> SDKOptions(SessionServiceOptions.Builder(silentUrl).build())
        MsgStatusEnum::class.java -> MsgStatusEnum.success
        else -> error("say in this test what to hand over as ${type.name}")
    }

    private companion object {
        /** The types whose functions are calls. */
        val CALLERS = setOf<Class<*>>(
            SessionService::class.java, MsgService::class.java, AuthService::class.java,
        )

        /** Long for a busy machine, far below the 30 s after which a call ends by itself. */
        const val BOUND_MS = 8_000L

        /** The interfaces that the app implements. */
        val OF_THE_APP = setOf(
            "RequestCallback", "RequestCallbackWrapper", "TokenProvider", "CallbackTokenProvider",
            "Observer", "Logger", "Listener",
        )
    }
}

/** Provides results of a server that answers. */
private class Samples : AutoCloseable {
    private val server = ScriptedServer {
        val isSync = it.requestURI.path.endsWith("sync")
        it.send(200, if (isSync) CHANGES else PAGE)
    }
    private val all: List<Any> = server.service().use { service ->
        val page = Recorder<RecentSessionList>().also { service.queryMySessionList(null, it) }
            .result()
        val sync = Recorder<SyncResult>().also { service.sync(null, it) }.result()
        val row = page.sessionList.first()
        val notice = checkNotNull(page.sessionList.last().revokeNotification)
        val contact = row.toRecentContact()
        val account = AccountInfo("alice", "app", 1)
        val failed = SessionException.Failed(404, false, false, 1, "request", "detail")
        listOf(
            page, sync, row, notice, notice.message, contact, checkNotNull(contact.attachment),
            row.parseSessionId(), *sync.changes.toTypedArray(), SessionException.Closed(),
            SessionChange.Reset(), SessionList.State.Failed(failed),
            SessionException.UnexpectedAnswer(200, true, true, 1, "text"), failed, account,
            checkNotNull(row.lastMessage), MessageRecall("amy", "typo", 1),
            MessageAttachment.Image("{}", "", "", 1, 1, 1), MessageAttachment.Other("{}"),
            MessageAttachment.Audio("{}", "", 1, 1), MessageAttachment.File("{}", "", "", 1),
            MessageAttachment.Video("{}", "", 1, 1, 1, 1),
            MessageAttachment.Location("{}", 1.0, 1.0, ""),
        )
    }

    fun find(type: Class<*>): Any? = all.find(type::isInstance)

    override fun close() = server.close()

    private companion object {
        const val MESSAGE = """{"0":0,"1":"me","2":"amy","7":1,"8":1,"9":"hi","10":"{}"}"""
        const val RECALL =
            """{"0":2,"1":7,"2":"me","3":"ben","10":"c","11":"1","14":1,"16":"ben"}"""
        const val ROW =
            """{"sessionId":"p2p|amy","updateTime":1,"ext":"","lastMsgType":0,"lastMsg":$MESSAGE}"""
        const val NOTICE =
            """{"sessionId":"p2p|ben","updateTime":1,"ext":"","lastMsgType":1,"lastMsg":$RECALL}"""
        const val PAGE = """{"sessionList":[$ROW,$NOTICE],"hasMore":false,"syncCursor":"c"}"""
        const val CHANGES = """{"changes":[{"session":$ROW},{"deleted":"p2p|ben"}],""" +
            """"cursor":"c","hasMore":false,"reset":false}"""
    }
}

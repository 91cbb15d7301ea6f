// No call throws, whatever its arguments: each function of api/huihua.api that starts a call or
// takes an observer is called with null, as Java may, and with half of a surrogate pair.
package dev.huihua.sdk

import dev.huihua.sdk.nim.AuthService
import dev.huihua.sdk.nim.AuthServiceObserver
import dev.huihua.sdk.nim.InvocationFuture
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.MsgService
import dev.huihua.sdk.nim.MsgServiceObserve
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.SDKOptions
import dev.huihua.sdk.nim.StatusCode
import java.io.File
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class BadArgumentsTest {
    private val server = ServerProcess.shared
    private val me = "careless"
    private val token = server.token(me)
    private val service = server.service(me)
    private val lone = "p2p|a\uD83Dmy" // What a cut through an emoji leaves.
    private val loneLow = "\uDE00"

    private val opened = mutableListOf<AutoCloseable>(service)

    @After
    fun close() {
        opened.forEach(AutoCloseable::close)
        NIMClient.getService(AuthService::class.java).logout()
    }

    /** The classes whose functions are calls; their constructors are not. */
    private val receivers = mapOf<Class<*>, () -> Any>(
        SessionService::class.java to { service },
        MsgService::class.java to { nim(MsgService::class.java) },
        MsgServiceObserve::class.java to { nim(MsgServiceObserve::class.java) },
        AuthService::class.java to { nim(AuthService::class.java) },
        AuthServiceObserver::class.java to { nim(AuthServiceObserver::class.java) },
    )

    private fun <T : Any> nim(type: Class<T>): T {
        initWith(LoginInfo(me, token))
        return NIMClient.getService(type)
    }

    private fun initWith(info: LoginInfo?) =
        NIMClient.init(null, info, SDKOptions(SessionServiceOptions.Builder(server.url).build()))

    /** What else a caller may pass for a parameter of this type, and must not. */
    private fun badValues(type: Class<*>): List<Any?> = when (type) {
        String::class.java -> listOf(null, lone, loneLow)
        List::class.java ->
            listOf(null, listOf("p2p|amy", null), listOf(lone), listOf("p2p|amy", loneLow))
        Array<String>::class.java ->
            listOf(null, arrayOf("p2p|amy", null), arrayOf(lone), arrayOf("p2p|amy", loneLow))
        QueryMySessionOption::class.java ->
            listOf(QueryMySessionOption().apply { pageToken = lone })
        SyncOption::class.java -> listOf(SyncOption(cursor = lone))
        LoginInfo::class.java -> listOf(
            null, LoginInfo(null, token), LoginInfo(me, null), LoginInfo("", token),
            LoginInfo(me, ""), LoginInfo(lone, token), LoginInfo(me, token + loneLow),
        )
        in HARMLESS -> emptyList()
        else -> error("say in this test what is wrong for a ${type.name}")
    }

    private fun goodValue(type: Class<*>, recorder: Recorder<Any>): Any? = when (type) {
        String::class.java -> "p2p|amy"
        List::class.java -> listOf("p2p|amy")
        Array<String>::class.java -> arrayOf("p2p|amy")
        RequestCallback::class.java -> recorder
        Boolean::class.javaPrimitiveType -> true
        Long::class.javaPrimitiveType -> 0L
        else -> null
    }

    @Test
    fun nullsAndHalvesOfSurrogatePairsEndInOnFailed414() {
        for (function in calls()) {
            for ((at, type) in function.parameters.withIndex()) {
                for (bad in badValues(type)) {
                    val recorder = Recorder<Any>()
                    val arguments = function.parameters.map { goodValue(it, recorder) }
                        .toTypedArray().also { it[at] = bad }
                    val made = function.call(receivers.getValue(function.owner)(), arguments)
                    futureOf(function, made)?.setCallback(recorder)
                    val what = "$function, argument $at"
                    assertEquals(what, 414, recorder.code())
                    assertEquals(what, "huihua-callback", recorder.thread.name)
                }
            }
        }
    }

    /** The own door's calls end as closed, NIM's as those of nobody. */
    @Test
    fun everyCallOfAClosedServiceOrAfterALogoutEndsOnce() {
        val closed = serviceWith(token).also { it.close() }
        val kept = receivers.keys.associateWith {
            if (it == SessionService::class.java) closed else nim(it)
        }
        NIMClient.getService(AuthService::class.java).logout()
        for (function in calls().filterNot { it.name == "login" }) {
            val recorder = Recorder<Any>()
            val arguments = function.parameters.map { goodValue(it, recorder) }.toTypedArray()
            val made = function.call(kept[function.owner], arguments)
            futureOf(function, made)?.setCallback(recorder)
            if (made is Call) {
                assertTrue("$function", recorder.exception() is SessionException.Closed)
            } else if (made is InvocationFuture<*>) {
                assertEquals("$function", 302, recorder.code())
            }
        }
    }

    @Test
    fun aNullCallbackObserverOrOptionIsAccepted() {
        for (function in calls()) {
            // Each argument that may be missing is missing here.
            for (flag in listOf(true, false)) {
                val arguments = function.parameters.map {
                    when (it) {
                        RequestCallback::class.java -> null
                        Boolean::class.javaPrimitiveType -> flag
                        else -> goodValue(it, Recorder())
                    }
                }
                val made = function.call(
                    receivers.getValue(function.owner)(),
                    arguments.toTypedArray(),
                )
                futureOf(function, made)?.setCallback(null)
            }
        }
    }

    @Test
    fun theFailureNamesTheArgument() {
        val failures = mapOf<String, (RequestCallback<Any>) -> Unit>(
            "sessionId: must not be null" to { service.queryMySession(null, it.cast()) },
            "sessionId: must not contain half of a surrogate pair" to
                { service.updateMySession(lone, "x", it.cast()) },
            "ext: must not be null" to { service.updateMySession("p2p|amy", null, it.cast()) },
            "sessionIds: must not be null" to
                { service.deleteMySession(listOf("p2p|amy", null), it.cast()) },
            "pageToken: must not contain half of a surrogate pair" to {
                val option = QueryMySessionOption().apply { pageToken = loneLow }
                service.queryMySessionList(option, it.cast())
            },
            "token: must not be null" to { serviceWith(null).account(it.cast()) },
            "token: must not contain half of a surrogate pair" to
                { serviceWith(lone).account(it.cast()) },
            "token: must not be empty" to { serviceWith("").account(it.cast()) },
            "token: must be printable ASCII without spaces" to
                { serviceWith("a b").queryMySession("p2p|amy", it.cast()) },
        )
        for ((detail, call) in failures) {
            val failure = DetailedFailure().also(call).get()
            assertEquals(detail, failure.detail)
            assertEquals(detail, 414, failure.code)
            assertFalse(detail, failure.retryable || failure.mayHaveApplied)
        }
    }

    /** A whole pair is no half: emoji in ids and ext work. */
    @Test
    fun aWholeSurrogatePairIsFine() {
        val id = "p2p|\uD83D\uDE00"
        Recorder<Void>().also { service.updateMySession(id, "\uD83D\uDE00", it) }.result()
        val row = Recorder<RecentSession>().also { service.queryMySession(id, it) }.result()
        assertEquals("\uD83D\uDE00", row.ext)
        Recorder<Void>().also { service.deleteMySession(listOf(id), it) }.result()
    }

    @Test
    fun suspendFunctionsThrowTheSameFailure() = runBlocking {
        val calls = listOf<suspend () -> Any>(
            { service.queryMySession(lone) },
            { service.updateMySession("p2p|amy", lone) },
            { service.deleteMySession(listOf(lone)) },
            { service.sync(SyncOption(cursor = lone)) },
            { service.queryMySessionList(QueryMySessionOption().apply { pageToken = lone }) },
            { serviceWith(lone).account() },
        )
        for (call in calls) {
            val thrown = runCatching { call() }.exceptionOrNull()
            assertEquals("$thrown", 414, (thrown as? SessionException.Failed)?.code)
        }
    }

    @Test
    fun liveChangesEndInTheSameFailure() {
        val service = serviceWith(lone)
        val thrown = runBlocking {
            runCatching { withTimeout(PATIENCE_MS) { service.sessionChanges().collect {} } }
        }
        val failure = thrown.exceptionOrNull()
        assertEquals("$failure", 414, (failure as? SessionException.Failed)?.code)
        val list = SessionList(service)
        list.open()
        awaitTrue("the list fails") { list.state is SessionList.State.Failed }
        val ofList = (list.state as SessionList.State.Failed).exception
        assertEquals("$ofList", 414, (ofList as? SessionException.Failed)?.code)
    }

    @Test
    fun aTokenProviderThatReturnsNoTextEndsItsCallsInOnException() {
        val providers = mapOf(
            TokenProvider { lone } to "token: must not contain half of a surrogate pair",
            TokenProvider { "" } to "token: must not be empty",
            TokenProvider { "é" } to "token: must be printable ASCII without spaces",
            TokenProvider.ofCallback { _, to -> to.onSuccess("") } to "token: must not be empty",
            NullsFromJavaTest.NULL_PROVIDER to "token: must not be null",
            TokenProvider.ofCallback(NullsFromJavaTest.NULL_CALLBACK) to "the token is null",
            TokenProvider.ofCallback(NullsFromJavaTest.NULL_FAILURE) to "the token provider failed",
        )
        for ((provider, reason) in providers) {
            SessionService(SessionServiceOptions.Builder(server.url, provider).build()).use {
                val received = Recorder<AccountInfo>().also(it::account).exception()
                assertTrue("$received", received is SessionException.TokenProviderFailed)
                val cause = checkNotNull(received.cause?.message)
                assertTrue("$reason, not $cause", cause.endsWith(reason))
            }
        }
    }

    @Test
    fun callsAfterAnInitWithoutAUsableAccountEndInOnFailed414() {
        for (info in badValues(LoginInfo::class.java).filterNotNull()) {
            initWith(info as LoginInfo)
            assertEquals(StatusCode.PWD_ERROR, NIMClient.getStatus())
            val recorder = Recorder<RecentSessionList>()
            NIMClient.getService(MsgService::class.java).queryMySessionList(null)
                .setCallback(recorder)
            assertEquals(414, recorder.code())
        }
        NIMClient.getService(AuthService::class.java).logout()
        val recorder = Recorder<RecentSessionList>()
        NIMClient.getService(MsgService::class.java).queryMySessionList(null).setCallback(recorder)
        assertEquals(302, recorder.code())
    }

    @Test
    fun anOptionThatIsNoTextIsNamed() {
        val options = mapOf<String, SessionServiceOptions.Builder.() -> Unit>(
            "serverUrl" to { addServerUrl("https://$lone") },
            "certificatePin" to { addCertificatePin(lone) },
            "proxyUrl" to { proxyUrl(lone) },
            "userAgent" to { userAgent(lone) },
            "cacheFolder" to { cacheFolder(File(lone), "app", me) },
            "cacheAppKey" to { cacheFolder(File("kept"), lone, me) },
            "cacheAccount" to { cacheFolder(File("kept"), "app", loneLow) },
        )
        for ((name, set) in options) {
            val refusal = assertThrows(IllegalArgumentException::class.java) {
                server.service(me, set)
            }
            assertEquals(
                "option $name: must not contain half of a surrogate pair",
                refusal.message,
            )
        }
    }

    /** Whose list shows at a cold start is never guessed. */
    @Test
    fun anOptionOfTheKeptListThatIsMissingOrImpossibleIsNamed() {
        val folder = File("kept")
        val options = mapOf<String, SessionServiceOptions.Builder.() -> Unit>(
            "cacheFolder: must name" to { cacheFolder(File(""), "app", me) },
            "cacheAppKey: must not be null" to { cacheFolder(folder, null, me) },
            "cacheAppKey: " to { cacheFolder(folder, "", me) },
            "cacheAccount: must not be null" to { cacheFolder(folder, "app") },
            "cacheAccount: " to { cacheFolder(folder, "app", "a|b") },
        )
        for ((fault, set) in options) {
            val refusal = assertThrows(IllegalArgumentException::class.java) {
                server.service(me, set)
            }
            assertTrue("${refusal.message}", refusal.message.orEmpty().startsWith("option $fault"))
        }
        server.service(me) { cacheFolder(null, null) }.close()
        assertFalse("no service makes it", folder.exists())
    }

    /** Such an account can log in nowhere: that is its login's outcome, not a fault of `init`. */
    @Test
    fun aLoginOfAnImpossibleAccountEndsInItsOutcomeWithAKeptListToo() {
        val service = SessionServiceOptions.Builder(server.url).cacheFolder(File("kept"), "app")
        NIMClient.init(null, LoginInfo("a|b", token), SDKOptions(service.build()))
        val recorder = Recorder<LoginInfo>()
        val auth = NIMClient.getService(AuthService::class.java)
        auth.login(LoginInfo("a|b", token)).setCallback(recorder)
        assertEquals(302, recorder.code())
        val wrong = SessionServiceOptions.Builder(server.url).cacheFolder(File("kept"), "")
        NIMClient.init(null, null, SDKOptions(wrong.build()))
        val refused = Recorder<LoginInfo>()
        auth.login(LoginInfo(me, token)).setCallback(refused)
        assertEquals("init has refused the options", 414, refused.code())
        initWith(null)
    }

    private fun calls() = PublicFunction.all().filter { it.owner in receivers && !it.isStatic }

    private fun serviceWith(token: String?) =
        SessionService(SessionServiceOptions.Builder(server.url, token).build())
            .also { opened += it }

    /** Returns what NIM's door returned: the own door's functions take the callback themselves. */
    @Suppress("UNCHECKED_CAST")
    private fun futureOf(function: PublicFunction, made: Any?) =
        (made as? InvocationFuture<Any>)
            .takeIf { RequestCallback::class.java !in function.parameters }

    @Suppress("UNCHECKED_CAST")
    private fun <T> RequestCallback<Any>.cast() = this as RequestCallback<T>

    private class DetailedFailure : RequestCallback<Any> {
        private val received = CompletableFuture<SessionException.Failed>()

        override fun onSuccess(param: Any?) = onException(AssertionError("success"))

        override fun onFailed(code: Int) = onException(AssertionError("the other one"))

        override fun onFailed(failure: SessionException.Failed) {
            received.complete(failure)
        }

        override fun onException(exception: Throwable) {
            received.completeExceptionally(exception)
        }

        fun get(): SessionException.Failed =
            received.get(40, TimeUnit.SECONDS)
    }

    private companion object {
        const val PATIENCE_MS = 40_000L

        /** Types of which no value is wrong: null ignores the outcome or selects the default. */
        val HARMLESS = setOf<Class<*>>(
            RequestCallback::class.java, Observer::class.java, Int::class.javaObjectType,
            Long::class.javaObjectType, Long::class.javaPrimitiveType!!,
            Boolean::class.javaPrimitiveType!!,
        )
    }
}

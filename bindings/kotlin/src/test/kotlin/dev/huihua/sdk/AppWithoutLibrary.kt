// An app that uses all of the SDK where the native library cannot be loaded; MissingLibraryTest
// runs it. It ends with code 1 and a stack trace if anything throws, or ends otherwise than it must.
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
import java.io.ObjectInputStream
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.system.exitProcess
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

private const val URL = "http://127.0.0.1:9"
private const val LOADERS_ERROR =
    "the native library could not be loaded: java.lang.UnsatisfiedLinkError: "
private val uncaught = CopyOnWriteArrayList<Throwable>()
private val recorders = mutableListOf<Recorder<*>>()

private fun <T> recorder() = Recorder<T>().also { recorders += it }

fun main(arguments: Array<String>) {
    Thread.setDefaultUncaughtExceptionHandler { _, thrown -> uncaught += thrown }
    try {
        // Twice, because the JVM gives another error at the second attempt.
        repeat(2) { useTheOwnDoor() }
        repeat(2) { useNimsDoor() }
        bindASavedRow(File(arguments.single()))
        Thread.sleep(200) // For an outcome that comes a second time.
        recorders.forEach { check(it.answers.size == 1) { "ended ${it.answers.size} times" } }
        check(uncaught.isEmpty()) { "uncaught: $uncaught" }
        println("all as it must be")
        exitProcess(0)
    } catch (thrown: Throwable) {
        thrown.printStackTrace()
        exitProcess(1)
    }
}

private fun useTheOwnDoor() {
    val service = SessionService(SessionServiceOptions.Builder(URL, "token").build())
    for (call in FiveCalls.entries) {
        val recorder = recorder<Any>()
        call.start(service, recorder)
        checkFailure(recorder.exception())
        check(recorder.thread.name == "huihua-callback") { recorder.thread.name }
    }
    checkFailure(recorder<AccountInfo>().also(service::account).exception())
    checkFailure(
        recorder<RecentSession>().also { service.queryMySession(null, it) }.exception(),
    )
    service.deleteMySession(null, null)
    observe(service)
    runBlocking {
        checkFailure(runCatching { service.queryMySessionList() }.exceptionOrNull())
        val collected = runCatching { withTimeout(40_000) { service.sessionChanges().collect {} } }
        checkFailure(collected.exceptionOrNull())
    }
    val list = SessionList(service)
    list.open()
    awaitTrue("the list fails") { list.state is SessionList.State.Failed }
    checkFailure((list.state as SessionList.State.Failed).exception)
    list.refresh()
    list.close()
    service.close()
    val late = recorder<RecentSession>().also { service.queryMySession("p2p|amy", it) }.exception()
    check(late is SessionException.Closed) { "after close: $late" }
}

/** Observers, which have no method for a failure, receive the status. */
private fun observe(service: SessionService) {
    val statuses = Events<OnlineStatus>()
    service.observeSessionChanges { error("$it") }
    service.observeUpdateMySession { error("$it") }
    val subscription = service.observeOnlineStatus(statuses)
    statuses.awaitEvent("the failure") { it == OnlineStatus.OFFLINE }
    service.reconnect()
    subscription.close()
}

private fun useNimsDoor() {
    val options = SDKOptions(SessionServiceOptions.Builder(URL).build())
    NIMClient.init(null, LoginInfo("alice", "token"), options)
    val messages = NIMClient.getService(MsgService::class.java)
    NIMClient.getService(MsgServiceObserve::class.java)
        .observeUpdateMySession({ error("$it") }, true)
    val statuses = Events<StatusCode>()
    NIMClient.getService(AuthServiceObserver::class.java).observeOnlineStatus(statuses, true)
    statuses.awaitEvent("the failure") { it == StatusCode.NET_BROKEN }
    val futures = listOf(
        messages.queryMySessionList(null), messages.queryMySession("p2p|amy"),
        messages.updateMySession("p2p|amy", "x"), messages.deleteMySession(arrayOf("p2p|amy")),
    )
    for (future in futures) {
        val recorder = recorder<Any>()
        @Suppress("UNCHECKED_CAST")
        (future as InvocationFuture<Any>).setCallback(recorder)
        checkFailure(recorder.exception())
    }
    val auth = NIMClient.getService(AuthService::class.java)
    val login = recorder<LoginInfo>()
    auth.login(LoginInfo("alice", "token")).setCallback(login)
    checkFailure(login.exception())
    val refused = recorder<RecentSessionList>()
    messages.queryMySessionList(null).setCallback(refused)
    check(refused.code() == 302) { "after a failed login: ${refused.code()}" }
    NIMClient.init(null, null, options)
    auth.logout()
}

private fun bindASavedRow(file: File) {
    val row = ObjectInputStream(file.inputStream()).use { it.readObject() } as RecentSession
    val contact = row.toRecentContact()
    check(contact.contactId == "amy") { contact.contactId }
    check(contact.extension == mapOf("draft" to "later")) { "${contact.extension}" }
}

private fun checkFailure(failure: Throwable?) {
    check(failure is SessionException.Internal) { "$failure" }
    // Also later: NoClassDefFoundError, which the JVM throws at the second attempt, says nothing.
    check(failure.message.orEmpty().startsWith(LOADERS_ERROR)) { "${failure.message}" }
    // A coroutine throws a copy, whose cause is the original.
    val origin = generateSequence<Throwable>(failure) { it.cause }.last()
    check(origin is UnsatisfiedLinkError) { "$origin" }
    check(!failure.mayHaveApplied && !failure.retryable) { "the call never left" }
}

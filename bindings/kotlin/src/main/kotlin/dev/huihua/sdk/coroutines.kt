// The coroutine door: each call as a suspend function, live changes and lists as Flows. Thin over
// the callbacks, and optional: nothing else of the SDK needs it.
@file:JvmName("SessionCoroutines")

package dev.huihua.sdk

import dev.huihua.sdk.internal.LiveListener
import dev.huihua.sdk.internal.PendingChanges
import dev.huihua.sdk.internal.toSessionException
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withTimeout

/**
 * [SessionService.queryMySessionList] as a suspend function. Cancelling the coroutine aborts the
 * call.
 *
 * @throws SessionException when the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.queryMySessionList(
    option: QueryMySessionOption = QueryMySessionOption(),
): RecentSessionList = await { queryMySessionList(option, it) }

/**
 * [SessionService.queryMySession] as a suspend function. Cancelling the coroutine aborts the call.
 *
 * @throws SessionException when the call fails; with code 404 when there is no such session.
 */
public suspend fun SessionService.queryMySession(sessionId: String): RecentSession =
    await { queryMySession(sessionId, it) }

/**
 * [SessionService.updateMySession] as a suspend function. Cancelling the coroutine aborts the call,
 * which undoes nothing: the server may have acted.
 *
 * @throws SessionException when the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.updateMySession(sessionId: String, ext: String) {
    await<Void> { updateMySession(sessionId, ext, it) }
}

/**
 * [SessionService.deleteMySession] as a suspend function. Cancelling the coroutine aborts the call,
 * which undoes nothing: the server may have acted.
 *
 * @throws SessionException when the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.deleteMySession(sessionIds: List<String>) {
    await<Void> { deleteMySession(sessionIds, it) }
}

/**
 * [SessionService.sync] as a suspend function. Cancelling the coroutine ends a wait at once.
 *
 * @throws SessionException when the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.sync(option: SyncOption = SyncOption()): SyncResult =
    await { sync(option, it) }

/**
 * [SessionService.account] as a suspend function. Cancelling the coroutine aborts the call.
 *
 * @throws SessionException when the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.account(): AccountInfo = await { account(it) }

/**
 * The changes that [SessionService.observeSessionChanges] tells, from the moment of collection on.
 * Cold: it observes while it is collected. Of a session that changes again before the collector
 * took its change, only the latest state comes.
 *
 * It completes when the service is closed.
 *
 * @throws SessionException in the collector, when changes end for good: a token that is refused.
 */
public fun SessionService.sessionChanges(): Flow<SessionChange> = flow {
    val pending = PendingChanges()
    val arrived = Channel<Unit>(Channel.CONFLATED)
    val listener = object : LiveListener {
        override fun onChange(change: SessionChange) {
            pending.add(change)
            arrived.trySend(Unit)
        }

        override fun onEnded(failure: SessionException) {
            arrived.close(failure.takeUnless { it is SessionException.Closed })
        }
    }
    live.add(listener)
    try {
        for (signal in arrived) pending.take().forEach { emit(it) }
    } finally {
        live.remove(listener)
    }
}

/**
 * The states that [SessionService.observeOnlineStatus] tells, the present one first; a slow
 * collector misses those that are over. Cold: it observes while it is collected. It never completes
 * by itself: the last one after the service is closed is [StatusCode.LOGOUT].
 */
public fun SessionService.onlineStatus(): Flow<StatusCode> = callbackFlow {
    val observer = Observer<StatusCode> { trySend(it) }
    observeOnlineStatus(observer, true)
    awaitClose { observeOnlineStatus(observer, false) }
}.conflate()

/**
 * [SessionList.sessions], now and after each change; a slow collector misses those that are over.
 * It opens and closes nothing, and completes when the list is closed.
 */
public fun SessionList.snapshots(): Flow<List<RecentSession>> = watching { sessions }

/**
 * [SessionList.state], now and after each change; a slow collector misses those that are over. It
 * opens and closes nothing, and completes when the list is closed.
 */
public fun SessionList.states(): Flow<SessionList.State> = watching { state }

/**
 * A token provider of suspending code. It runs on a background thread of the SDK, which waits for
 * it up to a minute; see [TokenProvider] for all else.
 *
 * @param provide gives the token; its argument is [TokenProvider.getToken]'s.
 */
public fun suspendTokenProvider(provide: suspend (refresh: Boolean) -> String): TokenProvider =
    TokenProvider { refresh ->
        runBlocking { withTimeout(TOKEN_WAIT_MS) { provide(refresh) } }
    }

private fun <T> SessionList.watching(read: SessionList.() -> T): Flow<T> = callbackFlow {
    val watcher = {
        channel.trySend(this@watching.read())
        if (isOver) channel.close()
    }
    watchers += watcher
    watcher()
    awaitClose { watchers -= watcher }
}.conflate().distinctUntilChanged { old, new -> old === new }

private suspend fun <T> await(start: (RequestCallback<T>) -> Call): T =
    suspendCancellableCoroutine { continuation ->
        val call = start(Resumption(continuation))
        continuation.invokeOnCancellation { call.abort() }
    }

private class Resumption<T>(private val continuation: CancellableContinuation<T>) :
    RequestCallback<T> {
    override fun onSuccess(param: T) = continuation.resume(param)

    override fun onFailed(code: Int): Unit = error("the SDK calls the other one")

    override fun onFailed(failure: SessionException.Failed) =
        continuation.resumeWithException(failure)

    override fun onException(exception: Throwable) =
        continuation.resumeWithException(exception.toSessionException())
}

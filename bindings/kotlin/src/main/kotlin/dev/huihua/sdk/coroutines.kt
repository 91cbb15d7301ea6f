// The coroutine API: each call as a suspend function, live changes and lists as Flows. It only
// wraps callbacks and is optional: nothing else in the SDK needs it.
@file:JvmName("SessionCoroutines")

package dev.huihua.sdk

import dev.huihua.sdk.internal.Delivery
import dev.huihua.sdk.internal.LiveListener
import dev.huihua.sdk.internal.Outcome
import dev.huihua.sdk.internal.PendingChanges
import dev.huihua.sdk.internal.toSessionException
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
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
 * Suspends until [SessionService.queryMySessionList] ends.
 *
 * Cancelling the coroutine aborts the call.
 *
 * @throws SessionException if the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.queryMySessionList(
    option: QueryMySessionOption = QueryMySessionOption(),
): RecentSessionList = startQueryMySessionList(option).await()

/**
 * Suspends until [SessionService.queryMySession] ends.
 *
 * Cancelling the coroutine aborts the call.
 *
 * @throws SessionException if the call fails; with code 404 if the list has no such session.
 */
public suspend fun SessionService.queryMySession(sessionId: String): RecentSession =
    startQueryMySession(sessionId).await()

/**
 * Suspends until [SessionService.updateMySession] ends.
 *
 * Cancelling the coroutine aborts the call, which may have taken effect all the same.
 *
 * @throws SessionException if the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.updateMySession(sessionId: String, ext: String) {
    startUpdateMySession(sessionId, ext).awaitEnd()
}

/**
 * Suspends until [SessionService.deleteMySession] ends.
 *
 * Cancelling the coroutine aborts the call, which may have taken effect all the same.
 *
 * @throws SessionException if the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.deleteMySession(sessionIds: List<String>) {
    startDeleteMySession(sessionIds).awaitEnd()
}

/**
 * Suspends until [SessionService.sync] ends.
 *
 * Cancelling the coroutine ends a wait at once.
 *
 * @throws SessionException if the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.sync(option: SyncOption = SyncOption()): SyncResult =
    startSync(option).await()

/**
 * Suspends until [SessionService.account] ends.
 *
 * Cancelling the coroutine aborts the call.
 *
 * @throws SessionException if the call fails: [SessionException.Failed] with any code but 404.
 */
public suspend fun SessionService.account(): AccountInfo = startAccount().await()

/**
 * Suspends until [SessionService.eraseCache] ends.
 *
 * Cancelling the coroutine does not stop it.
 *
 * @throws SessionException.Internal if the file system fails.
 */
public suspend fun SessionService.eraseCache() {
    startEraseCache().awaitEnd()
}

/**
 * Emits the changes of [SessionService.observeSessionChanges] while it is collected.
 *
 * The flow is cold: it registers an observer for each collector. If a session changes again before
 * a slow collector took its change, only the latest state is emitted. It completes when the service
 * is closed.
 *
 * @throws SessionException in the collector, if changes end finally, such as for a refused token.
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
 * Emits the states of [SessionService.observeOnlineStatus], the present one first.
 *
 * The flow is cold: it registers an observer for each collector. A slow collector skips states that
 * are over. It never completes: the last state of a closed service is
 * [OnlineStatus.CLOSED].
 */
public fun SessionService.onlineStatus(): Flow<OnlineStatus> = callbackFlow {
    val subscription = observeOnlineStatus { trySend(it) }
    awaitClose { subscription.close() }
}.conflate()

/**
 * Emits [SessionList.sessions], now and after each change.
 *
 * A slow collector skips lists that are outdated. The flow neither opens nor closes the list, and
 * completes when the list is closed.
 */
public fun SessionList.snapshots(): Flow<List<RecentSession>> = watching { sessions }

/**
 * Emits [SessionList.state], now and after each change.
 *
 * A slow collector skips states that are over. The flow neither opens nor closes the list, and
 * completes when the list is closed.
 */
public fun SessionList.states(): Flow<SessionList.State> = watching { state }

/**
 * Makes a token provider of suspending code.
 *
 * The code runs on a background thread of the SDK, which waits for it for up to 60,000 ms; see
 * [TokenProvider].
 *
 * @param provide returns the token; its argument is that of [TokenProvider.getToken].
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

private suspend fun <T : Any> Delivery<T>.await(): T = checkNotNull(awaitEnd())

/** Waits for the end of a call; null if it has no result. */
private suspend fun <T> Delivery<T>.awaitEnd(): T? = suspendCancellableCoroutine { continuation ->
    continuation.invokeOnCancellation { abort() }
    receive { outcome ->
        when (outcome) {
            is Outcome.Success -> continuation.resume(outcome.value)
            is Outcome.Failure ->
                continuation.resumeWithException(outcome.error.toSessionException())
        }
    }
}

// The calls of the cloud session list.
package dev.huihua.sdk

import dev.huihua.sdk.internal.CacheAccount
import dev.huihua.sdk.internal.ChangeListener
import dev.huihua.sdk.internal.Delivery
import dev.huihua.sdk.internal.LiveChanges
import dev.huihua.sdk.internal.NativeService
import dev.huihua.sdk.internal.OpenLists
import dev.huihua.sdk.internal.Platform
import dev.huihua.sdk.internal.Serial
import dev.huihua.sdk.internal.StatusListener
import dev.huihua.sdk.internal.UpdateListener
import dev.huihua.sdk.internal.requireTokenProvider
import dev.huihua.sdk.internal.subscribe
import java.util.concurrent.Executor

/**
 * Makes the calls of the cloud session list of one account.
 *
 * Every call returns at once and calls its callback once, on the thread that [RequestCallback]
 * names; a null callback ignores the outcome, a null observer has no effect. All methods may be
 * called from any thread. No call throws: an invalid argument, be it null or half of a surrogate
 * pair, ends in `onFailed(414)`; any call after [close] in `onException` with
 * [SessionException.Closed]; and any call without the native library in `onException` with
 * [SessionException.Internal]. The SDK retries a call that failed temporarily, within the call's
 * timeout; a retried update or deletion takes effect once.
 *
 * Any call may end in `onFailed` with 302, 403, 408, 415, 416, 422, 500 or 503, and in
 * `onException` with any [SessionException] but [SessionException.Failed]. Each method lists its
 * other codes.
 *
 * Make one service per account and keep it: its calls share connections and token.
 *
 * @throws IllegalArgumentException from the constructor; its message names the invalid option.
 */
public class SessionService internal constructor(
    options: SessionServiceOptions,
    tokenProvider: TokenProvider,
    context: PlatformContext?,
    cacheAccount: CacheAccount? = CacheAccount(options.cacheAccount),
) : AutoCloseable {
    /** Makes a service, without any I/O. */
    public constructor(options: SessionServiceOptions) :
        this(options, requireTokenProvider(options), options.context)

    internal val native = NativeService(options, tokenProvider, cacheAccount)
    private val callbackExecutor: Executor =
        options.callbackExecutor ?: Platform.callbackExecutor

    /** Runs the events of observers and lists, in order. */
    internal val serial = Serial(callbackExecutor)
    internal val live = LiveChanges(serial, native::watch)
    internal val lists = OpenLists()
    private val background: AutoCloseable? = try {
        context?.let { Platform.observeForeground(it, ::setForeground) }
    } catch (wrong: IllegalArgumentException) {
        native.close()
        throw wrong
    }

    /**
     * Reads one page of the list, newest first. Mirrors NIM's `queryMySessionList`.
     *
     * It is not merged with any local list.
     *
     * @param option selects the page; null stands for `QueryMySessionOption()`: the newest 100
     * sessions, with last messages. An option out of range and an expired page token end in
     * `onFailed(414)`.
     * @param callback receives the page; null ignores the outcome.
     */
    public fun queryMySessionList(
        option: QueryMySessionOption?,
        callback: RequestCallback<RecentSessionList>?,
    ): Call = startQueryMySessionList(option).also { it.setCallback(callback) }

    /**
     * Reads one session. Mirrors NIM's `queryMySession`.
     *
     * It ends in `onFailed(404)` if the list has no such session.
     *
     * @param sessionId `p2p|<account>`, `team|<team id>` or `super_team|<team id>`; any other text
     * ends in `onFailed(414)`.
     * @param callback receives the session; null ignores the outcome.
     */
    public fun queryMySession(sessionId: String?, callback: RequestCallback<RecentSession>?): Call =
        startQueryMySession(sessionId).also { it.setCallback(callback) }

    /**
     * Sets the account's private text on a session. Mirrors NIM's `updateMySession`.
     *
     * The session's `updateTime` does not change. A session that is not in the list is added, with
     * the current time and no last message. An account may add 1,000 sessions in this way; then the
     * call ends in `onFailed(416)`.
     *
     * @param sessionId as in [queryMySession].
     * @param ext at most 4,096 bytes of UTF-8, a longer one ends in `onFailed(414)`; empty removes
     * the text.
     * @param callback receives the outcome; null ignores it.
     */
    public fun updateMySession(
        sessionId: String?,
        ext: String?,
        callback: RequestCallback<Void>?,
    ): Call = startUpdateMySession(sessionId, ext).also { it.setCallback(callback) }

    /**
     * Deletes sessions from the list, all or none. Mirrors NIM's `deleteMySession`.
     *
     * Deleting a session that is not in the list succeeds. The next newer message adds a deleted
     * session again, without its ext.
     *
     * @param sessionIds 1..=100 ids as in [queryMySession]; any others end in `onFailed(414)`. The
     * list is read before this method returns.
     * @param callback receives the outcome; null ignores it.
     */
    public fun deleteMySession(
        sessionIds: List<String?>?,
        callback: RequestCallback<Void>?,
    ): Call = startDeleteMySession(sessionIds).also { it.setCallback(callback) }

    /**
     * Reads the sessions that changed since a cursor, deletions included. NIM has no such call.
     *
     * With a wait it returns as soon as there is a change, and without changes once the wait is
     * over. `abort()` ends the wait at once.
     *
     * @param option selects the changes; null stands for `SyncOption()`: from the beginning,
     * without a wait. An option out of range ends in `onFailed(414)`.
     * @param callback receives the changes; null ignores the outcome.
     */
    public fun sync(option: SyncOption?, callback: RequestCallback<SyncResult>?): Call =
        startSync(option).also { it.setCallback(callback) }

    /**
     * Reads the account of the service's token from the server. NIM has no such call.
     *
     * @param callback receives the account; null ignores the outcome.
     */
    public fun account(callback: RequestCallback<AccountInfo>?): Call =
        startAccount().also { it.setCallback(callback) }

    /**
     * Erases what lists have kept on the device, for a sign-out. NIM has no such call.
     *
     * The service keeps nothing from then on. Call it before [close], which may follow at once. It
     * waits for no server, and `abort()` does not stop it. Without
     * [SessionServiceOptions.Builder.cacheFolder] there is nothing to erase, and it succeeds. It
     * ends in `onException` with [SessionException.Internal] if the file system fails.
     *
     * @param callback receives the outcome; null ignores it.
     */
    public fun eraseCache(callback: RequestCallback<Void>?): Call =
        startEraseCache().also { it.setCallback(callback) }

    /**
     * Observes new and changed sessions, from any device.
     *
     * [observer] receives each session in its latest state, but no deletions: for those see
     * [observeSessionChanges]. It runs on the thread of callbacks, see [RequestCallback].
     *
     * All observers and `Flow`s of a service share one request, for which the server waits until
     * something changes; each [SessionList] has one of its own. The request runs while there is an observer, and resumes after a
     * lost connection without losing changes. Changes before the first [OnlineStatus.ONLINE] are
     * not reported.
     *
     * @param observer receives the sessions; null has no effect. An observer that is registered
     * twice receives each event twice.
     * @return the registration; close it to end it. Closing the service ends it too, garbage
     * collection does not.
     */
    public fun observeUpdateMySession(observer: Observer<RecentSession>?): Subscription =
        live.subscribe(observer?.let(::UpdateListener))

    /**
     * Observes all changes, deletions included. NIM has no such observer.
     *
     * [observer] receives [SessionChange.Updated], [SessionChange.Deleted], and
     * [SessionChange.Reset] when the list must be read again. Otherwise it works as
     * [observeUpdateMySession].
     */
    public fun observeSessionChanges(observer: Observer<SessionChange>?): Subscription =
        live.subscribe(observer?.let(::ChangeListener))

    /**
     * Observes the state of the connection for live changes.
     *
     * [observer] receives the current state first, then each new one. The connection is kept for
     * it, too. Otherwise it works as [observeUpdateMySession].
     */
    public fun observeOnlineStatus(observer: Observer<OnlineStatus>?): Subscription =
        live.subscribe(observer?.let(::StatusListener))

    /**
     * Reconnects lost live changes at once, for apps that know when the network is back.
     *
     * It has no effect while they are connected, or there is neither an observer nor a list. NIM has
     * no such call.
     */
    public fun reconnect() {
        live.reconnect()
        lists.reconnect()
    }

    /**
     * Closes the service, its threads and connections.
     *
     * Running calls end in `onException` with [SessionException.Closed], live changes end. It does
     * not block, may be called from a callback, and has no effect when called again.
     */
    override fun close() {
        background?.close()
        live.close()
        native.close()
    }

    private fun setForeground(isForeground: Boolean) {
        live.setForeground(isForeground)
        lists.setForeground(isForeground)
    }

    // For coroutines, and for the NIM-shaped API, whose callback is set after the start.

    internal fun startAccount() =
        Delivery<AccountInfo>(callbackExecutor).also { native.account(it) }

    internal fun startEraseCache() =
        Delivery<Void>(callbackExecutor).also { native.eraseCache(it) }

    internal fun startSync(option: SyncOption?) =
        Delivery<SyncResult>(callbackExecutor).also { native.sync(option ?: SyncOption(), it) }

    internal fun startQueryMySessionList(option: QueryMySessionOption?) =
        Delivery<RecentSessionList>(callbackExecutor)
            .also { native.queryMySessionList(option ?: QueryMySessionOption(), it) }

    internal fun startQueryMySession(sessionId: String?) =
        Delivery<RecentSession>(callbackExecutor).also { native.queryMySession(sessionId, it) }

    internal fun startUpdateMySession(sessionId: String?, ext: String?) =
        Delivery<Void>(callbackExecutor).also { native.updateMySession(sessionId, ext, it) }

    internal fun startDeleteMySession(sessionIds: List<String?>?) =
        Delivery<Void>(callbackExecutor).also { native.deleteMySession(sessionIds, it) }
}

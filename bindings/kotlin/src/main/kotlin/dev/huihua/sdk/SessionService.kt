// The calls of the cloud session list.
package dev.huihua.sdk

import dev.huihua.sdk.internal.ChangeObserver
import dev.huihua.sdk.internal.Delivery
import dev.huihua.sdk.internal.LiveChanges
import dev.huihua.sdk.internal.LiveListener
import dev.huihua.sdk.internal.NativeService
import dev.huihua.sdk.internal.Platform
import dev.huihua.sdk.internal.Serial
import dev.huihua.sdk.internal.StatusObserver
import dev.huihua.sdk.internal.UpdateObserver
import java.util.concurrent.Executor

/**
 * The cloud session list of one account.
 *
 * Every call returns at once and tells its callback how it ended, on the thread and as often as
 * [RequestCallback] says; a null callback tells nobody. No call throws, whatever its arguments: a
 * bad one ends in `onFailed(414)`, and any call after [close] in `onException` with
 * [SessionException.Closed]. A call that fails in passing is tried again within its deadline; an
 * update or a deletion so repeated takes effect once. Safe to use from any thread.
 *
 * Any call may end in `onFailed` with 302, 403, 408, 415, 416, 500 or 503, and in `onException`
 * with any [SessionException] but [SessionException.Failed]; what else it may end in stands with
 * it.
 *
 * Make one for an account and keep it: its calls share connections and token.
 *
 * @throws IllegalArgumentException from the constructor; names the option that is wrong.
 */
public class SessionService(options: SessionServiceOptions) : AutoCloseable {
    internal val native = NativeService(options)
    private val callbackExecutor: Executor =
        options.callbackExecutor ?: Platform.callbackExecutor

    /** Where events go that must not overtake each other. */
    internal val serial = Serial(callbackExecutor)
    internal val live = LiveChanges(serial, native::watch)
    private val background: AutoCloseable? = try {
        options.androidContext?.let { Platform.observeForeground(it, live::setForeground) }
    } catch (wrong: IllegalArgumentException) {
        native.close()
        throw wrong
    }

    /**
     * One page of the list, newest first; not merged with any local list.
     *
     * @param option null stands for `QueryMySessionOption()`: the newest 100, with last messages.
     * One that is out of range, and a page token that has grown old, end in `onFailed(414)`.
     */
    public fun queryMySessionList(
        option: QueryMySessionOption?,
        callback: RequestCallback<RecentSessionList>?,
    ): Call = startQueryMySessionList(option).also { it.setCallback(callback) }

    /**
     * One session; `onFailed(404)` when there is none.
     *
     * @param sessionId `p2p|<account>`, `team|<team id>` or `super_team|<team id>`; else
     * `onFailed(414)`.
     */
    public fun queryMySession(sessionId: String, callback: RequestCallback<RecentSession>?): Call =
        startQueryMySession(sessionId).also { it.setCallback(callback) }

    /**
     * Sets the account's own text on a session; its `updateTime` stays. A session that is not in
     * the list gets in, with `updateTime` = now and no last message; 1,000 sessions of an account
     * may exist that way, then `onFailed(416)`.
     *
     * @param sessionId as in [queryMySession].
     * @param ext at most 4,096 bytes of UTF-8, else `onFailed(414)`; empty takes it away.
     */
    public fun updateMySession(
        sessionId: String,
        ext: String,
        callback: RequestCallback<Void>?,
    ): Call = startUpdateMySession(sessionId, ext).also { it.setCallback(callback) }

    /**
     * Deletes sessions from the list, all or none. One that is not there is no failure. The next
     * newer message brings a session back, without its ext.
     *
     * @param sessionIds 1..=100 ids as in [queryMySession], else `onFailed(414)`; read before this
     * returns.
     */
    public fun deleteMySession(sessionIds: List<String>, callback: RequestCallback<Void>?): Call =
        startDeleteMySession(sessionIds).also { it.setCallback(callback) }

    /**
     * The sessions that changed since a cursor, deletions included; with a wait, as soon as one
     * does. A wait that ends with nothing succeeds with no changes; `abort()` ends it at once.
     *
     * @param option null stands for `SyncOption()`: from the beginning, no wait. One that is out of
     * range ends in `onFailed(414)`.
     */
    public fun sync(option: SyncOption?, callback: RequestCallback<SyncResult>?): Call {
        val delivery = Delivery<SyncResult>(callbackExecutor)
        native.sync(option ?: SyncOption(), delivery)
        return delivery.also { it.setCallback(callback) }
    }

    /** Whose token this service has, and until when: the server says. */
    public fun account(callback: RequestCallback<AccountInfo>?): Call =
        startAccount().also { it.setCallback(callback) }

    /**
     * Tells [observer] each session that changed, in its latest state, from any device and by any
     * cause; deletions it is not told, [observeSessionChanges] tells them. Shape of NIM's
     * `MsgServiceObserve`.
     *
     * All observers, `Flow`s and lists of a service share one request, which the server holds until
     * something changes. It runs while somebody observes, and goes on where it was after any loss
     * of the connection. What changed before [StatusCode.LOGINED] was first told, is not.
     *
     * It ends when it is unregistered or the service is closed, and never by garbage collection.
     * Registering an observer again changes nothing. After it was unregistered on the thread of the
     * callbacks nothing is told; on another thread one event may be under way.
     *
     * @param register false takes it away.
     */
    public fun observeUpdateMySession(observer: Observer<RecentSession>, register: Boolean): Unit =
        observe(UpdateObserver(observer), register)

    /**
     * Tells [observer] each change: [SessionChange.Updated], [SessionChange.Deleted], and
     * [SessionChange.Reset] when the list has to be read again. All else as
     * [observeUpdateMySession].
     */
    public fun observeSessionChanges(observer: Observer<SessionChange>, register: Boolean): Unit =
        observe(ChangeObserver(observer), register)

    /**
     * Tells [observer] the state of the connection that brings changes: now, and whenever it
     * changes. It counts as one who observes: the connection is kept for it. All else as
     * [observeUpdateMySession].
     */
    public fun observeOnlineStatus(observer: Observer<StatusCode>, register: Boolean): Unit =
        observe(StatusObserver(observer), register)

    /**
     * Makes lost live changes try again at once: for apps that know when the network is back.
     * Nothing happens while they are connected, or nobody observes.
     */
    public fun reconnect(): Unit = live.poke()

    /**
     * Ends running calls in `onException` with [SessionException.Closed], ends live changes, and
     * frees threads and connections. Does not block; harmless when called again; may be called from
     * a callback.
     */
    override fun close() {
        background?.close()
        live.close()
        native.close()
    }

    private fun observe(listener: LiveListener, register: Boolean) =
        if (register) live.add(listener) else live.remove(listener)

    internal fun startAccount() =
        Delivery<AccountInfo>(callbackExecutor).also { native.account(it) }

    // For the NIM-shaped door, whose callback comes after the start.

    internal fun startQueryMySessionList(option: QueryMySessionOption?) =
        Delivery<RecentSessionList>(callbackExecutor)
            .also { native.queryMySessionList(option ?: QueryMySessionOption(), it) }

    internal fun startQueryMySession(sessionId: String) =
        Delivery<RecentSession>(callbackExecutor).also { native.queryMySession(sessionId, it) }

    internal fun startUpdateMySession(sessionId: String, ext: String) =
        Delivery<Void>(callbackExecutor).also { native.updateMySession(sessionId, ext, it) }

    internal fun startDeleteMySession(sessionIds: List<String>) =
        Delivery<Void>(callbackExecutor).also { native.deleteMySession(sessionIds, it) }
}

// The calls of the cloud session list.
package dev.huihua.sdk

import dev.huihua.sdk.internal.Delivery
import dev.huihua.sdk.internal.NativeService
import dev.huihua.sdk.internal.Platform
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
 * Make one for an account and keep it: its calls share connections and token.
 *
 * @throws IllegalArgumentException from the constructor; names the option that is wrong.
 */
public class SessionService(options: SessionServiceOptions) : AutoCloseable {
    private val native = NativeService(options)
    private val callbackExecutor: Executor =
        options.callbackExecutor ?: Platform.callbackExecutor

    /**
     * One page of the list, newest first; not merged with any local list.
     *
     * @param option null stands for `QueryMySessionOption()`: the newest 100, with last messages.
     */
    public fun queryMySessionList(
        option: QueryMySessionOption?,
        callback: RequestCallback<RecentSessionList>?,
    ): Call = startQueryMySessionList(option).also { it.setCallback(callback) }

    /**
     * One session; `onFailed(404)` when there is none.
     *
     * @param sessionId `p2p|<account>`, `team|<team id>` or `super_team|<team id>`.
     */
    public fun queryMySession(sessionId: String, callback: RequestCallback<RecentSession>?): Call =
        startQueryMySession(sessionId).also { it.setCallback(callback) }

    /**
     * Sets the account's own text on a session; its `updateTime` stays. A session that is not in
     * the list gets in, with `updateTime` = now and no last message; 1,000 sessions of an account
     * may exist that way, then `onFailed(416)`.
     *
     * @param sessionId as in [queryMySession].
     * @param ext at most 4,096 bytes of UTF-8; empty takes it away.
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
     * @param sessionIds 1..=100 ids as in [queryMySession]; read before this returns.
     */
    public fun deleteMySession(sessionIds: List<String>, callback: RequestCallback<Void>?): Call =
        startDeleteMySession(sessionIds).also { it.setCallback(callback) }

    /**
     * The sessions that changed since a cursor, deletions included; with a wait, as soon as one
     * does. A wait that ends with nothing succeeds with no changes; `abort()` ends it at once.
     *
     * @param option null stands for `SyncOption()`: from the beginning, no wait.
     */
    public fun sync(option: SyncOption?, callback: RequestCallback<SyncResult>?): Call {
        val delivery = Delivery<SyncResult>(callbackExecutor)
        native.sync(option ?: SyncOption(), delivery)
        return delivery.also { it.setCallback(callback) }
    }

    /**
     * Ends running calls in `onException` with [SessionException.Closed], and frees threads and
     * connections. Does not block; harmless when called again; may be called from a callback.
     */
    override fun close(): Unit = native.close()

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

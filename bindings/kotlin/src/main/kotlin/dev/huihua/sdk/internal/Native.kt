// The native session service: starts calls, and turns its callbacks into outcomes.
package dev.huihua.sdk.internal

import dev.huihua.sdk.AccountInfo
import dev.huihua.sdk.Logger
import dev.huihua.sdk.QueryMySessionOption
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.RecentSessionList
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.SyncOption
import dev.huihua.sdk.SyncResult
import dev.huihua.sdk.TokenProvider
import dev.huihua.sdk.ffi.AccountCallback
import dev.huihua.sdk.ffi.Call
import dev.huihua.sdk.ffi.CallFailure
import dev.huihua.sdk.ffi.Failure
import dev.huihua.sdk.ffi.LogLevel
import dev.huihua.sdk.ffi.RootProvider
import dev.huihua.sdk.ffi.SessionCallback
import dev.huihua.sdk.ffi.SessionListCallback
import dev.huihua.sdk.ffi.SessionService
import dev.huihua.sdk.ffi.SyncCallback
import dev.huihua.sdk.ffi.TokenProviderException
import dev.huihua.sdk.ffi.VoidCallback
import dev.huihua.sdk.ffi.Watch
import dev.huihua.sdk.ffi.AccountInfo as NativeAccountInfo
import dev.huihua.sdk.ffi.Logger as NativeLogger
import dev.huihua.sdk.ffi.RecentSession as NativeRow
import dev.huihua.sdk.ffi.RecentSessionList as NativePage
import dev.huihua.sdk.ffi.SessionException as NativeException
import dev.huihua.sdk.ffi.SyncResult as NativeSyncResult
import dev.huihua.sdk.ffi.TokenProvider as NativeTokenProvider
import dev.huihua.sdk.ffi.WatchListener as NativeWatchListener
import dev.huihua.sdk.ffi.WatchStatus as NativeWatchStatus

/**
 * The native service. Each running call holds it through its callback, so that collecting a service
 * that the app no longer references ends no call.
 *
 * @throws IllegalArgumentException names the option that is wrong.
 */
internal class NativeService(options: SessionServiceOptions) {
    private val tokens = TokenSource(options.tokenProvider)
    private val service: SessionService

    init {
        CallbackThreads.load()
        service = try {
            SessionService(options.toNative(), tokens, PlatformRoots, options.logger?.let(::Lines))
        } catch (wrong: NativeException.Option) {
            throw IllegalArgumentException("option ${wrong.field}: ${wrong.reason}")
        } catch (other: NativeException) {
            throw other.toPublic(tokenFailure = null)
        }
    }

    fun queryMySessionList(option: QueryMySessionOption, to: Delivery<RecentSessionList>) =
        start(to) { service.queryMySessionList(option.toNative(), ListAnswer(this, to)) }

    fun queryMySession(sessionId: String, to: Delivery<RecentSession>) =
        start(to) { service.queryMySession(sessionId, SessionAnswer(this, to)) }

    fun sync(option: SyncOption, to: Delivery<SyncResult>) =
        start(to) { service.sync(option.toNative(), SyncAnswer(this, to)) }

    fun account(to: Delivery<AccountInfo>) =
        start(to) { service.account(AccountAnswer(this, to)) }

    fun updateMySession(sessionId: String, ext: String, to: Delivery<Void>) =
        start(to) { service.updateMySession(sessionId, ext, VoidAnswer(this, to)) }

    fun deleteMySession(sessionIds: List<String>, to: Delivery<Void>) =
        start(to) { service.deleteMySession(sessionIds, VoidAnswer(this, to)) }

    /**
     * Tells what changes from [cursor] on, or from now; the first answer of one from now tells its
     * cursor, without a change.
     *
     * @throws SessionException.Closed after [close].
     */
    fun watch(cursor: String?, listener: WatchListener): NativeWatch {
        val from = cursor ?: SyncOption.LATEST
        return try {
            RunningWatch(service.watch(from, needLastMsg = true, WatchEvents(this, listener)))
        } catch (thrown: Throwable) {
            throw if (service.uniffiIsDestroyed) SessionException.Closed() else fault(thrown)
        }
    }

    /** Ends running calls with [SessionException.Closed]; waits for nothing. */
    fun close() = service.destroy()

    private inline fun start(to: Delivery<*>, call: () -> Call) {
        try {
            to.started(RunningCall(call()))
        } catch (thrown: Throwable) {
            // After close, the generated code throws; no call of ours throws on the app's thread.
            val closed = service.uniffiIsDestroyed
            to.end(Outcome.Exception(if (closed) SessionException.Closed() else fault(thrown)))
        }
    }

    fun outcome(error: NativeException) = Outcome.Exception(error.toPublic(tokens.failure))

    fun failure(cause: Failure): SessionException = when (cause) {
        is Failure.Failed -> cause.failure.toPublic()
        is Failure.Exception -> cause.error.toPublic(tokens.failure)
    }
}

private fun fault(thrown: Throwable) =
    SessionException.Internal("internal error: the border failed", thrown)

private class RunningCall(private val call: Call) : NativeCall {
    override fun abort() = call.abort()

    override fun destroy() = call.destroy()
}

private class RunningWatch(private val watch: Watch) : NativeWatch {
    override fun stop() = watch.stop().also { watch.destroy() }

    override fun poke() = watch.poke()
}

/** Converts and hands over. Nothing thrown may reach JNA: Rust would take an Error for success. */
private inline fun <T> Delivery<T>.endWith(outcome: () -> Outcome<T>) {
    val result = try {
        outcome()
    } catch (thrown: Throwable) {
        Outcome.Exception(SessionException.Internal("internal error: unreadable answer", thrown))
    }
    end(result)
}

/** What the callbacks of all calls share: how one fails. */
private abstract class Answer<T>(
    private val service: NativeService,
    protected val to: Delivery<T>,
) {
    fun onFailed(failure: CallFailure) = to.endWith { Outcome.Failed(failure.toPublic()) }

    fun onException(error: NativeException) = to.endWith { service.outcome(error) }
}

private class ListAnswer(service: NativeService, to: Delivery<RecentSessionList>) :
    Answer<RecentSessionList>(service, to), SessionListCallback {
    override fun onSuccess(list: NativePage) = to.endWith { Outcome.Success(list.toPublic()) }
}

private class SessionAnswer(service: NativeService, to: Delivery<RecentSession>) :
    Answer<RecentSession>(service, to), SessionCallback {
    override fun onSuccess(session: NativeRow) = to.endWith { Outcome.Success(session.toPublic()) }
}

private class SyncAnswer(service: NativeService, to: Delivery<SyncResult>) :
    Answer<SyncResult>(service, to), SyncCallback {
    override fun onSuccess(result: NativeSyncResult) =
        to.endWith { Outcome.Success(result.toPublic()) }
}

private class AccountAnswer(service: NativeService, to: Delivery<AccountInfo>) :
    Answer<AccountInfo>(service, to), AccountCallback {
    override fun onSuccess(account: NativeAccountInfo) =
        to.endWith { Outcome.Success(account.toPublic()) }
}

private class VoidAnswer(service: NativeService, to: Delivery<Void>) :
    Answer<Void>(service, to), VoidCallback {
    override fun onSuccess() = to.end(Outcome.Success(null))
}

private class WatchEvents(
    private val service: NativeService,
    private val listener: WatchListener,
) : NativeWatchListener {
    override fun onChanges(result: NativeSyncResult) =
        orEnd { listener.onChanges(result.toPublic()) }

    override fun onStatus(status: NativeWatchStatus) = orEnd {
        val public = when (status) {
            is NativeWatchStatus.Connecting -> WatchStatus.Connecting
            is NativeWatchStatus.Live -> WatchStatus.Live
            is NativeWatchStatus.Broken -> WatchStatus.Broken
            is NativeWatchStatus.Ended -> WatchStatus.Ended(service.failure(status.cause))
        }
        listener.onStatus(public)
    }

    /** An event lost would be a change lost: rather no watch than one with a hole. */
    private inline fun orEnd(event: () -> Unit) = try {
        event()
    } catch (thrown: Throwable) {
        listener.onStatus(WatchStatus.Ended(fault(thrown)))
    }
}

/** The app's logger, as Rust calls it; what it throws is nobody's business. */
private class Lines(private val logger: Logger) : NativeLogger {
    override fun log(level: LogLevel, line: String) {
        try {
            logger.log(level.toPublic(), line)
        } catch (_: Throwable) {
            // A line less.
        }
    }
}

/**
 * The platform's roots, as Rust asks for them before its first TLS connection: reading the store
 * takes too long for the thread that makes a service. What it throws ends the calls that need TLS.
 */
private object PlatformRoots : RootProvider {
    override fun rootCertificates() = Platform.trustedRootsDer()
}

/** The app's token provider, as Rust calls it; what it throws stays here. */
private class TokenSource(private val provider: TokenProvider) : NativeTokenProvider {
    /** What the provider threw last. */
    @Volatile
    var failure: Throwable? = null
        private set

    override fun token(refresh: Boolean): String {
        // From Java, a token may be null whatever the type says.
        val token: String? = try {
            provider.getToken(refresh)
        } catch (thrown: Throwable) {
            failure = thrown
            throw TokenProviderException.Thrown()
        }
        failure = null
        return token ?: throw TokenProviderException.Thrown()
    }
}

// The native session service: starts calls and converts their callbacks to outcomes.
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
import dev.huihua.sdk.ffi.AccountInfo as NativeAccountInfo
import dev.huihua.sdk.ffi.Call
import dev.huihua.sdk.ffi.CallFailure
import dev.huihua.sdk.ffi.Failure
import dev.huihua.sdk.ffi.LogLevel
import dev.huihua.sdk.ffi.Logger as NativeLogger
import dev.huihua.sdk.ffi.RecentSession as NativeRow
import dev.huihua.sdk.ffi.RecentSessionList as NativePage
import dev.huihua.sdk.ffi.RootProvider
import dev.huihua.sdk.ffi.SessionCallback
import dev.huihua.sdk.ffi.SessionException as NativeException
import dev.huihua.sdk.ffi.SessionListCallback
import dev.huihua.sdk.ffi.SessionService
import dev.huihua.sdk.ffi.SyncCallback
import dev.huihua.sdk.ffi.SyncResult as NativeSyncResult
import dev.huihua.sdk.ffi.TokenProvider as NativeTokenProvider
import dev.huihua.sdk.ffi.TokenProviderException
import dev.huihua.sdk.ffi.VoidCallback
import dev.huihua.sdk.ffi.Watch
import dev.huihua.sdk.ffi.WatchListener as NativeWatchListener
import dev.huihua.sdk.ffi.WatchStatus as NativeWatchStatus

/**
 * Wraps the native service. Each running call references it by its callback, so that a call of a
 * service that the app no longer references is not ended by garbage collection.
 *
 * Without the native library it is made all the same, and each call ends in an exception.
 *
 * @throws IllegalArgumentException if an option is invalid; its message names the option.
 */
internal class NativeService(options: SessionServiceOptions) {
    private val provider = options.tokenProvider
    private val tokens = TokenAdapter(provider)

    /** Null if the library could not be loaded. */
    private val service: SessionService? =
        if (NativeLibrary.failure == null) makeService(options, tokens) else null

    @Volatile
    private var isClosed = false

    fun queryMySessionList(option: QueryMySessionOption, to: Delivery<RecentSessionList>) =
        start(to) { it.queryMySessionList(option.toNative(), ListCallbackAdapter(this, to)) }

    fun queryMySession(sessionId: String?, to: Delivery<RecentSession>) = start(to) {
        it.queryMySession(requireText("sessionId", sessionId), SessionCallbackAdapter(this, to))
    }

    fun sync(option: SyncOption, to: Delivery<SyncResult>) =
        start(to) { it.sync(option.toNative(), SyncCallbackAdapter(this, to)) }

    fun account(to: Delivery<AccountInfo>) =
        start(to) { it.account(AccountCallbackAdapter(this, to)) }

    fun updateMySession(sessionId: String?, ext: String?, to: Delivery<Void>) = start(to) {
        val id = requireText("sessionId", sessionId)
        it.updateMySession(id, requireText("ext", ext), VoidCallbackAdapter(this, to))
    }

    fun deleteMySession(sessionIds: List<String?>?, to: Delivery<Void>) = start(to) {
        it.deleteMySession(requireTexts("sessionIds", sessionIds), VoidCallbackAdapter(this, to))
    }

    /**
     * Watches changes from [cursor] on; null = from now, then the first result has only a cursor.
     *
     * @throws SessionException after [close], and without the library.
     */
    fun watch(cursor: String?, listener: WatchListener): NativeWatch {
        val from = cursor ?: SyncOption.LATEST
        return try {
            RunningWatch(open().watch(from, needLastMsg = true, WatchAdapter(this, listener)))
        } catch (thrown: Throwable) {
            throw reason(thrown)
        }
    }

    /** Ends running calls with [SessionException.Closed], without waiting. */
    fun close() {
        isClosed = true
        service?.destroy()
    }

    private inline fun start(to: Delivery<*>, call: (SessionService) -> Call) {
        try {
            to.started(RunningCall(call(open())))
        } catch (thrown: Throwable) {
            // A call never throws on the app's thread.
            to.end(Outcome.Failure(reason(thrown)))
        }
    }

    /** Returns the service for one call, or throws why there can be none. */
    private fun open(): SessionService {
        if (isClosed) throw SessionException.Closed()
        if (service == null) throw libraryMissing()
        if (provider is FixedToken) requireText("token", provider.token)
        return service
    }

    /** Returns why a call could not start; the generated code throws if [close] came meanwhile. */
    private fun reason(thrown: Throwable) = when {
        thrown is SessionException -> thrown
        isClosed -> SessionException.Closed()
        else -> fault(thrown)
    }

    fun outcome(error: NativeException) = Outcome.Failure(error.toPublic(tokens.failure))

    fun failure(cause: Failure): SessionException = when (cause) {
        is Failure.Failed -> cause.failure.toPublic()
        is Failure.Exception -> cause.error.toPublic(tokens.failure)
    }
}

private fun makeService(options: SessionServiceOptions, tokens: TokenAdapter): SessionService =
    try {
        val logger = options.logger?.let(::LoggerAdapter)
        SessionService(options.toNative(), tokens, PlatformRoots, logger)
    } catch (wrong: NativeException.Option) {
        throw IllegalArgumentException("option ${wrong.field}: ${wrong.reason}")
    } catch (other: NativeException) {
        throw other.toPublic(tokenFailure = null)
    }

private fun libraryMissing(): SessionException {
    val cause = NativeLibrary.failure
    val text = "the native library could not be loaded: $cause"
    return SessionException.Internal(text, cause, mayHaveApplied = false)
}

private fun fault(thrown: Throwable) =
    SessionException.Internal("internal error: the native library failed", thrown)

private class RunningCall(private val call: Call) : NativeCall {
    override fun abort() = call.abort()

    override fun destroy() = call.destroy()
}

private class RunningWatch(private val watch: Watch) : NativeWatch {
    override fun stop() = watch.stop().also { watch.destroy() }

    override fun reconnect() = watch.poke()
}

/** Converts and delivers. No exception may reach JNA: Rust would take an Error for success. */
private inline fun <T> Delivery<T>.endWith(outcome: () -> Outcome<T>) {
    val result = try {
        outcome()
    } catch (thrown: Throwable) {
        Outcome.Failure(SessionException.Internal("internal error: unreadable answer", thrown))
    }
    end(result)
}

/** Converts the failures of all calls. */
private abstract class CallbackAdapter<T>(
    private val service: NativeService,
    protected val to: Delivery<T>,
) {
    fun onFailed(failure: CallFailure) = to.endWith { Outcome.Failure(failure.toPublic()) }

    fun onException(error: NativeException) = to.endWith { service.outcome(error) }
}

private class ListCallbackAdapter(service: NativeService, to: Delivery<RecentSessionList>) :
    CallbackAdapter<RecentSessionList>(service, to), SessionListCallback {
    override fun onSuccess(list: NativePage) = to.endWith { Outcome.Success(list.toPublic()) }
}

private class SessionCallbackAdapter(service: NativeService, to: Delivery<RecentSession>) :
    CallbackAdapter<RecentSession>(service, to), SessionCallback {
    override fun onSuccess(session: NativeRow) = to.endWith { Outcome.Success(session.toPublic()) }
}

private class SyncCallbackAdapter(service: NativeService, to: Delivery<SyncResult>) :
    CallbackAdapter<SyncResult>(service, to), SyncCallback {
    override fun onSuccess(result: NativeSyncResult) =
        to.endWith { Outcome.Success(result.toPublic()) }
}

private class AccountCallbackAdapter(service: NativeService, to: Delivery<AccountInfo>) :
    CallbackAdapter<AccountInfo>(service, to), AccountCallback {
    override fun onSuccess(account: NativeAccountInfo) =
        to.endWith { Outcome.Success(account.toPublic()) }
}

private class VoidCallbackAdapter(service: NativeService, to: Delivery<Void>) :
    CallbackAdapter<Void>(service, to), VoidCallback {
    override fun onSuccess() = to.end(Outcome.Success(null))
}

private class WatchAdapter(
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

    /** Ends the watch if an event cannot be delivered: it must not lose a change. */
    private inline fun orEnd(event: () -> Unit) = try {
        event()
    } catch (thrown: Throwable) {
        listener.onStatus(WatchStatus.Ended(fault(thrown)))
    }
}

/** Adapts the app's logger to the native library; ignores its exceptions. */
private class LoggerAdapter(private val logger: Logger) : NativeLogger {
    override fun log(level: LogLevel, line: String) {
        try {
            logger.log(level.toPublic(), line)
        } catch (_: Throwable) {
            // The line is lost.
        }
    }
}

/**
 * Provides the platform's roots before the first TLS connection: reading the store takes too long
 * for the thread that makes a service. Its exception ends the calls that need TLS.
 */
private object PlatformRoots : RootProvider {
    override fun rootCertificates() = Platform.trustedRootsDer()
}

/** Adapts the app's token provider to the native library; keeps its exceptions in Kotlin. */
private class TokenAdapter(private val provider: TokenProvider) : NativeTokenProvider {
    /** The provider's last exception. */
    @Volatile
    var failure: Throwable? = null
        private set

    override fun token(refresh: Boolean): String {
        val token = try {
            // A provider in Java may return null in spite of the type.
            requireText("token", provider.getToken(refresh))
        } catch (thrown: Throwable) {
            failure = thrown
            throw TokenProviderException.Thrown()
        }
        failure = null
        return token
    }
}

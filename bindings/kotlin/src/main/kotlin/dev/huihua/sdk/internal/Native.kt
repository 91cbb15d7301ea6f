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
import dev.huihua.sdk.ffi.Call
import dev.huihua.sdk.ffi.CallCallback
import dev.huihua.sdk.ffi.CallOutcome
import dev.huihua.sdk.ffi.Failure
import dev.huihua.sdk.ffi.ListEvent as NativeListEvent
import dev.huihua.sdk.ffi.ListFacts as NativeListFacts
import dev.huihua.sdk.ffi.ListListener as NativeListListener
import dev.huihua.sdk.ffi.ListOption
import dev.huihua.sdk.ffi.LogLevel
import dev.huihua.sdk.ffi.Logger as NativeLogger
import dev.huihua.sdk.ffi.RootProvider
import dev.huihua.sdk.ffi.SessionException as NativeException
import dev.huihua.sdk.ffi.SessionList as NativeSessionList
import dev.huihua.sdk.ffi.SessionService
import dev.huihua.sdk.ffi.SyncResult as NativeSyncResult
import dev.huihua.sdk.ffi.TokenProvider as NativeTokenProvider
import dev.huihua.sdk.ffi.TokenProviderException
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
internal class NativeService(
    options: SessionServiceOptions,
    private val provider: TokenProvider,
    cacheAccount: CacheAccount?,
) {
    init {
        // Beside the library, whose loading takes as long.
        if (options.serverUrls.any(::needsRoots)) readRootsAhead()
    }

    private val tokens = TokenAdapter(provider)

    /** Null if the library could not be loaded. */
    private val service: SessionService? =
        if (NativeLibrary.failure == null) makeService(options, tokens, cacheAccount) else null

    @Volatile
    private var isClosed = false

    fun queryMySessionList(option: QueryMySessionOption, to: Delivery<RecentSessionList>) =
        start(to, { (it as CallOutcome.Page).list.toPublic() }) { service, callback ->
            service.queryMySessionList(option.toNative(), callback)
        }

    fun queryMySession(sessionId: String?, to: Delivery<RecentSession>) =
        start(to, { (it as CallOutcome.Session).session.toPublic() }) { service, callback ->
            service.queryMySession(requireText("sessionId", sessionId), callback)
        }

    fun sync(option: SyncOption, to: Delivery<SyncResult>) =
        start(to, { (it as CallOutcome.Changes).result.toPublic() }) { service, callback ->
            service.sync(option.toNative(), callback)
        }

    fun account(to: Delivery<AccountInfo>) =
        start(to, { (it as CallOutcome.Account).account.toPublic() }) { service, callback ->
            service.account(callback)
        }

    fun updateMySession(sessionId: String?, ext: String?, to: Delivery<Void>) =
        start(to, { null }) { service, callback ->
            val id = requireText("sessionId", sessionId)
            service.updateMySession(id, requireText("ext", ext), callback)
        }

    fun deleteMySession(sessionIds: List<String?>?, to: Delivery<Void>) =
        start(to, { null }) { service, callback ->
            service.deleteMySession(requireTexts("sessionIds", sessionIds), callback)
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

    /**
     * Runs a list, which opens with the kept sessions unless [rowsShown] of one that ended still
     * show.
     *
     * @throws SessionException after [close], and without the library.
     */
    fun list(pageSize: Int, rowsShown: Int, listener: ListListener): NativeList {
        val option = ListOption(pageSize, rowsShown)
        return try {
            RunningList(open().list(option, ListAdapter(this, listener)))
        } catch (thrown: Throwable) {
            throw reason(thrown)
        }
    }

    /** Erases what lists have kept; a [close] meanwhile does not hinder it. */
    fun eraseCache(to: Delivery<Void>) {
        try {
            checkOpen().eraseCache(CallbackAdapter(this, to) { null })
        } catch (thrown: Throwable) {
            to.end(Outcome.Failure(reason(thrown)))
        }
    }

    /** Ends running calls with [SessionException.Closed], without waiting. */
    fun close() {
        isClosed = true
        service?.destroy()
    }

    /** Starts [call], of whose outcome [result] takes the result. */
    private inline fun <T> start(
        to: Delivery<T>,
        noinline result: (CallOutcome) -> T?,
        call: (SessionService, CallCallback) -> Call,
    ) {
        try {
            to.started(RunningCall(call(open(), CallbackAdapter(this, to, result))))
        } catch (thrown: Throwable) {
            // A call never throws on the app's thread.
            to.end(Outcome.Failure(reason(thrown)))
        }
    }

    /** Returns the service for one call, or throws why there can be none. */
    private fun open(): SessionService {
        val service = checkOpen()
        if (provider is FixedToken) requireToken(provider.token)
        return service
    }

    private fun checkOpen(): SessionService {
        if (isClosed) throw SessionException.Closed()
        return service ?: throw libraryMissing()
    }

    /** Returns why a call could not start; the generated code throws if [close] came meanwhile. */
    private fun reason(thrown: Throwable) = when {
        thrown is SessionException -> thrown
        isClosed -> SessionException.Closed()
        else -> fault(thrown)
    }

    fun status(status: NativeWatchStatus): WatchStatus = when (status) {
        is NativeWatchStatus.Connecting -> WatchStatus.Connecting
        is NativeWatchStatus.Live -> WatchStatus.Live
        is NativeWatchStatus.Broken -> WatchStatus.Broken(failure(status.cause))
        is NativeWatchStatus.Ended -> WatchStatus.Ended(failure(status.cause))
    }

    fun failure(cause: Failure): SessionException = when (cause) {
        is Failure.Failed -> cause.failure.toPublic()
        is Failure.Exception -> cause.error.toPublic(tokens.failure)
    }
}

/** Java may have put null among the URLs, which the options refuse by name. */
private fun needsRoots(url: String?) = url != null && url.startsWith("https:", ignoreCase = true)

/** Reads the platform's roots, which the first call over TLS needs, on a thread of their own. */
private fun readRootsAhead() {
    val reader = object : Thread("huihua-roots") {
        override fun run() {
            try {
                Platform.trustedRootsDer()
            } catch (_: Throwable) {
                // The call that needs them meets it again, and ends in it.
            }
        }
    }
    reader.isDaemon = true
    reader.start()
}

private fun makeService(
    options: SessionServiceOptions,
    tokens: TokenAdapter,
    cacheAccount: CacheAccount?,
): SessionService =
    try {
        val logger = options.logger?.let(::LoggerAdapter)
        SessionService(options.toNative(cacheAccount), tokens, PlatformRoots, logger)
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

private class RunningList(private val list: NativeSessionList) : NativeList {
    override fun loadMore() = list.loadMore()

    override fun refresh() = list.refresh()

    override fun reconnect() = list.poke()

    override fun pause() = list.pause()

    override fun resume() = list.resume()

    override fun stop() = list.stop().also { list.destroy() }
}

/** Converts and delivers the outcome of a call, see [NativeService.start]. */
private class CallbackAdapter<T>(
    private val service: NativeService,
    private val to: Delivery<T>,
    private val result: (CallOutcome) -> T?,
) : CallCallback {
    /** No exception may reach JNA: Rust would take an Error for success. */
    override fun onEnd(outcome: CallOutcome) {
        val end = try {
            when (outcome) {
                is CallOutcome.Failed -> Outcome.Failure(service.failure(outcome.failure))
                else -> Outcome.Success(result(outcome))
            }
        } catch (thrown: Throwable) {
            val text = "internal error: unreadable answer"
            Outcome.Failure(SessionException.Internal(text, thrown))
        }
        to.end(end)
    }
}

private class WatchAdapter(
    private val service: NativeService,
    private val listener: WatchListener,
) : NativeWatchListener {
    override fun onChanges(result: NativeSyncResult) =
        orEnd { listener.onChanges(result.toPublic()) }

    override fun onStatus(status: NativeWatchStatus) =
        orEnd { listener.onStatus(service.status(status)) }

    /** Ends the watch if an event cannot be delivered: it must not lose a change. */
    private inline fun orEnd(event: () -> Unit) = try {
        event()
    } catch (thrown: Throwable) {
        listener.onStatus(WatchStatus.Ended(fault(thrown)))
    }
}

private class ListAdapter(
    private val service: NativeService,
    private val listener: ListListener,
) : NativeListListener {
    override fun onEvent(event: NativeListEvent, facts: NativeListFacts) {
        val shared = facts.toInternal()
        val converted = try {
            when (event) {
                is NativeListEvent.Sessions -> {
                    val rows = event.sessions.map { it.toPublic() }
                    ListEvent.Sessions(event.position, event.removed, rows)
                }
                is NativeListEvent.Status -> ListEvent.Status(service.status(event.status))
                is NativeListEvent.MoreFailed -> ListEvent.MoreFailed(service.failure(event.cause))
            }
        } catch (thrown: Throwable) {
            // It must not lose a change.
            ListEvent.Status(WatchStatus.Ended(fault(thrown)))
        }
        listener.onEvent(converted, shared)
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
            requireToken(provider.getToken(refresh))
        } catch (thrown: Throwable) {
            failure = thrown
            throw TokenProviderException.Thrown()
        }
        failure = null
        return token
    }
}

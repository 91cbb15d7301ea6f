// The login of the NIM-shaped API, and its observers.
package dev.huihua.sdk.nim

import dev.huihua.sdk.AccountInfo
import dev.huihua.sdk.Logger
import dev.huihua.sdk.OnlineStatus
import dev.huihua.sdk.PlatformContext
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions
import dev.huihua.sdk.TokenProvider
import dev.huihua.sdk.internal.CacheAccount
import dev.huihua.sdk.internal.Codes
import dev.huihua.sdk.internal.Delivery
import dev.huihua.sdk.internal.EMPTY_FAULT
import dev.huihua.sdk.internal.LiveListener
import dev.huihua.sdk.internal.NativeCall
import dev.huihua.sdk.internal.Outcome
import dev.huihua.sdk.internal.Platform
import dev.huihua.sdk.internal.Serial
import dev.huihua.sdk.internal.invalidArgument
import dev.huihua.sdk.internal.reportUncaught
import dev.huihua.sdk.internal.statusAfter
import dev.huihua.sdk.internal.textFault
import dev.huihua.sdk.internal.toSessionException
import dev.huihua.sdk.internal.tokenFault
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executor

/** Holds one login: the service of its account, whose live changes go to the observers. */
internal class Login(val info: LoginInfo, val service: SessionService) : LiveListener {
    /** Whether calls may use it; that of [AuthService.login] must be confirmed first. */
    @Volatile
    var isOpen = false

    override fun onChange(change: SessionChange) =
        Logins.notifyObservers(this) { it.onChange(change) }

    override fun onStatus(status: OnlineStatus) {
        // A login stays LOGINED while the connection for live changes is being made.
        val isConnecting =
            status == OnlineStatus.CONNECTING && Logins.status == StatusCode.LOGINED
        if (status != OnlineStatus.IDLE && !isConnecting) {
            Logins.setStatus(this, status.toStatusCode())
        }
    }
}

/** Holds what [NIMClient.init] was given, of which each login makes a service. */
internal class Setup(
    private val options: SessionServiceOptions,
    private val context: PlatformContext?,
) {
    val callbackExecutor: Executor = options.callbackExecutor ?: Platform.callbackExecutor

    /** Makes the service of [info]; throws as the constructor of [SessionService]. */
    fun service(info: LoginInfo): SessionService = try {
        service(info, CacheAccount(info.account))
    } catch (invalid: IllegalArgumentException) {
        if (!invalid.message.orEmpty().startsWith(CacheAccount.FAULT)) throw invalid
        // No server has such an account, which is the outcome of its login, not of the options.
        service(info, null)
    }

    private fun service(info: LoginInfo, account: CacheAccount?): SessionService {
        val renewal = options.tokenProvider
        val tokens = TokenProvider { refresh ->
            if (refresh && renewal != null) renewal.getToken(true) else info.token
        }
        return SessionService(options, tokens, context, account)
    }

    /** Writes a line to the app's log, if there is one; ignores its exceptions. */
    fun warn(line: String) {
        try {
            options.logger?.log(Logger.Level.WARN, line)
        } catch (_: Throwable) {
            // The line is lost.
        }
    }
}

/**
 * Holds the state of [NIMClient]. It owns the observers, for which the current login observes its
 * service.
 */
internal object Logins {
    private val lock = Any()
    private val observers = CopyOnWriteArrayList<ObserverAdapter>()
    private var setup: Setup? = null
    private var callbackExecutor: Executor = Platform.callbackExecutor
    private var serial = Serial(callbackExecutor)

    @Volatile
    private var current: Login? = null

    /** Why no login is possible; null after an [init] with valid options. */
    @Volatile
    private var setupFault: SessionException? = invalidArgument("NIMClient.init: call it first")

    /** Why [init] logged no account in, if its account or token is invalid: no callback says it. */
    @Volatile
    private var initFault: SessionException? = null

    @Volatile
    var status: StatusCode = StatusCode.UNLOGIN
        private set

    /** The service of the logged-in account. */
    val service: SessionService? get() = current?.takeIf { it.isOpen }?.service

    fun init(options: SDKOptions?, context: PlatformContext?, info: LoginInfo?) {
        val given = options?.service
        if (given == null) {
            return refuseSetup(null, invalidArgument("option service: must not be null"))
        }
        val observed = if (options.liveInBackground) null else context ?: given.context
        val setup = Setup(given, observed)
        // Always made, because its constructor checks the options.
        val service = try {
            setup.service(info ?: NO_LOGIN)
        } catch (invalid: IllegalArgumentException) {
            return refuseSetup(setup, invalidArgument(invalid.message.orEmpty()))
        } catch (thrown: SessionException) {
            return refuseSetup(setup, thrown)
        }
        use(setup, null)
        val fault = info?.let(::faultOf)
        if (info == null || fault != null) {
            service.close()
            val status = if (fault == null) StatusCode.UNLOGIN else StatusCode.PWD_ERROR
            return replace(null, status, fault)
        }
        val login = Login(info, service).apply { isOpen = true }
        replace(login, StatusCode.LOGINING)
        confirm(login, Delivery(callbackExecutor))
    }

    fun login(info: LoginInfo?): AbortableFuture<LoginInfo> {
        val given = info ?: NO_LOGIN
        val future = Delivery<LoginInfo>(callbackExecutor)
        val login = try {
            (setupFault ?: faultOf(given))?.let { throw it }
            val setup = synchronized(lock) { checkNotNull(setup) }
            Login(given, setup.service(given))
        } catch (fault: SessionException) {
            replace(null, if (setupFault == null) StatusCode.PWD_ERROR else StatusCode.UNLOGIN)
            return CallFuture(future.also { it.end(Outcome.Failure(fault)) })
        }
        replace(login, StatusCode.LOGINING)
        future.started(
            object : NativeCall {
                override fun abort() = true.also { end(login, StatusCode.UNLOGIN) }

                override fun destroy() = Unit
            },
        )
        confirm(login, future)
        return CallFuture(future)
    }

    fun logout() {
        // Before the service is closed, which then keeps nothing.
        current?.service?.eraseCache(null)
        replace(null, StatusCode.LOGOUT)
    }

    /** Fails a call that was made without a login. */
    fun <T> refuseCall(): Delivery<T> {
        val failure = setupFault ?: initFault
            ?: refused("no account is logged in: call AuthService.login first")
        return Delivery<T>(callbackExecutor).also { it.end(Outcome.Failure(failure)) }
    }

    fun observe(observer: ObserverAdapter?, register: Boolean) {
        if (observer == null) return
        if (!register) {
            observers.remove(observer)
        } else if (observers.addIfAbsent(observer)) {
            val now = status
            serial.execute { if (observer in observers) observer.onStatus(now) }
        }
        observeService()
    }

    /** Notifies the observers of an event of [login], on the thread of callbacks. */
    fun notifyObservers(login: Login, event: (ObserverAdapter) -> Unit) {
        for (observer in observers) {
            if (current !== login) return
            try {
                if (observer in observers) event(observer)
            } catch (thrown: Throwable) {
                reportUncaught(thrown)
            }
        }
    }

    fun setStatus(login: Login, next: StatusCode) {
        synchronized(lock) {
            if (current !== login) return
            changeStatus(next)
        }
        serial.start()
    }

    private fun changeStatus(next: StatusCode) {
        if (next == status) return
        status = next
        for (observer in observers) {
            serial.add { if (observer in observers) observer.onStatus(next) }
        }
    }

    /** Replaces the current login by [next]. */
    private fun replace(
        next: Login?,
        status: StatusCode,
        fault: SessionException? = null,
    ) {
        val last = synchronized(lock) {
            val last = current
            current = next
            initFault = fault
            changeStatus(status)
            last
        }
        serial.start()
        last?.service?.close()
    }

    /** Ends a login, unless another one has replaced it. */
    private fun end(login: Login, status: StatusCode) {
        synchronized(lock) {
            if (current === login) {
                current = null
                changeStatus(status)
            }
        }
        serial.start()
        login.service.close()
    }

    /** Checks the token's account with the server, and ends [future], see [AuthService.login]. */
    private fun confirm(login: Login, future: Delivery<LoginInfo>) {
        val check = Delivery<AccountInfo> { it.run() }
        login.service.native.account(check)
        check.receive { outcome ->
            val end = when (outcome) {
                is Outcome.Success -> open(login, checkNotNull(outcome.value))
                is Outcome.Failure -> fail(login, outcome.error.toSessionException())
            }
            future.end(end)
        }
    }

    /** Opens [login], whose token the server took; it is of [owner]. */
    private fun open(login: Login, owner: AccountInfo): Outcome<LoginInfo> {
        // The next login may have replaced it meanwhile.
        if (current !== login) return fail(login, SessionException.Closed())
        if (owner.account.asciiLowercase() != login.info.account.asciiLowercase()) {
            end(login, StatusCode.PWD_ERROR)
            return Outcome.Failure(refused("the token is another account's"))
        }
        login.isOpen = true
        setStatus(login, StatusCode.LOGINED)
        observeService()
        return Outcome.Success(login.info)
    }

    /** Ends a login that failed. That of init stays: its calls succeed or fail by themselves. */
    private fun fail(login: Login, failure: SessionException): Outcome<LoginInfo> {
        val status = statusAfter(failure).toStatusCode()
        if (login.isOpen) setStatus(login, status) else end(login, status)
        if (login.isOpen && status == StatusCode.NET_BROKEN) observeService()
        return Outcome.Failure(failure)
    }

    /** Observes the service of the current login while there are observers. */
    private fun observeService() {
        do {
            val login = current?.takeIf { it.isOpen } ?: return
            val isObserved = !observers.isEmpty()
            if (isObserved) login.service.live.add(login) else login.service.live.remove(login)
        } while (isObserved == observers.isEmpty())
    }

    private fun use(next: Setup?, fault: SessionException?) = synchronized(lock) {
        setup = next
        setupFault = fault
        callbackExecutor = next?.callbackExecutor ?: Platform.callbackExecutor
        serial = Serial(callbackExecutor)
    }

    /** Refuses the options of [init]: each later call ends in [fault], which the log says now. */
    private fun refuseSetup(refused: Setup?, fault: SessionException) {
        use(refused, fault)
        replace(null, StatusCode.UNLOGIN)
        refused?.warn("NIMClient.init: ${fault.message}")
    }

    /** Returns why [info] cannot even be sent; null if the server must decide. */
    private fun faultOf(info: LoginInfo): SessionException.Failed? {
        val account = if (info.account.isEmpty()) EMPTY_FAULT else textFault(info.account)
        val faults = listOf("account" to account, "token" to tokenFault(info.token))
        return faults.firstNotNullOfOrNull { (name, fault) ->
            fault?.let { invalidArgument("$name: $it") }
        }
    }

    private fun refused(detail: String) = SessionException.Failed(
        code = Codes.TOKEN_REFUSED,
        retryable = false,
        mayHaveApplied = false,
        retryAfterMs = null,
        requestId = null,
        detail = detail,
    )

    private val NO_LOGIN = LoginInfo("", "")
}

private fun OnlineStatus.toStatusCode(): StatusCode = when (this) {
    OnlineStatus.IDLE -> StatusCode.UNLOGIN
    OnlineStatus.CONNECTING -> StatusCode.CONNECTING
    OnlineStatus.ONLINE -> StatusCode.LOGINED
    OnlineStatus.OFFLINE -> StatusCode.NET_BROKEN
    OnlineStatus.REFUSED -> StatusCode.PWD_ERROR
    OnlineStatus.FORBIDDEN -> StatusCode.FORBIDDEN
    OnlineStatus.CLOSED -> StatusCode.LOGOUT
}

/** Lower-cases ASCII letters alone, as the server does for an app with NIM's account ids. */
private fun String.asciiLowercase() =
    String(CharArray(length) { if (this[it] in 'A'..'Z') this[it] + 32 else this[it] })

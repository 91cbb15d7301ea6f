// The entry point of the NIM-shaped API.
package dev.huihua.sdk.nim

import dev.huihua.sdk.PlatformContext
import dev.huihua.sdk.SessionService

/** Provides the services of one account for the whole process. Mirrors NIM's `NIMClient`. */
public object NIMClient {
    /**
     * Sets the options and logs the account of [info] in, without I/O on the caller's thread.
     *
     * The services work at once, while the SDK checks the token's account with the server. Called
     * again, it logs the previous account out first; observers stay registered.
     *
     * It does not throw. If an option is missing or invalid, no account is logged in, and every
     * call and login ends in `onFailed(414)` until the next `init`; a line of the log and the
     * failure's detail name the option.
     *
     * @param context Android's `Context`, as in NIM: live changes pause while no Activity of the
     * app is started, see [SDKOptions.liveInBackground]. With null they never pause. On the JVM,
     * which has no context, it is null.
     * @param info the account and its token; null logs no account in, so that calls end in
     * `onFailed(302)` until [AuthService.login]. An account or a token that is empty or half of a
     * surrogate pair logs none in either: calls then end in `onFailed(414)`.
     */
    @JvmStatic
    public fun init(context: PlatformContext?, info: LoginInfo?, options: SDKOptions?): Unit =
        Logins.init(options, context, info)

    /**
     * Returns a service: [MsgService], [MsgServiceObserve], [AuthService], [AuthServiceObserver].
     *
     * The app may keep it: it always serves the account that is logged in. Before [init] its calls
     * end in `onFailed(414)`.
     *
     * For any other type it returns null. Its type does not say so: with a nullable one, code that
     * was written for NIM would not compile.
     */
    @JvmStatic
    public fun <T> getService(type: Class<T>?): T {
        val service = services.firstOrNull { type?.isInstance(it) == true }
        @Suppress("UNCHECKED_CAST")
        return service as T
    }

    /** Returns the status of the login and of the connection for live changes. */
    @JvmStatic
    public fun getStatus(): StatusCode = Logins.status

    /**
     * Returns the session service of the logged-in account, or null if there is none.
     *
     * It is for what NIM's API lacks: `SessionList`, deletions, coroutines. The next [init], login
     * or logout closes it.
     */
    @JvmStatic
    public fun getSessionService(): SessionService? = Logins.service

    private val services: List<Any> =
        listOf(CurrentMsgService, CurrentMsgServiceObserve, CurrentAuthService, CurrentAuthObserver)
}

// The entrance of the NIM-shaped door.
package dev.huihua.sdk.nim

import dev.huihua.sdk.SessionService
import dev.huihua.sdk.StatusCode

/** One account's services for the whole process, as NIM's users know them. */
public object NIMClient {
    /**
     * Sets the options, and logs [info]'s account in, if there is one: its services work at once,
     * while the server is asked whether the token is the account's. Without one, calls end in
     * `onFailed(302)` until [AuthService.login]. Called again, it logs out first; observers stay.
     * No I/O on the caller's thread.
     *
     * @param context Android's `Context`, as NIM's users pass it: live changes rest while no
     * Activity of the app is started, see [SDKOptions.liveInBackground]. Null on the JVM, where any
     * object is taken, so that one signature serves both; on Android null goes without that rest.
     * @throws IllegalArgumentException names the option that is wrong.
     */
    @JvmStatic
    public fun init(context: Any?, info: LoginInfo?, options: SDKOptions): Unit =
        Logins.init(options.toBuilder(context), options.tokenProvider, info)

    /**
     * The service of this type: [MsgService], [MsgServiceObserve], [AuthService] or
     * [AuthServiceObserver]. May be kept: it follows later logins.
     *
     * @throws IllegalStateException before [init].
     * @throws IllegalArgumentException for any other type.
     */
    @JvmStatic
    public fun <T : Any> getService(type: Class<T>): T {
        val service = services.firstOrNull(type::isInstance)
        requireNotNull(service) { "there is no service ${type.name}" }
        Logins.requireOptions()
        return checkNotNull(type.cast(service))
    }

    /** Whether somebody is logged in, and how the connection stands that brings live changes. */
    @JvmStatic
    public fun getStatus(): StatusCode = Logins.status

    /**
     * The session service of who is logged in, for what NIM's shape does not have: `SessionList`,
     * deletions, coroutines. Null when nobody is. It is closed by the next [init], login or logout.
     */
    @JvmStatic
    public fun getSessionService(): SessionService? = Logins.service

    private val services: List<Any> =
        listOf(CurrentMsgService, CurrentMsgServiceObserve, CurrentAuthService, CurrentAuthObserver)
}

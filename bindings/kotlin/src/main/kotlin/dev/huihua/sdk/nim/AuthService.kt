// Login and logout, in NIM's shape.
package dev.huihua.sdk.nim

/** Logs accounts in and out. Mirrors NIM's `AuthService`; see [NIMClient.getService]. */
public interface AuthService {
    /**
     * Logs the account of [info] in, and the previous account out.
     *
     * The calls of the previous account end in `onException`. The SDK makes one request to check
     * the token's account; until it succeeds, no account is logged in.
     *
     * It fails with 302 if the server refuses the token or the token is another account's; with 414
     * if account or token is null, empty or no text that can be sent, and before [NIMClient.init];
     * with 403, 408, 415, 416, 422 (account blocked), 500 and 503 as any call. A later login,
     * [NIMClient.init] or [logout] ends it in `onException` with `SessionException.Closed`. After
     * `abort()` no account is logged in.
     *
     * @return the running login, whose result is [info].
     */
    public fun login(info: LoginInfo?): AbortableFuture<LoginInfo>

    /**
     * Logs the account out, without blocking.
     *
     * Running calls end in `onException` with `SessionException.Closed`, live changes end, threads
     * and connections are closed. Observers stay registered and work again after the next login.
     * What the account's lists have kept on the device is erased; a [login] of another account, or
     * the end of the app, erases nothing.
     */
    public fun logout()
}

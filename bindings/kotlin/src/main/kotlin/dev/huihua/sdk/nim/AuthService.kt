// Logging in and out in NIM's shape.
package dev.huihua.sdk.nim

import dev.huihua.sdk.AbortableFuture

/** Logs in and out; got by [NIMClient.getService]. */
public interface AuthService {
    /**
     * Logs [info]'s account in, after logging out who was logged in: whose calls end in
     * `onException`. It asks the server once whose token it is. While that runs, and when it fails,
     * nobody is logged in.
     *
     * Fails with 302 when the server refuses the token, or when it is another account's; 403, 408,
     * 415, 416, 500 and 503 as any call. A later login, [NIMClient.init] or [logout] ends it in
     * `onException` with `SessionException.Closed`. `abort()` ends it and leaves nobody logged in.
     *
     * @return to be told [info] itself.
     */
    public fun login(info: LoginInfo): AbortableFuture<LoginInfo>

    /**
     * Logs out: running calls end in `onException` with `SessionException.Closed`, live changes
     * end, threads and connections are freed. Observers stay, and work again after the next login.
     * Does not block.
     */
    public fun logout()
}

// The account and token of a login, in NIM's shape.
package dev.huihua.sdk.nim

import java.io.Serializable

/**
 * Holds the account and the token of a login. Mirrors NIM's `LoginInfo`.
 *
 * @param account the account (NIM: accid); null and an empty one end the login in `onFailed(414)`.
 * @param token the account's bearer token, from the app's own server; null and an empty one end the
 * login in `onFailed(414)`.
 */
public class LoginInfo(account: String?, token: String?) : Serializable {
    /** The account; empty if it was null. */
    public val account: String = account.orEmpty()

    /** The token; empty if it was null. */
    public val token: String = token.orEmpty()

    /** Returns the account only: a token must not appear in a log. */
    override fun toString(): String = "LoginInfo($account)"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

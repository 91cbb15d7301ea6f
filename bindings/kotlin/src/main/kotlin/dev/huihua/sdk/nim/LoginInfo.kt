// The account and token of a login, in NIM's shape.
package dev.huihua.sdk.nim

import java.io.Serializable

/**
 * Holds the account and the token of a login. Mirrors NIM's `LoginInfo`.
 *
 * @property account the account (NIM: accid).
 * @property token the account's bearer token, from the app's own server.
 */
public class LoginInfo(public val account: String, public val token: String) : Serializable {
    /** Returns the account only: a token must not appear in a log. */
    override fun toString(): String = "LoginInfo($account)"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

// Who logs in, in NIM's shape.
package dev.huihua.sdk.nim

import java.io.Serializable

/**
 * Who logs in.
 *
 * @property account the account.
 * @property token its bearer token, as the app's own server gave it.
 */
public class LoginInfo(public val account: String, public val token: String) : Serializable {
    /** The account alone: a token belongs in no log. */
    override fun toString(): String = "LoginInfo($account)"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

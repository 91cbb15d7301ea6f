// The account of a service's token.
package dev.huihua.sdk

import java.io.Serializable

/**
 * Describes the account of a service's token. NIM has no such type.
 *
 * @property account the account that the token names.
 * @property appKey the app key of the account's app.
 * @property expiresAt expiry of the token, in ms since 1970.
 */
public class AccountInfo internal constructor(
    public val account: String,
    public val appKey: String,
    public val expiresAt: Long,
) : Serializable {
    /** Returns the account and the app key, for logs. */
    override fun toString(): String = "$account of $appKey"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

// Whom the server knows a service's token as.
package dev.huihua.sdk

import java.io.Serializable

/**
 * Whom the server knows a service's token as.
 *
 * @property account the account, as the token says.
 * @property appKey the app that the account belongs to.
 * @property expiresAt when the token ends, ms since 1970.
 */
public class AccountInfo internal constructor(
    public val account: String,
    public val appKey: String,
    public val expiresAt: Long,
) : Serializable {
    /** Account and app, for people to read. */
    override fun toString(): String = "$account of $appKey"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

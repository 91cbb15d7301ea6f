// The options of the NIM-shaped API.
package dev.huihua.sdk.nim

import dev.huihua.sdk.SessionServiceOptions

/**
 * Configures [NIMClient.init], by plain fields as in NIM's `SDKOptions`.
 *
 * `init` reads them once.
 *
 * @property service the server and all other options, as of any `SessionService`. Required. The
 * token comes from the login: its token provider, if it has one, is asked once the server refuses
 * that token.
 */
public class SDKOptions @JvmOverloads constructor(
    @JvmField public var service: SessionServiceOptions? = null,
) {
    /**
     * Whether live changes continue in the background, which keeps a request open.
     *
     * By default they pause while no Activity of the app is started, and resume without a loss when
     * the app returns.
     */
    @JvmField
    public var liveInBackground: Boolean = false
}

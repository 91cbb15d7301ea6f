// Where a service's bearer token comes from.
package dev.huihua.sdk

/**
 * Gives the bearer token of the account, usually by asking the app's own server.
 *
 * Called on a background thread of the SDK, where it may block, never twice at a time; its time
 * counts towards the call that waits for it. The token is kept until the server refuses it.
 * What it throws ends the waiting calls in `onException` with
 * [SessionException.TokenProviderFailed]; the next call asks again.
 */
public fun interface TokenProvider {
    /**
     * The token.
     *
     * @param refresh true after the server refused the token given before: ask for a new one then,
     * do not answer from a cache.
     */
    @Throws(Exception::class)
    public fun getToken(refresh: Boolean): String

    /** Ready-made providers. */
    public companion object {
        /** Always gives [token]: calls end in `onFailed(302)` once the server refuses it. */
        @JvmStatic
        public fun of(token: String): TokenProvider = TokenProvider { token }
    }
}

// A token provider that answers by a callback.
package dev.huihua.sdk

/** A token provider that answers by a callback; see [TokenProvider.ofCallback]. */
public fun interface CallbackTokenProvider {
    /**
     * Asks for the token. Called on a background thread of the SDK, never twice at a time.
     *
     * @param refresh as in [TokenProvider.getToken].
     * @param callback to be told the token, or the failure, on any thread; what it is told after
     * the first time changes nothing.
     */
    public fun getToken(refresh: Boolean, callback: RequestCallback<String>)
}

// A token provider that returns its token by a callback.
package dev.huihua.sdk

/** Provides the bearer token by a callback; see [TokenProvider.ofCallback]. */
public fun interface CallbackTokenProvider {
    /**
     * Requests the token. The SDK calls it on a background thread, never concurrently.
     *
     * @param refresh as in [TokenProvider.getToken].
     * @param callback receives the token or the failure, on any thread; only its first call counts.
     */
    public fun getToken(refresh: Boolean, callback: RequestCallback<String>)
}

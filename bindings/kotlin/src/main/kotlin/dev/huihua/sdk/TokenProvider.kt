// The provider of a service's bearer token.
package dev.huihua.sdk

import dev.huihua.sdk.internal.FixedToken
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit

/**
 * Provides the bearer token of the account, usually from the app's own server.
 *
 * The SDK calls it on a background thread, where it may block, never concurrently. Its time counts
 * towards the timeout of the call that waits for it. The SDK keeps the token until the server
 * refuses it. An exception ends the waiting calls in `onException` with
 * [SessionException.TokenProviderFailed]; the next call tries again.
 *
 * For code that does not block, see [ofCallback] and [suspendTokenProvider].
 */
public fun interface TokenProvider {
    /**
     * Returns the token: printable ASCII without spaces, not empty.
     *
     * @param refresh true after the server refused the previous token: the provider must then get
     * a new one, not one from a cache.
     * @throws Exception any exception, if there is no token.
     */
    @Throws(Exception::class)
    public fun getToken(refresh: Boolean): String

    /** Makes providers. */
    public companion object {
        /**
         * Always returns [token]: calls end in `onFailed(302)` once the server refuses it.
         *
         * If it is null, empty or not printable ASCII without spaces they end in `onFailed(414)`.
         */
        @JvmStatic
        public fun of(token: String?): TokenProvider = FixedToken(token)

        /**
         * Returns the token that [provider] passes to its callback.
         *
         * It fails with the failure that the provider passes, or after 60,000 ms.
         */
        @JvmStatic
        public fun ofCallback(provider: CallbackTokenProvider): TokenProvider =
            TokenProvider { refresh ->
                val token = CompletableFuture<String>()
                provider.getToken(refresh, TokenCallback(token))
                try {
                    token.get(TOKEN_WAIT_MS, TimeUnit.MILLISECONDS)
                } catch (failed: ExecutionException) {
                    throw failed.cause ?: failed
                }
            }
    }
}

/** The timeout of a provider that does not block, so that its thread does not wait for ever. */
internal const val TOKEN_WAIT_MS: Long = 60_000

private class TokenCallback(private val token: CompletableFuture<String>) :
    RequestCallback<String> {
    // Java may pass null.
    override fun onSuccess(param: String?) {
        if (param == null) return onException(IllegalStateException("the token is null"))
        token.complete(param)
    }

    override fun onFailed(code: Int) {
        token.completeExceptionally(IllegalStateException("the token provider failed: $code"))
    }

    override fun onException(exception: Throwable?) {
        val failure = exception ?: IllegalStateException("the token provider failed")
        token.completeExceptionally(failure)
    }
}

// Where a service's bearer token comes from.
package dev.huihua.sdk

import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit

/**
 * Gives the bearer token of the account, usually by asking the app's own server.
 *
 * Called on a background thread of the SDK, where it may block, never twice at a time; its time
 * counts towards the call that waits for it. The token is kept until the server refuses it.
 * What it throws ends the waiting calls in `onException` with
 * [SessionException.TokenProviderFailed]; the next call asks again.
 *
 * Code that does not block: [ofCallback] and [suspendTokenProvider].
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

        /**
         * Gives what [provider] tells its callback, within a minute; a failure that it tells counts
         * as thrown.
         */
        @JvmStatic
        public fun ofCallback(provider: CallbackTokenProvider): TokenProvider =
            TokenProvider { refresh ->
                val told = CompletableFuture<String>()
                provider.getToken(refresh, TokenAnswer(told))
                try {
                    told.get(TOKEN_WAIT_MS, TimeUnit.MILLISECONDS)
                } catch (failed: ExecutionException) {
                    throw failed.cause ?: failed
                }
            }
    }
}

/** A provider that answers later than this has failed: its thread is not to wait for ever. */
internal const val TOKEN_WAIT_MS: Long = 60_000

private class TokenAnswer(private val told: CompletableFuture<String>) : RequestCallback<String> {
    override fun onSuccess(param: String) {
        told.complete(param)
    }

    override fun onFailed(code: Int) {
        told.completeExceptionally(IllegalStateException("the token provider failed: $code"))
    }

    override fun onException(exception: Throwable) {
        told.completeExceptionally(exception)
    }
}

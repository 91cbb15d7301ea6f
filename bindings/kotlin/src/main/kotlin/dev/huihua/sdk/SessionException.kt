// The exceptions of failed calls.
package dev.huihua.sdk

/**
 * Reports why a call failed.
 *
 * `onFailed` receives [Failed], `onException` all others; a `suspend` function throws them. The
 * message never holds a token, an ext or a message.
 */
public sealed class SessionException(
    message: String,
    cause: Throwable? = null,
    /** Whether the same call may succeed later. The SDK has already retried it. */
    public val retryable: Boolean,
    /** Whether an update or a deletion may have taken effect. */
    public val mayHaveApplied: Boolean,
    /** The `Retry-After` of the server or of a proxy, in ms; null if there was none. */
    public val retryAfterMs: Long? = null,
) : Exception(message, cause) {
    /**
     * Reports a failure with a code of NIM.
     *
     * @property code 302 token refused, 403 not allowed, 404 no such session, 408 no answer in
     * time, 414 invalid parameter, 415 no connection, 416 too frequent or too many, 422 account
     * blocked by the app's server, 500 fault of the server, 503 server unavailable.
     * @property requestId the request's id in the server's log; null if there was no answer.
     * @property detail what was wrong and what to do, for developers; names the parameter of a 414.
     */
    public class Failed internal constructor(
        public val code: Int,
        retryable: Boolean,
        mayHaveApplied: Boolean,
        retryAfterMs: Long?,
        public val requestId: String?,
        public val detail: String,
    ) : SessionException(
        "failed with code $code: $detail", null, retryable, mayHaveApplied, retryAfterMs,
    )

    /**
     * Reports an answer that is not the server's: HTML of a proxy, malformed JSON, an unknown code,
     * more than 8 MiB.
     *
     * @property status the HTTP status.
     */
    public class UnexpectedAnswer internal constructor(
        public val status: Int,
        retryable: Boolean,
        mayHaveApplied: Boolean,
        retryAfterMs: Long?,
        message: String,
    ) : SessionException(message, null, retryable, mayHaveApplied, retryAfterMs)

    /** Reports that the [TokenProvider] threw [cause], or returned no usable token. */
    public class TokenProviderFailed internal constructor(
        cause: Throwable?,
        mayHaveApplied: Boolean,
    ) : SessionException("the token provider failed", cause, retryable = true, mayHaveApplied)

    /** Reports that the service was closed before the call ended. It may have taken effect. */
    public class Closed internal constructor() :
        SessionException("the session service was closed", null, false, mayHaveApplied = true)

    /**
     * Reports a fault of the SDK or of the app's executor. The service keeps working.
     *
     * Every call ends in it if the native library cannot be loaded, for instance because the app
     * lacks it for the device's ABI; the cause is then the error of the loader.
     */
    public class Internal internal constructor(
        message: String,
        cause: Throwable? = null,
        mayHaveApplied: Boolean = true,
    ) : SessionException(message, cause, retryable = false, mayHaveApplied)
}

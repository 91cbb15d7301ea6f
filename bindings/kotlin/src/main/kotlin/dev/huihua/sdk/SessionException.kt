// How a call fails.
package dev.huihua.sdk

/**
 * How a call failed. A callback is told of [Failed] by its `onFailed` and of all others by its
 * `onException`; a `suspend` function throws it. Its text never holds a token, an ext or a message.
 */
public sealed class SessionException(
    message: String,
    cause: Throwable? = null,
    /** Whether the same call, made again later, may well succeed. The SDK has tried already. */
    public val retryable: Boolean,
    /** Whether the server may have carried out an update or a deletion all the same. */
    public val mayHaveApplied: Boolean,
    /** When the server, or a proxy before it, asks to come back, ms from now; null = not told. */
    public val retryAfterMs: Long? = null,
) : Exception(message, cause) {
    /**
     * The failure has one of NIM's numbers, see [ResponseCode].
     *
     * @property code 302 token refused, 403 not allowed, 404 no such session, 408 no answer in
     * time, 414 invalid parameter, 415 no connection, 416 too frequent or too many, 500 fault of
     * the server, 503 server unavailable.
     * @property requestId names the request in the server's log; null when no answer came.
     * @property detail what was wrong, for developers; it names the parameter of a 414.
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
     * The answer is not our server's: HTML of a proxy, broken JSON, an unknown code, over 8 MiB.
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

    /** The app's [TokenProvider] threw, or gave no token; [cause] is what it threw, when known. */
    public class TokenProviderFailed internal constructor(
        cause: Throwable?,
        mayHaveApplied: Boolean,
    ) : SessionException("the token provider failed", cause, retryable = true, mayHaveApplied)

    /** The service was closed before the call ended. The server may have acted. */
    public class Closed internal constructor() :
        SessionException("the session service was closed", null, false, mayHaveApplied = true)

    /** A fault of the SDK, or of the app's executor. The call is over; the service goes on. */
    public class Internal internal constructor(message: String, cause: Throwable? = null) :
        SessionException(message, cause, retryable = false, mayHaveApplied = true)
}

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
) : Exception(message, cause) {
    /**
     * The failure has one of NIM's numbers, see [ResponseCode].
     *
     * @property code 302 token refused, 403 not allowed, 404 no such session, 408 no answer in
     * time, 414 invalid parameter, 415 no connection, 416 too frequent or too many, 500 fault of
     * the server, 503 server unavailable.
     * @property requestId names the request in the server's log; null when no answer came.
     * @property retryAfterMs how long the server asks to be left alone, ms; null when it does not.
     * @property detail what was wrong, for developers; it names the parameter of a 414.
     */
    public class Failed internal constructor(
        public val code: Int,
        retryable: Boolean,
        mayHaveApplied: Boolean,
        public val requestId: String? = null,
        public val retryAfterMs: Long? = null,
        public val detail: String = "",
    ) : SessionException(
        "failed with code $code" + (if (detail.isEmpty()) "" else ": $detail"),
        null,
        retryable,
        mayHaveApplied,
    )

    /**
     * The answer is not our server's: HTML of a proxy, broken JSON, an unknown code, over 8 MiB.
     *
     * @property status the HTTP status.
     */
    public class UnexpectedAnswer internal constructor(
        public val status: Int,
        mayHaveApplied: Boolean,
        message: String,
    ) : SessionException(message, null, retryable = true, mayHaveApplied)

    /** The app's [TokenProvider] threw, or gave no token; [cause] is what it threw, when known. */
    public class TokenProviderFailed internal constructor(cause: Throwable?) :
        SessionException("the token provider failed", cause, true, mayHaveApplied = false)

    /** The service was closed before the call ended. The server may have acted. */
    public class Closed internal constructor() :
        SessionException("the session service was closed", null, false, mayHaveApplied = true)

    /** A fault of the SDK, or of the app's executor. The call is over; the service goes on. */
    public class Internal internal constructor(message: String, cause: Throwable? = null) :
        SessionException(message, cause, retryable = false, mayHaveApplied = true)
}

// What onException brings.
package dev.huihua.sdk

/**
 * A failure that has no code: what [RequestCallback.onException] brings. Its text never holds a
 * token, an ext or a message.
 */
public sealed class SessionException(message: String, cause: Throwable? = null) :
    Exception(message, cause) {
    /**
     * The answer is not our server's: HTML of a proxy, broken JSON, an unknown code, over 8 MiB.
     *
     * @property status the HTTP status.
     * @property mayHaveApplied whether an update or a deletion may have been carried out.
     */
    public class UnexpectedAnswer internal constructor(
        public val status: Int,
        public val mayHaveApplied: Boolean,
        message: String,
    ) : SessionException(message)

    /** The app's [TokenProvider] threw, or gave no token; [cause] is what it threw, when known. */
    public class TokenProviderFailed internal constructor(cause: Throwable?) :
        SessionException("the token provider failed", cause)

    /** The service was closed before the call ended. The server may have acted. */
    public class Closed internal constructor() :
        SessionException("the session service was closed")

    /** A fault of the SDK. The call is over; the service goes on. */
    public class Internal internal constructor(message: String, cause: Throwable? = null) :
        SessionException(message, cause)
}

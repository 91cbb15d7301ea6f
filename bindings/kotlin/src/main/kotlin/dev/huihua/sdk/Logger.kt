// The receiver of the SDK's log.
package dev.huihua.sdk

/**
 * Receives the lines of the SDK's log. Without a logger there is no log.
 *
 * The SDK calls it on background threads, concurrently: it must not block. Its exceptions are
 * ignored. A line never holds a URL, a token, a session id, an ext or a message.
 */
public fun interface Logger {
    /** Receives one line, without a line end. */
    public fun log(level: Level, line: String)

    /** Ranks the lines of the log. */
    public enum class Level {
        /** Normal operation. */
        DEBUG,

        /** A failure that the SDK recovers from: a failed attempt, lost live changes. */
        INFO,

        /** A final failure: a call that failed, live changes that ended. */
        WARN,
    }
}

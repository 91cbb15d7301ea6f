// Where the SDK tells what it does.
package dev.huihua.sdk

/**
 * Told what the SDK does, for developers to read; without one it is silent. A line never holds a
 * token, an ext or a message.
 *
 * Called on background threads of the SDK, several at a time: it should return soon. What it throws
 * is ignored.
 */
public fun interface Logger {
    /** One line of text, without its end. */
    public fun log(level: Level, line: String)

    /** How much a line matters. */
    public enum class Level {
        /** Each attempt of each call. */
        DEBUG,

        /** What is rare and normal: a token renewed, a connection of live changes made or lost. */
        INFO,

        /** What did not work as it should, and goes on: an attempt that failed and is repeated. */
        WARN,

        /** A call that failed for good, or a fault of the SDK. */
        ERROR,
    }
}

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
        /** What went as it should. */
        DEBUG,

        /** What went wrong and is being mended: a retry, another server, live changes lost. */
        INFO,

        /** What went wrong for good: a call that failed, live changes that ended. */
        WARN,
    }
}

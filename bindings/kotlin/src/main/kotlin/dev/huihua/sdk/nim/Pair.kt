// The pair of NIM's API, with the fields of Android's own Pair.
package dev.huihua.sdk.nim

import dev.huihua.sdk.RecentSession
import java.io.Serializable

/**
 * Holds two values, as fields like those of `android.util.Pair`.
 *
 * [RecentSession.parseSessionId] returns it: the kind of the session, then its account or team id.
 * Code that was written for NIM changes the import and nothing else. In a Kotlin file that imports
 * all of this package, write `kotlin.Pair` for Kotlin's own.
 *
 * @param F the type of [first].
 * @param S the type of [second].
 * @property first the first value.
 * @property second the second value.
 */
public class Pair<out F, out S>(
    @JvmField public val first: F,
    @JvmField public val second: S,
) : Serializable {
    /** Returns [first], for `val (kind, id) = session.parseSessionId()`. */
    public operator fun component1(): F = first

    /** Returns [second]. */
    public operator fun component2(): S = second

    /** Returns whether [other] is a pair of equal values. */
    override fun equals(other: Any?): Boolean =
        other is Pair<*, *> && first == other.first && second == other.second

    /** Returns the hash code of both values. */
    override fun hashCode(): Int = 31 * first.hashCode() + second.hashCode()

    /** Returns both values, for logs. */
    override fun toString(): String = "$first $second"

    /** Makes pairs. */
    public companion object {
        private const val serialVersionUID = 1L

        /** Returns the pair of [first] and [second], as Android's `Pair.create`. */
        @JvmStatic
        public fun <F, S> create(first: F, second: S): Pair<F, S> = Pair(first, second)
    }
}

// The two parts of a session id.
package dev.huihua.sdk

import java.io.Serializable

/** Holds the two parts of a session id, as fields like those of Android's `Pair`. */
public class SessionIdPair internal constructor(
    /** The kind: p2p, team or super team. */
    @JvmField public val first: SessionTypeEnum,
    /** The account or the team id. */
    @JvmField public val second: String,
) : Serializable {
    /** Returns [first], for `val (kind, id) = session.parseSessionId()`. */
    public operator fun component1(): SessionTypeEnum = first

    /** Returns [second]. */
    public operator fun component2(): String = second

    /** Returns whether [other] is a pair of the same parts. */
    override fun equals(other: Any?): Boolean =
        other is SessionIdPair && first == other.first && second == other.second

    /** Returns the hash code of both parts. */
    override fun hashCode(): Int = 31 * first.hashCode() + second.hashCode()

    /** Returns both parts, for logs; this is not the session id. */
    override fun toString(): String = "$first $second"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

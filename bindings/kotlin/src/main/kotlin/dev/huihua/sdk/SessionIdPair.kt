// The two halves of a session id.
package dev.huihua.sdk

import java.io.Serializable

/** The two halves of a session id; fields for Java, as in Android's own `Pair`. */
public class SessionIdPair internal constructor(
    /** p2p, team or super team. */
    @JvmField public val first: SessionTypeEnum,
    /** The account, or the team id. */
    @JvmField public val second: String,
) : Serializable {
    /** [first], for `val (kind, id) = session.parseSessionId()`. */
    public operator fun component1(): SessionTypeEnum = first

    /** [second]. */
    public operator fun component2(): String = second

    /** Whether [other] is a pair of the same halves. */
    override fun equals(other: Any?): Boolean =
        other is SessionIdPair && first == other.first && second == other.second

    /** Of both halves. */
    override fun hashCode(): Int = 31 * first.hashCode() + second.hashCode()

    /** Both halves, for people to read; not the session id. */
    override fun toString(): String = "$first $second"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

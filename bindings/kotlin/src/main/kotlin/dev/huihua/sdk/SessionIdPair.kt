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

    override fun equals(other: Any?): Boolean =
        other is SessionIdPair && first == other.first && second == other.second

    override fun hashCode(): Int = 31 * first.hashCode() + second.hashCode()

    override fun toString(): String = "$first $second"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

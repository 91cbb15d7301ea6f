// Kinds of recall, with NIM's names and numbers.
package dev.huihua.sdk

/**
 * Kinds of recall, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class RevokeType(public val value: Int) {
    /** One that is not known. */
    undefined(-1),

    /** Of a p2p message. */
    P2P_DELETE_MSG(7),

    /** Of a team message. */
    TEAM_DELETE_MSG(8),

    /** Of a super team message. */
    SUPER_TEAM_DELETE_MSG(12),

    /** One-way, of a p2p message. */
    P2P_ONE_WAY_DELETE_MSG(13),

    /** One-way, of a team message. */
    TEAM_ONE_WAY_DELETE_MSG(14),
    ;

    /** Finds entries by their number. */
    public companion object {
        /** The entry with this number, [undefined] for one that has none. */
        @JvmStatic
        public fun typeOfValue(value: Int): RevokeType =
            entries.firstOrNull { it.value == value } ?: undefined
    }
}

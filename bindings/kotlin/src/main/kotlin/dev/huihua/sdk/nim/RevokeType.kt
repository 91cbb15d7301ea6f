// Types of recalls, with NIM's names and numbers.
package dev.huihua.sdk.nim

/**
 * Lists the types of recalls, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class RevokeType(public val value: Int) {
    /** An unknown type. */
    undefined(-1),

    /** The recall of a p2p message. */
    P2P_DELETE_MSG(7),

    /** The recall of a team message. */
    TEAM_DELETE_MSG(8),

    /** The recall of a super team message. */
    SUPER_TEAM_DELETE_MSG(12),

    /** The one-way recall of a p2p message. */
    P2P_ONE_WAY_DELETE_MSG(13),

    /** The one-way recall of a team message. */
    TEAM_ONE_WAY_DELETE_MSG(14),
    ;

    /** Finds entries by number. */
    public companion object {
        /** Returns the entry with this number, or [undefined]. */
        @JvmStatic
        public fun typeOfValue(value: Int): RevokeType =
            entries.firstOrNull { it.value == value } ?: undefined
    }
}

// Kinds of sessions, with NIM's names and numbers.
package dev.huihua.sdk

/**
 * Lists the kinds of sessions, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class SessionTypeEnum(public val value: Int) {
    /** An unknown kind. */
    None(-1),

    /** A session of two accounts. */
    P2P(0),

    /** A session of a team (高级群). */
    Team(1),

    /** NIM customer service; never in this list. */
    Ysf(2),

    /** A session of a super team (超大群). */
    SUPER_TEAM(5),

    /** NIM system messages; never in this list. */
    System(10001),

    /** A chat room; never in this list. */
    ChatRoom(10002),

    /** A QChat channel; never in this list. */
    QChat(10003),
    ;

    /** Finds entries by number. */
    public companion object {
        /** Returns the entry with this number, or [None]. */
        @JvmStatic
        public fun typeOfValue(value: Int): SessionTypeEnum =
            entries.firstOrNull { it.value == value } ?: None
    }
}

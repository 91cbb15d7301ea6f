// Kinds of session, with NIM's names and numbers.
package dev.huihua.sdk

/**
 * Kinds of session, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class SessionTypeEnum(public val value: Int) {
    /** None that is known. */
    None(-1),

    /** Two accounts. */
    P2P(0),

    /** A team (高级群). */
    Team(1),

    /** NIM customer service; never in this list. */
    Ysf(2),

    /** A super team (超大群). */
    SUPER_TEAM(5),

    /** NIM system messages; never in this list. */
    System(10001),

    /** A chat room; never in this list. */
    ChatRoom(10002),

    /** A QChat channel; never in this list. */
    QChat(10003),
    ;

    /** Finds entries by their number. */
    public companion object {
        /** The entry with this number, [None] for one that has none. */
        @JvmStatic
        public fun typeOfValue(value: Int): SessionTypeEnum =
            entries.firstOrNull { it.value == value } ?: None
    }
}

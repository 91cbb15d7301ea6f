// States of the connection to the server, with NIM's names and numbers.
package dev.huihua.sdk

/**
 * States of the connection that brings live changes, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class StatusCode(public val value: Int) {
    /** None. Of NIM's table; never told. */
    INVALID(0),

    /** Nobody is logged in; of a `SessionService`: nobody observes it yet. */
    UNLOGIN(1),

    /** The connection is lost; the SDK is trying to get it back. */
    NET_BROKEN(2),

    /**
     * A connection is being made: also, for a moment, at each try to get back what was lost. A
     * warning that [NET_BROKEN] put up had better stay until [LOGINED].
     */
    CONNECTING(3),

    /** The login asks the server. */
    LOGINING(4),

    /** Of NIM's table; never told. */
    SYNCING(5),

    /** Connected: what changes from now on is told. */
    LOGINED(6),

    /** Of NIM's table; never told. */
    KICKOUT(7),

    /** Of NIM's table; never told. */
    KICK_BY_OTHER_CLIENT(8),

    /** The server does not allow it. Ends until somebody logs in, or observes, again. */
    FORBIDDEN(9),

    /** Of NIM's table; never told. */
    VER_ERROR(10),

    /** The token is refused. Ends until somebody logs in, or observes, again. */
    PWD_ERROR(11),

    /** Of NIM's table; never told. */
    DATA_UPGRADE(12),

    /** Of NIM's table; never told. */
    NEED_RECONNECT(13),

    /** Of NIM's table; never told. */
    NEED_CHANGE_LBS(14),

    /** Logged out, or the service was closed. */
    LOGOUT(15),
    ;

    /** Whether nothing comes until the app logs in again: 7 to 11 and 15. */
    public fun wontAutoLogin(): Boolean = this in FINAL

    /** Finds entries by their number. */
    public companion object {
        private val FINAL =
            setOf(KICKOUT, KICK_BY_OTHER_CLIENT, FORBIDDEN, VER_ERROR, PWD_ERROR, LOGOUT)

        /** The entry with this number, [INVALID] for one that has none. */
        @JvmStatic
        public fun typeOfValue(value: Int): StatusCode =
            entries.firstOrNull { it.value == value } ?: INVALID
    }
}

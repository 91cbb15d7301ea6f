// States of the connection to the server, with NIM's names and numbers.
package dev.huihua.sdk.nim

/**
 * Lists the states of the connection for live changes, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class StatusCode(public val value: Int) {
    /** No state. Part of NIM's table, never reported. */
    INVALID(0),

    /** No account is logged in. */
    UNLOGIN(1),

    /** The connection is lost; the SDK is reconnecting. */
    NET_BROKEN(2),

    /**
     * The SDK is connecting, for the first time or after [NET_BROKEN]. A warning about a lost
     * connection should stay visible until [LOGINED].
     */
    CONNECTING(3),

    /** The SDK is checking the login with the server. */
    LOGINING(4),

    /** Part of NIM's table, never reported. */
    SYNCING(5),

    /** The SDK is connected and reports changes as they happen. */
    LOGINED(6),

    /** Part of NIM's table, never reported. */
    KICKOUT(7),

    /** Part of NIM's table, never reported. */
    KICK_BY_OTHER_CLIENT(8),

    /** The server forbids it. The SDK reconnects only after a new login or observer. */
    FORBIDDEN(9),

    /** Part of NIM's table, never reported. */
    VER_ERROR(10),

    /** The server refuses the token. The SDK reconnects only after a new login or observer. */
    PWD_ERROR(11),

    /** Part of NIM's table, never reported. */
    DATA_UPGRADE(12),

    /** Part of NIM's table, never reported. */
    NEED_RECONNECT(13),

    /** Part of NIM's table, never reported. */
    NEED_CHANGE_LBS(14),

    /** The account logged out, or the service was closed. */
    LOGOUT(15),
    ;

    /** Returns whether the state lasts until the app logs in again: 7 to 11 and 15. */
    public fun wontAutoLogin(): Boolean = this in FINAL

    /** Finds entries by number. */
    public companion object {
        private val FINAL =
            setOf(KICKOUT, KICK_BY_OTHER_CLIENT, FORBIDDEN, VER_ERROR, PWD_ERROR, LOGOUT)

        /** Returns the entry with this number, or [INVALID]. */
        @JvmStatic
        public fun typeOfValue(value: Int): StatusCode =
            entries.firstOrNull { it.value == value } ?: INVALID
    }
}

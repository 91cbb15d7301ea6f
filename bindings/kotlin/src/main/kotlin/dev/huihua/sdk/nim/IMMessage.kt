// A recalled message, as far as the notice of its recall identifies it.
package dev.huihua.sdk.nim

import java.io.Serializable

/** Identifies a recalled message. Mirrors a small part of NIM's `IMMessage`. */
public class IMMessage internal constructor(
    /** The client's id of the message; empty if unknown. */
    public val uuid: String,
    /** The server's id of the message, as text; empty if unknown. */
    public val serverIdText: String,
    /** The sender's account; empty if unknown. */
    public val fromAccount: String,
    /** Time of the message, in ms since 1970; 0 if unknown. */
    public val time: Long,
) : Serializable {
    /** The server's id of the message as a number; 0 if it is unknown or not a number. */
    public val serverId: Long get() = serverIdText.toLongOrNull() ?: 0

    private companion object {
        private const val serialVersionUID = 1L
    }
}

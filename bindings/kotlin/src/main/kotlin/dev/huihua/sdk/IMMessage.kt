// What a recall's notice tells of the message that it recalled.
package dev.huihua.sdk

import java.io.Serializable

/** A recalled message, as far as the notice of its recall tells. Not a whole message. */
public class IMMessage internal constructor(
    /** The client id; empty when unknown. */
    public val uuid: String,
    /** The server id as it was given; empty when unknown. */
    public val serverIdText: String,
    /** The sender; empty when unknown. */
    public val fromAccount: String,
    /** When it was sent, ms since 1970; 0 when unknown. */
    public val time: Long,
) : Serializable {
    /** The server id as NIM's number; 0 when unknown, or when it is not a number. */
    public val serverId: Long get() = serverIdText.toLongOrNull() ?: 0

    private companion object {
        private const val serialVersionUID = 1L
    }
}

// The notice of a recall.
package dev.huihua.sdk.nim

import java.io.Serializable

/** Holds the notice of a recall. Mirrors NIM's `RevokeMsgNotification`; unknown texts are empty. */
public class RevokeMsgNotification internal constructor(
    /** The recalled message: only its time, sender and ids. */
    public val message: IMMessage,
    /** The notice's attachment, as text. */
    public val attach: String,
    /** The account that recalled the message. */
    public val revokeAccount: String,
    /** The text that the recalling user added. */
    public val customInfo: String,
    /** The type of the recall. */
    public val revokeType: RevokeType,
    /** The text that the app's own server added. */
    public val callbackExt: String,
) : Serializable {
    /** How the notice arrived; always 0, since it is neither offline nor roaming. */
    public val notificationType: Int get() = 0

    private companion object {
        private const val serialVersionUID = 1L
    }
}

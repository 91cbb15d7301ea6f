// The notice of a recall.
package dev.huihua.sdk

import java.io.Serializable

/** The notice of a recall, as far as a session row tells; texts that it does not tell are empty. */
public class RevokeMsgNotification internal constructor(
    /** The message that was recalled: its time, sender and ids, nothing else. */
    public val message: IMMessage,
    /** The notice's attachment. */
    public val attach: String,
    /** Who recalled. */
    public val revokeAccount: String,
    /** The words that go with the recall. */
    public val customInfo: String,
    /** What kind of recall it was. */
    public val revokeType: RevokeType,
    /** What the app's own server added to the notice. */
    public val callbackExt: String,
) : Serializable {
    /** How the notice came: always 0, since a row of the list is neither offline nor roaming. */
    public val notificationType: Int get() = 0

    private companion object {
        private const val serialVersionUID = 1L
    }
}

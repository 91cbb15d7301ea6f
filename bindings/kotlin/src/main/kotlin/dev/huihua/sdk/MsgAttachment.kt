// A message's attachment.
package dev.huihua.sdk

import java.io.Serializable

/** A message's attachment, as the text that NIM gave. */
public interface MsgAttachment : Serializable {
    /** The attachment's text, JSON for NIM's own kinds. [send] changes nothing here. */
    public fun toJson(send: Boolean): String
}

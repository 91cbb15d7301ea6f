// A message's attachment.
package dev.huihua.sdk.nim

import java.io.Serializable

/** Holds a message's attachment as text. Mirrors NIM's `MsgAttachment`. */
public interface MsgAttachment : Serializable {
    /** Returns the attachment's text, which is JSON for NIM's own types. [send] has no effect. */
    public fun toJson(send: Boolean): String
}

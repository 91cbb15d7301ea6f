// The recall of a message as a value.
package dev.huihua.sdk

import java.io.Serializable

/** Describes the recall of a message. NIM has no such type; unknown texts are empty. */
public class MessageRecall internal constructor(
    /** The account that recalled the message, mostly its sender. */
    public val account: String,
    /** The text that this account added. */
    public val text: String,
    /** Time of the recall, in ms since 1970; 0 if unknown. */
    public val time: Long,
) : Serializable {
    /** Returns whether [other] is an equal recall. */
    override fun equals(other: Any?): Boolean = other is MessageRecall &&
        account == other.account && text == other.text && time == other.time

    /** Returns the hash code of the recall. */
    override fun hashCode(): Int = 31 * account.hashCode() + time.hashCode()

    /** Returns account and time, for logs, but not the text. */
    override fun toString(): String = "MessageRecall(by $account at $time)"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

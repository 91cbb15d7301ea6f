// States of messages, with NIM's names and numbers.
package dev.huihua.sdk.nim

/**
 * Lists the states of messages, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class MsgStatusEnum(public val value: Int) {
    /** The message is a draft. */
    draft(-1),

    /** The message is being sent. */
    sending(0),

    /** The server received the message. */
    success(1),

    /** The message could not be sent. */
    fail(2),

    /** The receiver read the message. */
    read(3),

    /** The receiver did not read the message. */
    unread(4),
}

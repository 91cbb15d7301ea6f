// States of a message, with NIM's names and numbers.
package dev.huihua.sdk

/**
 * States of a message, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class MsgStatusEnum(public val value: Int) {
    /** Not sent. */
    draft(-1),

    /** On its way. */
    sending(0),

    /** The server has it. */
    success(1),

    /** It could not be sent. */
    fail(2),

    /** The receiver read it. */
    read(3),

    /** The receiver did not read it. */
    unread(4),
}

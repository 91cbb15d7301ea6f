// Types of messages, with NIM's names and numbers.
package dev.huihua.sdk

/**
 * Lists the types of messages, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class MsgTypeEnum(public val value: Int) {
    /** No message, or an unknown type. */
    undef(-1),

    /** A text. */
    text(0),

    /** A picture. */
    image(1),

    /** An audio recording. */
    audio(2),

    /** A video. */
    video(3),

    /** A location. */
    location(4),

    /** A team notification. */
    notification(5),

    /** A file. */
    file(6),

    /** An audio or video call. */
    avchat(7),

    /** A tip. */
    tip(10),

    /** A robot's message. */
    robot(11),

    /** A call record. */
    nrtc_netcall(12),

    /** A message that the app defines. */
    custom(100),

    /** A message of the app's second kind. */
    appCustom(101),

    /** A message of NIM customer service. */
    qiyuCustom(102),

    /** A message that the app defines in QChat. */
    qchatCustom(103),
    ;

    /** Finds entries by number. */
    public companion object {
        /** Returns the entry with this number, or [undef]. */
        @JvmStatic
        public fun typeOfValue(value: Int): MsgTypeEnum =
            entries.firstOrNull { it.value == value } ?: undef
    }
}

// Kinds of message, with NIM's names and numbers.
package dev.huihua.sdk

/**
 * Kinds of message, with NIM's names and numbers.
 *
 * @property value NIM's number.
 */
public enum class MsgTypeEnum(public val value: Int) {
    /** None, or one that is not known. */
    undef(-1),

    /** Text. */
    text(0),

    /** A picture. */
    image(1),

    /** A recording. */
    audio(2),

    /** A film. */
    video(3),

    /** A place. */
    location(4),

    /** A notice about a team. */
    notification(5),

    /** A file. */
    file(6),

    /** An audio or video call. */
    avchat(7),

    /** A tip. */
    tip(10),

    /** A message of a robot. */
    robot(11),

    /** A call record. */
    nrtc_netcall(12),

    /** What the app defines. */
    custom(100),

    /** What the app defines, of its second kind. */
    appCustom(101),

    /** Of NIM customer service. */
    qiyuCustom(102),

    /** What the app defines in QChat. */
    qchatCustom(103),
    ;

    /** Finds entries by their number. */
    public companion object {
        /** The entry with this number, [undef] for one that has none. */
        @JvmStatic
        public fun typeOfValue(value: Int): MsgTypeEnum =
            entries.firstOrNull { it.value == value } ?: undef
    }
}

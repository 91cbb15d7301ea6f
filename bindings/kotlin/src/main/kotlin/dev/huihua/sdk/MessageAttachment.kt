// The attachment of a message as a value, by the message's kind.
package dev.huihua.sdk

import java.io.Serializable

/**
 * Describes what a message carries beside its text: a picture, a recording, a place, a file, or any
 * JSON. NIM has no such type.
 *
 * A field that is missing or malformed is 0 or empty.
 *
 * @property json the attachment as the sender wrote it, mostly a JSON object.
 */
public sealed class MessageAttachment(public val json: String) : Serializable {
    /** Describes a picture. */
    public class Image internal constructor(
        json: String,
        /** Address of the picture. */
        public val url: String,
        /** Name of the file. */
        public val name: String,
        /** Size of the file, in bytes. */
        public val size: Long,
        /** Width, in pixels. */
        public val width: Int,
        /** Height, in pixels. */
        public val height: Int,
    ) : MessageAttachment(json) {
        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /** Describes a voice message. */
    public class Audio internal constructor(
        json: String,
        /** Address of the recording. */
        public val url: String,
        /** Size of the file, in bytes. */
        public val size: Long,
        /** Length of the recording, in ms. */
        public val durationMs: Long,
    ) : MessageAttachment(json) {
        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /** Describes a video. */
    public class Video internal constructor(
        json: String,
        /** Address of the video. */
        public val url: String,
        /** Size of the file, in bytes. */
        public val size: Long,
        /** Length of the video, in ms. */
        public val durationMs: Long,
        /** Width, in pixels. */
        public val width: Int,
        /** Height, in pixels. */
        public val height: Int,
    ) : MessageAttachment(json) {
        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /** Describes a place. */
    public class Location internal constructor(
        json: String,
        /** Latitude, in degrees. */
        public val latitude: Double,
        /** Longitude, in degrees. */
        public val longitude: Double,
        /** Name or address of the place. */
        public val title: String,
    ) : MessageAttachment(json) {
        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /** Describes a file. */
    public class File internal constructor(
        json: String,
        /** Address of the file. */
        public val url: String,
        /** Name of the file. */
        public val name: String,
        /** Size of the file, in bytes. */
        public val size: Long,
    ) : MessageAttachment(json) {
        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /** Holds the attachment of any other kind, such as a notice or what the app defines. */
    public class Other internal constructor(json: String) : MessageAttachment(json) {
        private companion object {
            private const val serialVersionUID = 1L
        }
    }

    /** Returns whether [other] is an attachment of the same kind with the same content. */
    override fun equals(other: Any?): Boolean =
        other is MessageAttachment && other.javaClass == javaClass && other.json == json

    /** Returns the hash code of the content. */
    override fun hashCode(): Int = json.hashCode()

    /** Returns the kind and the size of the JSON, for logs. */
    override fun toString(): String = "${javaClass.simpleName}(${json.length} characters)"

    private companion object {
        private const val serialVersionUID = 1L
    }
}

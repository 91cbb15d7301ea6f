// The states of the connection for live changes.
package dev.huihua.sdk

/**
 * Lists the states of a service's connection for live changes.
 *
 * A warning about a lost connection should stay visible from [OFFLINE] until [ONLINE]: each attempt
 * to reconnect is [CONNECTING] for a moment.
 *
 * @property isFinal whether the SDK reconnects only after a new observer, or never.
 */
public enum class OnlineStatus(public val isFinal: Boolean) {
    /** No observer has been registered. */
    IDLE(false),

    /** The SDK is connecting, for the first time or after [OFFLINE]. */
    CONNECTING(false),

    /** The SDK is connected and reports changes as they happen. */
    ONLINE(false),

    /** The connection is lost; the SDK is reconnecting. */
    OFFLINE(false),

    /** The server refuses the token. The SDK reconnects only after a new observer. */
    REFUSED(true),

    /** The server forbids it. The SDK reconnects only after a new observer. */
    FORBIDDEN(true),

    /** The service was closed. */
    CLOSED(true),
}

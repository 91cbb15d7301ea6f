// The interface of a running native watch, so that only Native.kt imports generated code.
package dev.huihua.sdk.internal

import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SyncResult

/** Controls a watch, which runs until it is stopped or ends in [WatchStatus.Ended]. */
internal interface NativeWatch {
    /** Stops the watch and frees its handle, without waiting: one more event may arrive. */
    fun stop()

    /** Reconnects at once, if the watch pauses. */
    fun reconnect()
}

/** Receives a watch's events in order, one at a time, never inside the call that starts it. */
internal interface WatchListener {
    /** Receives changes in their order; they may be empty, or a reset. */
    fun onChanges(result: SyncResult)

    fun onStatus(status: WatchStatus)
}

/** Represents the state of a watch. */
internal sealed interface WatchStatus {
    /** The watch is connecting. */
    object Connecting : WatchStatus

    /** The server answered: changes are reported as they happen. */
    object Live : WatchStatus

    /** The connection is lost; the watch reconnects by itself. */
    class Broken(val failure: SessionException) : WatchStatus

    /** The watch failed finally; it is the last event. */
    class Ended(val failure: SessionException) : WatchStatus
}

// A running watch of the native library, as the rest of internal/ sees it; Native.kt makes it.
package dev.huihua.sdk.internal

import dev.huihua.sdk.SessionException
import dev.huihua.sdk.SyncResult

/** A watch that runs until it is stopped or ends in [WatchStatus.Ended]. */
internal interface NativeWatch {
    /** Ends it, and frees its handle. Waits for nothing: an event on its way may still come. */
    fun stop()

    /** Tries at once, if it is waiting to try again. */
    fun poke()
}

/** Told by a watch, on one thread at a time, in order. Never inside the call that starts it. */
internal interface WatchListener {
    /** What changed, in the order of the changes; may be empty, or a reset. */
    fun onChanges(result: SyncResult)

    fun onStatus(status: WatchStatus)
}

internal sealed interface WatchStatus {
    /** A connection is being made for the first time. */
    object Connecting : WatchStatus

    /** The server holds the request: what changes from now on comes at once. */
    object Live : WatchStatus

    /** It failed in passing; the watch tries again by itself. */
    object Broken : WatchStatus

    /** It failed for good; nothing comes any more. */
    class Ended(val failure: SessionException) : WatchStatus
}

// The border by itself: a callback, a list of 100 without HTTP, and what parsing costs.
package dev.huihua.bench

import dev.huihua.sdk.ffi.CallCallback
import dev.huihua.sdk.ffi.CallOutcome
import dev.huihua.sdk.ffi.benchCallback
import dev.huihua.sdk.ffi.benchList
import dev.huihua.sdk.ffi.benchParse
import dev.huihua.sdk.internal.NativeLibrary
import dev.huihua.sdk.internal.toPublic

private const val WARM_UPS = 20

/** Prints ns a callback, a list from core's rows to the facade's, and its parsing in core. */
fun border(quick: Boolean, page: ByteArray) {
    check(NativeLibrary.failure == null) { "${NativeLibrary.failure}" }
    val times = if (quick) 500 else 2_000
    repeat(WARM_UPS) {
        benchCallback(times, NoEffect)
        benchList(page, times, Converting())
    }
    figure("border/callback/ns", benchCallback(times * 10, NoEffect))
    val converting = Converting()
    figure("border/list/ns", benchList(page, times, converting))
    check(converting.rows == 100) { "the list had ${converting.rows} rows" }
    figure("border/list/bytes", listOf(converting.bytes / times))
    figure("border/parse/ns", benchParse(page, times))
}

private object NoEffect : CallCallback {
    override fun onEnd(outcome: CallOutcome) = check(outcome is CallOutcome.Done) { "$outcome" }
}

/** Converts as the facade does, and counts what its thread allocates from call to call. */
private class Converting : CallCallback {
    var rows = 0
    var bytes = 0L
    private var before = -1L

    override fun onEnd(outcome: CallOutcome) {
        rows = (outcome as CallOutcome.Page).list.toPublic().sessionList.size
        val now = ownAllocatedBytes()
        if (before >= 0) bytes += now - before
        before = now
    }
}

// The border by itself: a callback, a list of 100 without HTTP, and what parsing costs.
package dev.huihua.bench

import dev.huihua.sdk.ffi.CallFailure
import dev.huihua.sdk.ffi.RecentSessionList
import dev.huihua.sdk.ffi.SessionException
import dev.huihua.sdk.ffi.SessionListCallback
import dev.huihua.sdk.ffi.VoidCallback
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

private object NoEffect : VoidCallback {
    override fun onSuccess() {}

    override fun onFailed(failure: CallFailure) = error("$failure")

    override fun onException(error: SessionException) = throw error
}

/** Converts as the facade does, and counts what its thread allocates from call to call. */
private class Converting : SessionListCallback {
    var rows = 0
    var bytes = 0L
    private var before = -1L

    override fun onSuccess(list: RecentSessionList) {
        rows = list.toPublic().sessionList.size
        val now = ownAllocatedBytes()
        if (before >= 0) bytes += now - before
        before = now
    }

    override fun onFailed(failure: CallFailure) = error("$failure")

    override fun onException(error: SessionException) = throw error
}

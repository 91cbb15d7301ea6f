// The callback of the screens' calls, and the text of a failure.
package dev.huihua.sample

import android.content.Context
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionException
import dev.huihua.sdk.nim.ResponseCode

/** Passes a result to [succeeded] and any failure to [failed]. The result of [Void] is null. */
internal class ScreenCallback<T>(
    private val failed: (exception: Throwable) -> Unit,
    private val succeeded: (T) -> Unit,
) : RequestCallback<T> {
    override fun onSuccess(param: T) = succeeded(param)

    // Never called, because the method below is; the interface has it as NIM's.
    override fun onFailed(code: Int) = Unit

    override fun onFailed(failure: SessionException.Failed) = failed(failure)

    override fun onException(exception: Throwable) = failed(exception)
}

/** Returns the text of a failure for the user. */
internal fun Context.reasonOf(failure: Throwable): String {
    val code = (failure as? SessionException.Failed)?.code
        ?: return getString(R.string.error_other, failure.message.orEmpty())
    return when (code.toShort()) {
        ResponseCode.RES_EUIDPASS -> getString(R.string.error_token)
        ResponseCode.RES_FORBIDDEN -> getString(R.string.error_forbidden)
        ResponseCode.RES_ENONEXIST -> getString(R.string.error_gone)
        ResponseCode.RES_ETIMEOUT -> getString(R.string.error_timeout)
        ResponseCode.RES_EPARAM -> getString(R.string.error_argument)
        ResponseCode.RES_ECONNECTION -> getString(R.string.error_network)
        ResponseCode.RES_EFREQUENTLY -> getString(R.string.error_too_many)
        else -> getString(R.string.error_server, code)
    }
}

// How the screens are told a call's end: the result, or a reason in words.
package dev.huihua.sample

import android.content.Context
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.ResponseCode
import dev.huihua.sdk.SessionException

/** Failures of every kind come to [failed]. Of [Void] success brings null. */
internal class Answer<T>(
    private val failed: (exception: Throwable) -> Unit,
    private val succeeded: (T) -> Unit,
) : RequestCallback<T> {
    override fun onSuccess(param: T) = succeeded(param)

    // Never called, since the one below is; the interface has it for NIM's users.
    override fun onFailed(code: Int) = Unit

    override fun onFailed(failure: SessionException.Failed) = failed(failure)

    override fun onException(exception: Throwable) = failed(exception)
}

/** What went wrong, for a person. */
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

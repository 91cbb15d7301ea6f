// The callback of the screens' calls, and the text of a failure.
package dev.huihua.sample

import android.content.Context
import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.SessionException

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
    return when (code) {
        302 -> getString(R.string.error_token)
        403 -> getString(R.string.error_forbidden)
        404 -> getString(R.string.error_gone)
        408 -> getString(R.string.error_timeout)
        414 -> getString(R.string.error_argument)
        415 -> getString(R.string.error_network)
        416 -> getString(R.string.error_too_many)
        else -> getString(R.string.error_server, code)
    }
}

// A callback with one method. In Java for the same reason as RequestCallback.
package dev.huihua.sdk.nim;

import dev.huihua.sdk.RequestCallback;

/**
 * Receives every outcome of a call by one method. Mirrors NIM's {@code RequestCallbackWrapper}.
 *
 * <p>It is called once, on the thread that {@link RequestCallback} names.
 *
 * @param <T> the result; {@code Void} for calls without a result
 */
public abstract class RequestCallbackWrapper<T> implements RequestCallback<T> {
    /**
     * Receives the outcome of the call.
     *
     * @param code {@link ResponseCode#RES_SUCCESS}, the code of a failure, or {@link
     *     ResponseCode#RES_EXCEPTION}
     * @param result the result of a success; null for {@code Void} and for every failure
     * @param exception the exception of {@link RequestCallback#onException}; null in all other
     *     cases
     */
    public abstract void onResult(int code, T result, Throwable exception);

    @Override
    public void onSuccess(T param) {
        onResult(ResponseCode.RES_SUCCESS, param, null);
    }

    @Override
    public void onFailed(int code) {
        onResult(code, null, null);
    }

    @Override
    public void onException(Throwable exception) {
        onResult(ResponseCode.RES_EXCEPTION, null, exception);
    }
}

// A callback with one method. In Java for the same reason as RequestCallback.
package dev.huihua.sdk;

/**
 * A callback that tells every outcome by one method, as NIM's. Thread and number of calls: as
 * {@link RequestCallback} says.
 *
 * @param <T> what success brings; {@code Void} for calls without a result
 */
public abstract class RequestCallbackWrapper<T> implements RequestCallback<T> {
    /**
     * The call ended.
     *
     * @param code {@link ResponseCode#RES_SUCCESS}; the code of a failure; or {@link
     *     ResponseCode#RES_EXCEPTION}
     * @param result the result of a success; null for {@code Void} and in every other case
     * @param exception what {@link RequestCallback#onException} would bring; null in every other
     *     case
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

// The callback of a call. In Java on purpose: T is a platform type to Kotlin then, so that
// `RequestCallback<Void>` with `onSuccess(param: Void?)` compiles, as NIM's users write it.
package dev.huihua.sdk;

/**
 * Receives the outcome of a call, exactly once. Mirrors NIM's {@code RequestCallback}.
 *
 * <p>One of its methods is called, and none after {@link Call#abort()} returned true.
 *
 * <p><b>Thread:</b> Android's main thread; on the JVM one daemon thread shared by all services; or
 * the executor that the app set. Never inside the call that started it, unless that executor runs
 * its tasks immediately.
 *
 * <p><b>An exception that it throws</b> goes to its thread's uncaught-exception handler, as that of
 * any code of the app (on Android's main thread that ends the app). The SDK keeps working.
 *
 * @param <T> the result; {@code Void} for calls without a result
 */
public interface RequestCallback<T> {
    /**
     * Receives the result of a call that succeeded.
     *
     * @param param the result; null only for {@code Void}
     */
    void onSuccess(T param);

    /**
     * Receives the code of a call that failed.
     *
     * @param code 302 token refused, 403 not allowed, 404 no such session, 408 no answer in time,
     *     414 invalid parameter, 415 no connection, 416 too frequent or too many, 500 fault of the
     *     server, 503 server unavailable. After 408, 415, 500 and 503 an update or a deletion may
     *     have taken effect.
     */
    void onFailed(int code);

    /**
     * Receives the details of a call that failed with a code.
     *
     * <p>The SDK calls this method, which by default calls {@link #onFailed(int)}. NIM has no such
     * method.
     *
     * @param failure the code, whether and when to retry, whether the call may have taken effect,
     *     and the request's id in the server's log
     */
    default void onFailed(SessionException.Failed failure) {
        onFailed(failure.getCode());
    }

    /**
     * Receives the exception of a call that failed without a code.
     *
     * @param exception a {@link SessionException}, or the exception of the app's executor
     */
    void onException(Throwable exception);
}

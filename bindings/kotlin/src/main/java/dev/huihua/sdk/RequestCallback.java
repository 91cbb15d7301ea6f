// What an app is told when a call ends. In Java on purpose: to Kotlin T is a platform type then, so
// that `RequestCallback<Void>` with `onSuccess(param: Void?)` compiles, as NIM's users write it.
package dev.huihua.sdk;

/**
 * Told how a call ended: exactly one of its outcomes, exactly once; none after
 * {@link Call#abort()} or {@link AbortableFuture#abort()} returned true.
 *
 * <p><b>Thread:</b> Android's main thread; on the JVM one daemon thread shared by all services; or
 * the executor that the app set. Never inside the call that started it, unless that executor runs
 * its tasks on the spot.
 *
 * <p><b>What it throws</b> goes to its thread's uncaught-exception handler, as from any code of the
 * app (on Android's main thread that ends the app). The SDK goes on, and the next call works.
 *
 * @param <T> what success brings; {@code Void} for calls without a result
 */
public interface RequestCallback<T> {
    /**
     * The call succeeded.
     *
     * @param param the result; null for {@code Void}, and for nothing else
     */
    void onSuccess(T param);

    /**
     * The call failed in a way that has a number.
     *
     * @param code 302 token refused, 403 not allowed, 404 no such session, 408 no answer in time,
     *     414 invalid parameter, 415 no connection, 416 too frequent or too many, 500 fault of the
     *     server, 503 server unavailable. After 408, 415, 500 and 503 the server may have acted
     *     all the same.
     */
    void onFailed(int code);

    /**
     * The call failed in a way that has a number, with all that is known of it: whether to try
     * again and when, whether the server may have acted, how the server's log names the request.
     * The SDK calls this one; unless overridden, it calls {@link #onFailed(int)}.
     *
     * @param failure what happened; its code is that of {@link #onFailed(int)}
     */
    default void onFailed(SessionException.Failed failure) {
        onFailed(failure.getCode());
    }

    /**
     * The call failed in any other way.
     *
     * @param exception a {@link SessionException}, or what the app's executor threw
     */
    void onException(Throwable exception);
}

// The handle of a call of the NIM-shaped API.
package dev.huihua.sdk.nim

import dev.huihua.sdk.RequestCallback

/**
 * Represents a call that has been started. Mirrors NIM's `InvocationFuture`.
 *
 * The app need not keep it, and needs no callback: `deleteMySession(ids)` alone deletes.
 *
 * @param T the result; `Void` for calls without a result.
 */
public interface InvocationFuture<T> {
    /**
     * Sets the callback, before or after the call ended. It does not block.
     *
     * See [RequestCallback] for the callback's thread. Only the first call counts; a later one has
     * no effect.
     *
     * @param callback receives the outcome; null ignores it.
     */
    public fun setCallback(callback: RequestCallback<T>?)
}

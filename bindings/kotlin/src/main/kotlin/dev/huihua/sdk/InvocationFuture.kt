// What a call of the NIM-shaped door returns.
package dev.huihua.sdk

/**
 * A call that was started when this was returned. Nobody needs to keep it, and a callback is not
 * compulsory: `deleteMySession(ids)` alone deletes.
 *
 * @param T what success brings; `Void` for calls without a result.
 */
public interface InvocationFuture<T> {
    /**
     * Sets who is told how the call ends, before or after it did; null tells nobody. Does not
     * block. See [RequestCallback] for thread and number of calls.
     *
     * @throws IllegalStateException when called a second time.
     */
    public fun setCallback(callback: RequestCallback<T>?)
}

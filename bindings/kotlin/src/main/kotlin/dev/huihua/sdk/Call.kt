// The handle of a running call.
package dev.huihua.sdk

/**
 * Controls a running call. The app need not keep it: the call runs to its end, and its callback is
 * called, even if this object is garbage-collected.
 */
public interface Call {
    /**
     * Aborts the call. It does not block and may be called from any thread, also from a callback.
     *
     * It undoes nothing: the server may carry out a request that was sent.
     *
     * @return true if no method of the callback was or will be called; false if one was or is being
     * called, or if the call was aborted before.
     */
    public fun abort(): Boolean
}

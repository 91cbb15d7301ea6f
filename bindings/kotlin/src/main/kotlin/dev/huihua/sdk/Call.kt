// The handle of a running call.
package dev.huihua.sdk

/**
 * A call that was started. Nobody needs to keep it: the call runs to its end, and its callback is
 * told, whether or not this object is still referenced.
 */
public interface Call {
    /**
     * Stops waiting for the answer. Does not block; may be called from any thread, also from a
     * callback.
     *
     * True: no method of the callback was or will be called. False: one was, or is being called
     * right now, or the call was aborted before. It undoes nothing: a request that was sent may
     * have been carried out.
     */
    public fun abort(): Boolean
}

// A call of the NIM-shaped door that can be stopped.
package dev.huihua.sdk

/** An [InvocationFuture] that can be stopped. */
public interface AbortableFuture<T> : InvocationFuture<T> {
    /** Stops waiting for the answer, exactly as [Call.abort] does. */
    public fun abort(): Boolean
}

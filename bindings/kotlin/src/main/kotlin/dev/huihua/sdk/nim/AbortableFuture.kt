// A call of the NIM-shaped API that can be aborted.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Call

/** Controls a running call that can be aborted. Mirrors NIM's `AbortableFuture`. */
public interface AbortableFuture<T> : InvocationFuture<T> {
    /** Aborts the call, exactly as [Call.abort] does. */
    public fun abort(): Boolean
}

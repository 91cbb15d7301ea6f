// The futures of the NIM-shaped API: a running call in NIM's shape.
package dev.huihua.sdk.nim

import dev.huihua.sdk.RequestCallback
import dev.huihua.sdk.internal.Delivery

internal class CallFuture<T>(private val delivery: Delivery<T>) : AbortableFuture<T> {
    override fun setCallback(callback: RequestCallback<T>?) = delivery.setCallback(callback)

    override fun abort(): Boolean = delivery.abort()
}

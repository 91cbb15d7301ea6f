// Adapters of NIM's observers, which are registered and unregistered by the same object.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Observer
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionChange

/** Equals another adapter of its class for the same observer, so that it can be removed. */
internal abstract class ObserverAdapter(private val observer: Any) {
    open fun onChange(change: SessionChange) = Unit

    open fun onStatus(status: StatusCode) = Unit

    override fun equals(other: Any?): Boolean =
        other is ObserverAdapter && other.javaClass == javaClass && other.observer === observer

    override fun hashCode(): Int = System.identityHashCode(observer)
}

/** Reports new and changed sessions, but no deletions. */
internal class UpdateObserver(private val observer: Observer<RecentSession>) :
    ObserverAdapter(observer) {
    override fun onChange(change: SessionChange) {
        change.session?.let(observer::onEvent)
    }
}

internal class ChangeObserver(private val observer: Observer<SessionChange>) :
    ObserverAdapter(observer) {
    override fun onChange(change: SessionChange) = observer.onEvent(change)
}

internal class StatusObserver(private val observer: Observer<StatusCode>) :
    ObserverAdapter(observer) {
    override fun onStatus(status: StatusCode) = observer.onEvent(status)
}

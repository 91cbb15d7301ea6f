// Adapters from the observers of the public API to listeners of live changes.
package dev.huihua.sdk.internal

import dev.huihua.sdk.Observer
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.StatusCode

/** Equals another adapter of its class for the same observer, so that it can be removed. */
internal abstract class ObserverListener(private val observer: Any) : LiveListener {
    override fun equals(other: Any?): Boolean =
        other is ObserverListener && other.javaClass == javaClass && other.observer === observer

    override fun hashCode(): Int = System.identityHashCode(observer)
}

/** Reports new and changed sessions, but no deletions. */
internal class UpdateObserver(private val observer: Observer<RecentSession>) :
    ObserverListener(observer) {
    override fun onChange(change: SessionChange) {
        change.session?.let(observer::onEvent)
    }
}

internal class ChangeObserver(private val observer: Observer<SessionChange>) :
    ObserverListener(observer) {
    override fun onChange(change: SessionChange) = observer.onEvent(change)
}

internal class StatusObserver(private val observer: Observer<StatusCode>) :
    ObserverListener(observer) {
    override fun onStatus(status: StatusCode) = observer.onEvent(status)
}

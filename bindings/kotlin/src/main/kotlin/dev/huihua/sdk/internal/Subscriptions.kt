// Subscriptions of the public API: each observer is a listener of live changes of its own.
package dev.huihua.sdk.internal

import dev.huihua.sdk.Observer
import dev.huihua.sdk.OnlineStatus
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionChange
import dev.huihua.sdk.Subscription

/** Reports new and changed sessions, but no deletions. */
internal class UpdateListener(private val observer: Observer<RecentSession>) : LiveListener {
    override fun onChange(change: SessionChange) {
        change.session?.let(observer::onEvent)
    }
}

internal class ChangeListener(private val observer: Observer<SessionChange>) : LiveListener {
    override fun onChange(change: SessionChange) = observer.onEvent(change)
}

internal class StatusListener(private val observer: Observer<OnlineStatus>) : LiveListener {
    override fun onStatus(status: OnlineStatus) = observer.onEvent(status)
}

/** Adds a listener until the result is closed; null, from an app that passed none, has no effect. */
internal fun LiveChanges.subscribe(listener: LiveListener?): Subscription {
    if (listener == null) return NoSubscription
    add(listener)
    return LiveSubscription(this, listener)
}

private class LiveSubscription(
    private val live: LiveChanges,
    private val listener: LiveListener,
) : Subscription {
    override fun close() = live.remove(listener)
}

private object NoSubscription : Subscription {
    override fun close() = Unit
}

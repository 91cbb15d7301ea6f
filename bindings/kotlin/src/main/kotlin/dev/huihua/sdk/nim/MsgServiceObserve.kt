// The observers of live changes, in NIM's shape.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Observer
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionChange

/** Reports live changes. Mirrors NIM's `MsgServiceObserve`; see [NIMClient.getService]. */
public interface MsgServiceObserve {
    /**
     * Observes new and changed sessions of the logged-in account, from any device.
     *
     * [observer] receives each session in its latest state, but no deletions; see
     * `SessionService.observeUpdateMySession`. It stays registered across logins and logouts until
     * it is unregistered; garbage collection does not remove it.
     *
     * @param observer receives the sessions; null has no effect.
     * @param register true registers the observer, false unregisters it.
     */
    public fun observeUpdateMySession(observer: Observer<RecentSession>?, register: Boolean)

    /**
     * Observes all changes, deletions included. NIM has no such observer.
     *
     * [observer] also receives when the list must be read again. Otherwise it works as
     * [observeUpdateMySession].
     *
     * @param observer receives the changes; null has no effect.
     * @param register true registers the observer, false unregisters it.
     */
    public fun observeSessionChanges(observer: Observer<SessionChange>?, register: Boolean)
}

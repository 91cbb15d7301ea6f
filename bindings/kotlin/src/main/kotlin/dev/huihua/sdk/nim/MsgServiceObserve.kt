// Live changes in NIM's shape.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Observer
import dev.huihua.sdk.RecentSession
import dev.huihua.sdk.SessionChange

/** Tells what changes; got by [NIMClient.getService]. */
public interface MsgServiceObserve {
    /**
     * Tells [observer] each session of who is logged in that changed, in its latest state, from any
     * device and by any cause; not deletions. See `SessionService.observeUpdateMySession` for what
     * is told when. The observer stays, through logins and logouts, until it is unregistered;
     * garbage collection does not end it.
     *
     * @param register false takes it away.
     */
    public fun observeUpdateMySession(observer: Observer<RecentSession>, register: Boolean)

    /**
     * Tells [observer] each change, deletions included, and when the list has to be read again; NIM
     * has nothing like it. All else as [observeUpdateMySession].
     */
    public fun observeSessionChanges(observer: Observer<SessionChange>, register: Boolean)
}

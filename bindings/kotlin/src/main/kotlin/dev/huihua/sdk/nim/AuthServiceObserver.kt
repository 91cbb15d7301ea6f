// Whether somebody is logged in, as it changes, in NIM's shape.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Observer
import dev.huihua.sdk.StatusCode

/** Tells whether somebody is logged in; got by [NIMClient.getService]. */
public interface AuthServiceObserver {
    /**
     * Tells [observer] the status: now, and whenever it changes. For it a request is held open at
     * the server, as for any observer of live changes. The observer stays, through logins and
     * logouts, until it is unregistered; garbage collection does not end it.
     *
     * @param register false takes it away.
     */
    public fun observeOnlineStatus(observer: Observer<StatusCode>, register: Boolean)
}

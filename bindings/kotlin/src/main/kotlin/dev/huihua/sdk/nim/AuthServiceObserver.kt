// The observer of the login status, in NIM's shape.
package dev.huihua.sdk.nim

import dev.huihua.sdk.Observer

/** Reports the login status. Mirrors NIM's `AuthServiceObserver`; see [NIMClient.getService]. */
public interface AuthServiceObserver {
    /**
     * Observes the status: [observer] receives the current one first, then each new one.
     *
     * It runs on the thread of callbacks, see `RequestCallback`. It needs an open request, as any
     * observer of live changes. It stays registered across logins and logouts until it is
     * unregistered; garbage collection does not remove it.
     *
     * @param observer receives the status; null has no effect.
     * @param register true registers the observer, false unregisters it.
     */
    public fun observeOnlineStatus(observer: Observer<StatusCode>?, register: Boolean)
}

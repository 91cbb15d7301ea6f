// The app's one SessionService: screens come and go, its connections and its token stay.
package dev.huihua.sample

import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions

/** Main thread only. */
internal object Sessions {
    private var madeWith: Settings? = null
    private var service: SessionService? = null

    /**
     * The service of these settings; the one of others is closed.
     *
     * @throws IllegalArgumentException names the option that the SDK does not accept.
     */
    fun service(settings: Settings): SessionService {
        service?.takeIf { settings == madeWith }?.let { return it }
        val options = SessionServiceOptions.Builder(settings.serverUrl, settings.token).build()
        val made = SessionService(options)
        close()
        service = made
        madeWith = settings
        return made
    }

    /** Ends the service, if there is one. */
    fun close() {
        service?.close()
        service = null
    }
}

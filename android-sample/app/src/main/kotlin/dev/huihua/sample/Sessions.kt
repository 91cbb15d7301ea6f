// The app's one SessionService: screens come and go, its connections and its token stay.
package dev.huihua.sample

import android.content.Context
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
    fun service(context: Context, settings: Settings): SessionService {
        service?.takeIf { settings == madeWith }?.let { return it }
        val made = connect(context, settings)
        close()
        service = made
        madeWith = settings
        return made
    }

    /**
     * A service beside the app's one; the caller closes it.
     *
     * @throws IllegalArgumentException as [service].
     */
    fun connect(context: Context, settings: Settings): SessionService {
        val options = SessionServiceOptions.Builder(settings.serverUrl, settings.token)
        return SessionService(options.pauseInBackground(context).build())
    }

    /** Ends the service, if there is one. */
    fun close() {
        service?.close()
        service = null
    }
}

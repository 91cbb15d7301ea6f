// The app's only SessionService, whose connections and token all screens share.
package dev.huihua.sample

import android.content.Context
import dev.huihua.sdk.SessionService
import dev.huihua.sdk.SessionServiceOptions
import java.io.File

/** Holds the service. Only the main thread uses it. */
internal object Sessions {
    private var madeWith: Settings? = null
    private var service: SessionService? = null

    /**
     * Returns the service of these settings, and closes that of other settings.
     *
     * @throws IllegalArgumentException if the SDK refuses an option, which the message names.
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
     * Makes another service, which the caller closes.
     *
     * @throws IllegalArgumentException as [service].
     */
    fun connect(context: Context, settings: Settings): SessionService {
        val options = SessionServiceOptions.Builder(settings.serverUrl, settings.token)
            .pauseInBackground(context)
        if (settings.appKey.isNotEmpty()) {
            // Not for another phone: no backup takes this folder along.
            val folder = File(context.noBackupFilesDir, "sessions")
            options.cacheFolder(folder, settings.appKey, settings.account)
        }
        return SessionService(options.build())
    }

    /** Closes the service, if there is one. */
    fun close() {
        service?.close()
        service = null
    }
}

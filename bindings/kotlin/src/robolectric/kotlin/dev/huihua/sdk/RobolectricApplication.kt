// Provides what Robolectric lacks: a trust store and a test server.
package dev.huihua.sdk

import android.app.Application
import java.security.Security

/** Made by Robolectric before each test. */
class RobolectricApplication : Application() {
    override fun onCreate() {
        super.onCreate()
        Security.addProvider(RobolectricCaStore())
        val server = ServerProcess.shared
        // On a device the same arguments come from `am instrument -e name value`.
        mapOf(
            "serverUrl" to server.url,
            "appKey" to server.appKey,
            "appSecret" to server.appSecret,
            "ingestKey" to server.ingestKey,
            "tokenKey" to server.tokenKey,
        ).forEach { (name, value) -> System.setProperty("instrumentation.$name", value) }
    }
}

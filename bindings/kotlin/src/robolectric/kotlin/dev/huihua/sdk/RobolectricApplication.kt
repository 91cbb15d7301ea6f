// What a device has and Robolectric lacks: a trust store, an installed app, a server to talk to.
package dev.huihua.sdk

import android.app.Application
import android.content.ComponentName
import java.io.File
import java.security.Security
import javax.xml.parsers.DocumentBuilderFactory
import org.robolectric.Shadows.shadowOf

/** Made by Robolectric before each test. */
class RobolectricApplication : Application() {
    override fun onCreate() {
        super.onCreate()
        Security.addProvider(RobolectricCaStore())
        System.getProperty("android.manifest")?.let { installActivities(File(it)) }
        val server = ServerProcess.shared
        // On a device the same arguments come from `am instrument -e name value`.
        mapOf(
            "serverUrl" to server.url,
            "appKey" to server.appKey,
            "appSecret" to server.appSecret,
            "account" to ACCOUNT,
            "token" to token,
        ).forEach { (name, value) -> System.setProperty("instrumentation.$name", value) }
    }

    /** Robolectric reads a manifest only from an APK, which takes aapt2 to make. */
    private fun installActivities(manifest: File) {
        val document = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(manifest)
        val home = document.documentElement.getAttribute("package")
        val activities = document.getElementsByTagName("activity")
        for (n in 0 until activities.length) {
            val name = activities.item(n).attributes.getNamedItem("android:name").nodeValue
            val type = if (name.startsWith(".")) home + name else name
            shadowOf(packageManager).addActivityIfNotPresent(ComponentName(packageName, type))
        }
    }

    private companion object {
        const val ACCOUNT = "tester"
        val token by lazy { ServerProcess.shared.token(ACCOUNT) }
    }
}

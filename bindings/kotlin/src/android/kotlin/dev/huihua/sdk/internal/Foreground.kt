// Observes whether the app is in the foreground, by its Activities.
package dev.huihua.sdk.internal

import android.app.Activity
import android.app.ActivityManager
import android.app.ActivityManager.RunningAppProcessInfo
import android.app.Application
import android.os.Bundle
import java.util.Collections
import java.util.IdentityHashMap

/** Notifies [observer] now, and whenever the first Activity starts or the last one stops. */
internal class Foreground(
    private val application: Application,
    private val observer: (Boolean) -> Unit,
) : Application.ActivityLifecycleCallbacks, AutoCloseable {
    /** The started Activities, without those that started before this object was made. */
    private val started: MutableSet<Activity> = Collections.newSetFromMap(IdentityHashMap())

    init {
        application.registerActivityLifecycleCallbacks(this)
        observer(isVisible())
    }

    override fun close() = application.unregisterActivityLifecycleCallbacks(this)

    override fun onActivityStarted(activity: Activity) {
        started += activity
        observer(true)
    }

    override fun onActivityStopped(activity: Activity) {
        started -= activity
        // An Activity that is only rotated starts again at once.
        if (started.isEmpty() && !activity.isChangingConfigurations) observer(false)
    }

    /** Ignores foreground services, which make a process important but not visible. */
    private fun isVisible(): Boolean {
        val process = RunningAppProcessInfo()
        ActivityManager.getMyMemoryState(process)
        return process.importance == RunningAppProcessInfo.IMPORTANCE_FOREGROUND ||
            process.importance == RunningAppProcessInfo.IMPORTANCE_VISIBLE
    }

    override fun onActivityCreated(activity: Activity, savedInstanceState: Bundle?) = Unit

    override fun onActivityResumed(activity: Activity) = Unit

    override fun onActivityPaused(activity: Activity) = Unit

    override fun onActivitySaveInstanceState(activity: Activity, outState: Bundle) = Unit

    override fun onActivityDestroyed(activity: Activity) = Unit
}

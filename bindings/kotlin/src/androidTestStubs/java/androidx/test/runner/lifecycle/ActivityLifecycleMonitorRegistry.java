// Stand-in for androidx.test: what Robolectric names, with the real signature.
package androidx.test.runner.lifecycle;

public final class ActivityLifecycleMonitorRegistry {
    private static volatile ActivityLifecycleMonitor instance;
    public static ActivityLifecycleMonitor getInstance() { return instance; }
    public static void registerInstance(ActivityLifecycleMonitor m) { instance = m; }
}

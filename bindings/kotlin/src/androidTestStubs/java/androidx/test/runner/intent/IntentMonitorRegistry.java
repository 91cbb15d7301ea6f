// Stand-in for androidx.test: what Robolectric names, with the real signature.
package androidx.test.runner.intent;

public final class IntentMonitorRegistry {
    public static void registerInstance(IntentMonitor monitor) {}
}

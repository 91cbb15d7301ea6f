// Stand-in for androidx.test: what Robolectric names, with the real signature.
package androidx.test.runner.lifecycle;

public interface ApplicationLifecycleMonitor {}

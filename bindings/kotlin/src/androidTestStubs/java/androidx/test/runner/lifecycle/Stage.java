// Stand-in for androidx.test: what Robolectric names, with the real signature.
package androidx.test.runner.lifecycle;

public enum Stage {
    PRE_ON_CREATE, CREATED, STARTED, RESUMED, PAUSED, STOPPED, RESTARTED, DESTROYED
}

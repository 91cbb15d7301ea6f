// Stand-in for androidx.test: what Robolectric names, with the real signature.
package androidx.test.runner.intent;

public final class IntentStubberRegistry {
    public static boolean isLoaded() { return false; }
    public static IntentStubber getInstance() { throw new IllegalStateException("none"); }
}

// Stand-in for androidx.test: Robolectric leaves its instrumentation here, tests get arguments.
package androidx.test.platform.app;

import android.app.Instrumentation;
import android.os.Bundle;

public final class InstrumentationRegistry {
    private static final String ARGUMENT = "instrumentation.";

    private static volatile Instrumentation instrumentation;
    private static volatile Bundle arguments;

    private InstrumentationRegistry() {}

    public static Instrumentation getInstrumentation() {
        if (instrumentation == null) throw new IllegalStateException("no instrumentation");
        return instrumentation;
    }

    /** What `am instrument -e name value` says on a device, a system property says here. */
    public static Bundle getArguments() {
        Bundle all = new Bundle(arguments);
        for (String name : System.getProperties().stringPropertyNames()) {
            if (name.startsWith(ARGUMENT)) {
                all.putString(name.substring(ARGUMENT.length()), System.getProperty(name));
            }
        }
        return all;
    }

    public static void registerInstance(Instrumentation registered, Bundle given) {
        instrumentation = registered;
        arguments = new Bundle(given);
    }
}

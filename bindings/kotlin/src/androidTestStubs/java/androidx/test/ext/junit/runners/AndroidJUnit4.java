// Stand-in for androidx.test: runs a class under Robolectric, as the real one does on a JVM.
package androidx.test.ext.junit.runners;

import org.junit.runners.model.InitializationError;
import org.robolectric.RobolectricTestRunner;

public final class AndroidJUnit4 extends RobolectricTestRunner {
    public AndroidJUnit4(Class<?> type) throws InitializationError { super(type); }
}

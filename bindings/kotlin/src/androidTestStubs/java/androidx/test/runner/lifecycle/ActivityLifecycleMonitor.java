// Stand-in for androidx.test: what Robolectric names, with the real signature.
package androidx.test.runner.lifecycle;

import android.app.Activity;

public interface ActivityLifecycleMonitor { Stage getLifecycleStageOf(Activity activity); }

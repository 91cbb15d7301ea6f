// The contract of kept lists on Android.
package dev.huihua.sdk

import androidx.test.ext.junit.runners.AndroidJUnit4
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class KeptListAndroidTest : KeptListContract() {
    override val server get() = ServerProcess.shared
}

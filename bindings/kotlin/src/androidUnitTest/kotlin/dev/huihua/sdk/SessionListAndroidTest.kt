// The contract of SessionList on Android.
package dev.huihua.sdk

import androidx.test.ext.junit.runners.AndroidJUnit4
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class SessionListAndroidTest : SessionListContract() {
    override val server get() = ServerProcess.shared
}

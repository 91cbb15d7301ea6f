// The contract of the four calls on Android, and its platform-specific behaviour.
package dev.huihua.sdk

import android.os.Looper
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import dev.huihua.sdk.internal.Platform
import dev.huihua.sdk.nim.LoginInfo
import dev.huihua.sdk.nim.MsgService
import dev.huihua.sdk.nim.NIMClient
import dev.huihua.sdk.nim.SDKOptions
import java.util.concurrent.CopyOnWriteArrayList
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Test
import org.junit.runner.RunWith

@RunWith(AndroidJUnit4::class)
class SessionServiceAndroidTest : SessionServiceContract() {
    override val server get() = ServerProcess.shared
    override val callbackThread: String get() = Looper.getMainLooper().thread.name

    @Test
    fun aCallbackIsPostedEvenIfTheOutcomeIsKnown() {
        val order = CopyOnWriteArrayList<String>()
        val recorder = Recorder<RecentSessionList> { order += "callback" }
        val instrumentation = InstrumentationRegistry.getInstrumentation()
        instrumentation.runOnMainSync {
            val options = SDKOptions(SessionServiceOptions.Builder(server.url).build())
            val info = LoginInfo("tester", server.token("tester"))
            NIMClient.init(instrumentation.targetContext, info, options)
            val future = NIMClient.getService(MsgService::class.java).queryMySessionList(null)
            Thread.sleep(500)
            future.setCallback(recorder)
            order += "setCallback returned"
        }
        recorder.result()
        assertEquals(listOf("setCallback returned", "callback"), order.toList())
        assertSame(Looper.getMainLooper().thread, recorder.thread)
    }

    @Test
    fun onlyTheSystemsRootsAreTrusted() = assertEquals(2, Platform.trustedRootsDer().size)
}

// What snippets use of NIM's Android SDK, which this build lacks.
package com.netease.nimlib.sdk

import android.content.Context
import com.netease.nimlib.sdk.auth.LoginInfo

@Suppress("UNUSED_PARAMETER")
public object NIMClient {
    @JvmStatic
    public fun init(context: Context, info: LoginInfo?, options: SDKOptions?): Unit = Unit

    @JvmStatic
    public fun <T> getService(type: Class<T>): T = error("a snippet is not to be run")
}

public class SDKOptions

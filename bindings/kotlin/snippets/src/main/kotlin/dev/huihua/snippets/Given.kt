// The variables that every snippet may use: what a reader has, or has just read about.
package dev.huihua.snippets

import android.app.Activity
import android.content.Context
import dev.huihua.sdk.SessionList
import dev.huihua.sdk.SessionService
import kotlinx.coroutines.CoroutineScope

/** Declares the variables. They have no values, because snippets are never run. */
public open class Given {
    @JvmField public val context: Context = never()

    /** A bearer token from the app's own server. */
    @JvmField public val token: String = never()

    /** The app key of a NIM app. */
    @JvmField public val appKey: String = never()

    @JvmField public val appSecret: String = never()

    @JvmField public val service: SessionService = never()

    @JvmField public val listener: SessionList.Listener = never()

    /** Any scope, such as an activity's or a view model's. */
    @JvmField public val scope: CoroutineScope = never()

    /** A property of androidx, which this build lacks. */
    public val Activity.lifecycleScope: CoroutineScope get() = never()

    private fun <T> never(): T = error("a snippet is not to be run")
}

/** NIM's client of its server API, which this build lacks. */
public class YunxinV1ApiHttpClient private constructor() {
    @Suppress("UNUSED_PARAMETER")
    public class Builder(appKey: String, appSecret: String) {
        public fun endpoint(url: String): Builder = this

        public fun build(): YunxinV1ApiHttpClient = YunxinV1ApiHttpClient()
    }
}

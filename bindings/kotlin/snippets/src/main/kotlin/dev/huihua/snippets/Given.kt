// What a snippet may name without making it: what a reader has, or has read of just above.
package dev.huihua.snippets

import android.app.Activity
import android.content.Context
import dev.huihua.sdk.SessionList
import dev.huihua.sdk.SessionService
import kotlinx.coroutines.CoroutineScope

/** Snippets are compiled, never run: nothing here has a value. */
public open class Given {
    @JvmField public val context: Context = never()

    /** A bearer token from the app's own server. */
    @JvmField public val token: String = never()

    /** Of a NIM app. */
    @JvmField public val appKey: String = never()

    @JvmField public val appSecret: String = never()

    @JvmField public val service: SessionService = never()

    @JvmField public val listener: SessionList.Listener = never()

    /** An activity's scope, a view model's, any. */
    @JvmField public val scope: CoroutineScope = never()

    /** androidx's, which this build does not have. */
    public val Activity.lifecycleScope: CoroutineScope get() = never()

    private fun <T> never(): T = error("a snippet is not to be run")
}

/** NIM's client of its server API, which this build does not have. */
public class YunxinV1ApiHttpClient private constructor() {
    @Suppress("UNUSED_PARAMETER")
    public class Builder(appKey: String, appSecret: String) {
        public fun endpoint(url: String): Builder = this

        public fun build(): YunxinV1ApiHttpClient = YunxinV1ApiHttpClient()
    }
}

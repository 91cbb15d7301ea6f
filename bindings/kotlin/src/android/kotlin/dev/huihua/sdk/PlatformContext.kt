// The type of a context on Android; src/jvm has its counterpart.
package dev.huihua.sdk

import android.content.Context

/** Android's `Context`. The artifact for the JVM, which has none, takes null in its place. */
public typealias PlatformContext = Context

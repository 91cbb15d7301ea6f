// The type of a context on the JVM; src/android has its counterpart.
package dev.huihua.sdk

/** `Void` on the JVM, which has no context: pass null. On Android it is `Context`. */
public typealias PlatformContext = Void

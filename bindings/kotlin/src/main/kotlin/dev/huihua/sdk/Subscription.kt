// The registration of an observer.
package dev.huihua.sdk

/**
 * Represents the registration of an observer, which [close] ends. NIM has no such type.
 *
 * The app need not keep it: the observer stays registered until the service is closed, even if this
 * object is garbage-collected.
 */
public interface Subscription : AutoCloseable {
    /**
     * Ends the registration, without blocking; has no effect when called again.
     *
     * After it was called on the thread of callbacks the observer receives nothing; if on another
     * thread, one event may still be in progress.
     */
    override fun close()
}

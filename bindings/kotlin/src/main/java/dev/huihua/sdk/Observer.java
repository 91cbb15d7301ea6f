// Who is told of something that happens again and again. In Java for the same reason as
// RequestCallback.
package dev.huihua.sdk;

/**
 * Told of each event, in their order, one after the other, where callbacks run (see {@link
 * RequestCallback}). What it throws goes to that thread's uncaught-exception handler; the next
 * event comes all the same.
 *
 * @param <T> the event
 */
public interface Observer<T> {
    /**
     * Something happened.
     *
     * @param event what; never null
     */
    void onEvent(T event);
}

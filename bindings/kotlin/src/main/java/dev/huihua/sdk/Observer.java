// The observer of a stream of events. In Java for the same reason as RequestCallback.
package dev.huihua.sdk;

/**
 * Receives each event, one after the other and in order. Mirrors NIM's {@code Observer}.
 *
 * <p><b>Thread:</b> that of callbacks, see {@link RequestCallback}. An exception that it throws
 * goes to that thread's uncaught-exception handler; the next event is delivered all the same.
 *
 * @param <T> the event
 */
public interface Observer<T> {
    /**
     * Receives one event.
     *
     * @param event the event; never null
     */
    void onEvent(T event);
}

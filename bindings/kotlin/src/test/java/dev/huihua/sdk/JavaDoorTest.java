// The facade used from Java: options, observers, a live list, failures.
package dev.huihua.sdk;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import dev.huihua.sdk.nim.ResponseCode;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.Test;

public class JavaDoorTest {
    private static final long PATIENCE_S = 40;
    private final ServerProcess server = ServerProcess.Companion.getShared();
    private final String me = "java" + System.nanoTime();

    private SessionService service() {
        CallbackTokenProvider tokens = (refresh, callback) -> callback.onSuccess(server.token(me));
        return new SessionService(
                new SessionServiceOptions.Builder(
                                server.getUrl(), TokenProvider.ofCallback(tokens))
                        .addServerUrl(server.getUrl())
                        .userAgent("java-test")
                        .logger((level, line) -> assertFalse(line.contains(me)))
                        .build());
    }

    @Test
    public void aListShowsTheChangesOfAnotherDevice() throws Exception {
        LinkedBlockingQueue<String> events = new LinkedBlockingQueue<>();
        try (SessionService service = service();
                SessionList list = new SessionList(service)) {
            list.setListener(
                    new SessionList.Listener() {
                        @Override
                        public void onInserted(int position, int count) {
                            events.add("inserted " + list.getSessions().get(position).getSessionId());
                        }

                        @Override
                        public void onRemoved(int position, int count) {
                            events.add("removed " + position);
                        }

                        @Override
                        public void onMoved(int from, int to) {}

                        @Override
                        public void onChanged(int position, int count) {
                            events.add("changed " + list.getSessions().get(position).getExt());
                        }

                        @Override
                        public void onState(SessionList.State state) {
                            if (state == SessionList.State.Ready.INSTANCE) events.add("ready");
                        }
                    });
            list.open();
            assertEquals("ready", events.poll(PATIENCE_S, TimeUnit.SECONDS));
            assertFalse(list.getHasMore());
            service.updateMySession("team|7", "x", null);
            assertEquals("inserted team|7", events.poll(PATIENCE_S, TimeUnit.SECONDS));
            service.updateMySession("team|7", "y", null);
            assertEquals("changed y", events.poll(PATIENCE_S, TimeUnit.SECONDS));
            service.deleteMySession(List.of("team|7"), null);
            assertEquals("removed 0", events.poll(PATIENCE_S, TimeUnit.SECONDS));
        }
    }

    @Test
    public void anObserverIsALambda() throws Exception {
        LinkedBlockingQueue<SessionChange> changes = new LinkedBlockingQueue<>();
        LinkedBlockingQueue<OnlineStatus> statuses = new LinkedBlockingQueue<>();
        Observer<SessionChange> observer = changes::add;
        Observer<OnlineStatus> statusObserver = statuses::add;
        try (SessionService service = service()) {
            Subscription subscription = service.observeSessionChanges(observer);
            service.observeOnlineStatus(statusObserver);
            while (statuses.poll(PATIENCE_S, TimeUnit.SECONDS) != OnlineStatus.ONLINE) {}
            service.updateMySession("p2p|amy", "x", null);
            SessionChange change = changes.poll(PATIENCE_S, TimeUnit.SECONDS);
            assertTrue(change instanceof SessionChange.Updated);
            assertEquals("x", change.getSession().getExt());
            subscription.close();
        }
    }

    @Test
    public void aFailureHasMoreThanItsCode() throws Exception {
        CompletableFuture<SessionException.Failed> received = new CompletableFuture<>();
        try (SessionService service = service()) {
            service.queryMySession(
                    "p2p|nobody",
                    new RequestCallback<RecentSession>() {
                        @Override
                        public void onSuccess(RecentSession param) {}

                        @Override
                        public void onFailed(int code) {
                            received.completeExceptionally(new AssertionError("the other one"));
                        }

                        @Override
                        public void onFailed(SessionException.Failed failure) {
                            received.complete(failure);
                        }

                        @Override
                        public void onException(Throwable exception) {
                            received.completeExceptionally(exception);
                        }
                    });
            SessionException.Failed failure = received.get(PATIENCE_S, TimeUnit.SECONDS);
            assertEquals(ResponseCode.RES_ENONEXIST, failure.getCode());
            assertFalse(failure.getRetryable());
            assertFalse(failure.getRequestId().isEmpty());
        }
    }
}

// Logging in, observing and RequestCallbackWrapper as users of NIM write them in Java: nothing but
// the imports is ours.
package dev.huihua.seed;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;

import dev.huihua.sdk.Observer;
import dev.huihua.sdk.RecentSession;
import dev.huihua.sdk.RecentSessionList;
import dev.huihua.sdk.RequestCallback;
import dev.huihua.sdk.ServerProcess;
import dev.huihua.sdk.SessionServiceOptions;
import dev.huihua.sdk.TestServerKt;
import dev.huihua.sdk.nim.AbortableFuture;
import dev.huihua.sdk.nim.AuthService;
import dev.huihua.sdk.nim.AuthServiceObserver;
import dev.huihua.sdk.nim.LoginInfo;
import dev.huihua.sdk.nim.MsgService;
import dev.huihua.sdk.nim.MsgServiceObserve;
import dev.huihua.sdk.nim.NIMClient;
import dev.huihua.sdk.nim.RequestCallbackWrapper;
import dev.huihua.sdk.nim.ResponseCode;
import dev.huihua.sdk.nim.SDKOptions;
import dev.huihua.sdk.nim.StatusCode;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

public class NimLoginJavaTest {
    private static final String ACCOUNT = "java-logger";

    private final LinkedBlockingQueue<String> screen = new LinkedBlockingQueue<>();
    private final ServerProcess server = ServerProcess.Companion.getShared();
    private AbortableFuture<LoginInfo> loginRequest;

    private final Observer<StatusCode> statusObserver =
            new Observer<StatusCode>() {
                @Override
                public void onEvent(StatusCode code) {
                    if (code == StatusCode.LOGINED) screen.add("online");
                    if (code.wontAutoLogin()) screen.add("log in again: " + code.getValue());
                }
            };

    private final Observer<RecentSession> sessionObserver =
            session -> screen.add(session.getSessionId() + " at " + session.getUpdateTime());

    @Before
    public void startApp() {
        SDKOptions options = new SDKOptions();
        options.service = new SessionServiceOptions.Builder(server.getUrl()).build();
        NIMClient.init(null, null, options);
        NIMClient.getService(AuthServiceObserver.class).observeOnlineStatus(statusObserver, true);
    }

    @After
    public void leave() {
        NIMClient.getService(MsgServiceObserve.class)
                .observeUpdateMySession(sessionObserver, false);
        NIMClient.getService(AuthServiceObserver.class).observeOnlineStatus(statusObserver, false);
        NIMClient.getService(AuthService.class).logout();
    }

    @Test
    public void anAccountLogsInAndReceivesNewSessions() throws Exception {
        LoginInfo info = new LoginInfo(ACCOUNT, server.token(ACCOUNT));
        loginRequest = NIMClient.getService(AuthService.class).login(info);
        loginRequest.setCallback(
                new RequestCallback<LoginInfo>() {
                    @Override
                    public void onSuccess(LoginInfo param) {
                        loginRequest = null;
                        screen.add("welcome " + param.getAccount());
                    }

                    @Override
                    public void onFailed(int code) {
                        loginRequest = null;
                        if (code == 302 || code == 404) screen.add("wrong account or token");
                    }

                    @Override
                    public void onException(Throwable exception) {
                        screen.add("exception, msg=" + exception.getMessage());
                    }
                });
        assertEquals(Set.of("online", "welcome " + ACCOUNT), Set.of(see(), see()));
        assertNull(loginRequest);
        NIMClient.getService(MsgServiceObserve.class)
                .observeUpdateMySession(sessionObserver, true);
        long now = System.currentTimeMillis();
        String received = null;
        // Changes before the connection is live are not reported: so it sends until one is.
        for (int n = 0; received == null && n < 100; n++) {
            TestServerKt.deliverText(server, "peer", ACCOUNT, now, 7, "hello");
            TestServerKt.deliverText(server, "peer" + n, ACCOUNT, now, 7 + n, "hello");
            received = screen.poll(200, TimeUnit.MILLISECONDS);
        }
        assertNotNull(received);
        assertEquals("at " + now, received.substring(received.indexOf("at ")));
    }

    @Test
    public void aWrongTokenIsRefused() throws Exception {
        NIMClient.getService(AuthService.class)
                .login(new LoginInfo(ACCOUNT, "forged"))
                .setCallback(
                        new RequestCallbackWrapper<LoginInfo>() {
                            @Override
                            public void onResult(int code, LoginInfo result, Throwable exception) {
                                if (code != ResponseCode.RES_SUCCESS) screen.add("code=" + code);
                            }
                        });
        assertEquals(Set.of("code=302", "log in again: 11"), Set.of(see(), see()));
    }

    @Test
    public void callsWithoutALoginAreRefused() throws Exception {
        NIMClient.getService(MsgService.class)
                .queryMySessionList(null)
                .setCallback(
                        new RequestCallbackWrapper<RecentSessionList>() {
                            @Override
                            public void onResult(
                                    int code, RecentSessionList result, Throwable exception) {
                                screen.add("list: " + code);
                            }
                        });
        assertEquals("list: 302", see());
        assertEquals(StatusCode.UNLOGIN, NIMClient.getStatus());
    }

    private String see() throws InterruptedException {
        String text = screen.poll(30, TimeUnit.SECONDS);
        assertNotNull("no callback was called", text);
        return text;
    }
}

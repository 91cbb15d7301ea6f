// Every call as users of NIM write it in Java: nothing but the imports is ours.
package dev.huihua.seed;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import dev.huihua.sdk.QueryMySessionOption;
import dev.huihua.sdk.RecentSession;
import dev.huihua.sdk.RecentSessionList;
import dev.huihua.sdk.RequestCallback;
import dev.huihua.sdk.ServerProcess;
import dev.huihua.sdk.SessionServiceOptions;
import dev.huihua.sdk.SessionTypeEnum;
import dev.huihua.sdk.TestServerKt;
import dev.huihua.sdk.nim.LoginInfo;
import dev.huihua.sdk.nim.MsgService;
import dev.huihua.sdk.nim.NIMClient;
import dev.huihua.sdk.nim.Pair;
import dev.huihua.sdk.nim.RecentContact;
import dev.huihua.sdk.nim.RevokeMsgNotification;
import dev.huihua.sdk.nim.SDKOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.Before;
import org.junit.Test;

public class NimCallsJavaTest {
    private static final String ACCOUNT = "javanese";

    private final LinkedBlockingQueue<String> screen = new LinkedBlockingQueue<>();
    private final List<RecentSession> shown = new ArrayList<>();
    private long now;

    @Before
    public void logIn() {
        ServerProcess server = ServerProcess.Companion.getShared();
        now = System.currentTimeMillis();
        for (int i = 1; i <= 3; i++) {
            TestServerKt.deliverText(server, "peer" + i, ACCOUNT, now - i, 100 + i, "hello " + i);
        }
        SDKOptions options = new SDKOptions();
        options.service = new SessionServiceOptions.Builder(server.getUrl()).build();
        NIMClient.init(null, new LoginInfo(ACCOUNT, server.token(ACCOUNT)), options);
    }

    @Test
    public void aListIsQueriedWithAnOption() throws Exception {
        QueryMySessionOption option = new QueryMySessionOption();
        option.setMinTimestamp(0);
        option.setMaxTimestamp(now);
        option.setNeedLastMsg(true);
        option.setLimit(1);
        assertTrue(option.isNeedLastMsg());
        NIMClient.getService(MsgService.class).queryMySessionList(option).setCallback(new Show());
        assertEquals("1 sessions, more: true", see());
        NIMClient.getService(MsgService.class)
                .queryMySessionList(new QueryMySessionOption(0, 0, false, 100))
                .setCallback(new Show());
        assertEquals("3 sessions, more: false", see());
        NIMClient.getService(MsgService.class).queryMySessionList(null).setCallback(new Show());
        assertEquals("3 sessions, more: false", see());
    }

    @Test
    @SuppressWarnings("deprecation")
    public void aListIsQueriedInTheDeprecatedForm() throws Exception {
        long startTime = 0;
        long endTime = now - 1;
        int queryAmount = 2;
        NIMClient.getService(MsgService.class)
                .queryMySessionList(startTime, endTime, 1, queryAmount, 1)
                .setCallback(new Show());
        assertEquals("2 sessions, more: true", see());
        assertTrue(shown.get(0).getLastMsg().contains("hello 1"));
        NIMClient.getService(MsgService.class).queryMySessionList(0, null, null, null, null)
                .setCallback(new Show());
        assertEquals("3 sessions, more: false", see());
        NIMClient.getService(MsgService.class).queryMySessionList(0, 0L, 0, 100, 0)
                .setCallback(new Show());
        assertEquals("3 sessions, more: false", see());
        assertEquals("", shown.get(0).getLastMsg());
    }

    @Test
    public void oneSessionIsQueried() throws Exception {
        String sessionId = "p2p|peer1";
        NIMClient.getService(MsgService.class).queryMySession(sessionId)
                .setCallback(new RequestCallback<RecentSession>() {
            @Override
            public void onSuccess(RecentSession param) {
                shown.add(param);
                screen.add(sessionToString(param));
            }

            @Override
            public void onFailed(int code) {
                screen.add("failed, code=" + code);
            }

            @Override
            public void onException(Throwable exception) {
                screen.add("exception, msg=" + exception.getMessage());
            }
        });
        assertEquals("P2P peer1 at " + (now - 1) + " type 0", see());
        RecentContact contact = shown.get(0).toRecentContact();
        assertEquals("hello 1", contact.getContent());
        contact.setTag(4);
        assertEquals(4, contact.getTag());
        RevokeMsgNotification none = shown.get(0).getRevokeNotification();
        assertNull(none);
    }

    @Test
    public void anExtIsUpdatedAndSessionsAreDeleted() throws Exception {
        NIMClient.getService(MsgService.class).updateMySession("p2p|peer2", "pinned")
                .setCallback(new Tell("updated"));
        assertEquals("updated", see());
        NIMClient.getService(MsgService.class).queryMySession("p2p|peer2")
                .setCallback(new RequestCallback<RecentSession>() {
            @Override
            public void onSuccess(RecentSession param) {
                screen.add(param.getExt());
            }

            @Override
            public void onFailed(int code) {}

            @Override
            public void onException(Throwable exception) {}
        });
        assertEquals("pinned", see());
        String[] selectedArr = {"p2p|peer2", "p2p|peer3"};
        NIMClient.getService(MsgService.class).deleteMySession(selectedArr)
                .setCallback(new Tell("deleted"));
        assertEquals("deleted", see());
        NIMClient.getService(MsgService.class).deleteMySession(new String[0])
                .setCallback(new Tell("deleted"));
        assertEquals("failed, code=414", see());
    }

    private String see() throws InterruptedException {
        String text = screen.poll(30, TimeUnit.SECONDS);
        assertNotNull("no callback was called", text);
        return text;
    }

    private static String sessionToString(RecentSession session) {
        Pair<SessionTypeEnum, String> pair = session.parseSessionId();
        SessionTypeEnum type = pair.first;
        String id = pair.second;
        String when = " at " + session.getUpdateTime();
        return type + " " + id + when + " type " + session.getLastMsgType();
    }

    private class Show implements RequestCallback<RecentSessionList> {
        @Override
        public void onSuccess(RecentSessionList param) {
            shown.clear();
            shown.addAll(param.getSessionList());
            screen.add(param.getSessionList().size() + " sessions, more: " + param.hasMore());
        }

        @Override
        public void onFailed(int code) {
            screen.add("failed, code=" + code);
        }

        @Override
        public void onException(Throwable exception) {
            screen.add("exception, msg=" + exception.getMessage());
        }
    }

    private class Tell implements RequestCallback<Void> {
        private final String words;

        Tell(String words) {
            this.words = words;
        }

        @Override
        public void onSuccess(Void param) {
            screen.add(words);
        }

        @Override
        public void onFailed(int code) {
            screen.add("failed, code=" + code);
        }

        @Override
        public void onException(Throwable exception) {
            screen.add("exception, msg=" + exception.getMessage());
        }
    }
}

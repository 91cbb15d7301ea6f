// Nulls as Java's compiler lets them pass: no call throws, each ends in onFailed(414). The table of
// all calls is in BadArgumentsTest.
package dev.huihua.sdk;

import static org.junit.Assert.assertEquals;

import dev.huihua.sdk.nim.AuthService;
import dev.huihua.sdk.nim.LoginInfo;
import dev.huihua.sdk.nim.MsgService;
import dev.huihua.sdk.nim.MsgServiceObserve;
import dev.huihua.sdk.nim.NIMClient;
import dev.huihua.sdk.nim.SDKOptions;
import java.util.Arrays;
import org.junit.Test;

public class NullsFromJavaTest {
    static final TokenProvider NULL_PROVIDER = refresh -> null;
    static final CallbackTokenProvider NULL_CALLBACK =
            (refresh, callback) -> callback.onSuccess(null);
    static final CallbackTokenProvider NULL_FAILURE =
            (refresh, callback) -> callback.onException(null);

    private final ServerProcess server = ServerProcess.Companion.getShared();
    private final String me = "nuller";

    @Test
    public void nullsInTheOwnDoor() {
        String noId = null;
        String noToken = null;
        try (SessionService service = service(server.token(me));
                SessionService signedOut = service(noToken)) {
            Recorder<Void> updated = new Recorder<>();
            service.updateMySession(noId, null, updated);
            assertEquals(414, updated.code());
            Recorder<RecentSession> read = new Recorder<>();
            service.queryMySession(noId, read);
            assertEquals(414, read.code());
            Recorder<Void> deleted = new Recorder<>();
            service.deleteMySession(Arrays.asList("p2p|amy", noId), deleted);
            assertEquals(414, deleted.code());
            service.observeUpdateMySession(null).close();
            service.eraseCache(null);
            service.queryMySession(noId, null);
            Recorder<RecentSessionList> list = new Recorder<>();
            signedOut.queryMySessionList(null, list);
            assertEquals(414, list.code());
        }
    }

    @Test
    public void nullsInNimsDoor() {
        SDKOptions options =
                new SDKOptions(new SessionServiceOptions.Builder(server.getUrl()).build());
        NIMClient.init(null, new LoginInfo(me, server.token(me)), options);
        MsgService messages = NIMClient.getService(MsgService.class);
        Recorder<Void> deleted = new Recorder<>();
        messages.deleteMySession(null).setCallback(deleted);
        assertEquals(414, deleted.code());
        Recorder<Void> deletedNone = new Recorder<>();
        messages.deleteMySession(new String[1]).setCallback(deletedNone);
        assertEquals(414, deletedNone.code());
        Recorder<RecentSession> read = new Recorder<>();
        messages.queryMySession(null).setCallback(read);
        assertEquals(414, read.code());
        messages.updateMySession(null, null).setCallback(null);
        NIMClient.getService(MsgServiceObserve.class).observeUpdateMySession(null, true);
        AuthService auth = NIMClient.getService(AuthService.class);
        Recorder<LoginInfo> loggedIn = new Recorder<>();
        auth.login(new LoginInfo(me, null)).setCallback(loggedIn);
        assertEquals(414, loggedIn.code());
        Recorder<LoginInfo> nobody = new Recorder<>();
        auth.login(null).setCallback(nobody);
        assertEquals(414, nobody.code());
        auth.logout();
    }

    private SessionService service(String token) {
        return new SessionService(
                new SessionServiceOptions.Builder(server.getUrl(), token).build());
    }
}

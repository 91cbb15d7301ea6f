// What a Java app writes against the AAR. Compiled, never run.
package dev.example;

import dev.huihua.sdk.QueryMySessionOption;
import dev.huihua.sdk.RecentSession;
import dev.huihua.sdk.RecentSessionList;
import dev.huihua.sdk.RequestCallback;
import dev.huihua.sdk.nim.LoginInfo;
import dev.huihua.sdk.nim.MsgService;
import dev.huihua.sdk.nim.NIMClient;
import dev.huihua.sdk.nim.SDKOptions;

/** The first call. */
public class JavaUser {
    /** Lists the newest sessions. */
    public void list(String token) {
        SDKOptions options = new SDKOptions();
        options.serverUrl = "https://sessions.example.com";
        NIMClient.init(null, new LoginInfo("lin", token), options);
        MsgService service = NIMClient.getService(MsgService.class);
        service.queryMySessionList(new QueryMySessionOption())
            .setCallback(new RequestCallback<RecentSessionList>() {
                @Override public void onSuccess(RecentSessionList list) {
                    for (RecentSession session : list.getSessionList()) {
                        System.out.println(session.getSessionId() + session.getUpdateTime());
                    }
                }

                @Override public void onFailed(int code) {}

                @Override public void onException(Throwable exception) {}
            });
    }
}

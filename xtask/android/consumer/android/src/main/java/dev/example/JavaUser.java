// What a Java app writes against the AAR. Compiled, never run.
package dev.example;

import android.content.Context;
import dev.huihua.sdk.LastMessage;
import dev.huihua.sdk.MessageAttachment;
import dev.huihua.sdk.OnlineStatus;
import dev.huihua.sdk.QueryMySessionOption;
import dev.huihua.sdk.RecentSession;
import dev.huihua.sdk.RecentSessionList;
import dev.huihua.sdk.RequestCallback;
import dev.huihua.sdk.SessionService;
import dev.huihua.sdk.SessionServiceOptions;
import dev.huihua.sdk.Subscription;
import dev.huihua.sdk.nim.LoginInfo;
import dev.huihua.sdk.nim.MsgService;
import dev.huihua.sdk.nim.NIMClient;
import dev.huihua.sdk.nim.SDKOptions;

/** The first call, in NIM's shape and in our own. */
public class JavaUser {
    private final SessionServiceOptions options;

    /** Options that both shapes take. */
    public JavaUser(Context context) {
        options = new SessionServiceOptions.Builder("https://sessions.example.com")
            .pauseInBackground(context)
            .build();
    }

    /** Lists the newest sessions. */
    public void list(Context context, String token) {
        NIMClient.init(context, new LoginInfo("lin", token), new SDKOptions(options));
        MsgService service = NIMClient.getService(MsgService.class);
        service.queryMySessionList(new QueryMySessionOption())
            .setCallback(new RequestCallback<RecentSessionList>() {
                @Override public void onSuccess(RecentSessionList list) {
                    for (RecentSession session : list.getSessionList()) {
                        System.out.println(session.getSessionId() + preview(session));
                    }
                }

                @Override public void onFailed(int code) {}

                @Override public void onException(Throwable exception) {}
            });
    }

    /** Observes for as long as the result is open. */
    public Subscription observe(SessionService service) {
        try (Subscription brief = service.observeOnlineStatus(this::show)) {
            return service.observeUpdateMySession(session -> System.out.println(preview(session)));
        }
    }

    private void show(OnlineStatus status) {
        System.out.println(status.isFinal() ? "sign in again" : status.name());
    }

    private static String preview(RecentSession session) {
        LastMessage message = session.getLastMessage();
        if (message == null) return "";
        if (message.getRecall() != null) return message.getRecall().getAccount();
        MessageAttachment attachment = message.getAttachment();
        if (attachment instanceof MessageAttachment.File) {
            return ((MessageAttachment.File) attachment).getName();
        }
        return message.getFrom() + message.getText() + message.getTime() + message.getKind();
    }

    /** What DiffUtil asks. */
    public static boolean areContentsTheSame(RecentSession old, RecentSession now) {
        return old.equals(now) && old.hashCode() == now.hashCode();
    }
}

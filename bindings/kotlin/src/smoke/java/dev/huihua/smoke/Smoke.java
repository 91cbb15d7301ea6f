// Uses every function of the native interface, in one main: runs where the usual tests cannot,
// shrunk by R8 and on the Android library (`cargo xtask test`, steps minified and glibc-shim).
package dev.huihua.smoke;

import dev.huihua.sdk.nim.InvocationFuture;
import dev.huihua.sdk.QueryMySessionOption;
import dev.huihua.sdk.RecentSession;
import dev.huihua.sdk.RecentSessionList;
import dev.huihua.sdk.RequestCallback;
import dev.huihua.sdk.SessionException;
import dev.huihua.sdk.SessionService;
import dev.huihua.sdk.SessionServiceOptions;
import dev.huihua.sdk.SyncOption;
import dev.huihua.sdk.SyncResult;
import dev.huihua.sdk.TokenProvider;
import dev.huihua.sdk.nim.LoginInfo;
import dev.huihua.sdk.nim.MsgService;
import dev.huihua.sdk.nim.NIMClient;
import dev.huihua.sdk.nim.SDKOptions;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Arguments: server URL, an account whose list has messages and recalls. */
public final class Smoke {
    private static final String NEW_SESSION = "p2p|smoke";
    private static final String EXT = "{\"draft\":\"还没写完 😉\"}";

    private Smoke() {}

    public static void main(String[] arguments) {
        try {
            run(arguments[0], arguments[1], System.getenv("HUIHUA_TOKEN"));
        } catch (Throwable wrong) {
            wrong.printStackTrace();
            System.exit(1);
        }
        System.out.println("smoke: all right");
        System.exit(0);
    }

    /** Makes every call once, and provokes each kind of failure once. */
    public static void run(String url, String account, String token) throws Exception {
        try (SessionService service = service(url, TokenProvider.of(token))) {
            String cursor = list(service);
            change(service, cursor);
            failures(service, url);
        }
        nimDoor(url, account, token);
    }

    /** Makes a service that trusts the platform's roots. */
    public static SessionService service(String url, TokenProvider tokens) {
        return new SessionService(new SessionServiceOptions.Builder(url, tokens).build());
    }

    private static String list(SessionService service) throws Exception {
        QueryMySessionOption option = new QueryMySessionOption();
        option.setLimit(7);
        Set<String> seen = new HashSet<>();
        boolean message = false;
        boolean recall = false;
        RecentSessionList page;
        do {
            page = result(callback -> service.queryMySessionList(option, callback));
            for (RecentSession row : page.getSessionList()) {
                check(seen.add(row.getSessionId()), "a row came twice");
                String id = row.parseSessionId().second;
                check(row.toRecentContact().getContactId().equals(id), "another contact");
                message |= row.getLastMsg().startsWith("{");
                recall |= row.getRevokeNotification() != null;
            }
            option.setPageToken(page.getNextPageToken());
        } while (page.hasMore());
        check(seen.size() > 7 && message && recall, "a list without message or recall");
        return page.getSyncCursor();
    }

    private static void change(SessionService service, String cursor) throws Exception {
        SyncOption wait = new SyncOption();
        wait.setCursor(cursor);
        wait.setWaitMs(20_000);
        CompletableFuture<SyncResult> changed = start(callback -> service.sync(wait, callback));
        Smoke.<Void>result(callback -> service.updateMySession(NEW_SESSION, EXT, callback));
        check(hasChange(changed.get(30, TimeUnit.SECONDS)), "the waiting sync saw nothing");
        RecentSession row = result(callback -> service.queryMySession(NEW_SESSION, callback));
        check(row.getExt().equals(EXT), "another ext: " + row.getExt());
        check(row.toRecentContact().getExtension().containsKey("draft"), "ext was not read");
        Smoke.<Void>result(
            callback -> service.deleteMySession(Collections.singletonList(NEW_SESSION), callback));
        String gone = Smoke.<RecentSession>failure(
            callback -> service.queryMySession(NEW_SESSION, callback));
        check(gone.equals("404"), "a deleted session: " + gone);
    }

    private static boolean hasChange(SyncResult result) {
        return result.getChanges().stream()
            .anyMatch(change -> change.getSessionId().equals(NEW_SESSION));
    }

    private static void failures(SessionService service, String url) throws Exception {
        QueryMySessionOption tooMany = new QueryMySessionOption();
        tooMany.setLimit(101);
        String code = listFailure(service, tooMany);
        check(code.equals("414"), "limit 101: " + code);
        SessionService closed = service(url, refresh -> {
            throw new IllegalStateException("no token today");
        });
        String thrown = listFailure(closed, null);
        check(thrown.equals("TokenProviderFailed"), "a provider that throws: " + thrown);
        closed.close();
        String after = listFailure(closed, null);
        check(after.equals("Closed"), "after close: " + after);
        try {
            service("no url", TokenProvider.of("t")).close();
            throw new AssertionError("a service without a URL");
        } catch (IllegalArgumentException expected) {
            check(expected.getMessage().contains("serverUrl"), expected.getMessage());
        }
    }

    private static void nimDoor(String url, String account, String token) throws Exception {
        SDKOptions options = new SDKOptions(new SessionServiceOptions.Builder(url).build());
        NIMClient.init(null, new LoginInfo(account, token), options);
        MsgService service = NIMClient.getService(MsgService.class);
        InvocationFuture<RecentSessionList> call =
            service.queryMySessionList(new QueryMySessionOption());
        check(!result(call::setCallback).getSessionList().isEmpty(), "NIM's door: an empty list");
    }

    /** Returns the failure of a list call, see {@link #failure}. */
    public static String listFailure(SessionService service, QueryMySessionOption option)
            throws Exception {
        return Smoke.<RecentSessionList>failure(
            callback -> service.queryMySessionList(option, callback));
    }

    /** Waits for the result of a call that must succeed. */
    public static <T> T result(Consumer<RequestCallback<T>> call) throws Exception {
        return start(call).get(60, TimeUnit.SECONDS);
    }

    /** Waits for the failure of a call that must fail: its code or the kind of its exception. */
    public static <T> String failure(Consumer<RequestCallback<T>> call) throws Exception {
        CompletableFuture<String> outcome = new CompletableFuture<>();
        call.accept(new RequestCallback<T>() {
            @Override public void onSuccess(T param) {
                outcome.complete("success");
            }

            @Override public void onFailed(int code) {
                outcome.complete(Integer.toString(code));
            }

            @Override public void onException(Throwable exception) {
                outcome.complete(kind(exception));
            }
        });
        return outcome.get(60, TimeUnit.SECONDS);
    }

    // R8 renames classes, so their names cannot be compared.
    private static String kind(Throwable exception) {
        if (exception instanceof SessionException.TokenProviderFailed) return "TokenProviderFailed";
        if (exception instanceof SessionException.Closed) return "Closed";
        if (exception instanceof SessionException.Internal) return "Internal";
        return exception.toString();
    }

    private static <T> CompletableFuture<T> start(Consumer<RequestCallback<T>> call) {
        CompletableFuture<T> outcome = new CompletableFuture<>();
        call.accept(new RequestCallback<T>() {
            @Override public void onSuccess(T param) {
                outcome.complete(param);
            }

            @Override public void onFailed(int code) {
                outcome.completeExceptionally(new AssertionError("a call failed with " + code));
            }

            @Override public void onException(Throwable exception) {
                outcome.completeExceptionally(exception);
            }
        });
        return outcome;
    }

    /** Ends the run if a condition is false. */
    public static void check(boolean holds, String otherwise) {
        if (!holds) throw new AssertionError(otherwise);
    }
}

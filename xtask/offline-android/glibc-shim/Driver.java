// Drives the Android library of x86_64 on this machine's C library, through the facade and JNA:
// what an emulator would show, as far as no Android is needed for it. See shim.c.
package dev.huihua.smoke;

import com.sun.jna.Function;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import dev.huihua.sdk.RecentSessionList;
import dev.huihua.sdk.RequestCallback;
import dev.huihua.sdk.SessionService;
import dev.huihua.sdk.SessionServiceOptions;
import dev.huihua.sdk.TokenProvider;
import dev.huihua.sdk.ffi.CallCallback;
import dev.huihua.sdk.ffi.CallOutcome;
import dev.huihua.sdk.ffi.Failure;
import dev.huihua.sdk.ffi.FfiConverterTypeCallCallback;
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.security.KeyStore;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;

/**
 * Arguments: library, server URL, account, key store of a TLS server for 127.0.0.1 whose root is
 * the entry `root`, and `panics` when the library has the calls that do.
 */
public final class Driver {
    private static final int RTLD_NOW = 2;
    /** The shim's functions win over glibc's of the same name. */
    private static final int RTLD_DEEPBIND = 8;
    private static final int CALLS = 1_000;
    /** UniFFI's RustCallStatus: a code, and the error as three words. */
    private static final int STATUS_BYTES = 32;
    private static final byte STATUS_PANIC = 2;
    private static final char[] PASSWORD = "changeit".toCharArray();

    private Driver() {}

    public static void main(String[] arguments) {
        try {
            String token = System.getenv("HUIHUA_TOKEN");
            // Stays loaded so: whoever loads it later gets this one.
            NativeLibrary library = NativeLibrary.getInstance(arguments[0],
                Collections.singletonMap(Library.OPTION_OPEN_FLAGS, RTLD_NOW | RTLD_DEEPBIND));
            Smoke.run(arguments[1], arguments[2], token);
            System.out.println("calls, errors, callbacks, a waiting sync, NIM's door");
            manyCalls(arguments[1], token);
            System.out.println(CALLS + " calls at once, each told once");
            // getaddrinfo's structure differs: with glibc's own in its place this is a crash.
            String named = arguments[1].replace("127.0.0.1", "localhost");
            list(Smoke.service(named, TokenProvider.of(token)));
            System.out.println("a server by its name");
            tls(URI.create(arguments[1]), token, arguments[3]);
            System.out.println("TLS with its own root; without the root it is refused");
            if (arguments[4].equals("panics")) {
                panics(library, arguments[1], token);
                System.out.println("panics on both sides of the border become errors");
            }
        } catch (Throwable wrong) {
            wrong.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }

    private static void manyCalls(String url, String token) throws Exception {
        AtomicInteger succeeded = new AtomicInteger();
        AtomicInteger told = new AtomicInteger();
        CountDownLatch left = new CountDownLatch(CALLS);
        try (SessionService service = Smoke.service(url, TokenProvider.of(token))) {
            for (int at = 0; at < CALLS; at++) {
                service.queryMySessionList(null, new RequestCallback<RecentSessionList>() {
                    @Override public void onSuccess(RecentSessionList list) {
                        succeeded.incrementAndGet();
                        ended();
                    }

                    @Override public void onFailed(int code) {
                        ended();
                    }

                    @Override public void onException(Throwable exception) {
                        ended();
                    }

                    private void ended() {
                        told.incrementAndGet();
                        left.countDown();
                    }
                });
            }
            Smoke.check(left.await(90, TimeUnit.SECONDS), left.getCount() + " were never told");
        }
        Smoke.check(told.get() == CALLS, told + " ends of " + CALLS + " calls");
        Smoke.check(succeeded.get() == CALLS, succeeded + " of " + CALLS + " succeeded");
    }

    private static void list(SessionService service) throws Exception {
        try (service) {
            RecentSessionList list = Smoke.<RecentSessionList>result(
                told -> service.queryMySessionList(null, told));
            Smoke.check(!list.getSessionList().isEmpty(), "an empty list");
        }
    }

    private static void tls(URI server, String token, String keyStore) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream in = new FileInputStream(keyStore)) {
            store.load(in, PASSWORD);
        }
        try (SSLServerSocket front = tlsFront(store, server)) {
            String url = "https://127.0.0.1:" + front.getLocalPort();
            SessionServiceOptions.Builder options =
                new SessionServiceOptions.Builder(url, TokenProvider.of(token));
            options.addRootCertificate(store.getCertificate("root").getEncoded());
            list(new SessionService(options.build()));
            try (SessionService service = Smoke.service(url, TokenProvider.of(token))) {
                String refused = Smoke.listFailure(service, null);
                Smoke.check(refused.equals("415"), "a strange root: " + refused);
            }
        }
    }

    /** Ends TLS and hands the bytes on to the server. */
    private static SSLServerSocket tlsFront(KeyStore store, URI server) throws Exception {
        KeyManagerFactory keys =
            KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        SSLServerSocket front = (SSLServerSocket) context.getServerSocketFactory()
            .createServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        daemon(() -> {
            while (true) {
                Socket client = front.accept();
                Socket backend = new Socket(server.getHost(), server.getPort());
                daemon(() -> pump(client, backend));
                daemon(() -> pump(backend, client));
            }
        });
        return front;
    }

    private static void pump(Socket from, Socket to) throws IOException {
        try (from; to) {
            from.getInputStream().transferTo(to.getOutputStream());
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void daemon(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException ended) {
                // The other side went away; the client sees what it must.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static void panics(NativeLibrary library, String url, String token) throws Exception {
        Memory status = new Memory(STATUS_BYTES);
        status.clear();
        library.getFunction("uniffi_huihua_fn_func_test_panic").invoke(new Object[] {status});
        Smoke.check(status.getByte(0) == STATUS_PANIC, "status " + status.getByte(0));

        try (SessionService service = Smoke.service(url, TokenProvider.of(token))) {
            Object inner = field(service, "native");
            dev.huihua.sdk.ffi.SessionService generated =
                (dev.huihua.sdk.ffi.SessionService) field(inner, "service");
            CompletableFuture<String> told = new CompletableFuture<>();
            CallCallback receiver = outcome -> told.complete(kind(outcome));
            long callback = FfiConverterTypeCallCallback.INSTANCE.lower(receiver);
            status.clear();
            Function call = library.getFunction(
                "uniffi_huihua_fn_method_sessionservice_test_panic_in_call");
            call.invokeLong(new Object[] {generated.uniffiCloneHandle(), callback, status});
            Smoke.check(status.getByte(0) == 0, "the call did not start");
            String end = told.get(30, TimeUnit.SECONDS);
            Smoke.check(end.equals("Internal"), "a panic in a call: " + end);
            // The process is whole: the same service goes on.
            Smoke.<RecentSessionList>result(
                after -> service.queryMySessionList(null, after));
        }
    }

    private static String kind(CallOutcome outcome) {
        if (!(outcome instanceof CallOutcome.Failed)) return "success";
        Failure failure = ((CallOutcome.Failed) outcome).getFailure();
        if (!(failure instanceof Failure.Exception)) return "failed";
        return ((Failure.Exception) failure).getError().getClass().getSimpleName();
    }

    private static Object field(Object of, String name) throws Exception {
        Field field = of.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(of);
    }
}

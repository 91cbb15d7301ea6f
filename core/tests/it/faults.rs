//! Every call under every fault of a network: each ends once, within its deadline, with the
//! expected outcome.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use huihua_core::{
    Code, QueryMySessionOption, SyncOption,
    client::{Error, Options, Resolver, SessionService},
};

use crate::support::{
    Lines, ReceivedRequest,
    ScriptedReply::{self, Bytes, BytesThenClose, BytesThenReset, BytesThenStall},
    ScriptedServer, answer, json, no_content, options, problem,
};

const DEADLINE: Duration = Duration::from_secs(4);
/// Tolerance for a busy machine, far below the time of a call without a deadline.
const SLACK: Duration = Duration::from_secs(10);

const CALLS: [&str; 6] = ["list", "one", "update", "delete", "sync", "account"];

/// Makes one of the six calls.
async fn call(service: &SessionService, name: &str) -> Result<(), Error> {
    match name {
        "list" => service.query_my_session_list(&QueryMySessionOption::default()).await.map(drop),
        "one" => service.query_my_session("p2p|bob").await.map(drop),
        "update" => service.update_my_session("p2p|bob", "x").await.map(drop),
        "delete" => service.delete_my_session(&["p2p|bob".to_owned()]).await,
        "sync" => service.sync(&SyncOption::default()).await.map(drop),
        "account" => service.account().await.map(drop),
        other => panic!("{other}"),
    }
}

/// Returns the correct answer.
fn good(seen: &ReceivedRequest) -> ScriptedReply {
    const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;
    if seen.method == "POST" {
        return no_content();
    }
    json(match seen.target.split('?').next().unwrap() {
        "/v1/sessions" => r#"{"sessionList":[],"hasMore":false,"syncCursor":"c"}"#,
        "/v1/sync" => r#"{"changes":[],"cursor":"c","hasMore":false,"reset":false}"#,
        "/v1/account" => r#"{"account":"amy","appKey":"app","expiresAt":7}"#,
        _ => ROW,
    })
}

fn short(mut options: Options) -> Options {
    options.connect_timeout_ms = 400;
    options.attempt_timeout_ms = 800;
    options.call_timeout_ms = u64::try_from(DEADLINE.as_millis()).unwrap();
    options
}

/// The code, or 1000 and the status of a foreign answer.
fn number(error: &Error) -> u16 {
    match error {
        Error::Failed { code, .. } => code.number(),
        Error::Answer { status, .. } => 1_000 + status,
        other => panic!("{other:?}"),
    }
}

/// Lists each permanent fault with the expected number of the failure.
fn faults() -> Vec<(&'static str, ScriptedReply, u16)> {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"sess".to_vec();
    let html = |status| answer(status, "text/html", "<html>no</html>");
    vec![
        ("reset", BytesThenReset(vec![]), 415),
        ("stall", BytesThenStall(vec![]), 408),
        ("stall after half an answer", BytesThenStall(half.clone()), 408),
        ("half an answer", BytesThenClose(half), 415),
        ("garbage", BytesThenClose(vec![0xfe; 3_000]), 415),
        ("an HTML 502", html(502), 1_502),
        ("503", problem(503, 503, "retry-after: 0\r\n"), 503),
        ("503 for longer than the call", problem(503, 503, "retry-after: 60\r\n"), 503),
        ("429", problem(429, 416, "retry-after: 0\r\n"), 416),
        ("429 for longer than the call", problem(429, 416, "retry-after: 60\r\n"), 416),
        ("a refused token", problem(401, 302, ""), 302),
    ]
}

/// Runs all calls concurrently, each with its own server.
async fn at_once<F: Future<Output = ()> + Send + 'static>(each: impl Fn(&'static str) -> F) {
    let tasks: Vec<_> = CALLS.into_iter().map(|name| tokio::spawn(each(name))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Returns the failure of one call at a server that always gives the same reply.
async fn failure(name: &str, reply: ScriptedReply) -> Error {
    let server = ScriptedServer::start(move |_, _| reply.clone()).await;
    let service = SessionService::new(short(options(server.url()))).unwrap();
    let start = Instant::now();
    let error = call(&service, name).await.unwrap_err();
    assert!(start.elapsed() < DEADLINE + SLACK, "{name}");
    error
}

#[tokio::test]
async fn every_call_ends_within_its_deadline_with_the_expected_outcome() {
    for (fault, reply, expected) in faults() {
        at_once(|name| {
            let reply = reply.clone();
            async move {
                let error = failure(name, reply).await;
                assert_eq!(number(&error), expected, "{name}, {fault}: {error:?}");
                let writes = matches!(name, "update" | "delete");
                let surely_not = matches!(expected, 302 | 416);
                assert_eq!(error.may_have_applied(), writes && !surely_not, "{name}, {fault}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn an_answer_of_50_mib_ends_every_call_that_reads_one() {
    let reply = answer(200, "application/json", &" ".repeat(50 * 1024 * 1024));
    // Success of a deletion is a 204, which has no body.
    for name in CALLS.into_iter().filter(|name| *name != "delete") {
        let error = failure(name, reply.clone()).await;
        assert_eq!(number(&error), 1_200, "{name}: {error:?}");
        assert!(error.to_string().contains("longer than 8388608 bytes"), "{error}");
    }
}

#[tokio::test]
async fn json_of_another_shape_is_an_unexpected_answer() {
    let server = ScriptedServer::start(|_, _| json(r#"{"hello":"world"}"#)).await;
    let service = SessionService::new(short(options(server.url()))).unwrap();
    for name in CALLS {
        let error = call(&service, name).await.unwrap_err();
        assert_eq!(number(&error), 1_200, "{name}: {error:?}");
    }
}

#[tokio::test]
async fn every_call_recovers_from_a_passing_fault() {
    for (fault, reply, _) in faults() {
        // The call would be over before the server wants it back.
        if fault.ends_with("longer than the call") {
            continue;
        }
        at_once(|name| {
            let reply = reply.clone();
            async move {
                let script = move |n, seen: &ReceivedRequest| {
                    if n == 0 { reply.clone() } else { good(seen) }
                };
                let server = ScriptedServer::start(script).await;
                let service = SessionService::new(short(options(server.url()))).unwrap();
                let outcome = call(&service, name).await;
                assert!(outcome.is_ok(), "{name}, {fault}: {outcome:?}");
                assert_eq!(server.seen().len(), 2, "{name}, {fault}");
            }
        })
        .await;
    }
}

/// Calls that start while the server is down succeed once it is back at the same address.
#[tokio::test]
async fn calls_recover_when_a_server_restarts() {
    let server = ScriptedServer::start(|_, seen| good(seen)).await;
    let (address, lines) = (server.address, Arc::<Lines>::default());
    let mut options = options(server.url());
    options.attempts_max = 1_000;
    options.logger = Some(lines.clone());
    let service = SessionService::new(options).unwrap();
    // A connection is there, and is cut.
    call(&service, "one").await.unwrap();
    drop(server);
    let calls: Vec<_> = CALLS
        .into_iter()
        .map(|name| {
            let service = service.clone();
            tokio::spawn(async move { call(&service, name).await })
        })
        .collect();
    for name in ["queryMySessionList", "updateMySession", "deleteMySession", "account"] {
        lines.wait_for(&format!("{name}: connection failed (415)")).await;
    }
    let server = ScriptedServer::restart(address, |_, seen| good(seen)).await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.seen().len(), CALLS.len());
}

type Addresses = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;

/// Makes a resolver of a closure and counts its calls.
struct ClosureResolver<F>(F, AtomicUsize);

impl<F: Fn(&str) -> Addresses + Send + Sync> Resolver for ClosureResolver<F> {
    fn resolve(&self, host: &str) -> Addresses {
        self.1.fetch_add(1, Ordering::SeqCst);
        (self.0)(host)
    }
}

fn named<F: Fn(&str) -> Addresses + Send + Sync + 'static>(
    server: &ScriptedServer,
    names: F,
) -> Options {
    let port = server.address.port();
    let mut options = short(options(format!("http://im.example.test:{port}")));
    options.cleartext_allowed = true;
    options.resolver = Some(Arc::new(ClosureResolver(names, AtomicUsize::new(0))));
    options
}

#[tokio::test]
async fn the_options_resolver_may_be_slow() {
    let server = ScriptedServer::start(|_, seen| good(seen)).await;
    let local: IpAddr = "127.0.0.1".parse().unwrap();
    let options = named(&server, move |host| {
        assert_eq!(host, "im.example.test");
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(vec![local])
        })
    });
    let service = SessionService::new(options).unwrap();
    for name in CALLS {
        call(&service, name).await.unwrap();
    }
    assert!(server.seen().iter().all(|seen| seen.header("host").unwrap().starts_with("im.")));
}

#[tokio::test]
async fn a_late_or_failing_resolver_ends_within_the_deadline() {
    let server = ScriptedServer::start(|_, seen| good(seen)).await;
    let never = named(&server, |_| Box::pin(std::future::pending()));
    let unknown = named(&server, |_| Box::pin(async { Err(std::io::Error::other("NXDOMAIN")) }));
    let empty = named(&server, |_| Box::pin(async { Ok(vec![]) }));
    let cases = [
        (never, "no connection within the connect timeout"),
        (unknown, "the server's name was not found"),
        (empty, "no connection to the server"),
    ];
    for (options, reason) in cases {
        let service = SessionService::new(options).unwrap();
        at_once(|name| {
            let service = service.clone();
            async move {
                let start = Instant::now();
                let error = call(&service, name).await.unwrap_err();
                let Error::Failed { code: Code::Connection, detail, .. } = &error else {
                    panic!("{name}: {error:?}");
                };
                assert_eq!(detail, reason, "{name}");
                assert!(!error.may_have_applied(), "nothing was sent: {error:?}");
                assert!(start.elapsed() < DEADLINE + SLACK);
            }
        })
        .await;
    }
    assert_eq!(server.seen(), []);
}

/// 50 callers, all refused at once while every other fault goes on: one refresh, and each call has
/// one outcome.
#[tokio::test]
async fn a_storm_of_refusals_among_faults_is_one_refresh() {
    let server = ScriptedServer::start(|n, seen| {
        if seen.header("authorization") == Some("Bearer token-1") {
            return problem(401, 302, "");
        }
        match n % 5 {
            0 => BytesThenReset(vec![]),
            1 => Bytes(b"HTTP/1.1 502 X\r\ncontent-length: 0\r\n\r\n".to_vec()),
            _ => good(seen),
        }
    })
    .await;
    let provider = Arc::<crate::support::CountingProvider>::default();
    let mut options = Options::new(server.url(), provider.clone());
    options.attempts_max = 50;
    let service = SessionService::new(options).unwrap();
    let calls: Vec<_> = (0..50)
        .map(|n| {
            let service = service.clone();
            tokio::spawn(async move { call(&service, CALLS[n % CALLS.len()]).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(provider.asked.load(Ordering::SeqCst), 2);
}

//! The sync call: its exact request, its result, and that a long wait is not a timeout.

use std::time::{Duration, Instant};

use huihua_core::{
    Code, SessionChange, SyncOption, SyncPage,
    client::{Error, SessionService},
    paths,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use crate::support::{
    ReceivedRequest,
    ScriptedReply::{After, BytesThenReset, BytesThenStall},
    ScriptedServer, answer, json, options, problem, service,
};

const NOTHING: &str = r#"{"changes":[],"cursor":"c2","hasMore":false,"reset":false}"#;

fn since(cursor: &str) -> SyncOption {
    SyncOption { cursor: Some(cursor.to_owned()), ..SyncOption::default() }
}

fn with_wait(wait_ms: u32) -> SyncOption {
    SyncOption { wait_ms, ..since("c") }
}

/// Returns the `waitMs` of a request; 0 if it has none.
fn wait_ms(seen: &ReceivedRequest) -> u64 {
    let wait = seen.target.split('&').find_map(|part| part.strip_prefix("waitMs="));
    wait.map_or(0, |ms| ms.parse().unwrap())
}

#[tokio::test]
async fn a_sync_sends_exactly_what_the_option_sets() {
    let cases = [
        (SyncOption::default(), "needLastMsg=true&limit=100"),
        (since(paths::SYNC_LATEST), "needLastMsg=true&limit=100&cursor=latest"),
        (since("a+/=&b c"), "needLastMsg=true&limit=100&cursor=a%2B%2F%3D%26b+c"),
        (
            SyncOption { limit: 500, need_last_msg: false, ..with_wait(30_000) },
            "needLastMsg=false&limit=500&cursor=c&waitMs=30000",
        ),
        (SyncOption { limit: 1, ..with_wait(1) }, "needLastMsg=true&limit=1&cursor=c&waitMs=1"),
    ];
    for (option, query) in cases {
        let server = ScriptedServer::start(|_, _| json(NOTHING)).await;
        let page = service(&server).sync(&option).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].method, "GET");
        assert_eq!(seen[0].target, format!("/v1/sync?{query}"));
        assert_eq!(seen[0].header("idempotency-key"), None);
        assert_eq!(seen[0].header("authorization"), Some("Bearer token-1"));
        let expected =
            SyncPage { changes: vec![], cursor: "c2".into(), has_more: false, reset: false };
        assert_eq!(page, expected);
    }
}

#[tokio::test]
async fn a_sync_returns_changes_in_their_order() {
    let body = concat!(
        r#"{"changes":[{"deleted":"team|1"},"#,
        r#"{"session":{"sessionId":"p2p|bob","updateTime":7,"ext":"e"}}],"#,
        r#""cursor":"c2","hasMore":true,"reset":false}"#
    );
    let server = ScriptedServer::start(move |_, _| json(body)).await;
    let page = service(&server).sync(&since("c")).await.unwrap();
    let [SessionChange::Deleted(deleted), SessionChange::Session(row)] = &page.changes[..] else {
        panic!("{page:?}");
    };
    assert_eq!(deleted.to_string(), "team|1");
    assert_eq!((row.session_id.peer(), row.update_time, row.ext.as_str()), ("bob", 7, "e"));
    assert!(page.has_more);
}

#[tokio::test]
async fn an_option_out_of_range_is_never_sent() {
    let server = ScriptedServer::start(|_, _| json(NOTHING)).await;
    let service = service(&server);
    let cases = [
        ("limit", SyncOption { limit: 0, ..SyncOption::default() }),
        ("limit", SyncOption { limit: 501, ..SyncOption::default() }),
        ("limit", SyncOption { limit: u32::MAX, ..SyncOption::default() }),
        ("waitMs", with_wait(30_001)),
        ("waitMs", with_wait(u32::MAX)),
    ];
    for (field, option) in cases {
        let error = service.sync(&option).await.unwrap_err();
        let Error::Failed { code: Code::InvalidParameter, detail, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(detail.starts_with(field), "{detail}");
    }
    assert_eq!(server.seen(), []);
}

#[tokio::test]
async fn a_sync_answer_of_another_shape_is_an_unexpected_answer() {
    for body in ["{}", r#"{"changes":[{"gone":"p2p|bob"}],"cursor":"c"}"#, "[]"] {
        let server = ScriptedServer::start(move |_, _| json(body)).await;
        let error = service(&server).sync(&since("c")).await.unwrap_err();
        let is_expected =
            matches!(error, Error::Answer { status: 200, may_have_applied: false, .. });
        assert!(is_expected, "{error:?}");
    }
}

/// The wait is longer than the timeouts of an attempt and of a call.
#[tokio::test]
async fn a_long_wait_is_not_a_timeout() {
    let held = Duration::from_millis(900);
    let server = ScriptedServer::start(move |_, _| After(held, Box::new(json(NOTHING)))).await;
    let mut options = options(server.url());
    (options.attempt_timeout_ms, options.call_timeout_ms) = (300, 300);
    let service = SessionService::new(options).unwrap();
    let page = service.sync(&with_wait(1_000)).await.unwrap();
    assert_eq!((page.cursor.as_str(), server.seen().len()), ("c2", 1));
}

#[tokio::test]
async fn silence_after_the_wait_is_a_timeout() {
    let server = ScriptedServer::start(|_, _| BytesThenStall(vec![])).await;
    let mut options = options(server.url());
    (options.attempt_timeout_ms, options.attempts_max) = (100, 1);
    let service = SessionService::new(options.clone()).unwrap();
    let start = Instant::now();
    let error = service.sync(&with_wait(400)).await.unwrap_err();
    assert!(matches!(error, Error::Failed { code: Code::Timeout, .. }), "{error:?}");
    let took = start.elapsed();
    assert!((500..10_000).contains(&took.as_millis()), "{took:?}");
    // The deadline of the call, whatever its attempts may take.
    (options.attempt_timeout_ms, options.call_timeout_ms) = (15_000, 100);
    let service = SessionService::new(options).unwrap();
    let start = Instant::now();
    let error = service.sync(&with_wait(400)).await.unwrap_err();
    assert!(matches!(error, Error::Failed { code: Code::Timeout, .. }), "{error:?}");
    let took = start.elapsed();
    assert!((500..10_000).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn a_sync_recovers_from_a_failure_without_restarting_its_wait() {
    let held = Duration::from_millis(600);
    for first in [
        BytesThenReset(vec![]),
        problem(503, 503, "retry-after: 0\r\n"),
        answer(502, "text/html", "<html>no</html>"),
    ] {
        let reply = move |n, _: &ReceivedRequest| match n {
            0 => After(held, Box::new(first.clone())),
            _ => json(NOTHING),
        };
        let server = ScriptedServer::start(reply).await;
        service(&server).sync(&with_wait(30_000)).await.unwrap();
        let [first, second] = &server.seen()[..] else { panic!("{:?}", server.seen()) };
        assert_eq!(wait_ms(first), 30_000);
        assert!((20_000..=29_400).contains(&wait_ms(second)), "{second:?}");
    }
    // Used up: the next attempt asks for an answer at once.
    let server = ScriptedServer::start(move |n, _| match n {
        0 => After(held, Box::new(BytesThenReset(vec![]))),
        _ => json(NOTHING),
    });
    let server = server.await;
    service(&server).sync(&with_wait(500)).await.unwrap();
    assert!(server.seen()[1].target.ends_with("&cursor=c"), "{:?}", server.seen());
}

/// Dropping the call's future closes its connection, so that the server stops waiting.
#[tokio::test]
async fn dropping_a_waiting_sync_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = SessionService::new(options(url)).unwrap();
    let call = tokio::spawn(async move { service.sync(&with_wait(30_000)).await });
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(connection.read_buf(&mut request).await.unwrap(), 0);
    }
    let start = Instant::now();
    call.abort();
    // Closed or reset: either way no wait of 30 s.
    let _ = connection.read(&mut [0]).await;
    assert!(start.elapsed() < Duration::from_secs(10));
}

//! Injected failures: the error of the call, the number of attempts, and whether a write may have
//! taken effect.

use std::time::{Duration, Instant};

use huihua_core::{
    Code,
    client::{Error, Options, SessionService},
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::{
    ReceivedRequest,
    ScriptedReply::{self, After, Bytes, BytesThenClose, BytesThenReset, BytesThenStall},
    ScriptedServer, answer, answer_with, gzip, gzipped, json, no_content, options, problem,
    service,
};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;

/// A half of a good answer.
fn half() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-length: 38\r\n\r\n{\"sessionId\":".to_vec()
}

fn html(status: u16) -> ScriptedReply {
    answer(status, "text/html", "<html>no</html>")
}

/// Returns the result of a write and the number of its attempts, which get these replies, the last
/// one repeated. Asserts that all attempts are the same call with the same key.
async fn update(
    replies: Vec<ScriptedReply>,
    change: impl FnOnce(&mut Options),
) -> (Result<(), Error>, usize) {
    let server = ScriptedServer::start(move |n, _| replies[n.min(replies.len() - 1)].clone()).await;
    let mut options = options(server.url());
    change(&mut options);
    let service = SessionService::new(options).unwrap();
    let result = service.update_my_session("p2p|bob", "x").await.map(drop);
    let seen = server.seen();
    for attempt in &seen {
        // All but the token, which may have been refused.
        let call = |seen: &ReceivedRequest| {
            let key = seen.header("idempotency-key").unwrap().to_owned();
            (seen.method.clone(), seen.target.clone(), seen.body.clone(), key)
        };
        assert_eq!(call(attempt), call(&seen[0]));
    }
    (result, seen.len())
}

/// Code and may-have-applied of a failed call.
fn outcome(error: &Error) -> (u16, bool) {
    match error {
        Error::Failed { code, may_have_applied, .. } => (code.number(), *may_have_applied),
        Error::Answer { status, may_have_applied, .. } => (1_000 + status, *may_have_applied),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_failure_has_its_outcome() {
    // (name, replies, (code or 1000 + foreign status, may have applied), attempts)
    let cases = [
        ("reset unread", vec![BytesThenReset(vec![])], (415, true), 3),
        ("closed unread", vec![BytesThenClose(vec![])], (415, true), 3),
        ("half an answer", vec![BytesThenClose(half())], (415, true), 3),
        ("reset in the body", vec![BytesThenReset(half())], (415, true), 3),
        ("no HTTP at all", vec![BytesThenClose(vec![0xff; 4_000])], (415, true), 3),
        ("proxy's 502", vec![html(502)], (1_502, true), 3),
        ("proxy's 401, token renewed", vec![html(401)], (1_401, true), 2),
        ("401, token renewed", vec![problem(401, 302, "")], (302, false), 2),
        ("proxy's 403", vec![html(403)], (1_403, true), 1),
        ("HTML 200", vec![html(200)], (1_200, true), 1),
        ("JSON of no session", vec![json("[]")], (1_200, true), 1),
        ("an empty answer", vec![json("")], (1_200, true), 1),
        ("204 to an update", vec![no_content()], (1_204, true), 1),
        ("a redirect", vec![answer_with(307, "location: /v1/account\r\n", "")], (1_307, true), 1),
        ("a code that is not ours", vec![problem(400, 999, "")], (1_400, true), 1),
        ("a code that only clients say", vec![problem(408, 408, "")], (1_408, true), 1),
        ("403", vec![problem(403, 403, "")], (403, false), 1),
        ("404", vec![problem(404, 404, "")], (404, false), 1),
        ("414", vec![problem(400, 414, "")], (414, false), 1),
        ("414 for the size", vec![problem(413, 414, "")], (414, false), 1),
        ("416", vec![problem(429, 416, "retry-after: 0\r\n")], (416, false), 3),
        ("500", vec![problem(500, 500, "")], (500, true), 1),
        ("503", vec![problem(503, 503, "retry-after: 0\r\n")], (503, true), 3),
        // What an earlier attempt may have done is not forgotten.
        ("reset, then 403", vec![BytesThenReset(vec![]), problem(403, 403, "")], (403, true), 2),
        ("416, then 403", vec![problem(429, 416, ""), problem(403, 403, "")], (403, false), 2),
        ("502, then 403", vec![html(502), problem(403, 403, "")], (403, true), 2),
    ];
    for (name, replies, expected, attempts) in cases {
        let (result, seen) = update(replies, |_| ()).await;
        assert_eq!((outcome(&result.unwrap_err()), seen), (expected, attempts), "{name}");
    }
}

#[tokio::test]
async fn a_call_recovers_from_a_passing_failure() {
    let passing = [
        BytesThenReset(vec![]),
        BytesThenClose(half()),
        BytesThenStall(half()),
        html(502),
        html(503),
        problem(503, 503, ""),
        problem(429, 416, "retry-after: 0\r\n"),
    ];
    for first in passing {
        let replies = vec![first, json(ROW)];
        let (result, attempts) = update(replies, |o| o.attempt_timeout_ms = 300).await;
        result.unwrap();
        assert_eq!(attempts, 2);
    }
}

#[tokio::test]
async fn a_refused_connection_is_415_and_has_not_applied() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let service = SessionService::new(options(format!("http://{address}"))).unwrap();
    let error = service.delete_my_session(&["p2p|bob".into()]).await.unwrap_err();
    assert_eq!(outcome(&error), (415, false));
}

#[tokio::test]
async fn an_unknown_host_is_415() {
    let mut options = options("http://no-such-host.invalid");
    options.cleartext_allowed = true;
    let service = SessionService::new(options).unwrap();
    let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
    assert_eq!(outcome(&error), (415, false));
    assert!(!error.to_string().contains("invalid"), "{error}");
}

#[tokio::test]
async fn a_read_never_may_have_applied() {
    for reply in [BytesThenReset(vec![]), problem(500, 500, ""), html(403), json("[]")] {
        let server = ScriptedServer::start(move |_, _| reply.clone()).await;
        let error = service(&server).query_my_session("p2p|bob").await.unwrap_err();
        assert!(!error.may_have_applied(), "{error:?}");
        assert!(server.seen().iter().all(|seen| seen.header("idempotency-key").is_none()));
    }
}

#[tokio::test]
async fn a_silent_server_ends_the_attempt_and_then_the_call() {
    // Each attempt has its time; three of them are used up before the deadline.
    let (result, attempts) =
        update(vec![BytesThenStall(half())], |o| o.attempt_timeout_ms = 50).await;
    assert_eq!((outcome(&result.unwrap_err()), attempts), ((408, true), 3));
    // The deadline strikes in the first attempt.
    let (result, attempts) =
        update(vec![BytesThenStall(vec![])], |o| o.call_timeout_ms = 100).await;
    assert_eq!((outcome(&result.unwrap_err()), attempts), ((408, true), 1));
}

#[tokio::test]
async fn the_deadline_covers_the_token_too() {
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    let provider = crate::support::ClosureProvider(|_| std::future::pending());
    let mut options = Options::new(server.url(), std::sync::Arc::new(provider));
    options.call_timeout_ms = 50;
    let service = SessionService::new(options).unwrap();
    let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
    assert_eq!(outcome(&error), (408, false));
    assert_eq!(server.seen(), []);
}

#[tokio::test]
async fn a_call_waits_for_the_servers_retry_after() {
    let start = Instant::now();
    let replies = vec![problem(503, 503, "retry-after: 1\r\n"), json(ROW)];
    let (result, attempts) = update(replies, |_| ()).await;
    result.unwrap();
    assert_eq!(attempts, 2);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_retry_after_beyond_the_deadline_fails_at_once() {
    for (status, code) in [(503, 503), (429, 416)] {
        let start = Instant::now();
        let reply = problem(status, code, "retry-after: 30\r\n");
        let (result, attempts) = update(vec![reply], |_| ()).await;
        let Err(Error::Failed { retry_after_ms, request_id, detail, .. }) = result else {
            panic!("{result:?}");
        };
        assert_eq!((retry_after_ms, attempts), (Some(30_000), 1));
        assert_eq!((request_id.as_deref(), detail.as_str()), (Some("r1"), "d"));
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}

#[tokio::test]
async fn a_call_makes_at_most_attempts_max_attempts() {
    for attempts_max in [1, 2] {
        let (result, attempts) =
            update(vec![BytesThenReset(vec![])], |o| o.attempts_max = attempts_max).await;
        assert_eq!(outcome(&result.unwrap_err()), (415, true));
        assert_eq!(attempts, attempts_max as usize);
    }
}

#[tokio::test]
async fn a_dropped_call_leaves_the_service_working() {
    let server = ScriptedServer::start(|n, _| match n {
        0 => BytesThenStall(vec![]),
        _ => After(Duration::from_millis(10), Box::new(json(ROW))),
    })
    .await;
    let service = service(&server);
    let call = service.query_my_session("p2p|bob");
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    service.query_my_session("p2p|bob").await.unwrap();
}

#[tokio::test]
async fn an_answer_is_read_to_eight_mebibytes_and_no_further() {
    let size = 50 * 1024 * 1024;
    let spaces = " ".repeat(size);
    let plain = answer(200, "application/json", &spaces);
    let endless = Bytes(
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3200000\r\n", spaces.as_bytes()]
            .concat(),
    );
    // 50 kB on the wire.
    let bomb = Bytes(gzipped(200, &gzip(spaces.as_bytes())));
    for reply in [plain, endless, bomb] {
        let (result, attempts) = update(vec![reply], |_| ()).await;
        let error = result.unwrap_err();
        assert_eq!((outcome(&error), attempts), ((1_200, true), 1));
        assert!(error.to_string().contains("longer than 8388608 bytes"), "{error}");
    }
    // The limit itself is allowed.
    let longest = format!("{}{ROW}", " ".repeat(8 * 1024 * 1024 - ROW.len()));
    update(vec![json(&longest)], |_| ()).await.0.unwrap();
    let (result, _) = update(vec![json(&format!(" {longest}"))], |_| ()).await;
    assert_eq!(outcome(&result.unwrap_err()), (1_200, true));
}

#[test]
fn no_bytes_from_a_server_make_a_call_panic_or_hang() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let header = prop_oneof![
        Just(String::new()),
        Just("content-type: application/problem+json\r\n".to_owned()),
        Just("content-encoding: gzip\r\n".to_owned()),
        Just("transfer-encoding: chunked\r\n".to_owned()),
        "retry-after: [0-9a-z]{0,30}\r\n",
        "[a-z-]{1,9}: [ -~]{0,20}\r\n",
    ];
    let http = (0..1_000_u16, "[ -~]{0,9}", prop::collection::vec(header, 0..4), any::<Vec<u8>>())
        .prop_map(|(status, reason, headers, body)| {
            let head = format!("HTTP/1.1 {status:03} {reason}\r\n{}\r\n", headers.concat());
            [head.into_bytes(), body].concat()
        });
    let bytes = prop_oneof![any::<Vec<u8>>(), http];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(64));
    let checked = runner.run(&bytes, |bytes| {
        let (result, attempts) = runtime.block_on(update(vec![BytesThenClose(bytes)], |o| {
            o.attempts_max = 1;
            o.call_timeout_ms = 5_000;
        }));
        // 401 alone is asked once more, with a new token; a 1xx is no answer at all.
        prop_assert!(attempts <= 2);
        if let Err(error) = result {
            prop_assert!(!matches!(error, Error::Option { .. }), "{error:?}");
            prop_assert!(!matches!(error, Error::Failed { code: Code::Timeout, .. }), "{error:?}");
        }
        Ok(())
    });
    checked.unwrap();
}

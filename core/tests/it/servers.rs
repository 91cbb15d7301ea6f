//! Several servers: when a call switches to the next one, and that later calls stay there.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use huihua_core::{
    Code,
    client::{Error, Options, SessionService},
};

use crate::{
    support::{
        CountingProvider, Lines,
        ScriptedReply::{self, BytesThenReset, BytesThenStall},
        ScriptedServer, answer, answer_with, json, options, problem, storm,
    },
    tls::{GOOD, acceptor, authority},
};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;

fn options_of(urls: &[String]) -> Options {
    Options { server_urls: urls.to_vec(), ..options("") }
}

fn service_of(servers: &[&ScriptedServer]) -> SessionService {
    let urls: Vec<_> = servers.iter().map(|server| server.url()).collect();
    SessionService::new(options_of(&urls)).unwrap()
}

async fn good() -> ScriptedServer {
    ScriptedServer::start(|_, _| json(ROW)).await
}

/// Returns an address that refuses connections.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_call_switches_from_an_unavailable_server_and_keeps_its_key() {
    let html = |status| answer(status, "text/html", "<html>no</html>");
    let cases: [(&str, ScriptedReply, bool); 9] = [
        ("503", problem(503, 503, ""), true),
        ("a proxy's 502", html(502), true),
        ("a proxy's 503", html(503), true),
        ("a proxy's 504", html(504), true),
        ("silence", BytesThenStall(vec![]), true),
        ("a broken connection", BytesThenReset(vec![]), false),
        ("416", problem(429, 416, "retry-after: 0\r\n"), false),
        ("a proxy's 500", html(500), false),
        ("a refused token", problem(401, 302, ""), false),
    ];
    for (name, first, moves) in cases {
        let bad =
            ScriptedServer::start(move |n, _| if n == 0 { first.clone() } else { json(ROW) }).await;
        let other = good().await;
        let mut options = options_of(&[bad.url(), other.url()]);
        options.attempt_timeout_ms = 1_000;
        let service = SessionService::new(options).unwrap();
        service.update_my_session("p2p|bob", "x").await.unwrap();
        let (at_bad, at_other) = (bad.seen(), other.seen());
        assert_eq!(at_bad.len() + at_other.len(), 2, "{name}");
        assert_eq!(at_other.len(), usize::from(moves), "{name}");
        let key =
            |server: &ScriptedServer| server.seen()[0].header("idempotency-key").map(str::to_owned);
        if moves {
            assert_eq!(key(&bad), key(&other), "{name}");
        }
        // Later calls start at the server that answered.
        for _ in 0..3 {
            service.query_my_session("p2p|bob").await.unwrap();
        }
        let (bad, other) = (bad.seen().len(), other.seen().len());
        assert_eq!((bad, other), if moves { (1, 4) } else { (5, 0) }, "{name}");
    }
}

#[tokio::test]
async fn a_final_failure_is_not_retried_at_another_server() {
    for (status, code) in [(400, 414), (403, 403), (404, 404), (500, 500)] {
        let first = ScriptedServer::start(move |_, _| problem(status, code, "")).await;
        let second = good().await;
        let error =
            service_of(&[&first, &second]).update_my_session("p2p|bob", "").await.unwrap_err();
        assert!(matches!(error, Error::Failed { code: c, .. } if c.number() == code), "{error:?}");
        assert_eq!((first.seen().len(), second.seen().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_call_switches_from_an_unreachable_or_untrusted_server() {
    let stranger =
        ScriptedServer::start_on(|_, _| json(ROW), Some(acceptor(&authority(), &GOOD))).await;
    for dead in [nobody(), format!("https://{}", stranger.address)] {
        let server = good().await;
        let mut options = options_of(&[dead, server.url()]);
        options.root_certificates = vec![crate::tls::root(&authority())];
        let service = SessionService::new(options).unwrap();
        service.update_my_session("p2p|bob", "").await.unwrap();
        assert_eq!(server.seen().len(), 1);
    }
    assert_eq!(stranger.seen(), []);
}

#[tokio::test]
async fn concurrent_calls_switch_servers_once() {
    let (second, third) = (good().await, good().await);
    let urls = [nobody(), second.url(), third.url()];
    let mut options = options_of(&urls);
    let provider = Arc::new(CountingProvider::default());
    options.token_provider = provider.clone();
    let service = SessionService::new(options).unwrap();
    storm(&service, 50).await;
    assert_eq!((second.seen().len(), third.seen().len()), (50, 0));
    assert_eq!(provider.asked.load(Ordering::SeqCst), 1);
}

/// With more dead servers than attempts, the next call continues with the next server, in a circle.
#[tokio::test]
async fn every_server_is_tried_in_turn() {
    let first =
        ScriptedServer::start(|n, _| if n == 0 { problem(503, 503, "") } else { json(ROW) }).await;
    let urls = [first.url(), nobody(), nobody()];
    let mut options = options_of(&urls);
    options.attempts_max = 2;
    let service = SessionService::new(options).unwrap();
    let error = service.query_my_session("p2p|bob").await.unwrap_err();
    assert!(matches!(error, Error::Failed { code: Code::Connection, .. }), "{error:?}");
    service.query_my_session("p2p|bob").await.unwrap();
    assert_eq!(first.seen().len(), 2);
}

#[tokio::test]
async fn one_servers_retry_after_does_not_delay_another_server() {
    let busy = || ScriptedServer::start(|_, _| problem(503, 503, "retry-after: 40\r\n"));
    let html = || {
        let headers = "content-type: text/html\r\nretry-after: 40\r\n";
        ScriptedServer::start(move |_, _| answer_with(503, headers, "<html>later</html>"))
    };
    for first in [busy().await, html().await] {
        let second = good().await;
        let start = Instant::now();
        service_of(&[&first, &second]).query_my_session("p2p|bob").await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    // All servers were tried: now Retry-After applies.
    let (first, second) = (busy().await, html().await);
    for servers in [[&first, &second], [&second, &first]] {
        let error = service_of(&servers).query_my_session("p2p|bob").await.unwrap_err();
        assert_eq!(error.retry_after_ms(), Some(40_000), "{error:?}");
        assert!(error.retryable());
    }
    assert_eq!((first.seen().len(), second.seen().len()), (2, 2));
}

#[tokio::test]
async fn the_log_names_a_server_by_its_number() {
    let lines = Arc::<Lines>::default();
    let server = good().await;
    let mut options = options_of(&[nobody(), server.url()]);
    options.logger = Some(lines.clone());
    SessionService::new(options).unwrap().query_my_session("p2p|bob").await.unwrap();
    let lines: Vec<_> = lines.all().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("queryMySession: connection failed (415) by server 1 of 2"));
    assert!(lines[1].starts_with("queryMySession: answered by server 2 of 2"), "{lines:?}");
}

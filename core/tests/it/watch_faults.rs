//! A watch under faults of the network, the server, the token and a proxy: it resumes at its
//! cursor and reports each change once, in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use huihua_core::client::{Error, Options, SessionService, Watch, WatchEvent, WatchStatus};

use crate::{
    support::{
        ClosureProvider, CountingProvider, Lines,
        ScriptedReply::{self, BytesThenClose, BytesThenReset, BytesThenStall},
        ScriptedServer, answer, json, options, problem,
    },
    watch::{EVENT_TIMEOUT, Feed, ReportedChanges, expect, from, next, watch_of},
};

const HTML: &str = "<html>no</html>";

/// Returns the next event, which must be a break: its pause in ms and its cause.
async fn broken(watch: &mut Watch) -> (u64, Error) {
    match tokio::time::timeout(EVENT_TIMEOUT, watch.next()).await.expect("no event came") {
        Some(WatchEvent::Status(WatchStatus::Broken { retry_in_ms, cause })) => {
            (retry_in_ms, cause)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_watch_reconnects_to_a_restarted_server_without_losing_changes() {
    let feed = Feed::new();
    feed.add(2);
    let mut server = feed.start().await;
    let address = server.address;
    let mut watch = watch_of(options(server.url()), None);
    expect(&mut watch, &["connecting", "live", "0 1"]).await;
    let mut known = 2;
    for _ in 0..3 {
        // Cut in the middle of a wait, then nobody there.
        let cut = async {
            feed.is_awaited().await;
            drop(server);
        };
        let ((_, cause), ()) = tokio::join!(broken(&mut watch), cut);
        assert!(cause.retryable(), "{cause:?}");
        expect(&mut watch, &["connecting"]).await;
        let (_, cause) = broken(&mut watch).await;
        assert!(cause.to_string().contains("no connection to the server"), "{cause}");
        feed.add(2);
        let again = feed.clone();
        server = ScriptedServer::restart(address, move |_, seen| again.answer(seen)).await;
        let reported = format!("{} {}", known, known + 1);
        expect(&mut watch, &["connecting", "live", &reported]).await;
        known += 2;
    }
}

#[tokio::test]
async fn a_foreign_answer_breaks_a_watch_but_does_not_end_it() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"changes\":".to_vec();
    let foreign = [
        ("HTML 502", answer(502, "text/html", HTML)),
        ("a captive portal", answer(200, "text/html", HTML)),
        ("HTML 404", answer(404, "text/html", HTML)),
        ("HTML 403", answer(403, "text/html", HTML)),
        ("JSON of another shape", json("[]")),
        ("a redirect", answer(302, "text/html", HTML)),
        ("half an answer", BytesThenClose(half.clone())),
        ("half an answer, reset", BytesThenReset(half)),
        ("garbage", BytesThenClose(vec![0xfd; 2_000])),
        ("a fault of the server", problem(500, 500, "")),
        ("too frequent", problem(429, 416, "retry-after: 0\r\n")),
        ("silence", BytesThenStall(vec![])),
    ];
    for (name, reply) in foreign {
        let feed = Feed::new();
        feed.add(1);
        // Broken twice: when it connects, and when it is live.
        let (script, reply) = (feed.clone(), reply.clone());
        let server = ScriptedServer::start(move |n, seen| match n {
            0 | 2 => reply.clone(),
            _ => script.answer(seen),
        })
        .await;
        let mut options = options(server.url());
        options.attempt_timeout_ms = if name == "silence" { 1_000 } else { 15_000 };
        let mut watch = watch_of(options, None);
        expect(&mut watch, &["connecting"]).await;
        broken(&mut watch).await;
        expect(&mut watch, &["connecting", "live", "0"]).await;
        if name == "silence" {
            // A wait of 30 s would have to pass before silence is one.
            continue;
        }
        broken(&mut watch).await;
        feed.add(1);
        expect(&mut watch, &["connecting", "live", "1"]).await;
    }
}

#[tokio::test]
async fn a_watch_obeys_retry_after_and_a_poke_ends_the_pause() {
    let busy = || problem(503, 503, "retry-after: 3600\r\n");
    let proxys = crate::support::answer_with(503, "retry-after: 3600\r\n", HTML);
    for reply in [busy(), problem(429, 416, "retry-after: 3600\r\n"), proxys] {
        let feed = Feed::new();
        feed.add(1);
        let script = feed.clone();
        let server = ScriptedServer::start(move |n, seen| match n {
            0 => reply.clone(),
            _ => script.answer(seen),
        })
        .await;
        let mut watch = watch_of(options(server.url()), None);
        let poke = watch.poker();
        expect(&mut watch, &["connecting"]).await;
        let (retry_in_ms, cause) = broken(&mut watch).await;
        assert!((3_600_000..=3_600_200).contains(&retry_in_ms), "{retry_in_ms}");
        assert_eq!(cause.retry_after_ms(), Some(3_600_000));
        // It does wait.
        assert!(tokio::time::timeout(Duration::from_millis(300), watch.next()).await.is_err());
        assert_eq!(server.seen().len(), 1);
        let start = Instant::now();
        let (event, ()) = tokio::join!(next(&mut watch), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            poke.poke();
        });
        assert_eq!(event, "connecting");
        assert!(start.elapsed() < Duration::from_secs(30));
        expect(&mut watch, &["live", "0"]).await;
    }
}

#[tokio::test]
async fn pauses_grow_with_each_failure_and_reset_after_a_success() {
    let feed = Feed::new();
    let down = Arc::new(AtomicBool::new(true));
    let (script, is_down) = (feed.clone(), down.clone());
    let server = ScriptedServer::start(move |_, seen| match is_down.load(Ordering::SeqCst) {
        true => answer(502, "text/html", HTML),
        false => script.answer(seen),
    })
    .await;
    let mut watch = watch_of(options(server.url()), None);
    for ceiling in [200, 400, 800] {
        expect(&mut watch, &["connecting"]).await;
        let (retry_in_ms, _) = broken(&mut watch).await;
        assert!(retry_in_ms <= ceiling, "{retry_in_ms}");
    }
    down.store(false, Ordering::SeqCst);
    expect(&mut watch, &["connecting", "live"]).await;
    let (reported, ()) = tokio::join!(next(&mut watch), async {
        feed.is_awaited().await;
        feed.add(1);
    });
    assert_eq!(reported, "0");
    down.store(true, Ordering::SeqCst);
    let (retry_in_ms, _) = broken(&mut watch).await;
    assert!(retry_in_ms <= 200, "{retry_in_ms}");
}

/// The token expires while the watch waits; all calls of the service share it.
#[tokio::test]
async fn a_token_that_expires_during_a_watch_is_refreshed_once_without_an_event() {
    let feed = Feed::new();
    let good = Arc::new(AtomicUsize::new(1));
    let (script, only) = (feed.clone(), good.clone());
    let server = ScriptedServer::start(move |_, seen| {
        let good = format!("Bearer token-{}", only.load(Ordering::SeqCst));
        if seen.header("authorization") != Some(&good) {
            return problem(401, 302, "");
        }
        match seen.target.starts_with("/v1/sync") {
            true => script.answer(seen),
            false => json(r#"{"sessionId":"p2p|bob","updateTime":7}"#),
        }
    })
    .await;
    let provider = Arc::<CountingProvider>::default();
    let service = SessionService::new(Options::new(server.url(), provider.clone())).unwrap();
    let mut watch = service.watch(from(None));
    expect(&mut watch, &["connecting", "live"]).await;
    for round in 0..5 {
        let (reported, ()) = tokio::join!(next(&mut watch), async {
            feed.is_awaited().await;
            good.fetch_add(1, Ordering::SeqCst);
            let calls: Vec<_> = (0..50)
                .map(|_| {
                    let service = service.clone();
                    tokio::spawn(async move { service.query_my_session("p2p|bob").await })
                })
                .collect();
            // Answered with the old token still; the next question is refused.
            feed.add(1);
            for call in calls {
                call.await.unwrap().unwrap();
            }
        });
        assert_eq!(reported, round.to_string());
        assert_eq!(provider.asked.load(Ordering::SeqCst), round + 2);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_twice_ends_a_watch() {
    let cases = [
        (problem(401, 302, ""), "ended: token refused (302): d"),
        (problem(403, 403, ""), "ended: not allowed (403): d"),
        (problem(404, 404, ""), "ended: not found (404): d"),
        (problem(400, 414, ""), "ended: invalid parameter (414): d"),
    ];
    for (reply, end) in cases {
        for live_before in [false, true] {
            let (feed, reply) = (Feed::new(), reply.clone());
            feed.add(1);
            let server = ScriptedServer::start(move |n, seen| match n {
                0 if live_before => feed.answer(seen),
                _ => reply.clone(),
            })
            .await;
            let mut watch = watch_of(options(server.url()), None);
            expect(&mut watch, &["connecting"]).await;
            if live_before {
                expect(&mut watch, &["live", "0"]).await;
            }
            expect(&mut watch, &[end, "nothing", "nothing"]).await;
        }
    }
}

#[tokio::test]
async fn a_watch_retries_a_failed_token_provider() {
    let feed = Feed::new();
    feed.add(1);
    let server = feed.start().await;
    let asked = AtomicUsize::new(0);
    let provider = ClosureProvider(move |_| {
        let n = asked.fetch_add(1, Ordering::SeqCst);
        async move { if n < 3 { Err("signed out".into()) } else { Ok("good".to_owned()) } }
    });
    let mut watch = watch_of(Options::new(server.url(), Arc::new(provider)), None);
    for _ in 0..3 {
        expect(&mut watch, &["connecting", "broken: the token provider failed"]).await;
    }
    expect(&mut watch, &["connecting", "live", "0"]).await;
}

#[tokio::test]
async fn a_watch_without_readable_roots_ends() {
    struct NoRoots;
    impl huihua_core::client::RootProvider for NoRoots {
        fn root_certificates(&self) -> Result<Vec<Vec<u8>>, huihua_core::client::ProviderError> {
            Ok(vec![])
        }
    }
    let mut options = options("https://127.0.0.1:1");
    options.root_provider = Some(Arc::new(NoRoots));
    let mut watch = watch_of(options, None);
    expect(&mut watch, &["connecting"]).await;
    let end = next(&mut watch).await;
    assert!(end.starts_with("ended: option root_certificates"), "{end}");
    expect(&mut watch, &["nothing"]).await;
}

#[tokio::test]
async fn a_watch_continues_at_another_server() {
    let feed = Feed::new();
    feed.add(1);
    let (first, second) = (feed.start().await, feed.start().await);
    let mut options = options("");
    options.server_urls = vec![first.url(), second.url()];
    let mut watch = watch_of(options, None);
    expect(&mut watch, &["connecting", "live", "0"]).await;
    let ((), _) = tokio::join!(
        async {
            feed.is_awaited().await;
            drop(first);
        },
        broken(&mut watch)
    );
    feed.add(1);
    // A cut is retried at the same server; the refused connection then switches to the next one.
    expect(&mut watch, &["connecting", "live", "1"]).await;
    assert!(second.seen()[0].target.contains("cursor=1"), "{:?}", second.seen());
}

/// Reports 300 changes although about every third answer has one of many faults.
#[tokio::test]
async fn each_change_is_reported_once_and_in_order_despite_faults() {
    const CHANGES: usize = 300;
    let feed = Feed::new();
    let lines = Arc::<Lines>::default();
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"changes\":[{\"del".to_vec();
    let script = feed.clone();
    let server = ScriptedServer::start(move |n, seen| {
        // A fixed disorder: the remainders of a product of two primes.
        let fault: Option<ScriptedReply> = match n * 7_919 % 23 {
            0 => Some(BytesThenReset(vec![])),
            1 => Some(BytesThenClose(half.clone())),
            2 => Some(BytesThenReset(half.clone())),
            3 => Some(answer(502, "text/html", HTML)),
            4 => Some(answer(200, "text/html", HTML)),
            5 => Some(problem(503, 503, "")),
            6 => Some(problem(401, 302, "")),
            7 => Some(BytesThenClose(vec![0xff; 500])),
            _ => None,
        };
        fault.unwrap_or_else(|| script.answer(seen))
    })
    .await;
    let mut options = options(server.url());
    options.logger = Some(lines.clone());
    let mut watch = watch_of(options, None);
    let (poke, reported) = (watch.poker(), ReportedChanges::default());
    let adding = async {
        for _ in 0..CHANGES / 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            feed.add(2);
        }
    };
    let listening = async {
        let mut breaks = 0;
        while reported.count() < CHANGES {
            match tokio::time::timeout(EVENT_TIMEOUT, watch.next()).await.expect("no event came") {
                Some(WatchEvent::Changes(page)) => reported.take(&page),
                Some(WatchEvent::Status(WatchStatus::Broken { .. })) => {
                    breaks += 1;
                    poke.poke();
                }
                Some(WatchEvent::Status(WatchStatus::Connecting | WatchStatus::Live)) => {}
                other => panic!("{other:?} {:?}", lines.all()),
            }
        }
        breaks
    };
    let (breaks, ()) = tokio::join!(listening, adding);
    assert!(breaks > 20, "{breaks}");
    reported.assert_all(CHANGES);
}

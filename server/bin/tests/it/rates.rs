//! Rates: of an account, an app, its events, its copies and its calls of NIM's API. What comes too
//! often is refused in the way that each caller understands, and nobody else notices.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use huihua_http::server::{Limits, RateLimits};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{
    config::{ConfiguredServer, write_config},
    nim::{sdk::Sdk, seed::Seed},
    support::{ReceivedAnswer, TestServer, WAIT_MAX, event, message},
};

fn per_s(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// Refuses at once, so that a bucket does not fill again meanwhile.
async fn start(rates: RateLimits) -> TestServer {
    let rates = RateLimits { refusal_delay: Duration::ZERO, ..rates };
    TestServer::start_with(Limits { rates, ..Limits::default() }).await
}

/// Asks until an answer is no 200; returns how many were, and that answer.
async fn until_refused(mut ask: impl AsyncFnMut() -> ReceivedAnswer) -> (usize, ReceivedAnswer) {
    for served in 0..5_000 {
        let answer = ask().await;
        if answer.status != 200 {
            return (served, answer);
        }
    }
    panic!("no rate");
}

fn assert_too_frequent(answer: &ReceivedAnswer, what: &str) {
    answer.assert_problem(429, 416, what);
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=2).contains(&seconds), "{answer:?}");
    assert_eq!(answer.json()["retryable"], true);
}

#[tokio::test]
async fn an_account_that_asks_too_often_is_refused_until_its_rate_allows_more() {
    let server = start(RateLimits { account_requests_per_s: per_s(2), ..Default::default() }).await;
    let (amy, bob) = (server.token("a", "amy"), server.token("a", "bob"));
    let (served, refused) =
        until_refused(async || server.http.get("/v1/account", &amy).await).await;
    assert!(served >= 20, "ten seconds' worth come at once, not {served}");
    assert_too_frequent(&refused, "requests of this account");
    assert_too_frequent(&server.http.set_ext("p2p|x", &amy, "x").await, "this account");
    assert_eq!(server.http.get("/v1/account", &bob).await.status, 200, "another account");
    let other = server.token("ab", "amy");
    assert_eq!(server.http.get("/v1/account", &other).await.status, 200, "another app's amy");
    let since = Instant::now();
    while server.http.get("/v1/account", &amy).await.status != 200 {
        assert!(since.elapsed() < WAIT_MAX, "for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_app_whose_accounts_ask_too_often_leaves_other_apps_alone() {
    let server = start(RateLimits { app_requests_per_s: per_s(2), ..Default::default() }).await;
    let mut n = 0;
    let (served, refused) = until_refused(async || {
        n += 1;
        server.http.get("/v1/account", &server.token("a", &format!("made-up{n}"))).await
    })
    .await;
    assert!(served >= 20, "{served}");
    assert_too_frequent(&refused, "requests of this app");
    assert_eq!(server.http.get("/v1/account", &server.token("ab", "amy")).await.status, 200);
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
}

#[tokio::test]
async fn events_copies_and_calls_have_rates_and_each_caller_its_own_refusal() {
    let one = per_s(1);
    let rates = RateLimits {
        events_requests_per_s: one,
        copies_per_s: one,
        nim_calls_per_s: one,
        ..Default::default()
    };
    let server = start(rates).await;
    let key = |app: &str| server.app(app).ingest_key().expose().to_owned();
    let events = json!([event("p2p", "bob", "amy", 1)]);
    let ask = async || server.http.events(&key("a"), events.clone()).await;
    let (served, refused) = until_refused(ask).await;
    assert!(served >= 10, "{served}");
    assert_too_frequent(&refused, "requests with events of this app");
    assert_eq!(server.http.events(&key("ab"), events.clone()).await.status, 200);

    let copy = message("PERSON", "bob", "amy", 2);
    let (served, refused) = until_refused(async || server.copy("a", &copy).await).await;
    assert!(served >= 10, "{served}");
    // NIM sends again what is neither 200 nor 500: nothing is lost.
    assert_eq!((refused.status, refused.body.as_str()), (503, r#"{"code":503}"#));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(server.copy("ab", &copy).await.status, 200);
    let since = Instant::now();
    while server.copy("a", &copy).await.status != 200 {
        assert!(since.elapsed() < WAIT_MAX, "NIM sends again for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let sdk = |app: &str| {
        Sdk::new(&server.http.url, app, server.app(app).secret.expose(), Seed::printed("rates"))
    };
    let (a, ab) = (sdk("a"), sdk("ab"));
    let ask = async || a.call("/history/querySessionList.action", &[("accid", "amy")]).await;
    let mut served = 0;
    let refused = loop {
        let answer = ask().await;
        if answer["code"] != 200 {
            break answer;
        }
        served += 1;
        assert!(served < 5_000, "no rate");
    };
    assert!(served >= 10, "{served}");
    assert_eq!(refused["code"], 416, "with HTTP's 200, as NIM: {refused}");
    assert!(refused["desc"].as_str().unwrap().contains("too many calls"), "{refused}");
    ab.ok("/history/querySessionList.action", &[("accid", "amy")]).await;
}

/// 512 connections that called again at once made another app's p99 seven times as long.
#[tokio::test]
async fn a_refusal_goes_out_late_and_takes_no_room_from_others_until_then() {
    let refusal_delay = Duration::from_secs(5);
    let rates = RateLimits { copies_per_s: per_s(1), refusal_delay, ..Default::default() };
    let limits = Limits { rates, body_bytes_max: 1 << 20, ..Limits::default() };
    let server = Arc::new(TestServer::start_with(limits).await);
    let copy = message("PERSON", "bob", "amy", 1);
    let long = |bytes| format!("{copy}{}", " ".repeat(bytes));
    let mut asked = JoinSet::new();
    // Ten come at once; of eight long ones, those of the seconds that this takes.
    for bytes in std::iter::repeat_n(0, 20).chain(std::iter::repeat_n(100_000, 8)) {
        let (server, copy) = (Arc::clone(&server), long(bytes));
        asked.spawn(async move {
            let since = Instant::now();
            (server.copy("a", &copy).await.status, since.elapsed())
        });
    }
    let mut served = 0;
    while served < 10 {
        served += usize::from(asked.join_next().await.unwrap().unwrap().0 == 200);
    }
    let since = Instant::now();
    while server.copy("ab", &long(900_000)).await.status != 200 {
        assert!(since.elapsed() < WAIT_MAX, "for ever");
    }
    while let Some(answer) = asked.try_join_next() {
        assert_eq!(answer.unwrap().0, 200, "there was no room until a refusal had gone out");
    }
    let mut refused = 0;
    while let Some(answer) = asked.join_next().await {
        let (status, after) = answer.unwrap();
        assert!(status == 200 || after >= refusal_delay, "{status} after {after:?}");
        refused += usize::from(status == 503);
    }
    assert!(refused >= 10, "{refused}");
}

/// Each refused write has a warning, but a flood of them is no flood of lines.
#[tokio::test]
async fn refused_writes_are_logged_once_a_second_with_their_count() {
    let folder = TempDir::new().unwrap();
    write_config(&folder.path().join("huihua.toml"), &["o"]);
    let set =
        ["copies_per_s=1", "bodies_mb=1", "refusal_delay_ms=0"].map(|set| ["--set", set]).concat();
    let server = ConfiguredServer::start(folder.path(), &set).await;
    let copy = message("PERSON", "bob", "amy", 1);
    let since = Instant::now();
    let mut refused = 0;
    for _ in 0..200 {
        refused += u32::from(server.http.try_copy("a", "s", &copy).await.unwrap().status == 503);
    }
    let mut long = event("p2p", "bob", "amy", 1);
    long["body"] = "PRIVATE".repeat(200_000).into();
    for _ in 0..50 {
        let answer = server.http.events(&"i".repeat(32), json!([long])).await;
        answer.assert_problem(503, 503, "too many bytes of bodies");
    }
    let log = server.log();
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).collect::<Vec<_>>();
    for (text, requests) in
        [("message copies were not taken", refused), ("requests were not served", 50)]
    {
        let lines = lines(text);
        let seconds = usize::try_from(since.elapsed().as_secs()).unwrap();
        assert!((1..=seconds + 2).contains(&lines.len()), "{seconds} s, {text}: {lines:#?}");
        let count = |line: &&str| line.split("count=").nth(1).unwrap().parse::<u32>().unwrap();
        let counted: u32 = lines.iter().map(count).sum();
        assert!(
            counted <= requests && lines.iter().all(|line| line.contains("WARN")),
            "{lines:#?}"
        );
    }
    assert!(!log.contains("PRIVATE"));
}

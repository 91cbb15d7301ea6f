//! The token: one refresh for all refused calls, and no call that blocks the others.

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use huihua_core::{
    Code,
    client::{Error, Options, SessionService},
};
use tokio::sync::Notify;

use crate::support::{
    ClosureProvider, CountingProvider, ReceivedRequest, ScriptedReply, ScriptedServer, answer,
    json, problem, storm,
};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;

/// Accepts one token and refuses all others.
fn only(token: &'static str) -> impl Fn(usize, &ReceivedRequest) -> ScriptedReply {
    move |_, seen| {
        if seen.header("authorization") == Some(&format!("Bearer {token}")) {
            json(ROW)
        } else {
            problem(401, 302, "")
        }
    }
}

fn unauthorized(error: &Error) -> bool {
    matches!(error, Error::Failed { code: Code::Unauthorized, may_have_applied: false, .. })
}

#[tokio::test]
async fn fifty_refused_calls_cause_one_refresh() {
    let server = ScriptedServer::start(only("token-2")).await;
    let provider = Arc::new(CountingProvider::default());
    let service = SessionService::new(Options::new(server.url(), provider.clone())).unwrap();
    storm(&service, 50).await;
    assert_eq!(provider.asked.load(Ordering::SeqCst), 2);
    // Kept: nobody asks again.
    service.query_my_session("p2p|bob").await.unwrap();
    assert_eq!(provider.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_new_token_that_is_refused_again_ends_the_call() {
    let server = ScriptedServer::start(only("none")).await;
    let provider = Arc::new(CountingProvider::default());
    let service = SessionService::new(Options::new(server.url(), provider.clone())).unwrap();
    let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
    assert!(unauthorized(&error), "{error:?}");
    assert_eq!(server.seen().len(), 2);
    assert_eq!(provider.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refresh_is_not_counted_as_an_attempt() {
    let server = ScriptedServer::start(only("token-2")).await;
    let mut options = Options::new(server.url(), Arc::new(CountingProvider::default()));
    options.attempts_max = 1;
    let service = SessionService::new(options).unwrap();
    service.update_my_session("p2p|bob", "").await.unwrap();
    let keys: Vec<_> =
        server.seen().iter().map(|s| s.header("idempotency-key").map(str::to_owned)).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_gateways_401_refuses_the_token_too() {
    let server = ScriptedServer::start(|n, _| match n {
        0 => answer(401, "text/plain", "token expired"),
        _ => json(ROW),
    })
    .await;
    let provider = Arc::new(CountingProvider::default());
    let service = SessionService::new(Options::new(server.url(), provider.clone())).unwrap();
    service.query_my_session("p2p|bob").await.unwrap();
    assert_eq!(provider.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_provider_receives_whether_it_is_a_refresh() {
    let server = ScriptedServer::start(only("new")).await;
    let provider = ClosureProvider(|refresh: bool| async move {
        Ok(if refresh { "new" } else { "old" }.to_owned())
    });
    let service = SessionService::new(Options::new(server.url(), Arc::new(provider))).unwrap();
    service.query_my_session("p2p|bob").await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_call_dropped_during_its_refresh_does_not_block_others() {
    let server = ScriptedServer::start(only("new")).await;
    let (refreshes, entered) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let gate = Arc::new(Notify::new());
    let (count, signal, wait) = (refreshes.clone(), entered.clone(), gate.clone());
    let provider = ClosureProvider(move |refresh: bool| {
        let (count, signal, wait) = (count.clone(), signal.clone(), wait.clone());
        async move {
            if !refresh {
                return Ok("old".to_owned());
            }
            count.fetch_add(1, Ordering::SeqCst);
            signal.notify_one();
            wait.notified().await;
            Ok("new".to_owned())
        }
    });
    let service = SessionService::new(Options::new(server.url(), Arc::new(provider))).unwrap();
    let spawn = || {
        let service = service.clone();
        tokio::spawn(async move { service.query_my_session("p2p|bob").await })
    };
    let first = spawn();
    entered.notified().await;
    let others: Vec<_> = (0..10).map(|_| spawn()).collect();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.notify_one();
    for other in others {
        other.await.unwrap().unwrap();
    }
    // The refresh that the dropped call began served all others.
    assert_eq!(refreshes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_later_call_retries_a_provider_that_never_returns() {
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let provider = ClosureProvider(move |_| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok("good".to_owned())
        }
    });
    let mut options = Options::new(server.url(), Arc::new(provider));
    options.call_timeout_ms = 200;
    let service = SessionService::new(options).unwrap();
    // All of them wait for the same run of the provider.
    for call in (0..10).map(|_| service.query_my_session("p2p|bob")).collect::<Vec<_>>() {
        let _ = tokio::time::timeout(Duration::from_millis(1), call).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // A call that starts meanwhile may still end with the first run, but not for ever.
    let answered = async { while service.query_my_session("p2p|bob").await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(10), answered).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_panicking_provider_is_an_error_and_the_next_call_works() {
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    let asked = AtomicUsize::new(0);
    let provider = ClosureProvider(move |_| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!first, "this panic is the test's");
            Ok("good".to_owned())
        }
    });
    let service = SessionService::new(Options::new(server.url(), Arc::new(provider))).unwrap();
    let error = service.query_my_session("p2p|bob").await.unwrap_err();
    assert!(matches!(error, Error::TokenProvider { .. }), "{error:?}");
    service.query_my_session("p2p|bob").await.unwrap();
}

#[tokio::test]
async fn dropping_a_service_cancels_its_token_provider() {
    struct OnDrop(Arc<Notify>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (entered, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (signal, end) = (entered.clone(), ended.clone());
    let provider = ClosureProvider(move |_| {
        let (signal, end) = (signal.clone(), OnDrop(end.clone()));
        async move {
            let _end = end;
            signal.notify_one();
            std::future::pending().await
        }
    });
    let service =
        SessionService::new(Options::new("http://127.0.0.1:1", Arc::new(provider))).unwrap();
    let call = tokio::spawn(async move { service.query_my_session("p2p|bob").await });
    entered.notified().await;
    call.abort();
    tokio::time::timeout(Duration::from_secs(10), ended.notified()).await.unwrap();
}

#[tokio::test]
async fn a_failing_provider_runs_once_and_fails_all_waiting_calls() {
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    let (asked, release) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, gate) = (asked.clone(), release.clone());
    let provider = ClosureProvider(move |_| {
        let (count, gate) = (count.clone(), gate.clone());
        async move {
            if count.fetch_add(1, Ordering::SeqCst) == 0 {
                gate.notified().await;
                return Err("signed out".into());
            }
            Ok("good".to_owned())
        }
    });
    let service = SessionService::new(Options::new(server.url(), Arc::new(provider))).unwrap();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { service.query_my_session("p2p|bob").await })
        })
        .collect();
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // On one thread every spawned call has had its turn, and waits.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    release.notify_one();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::TokenProvider { may_have_applied: false, .. }), "{error:?}");
        assert_eq!(error.source().unwrap().to_string(), "signed out");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // The failure is not kept.
    service.query_my_session("p2p|bob").await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_failed_refresh_keeps_may_have_applied_of_earlier_attempts() {
    let server = ScriptedServer::start(|n, _| match n {
        0 => ScriptedReply::BytesThenReset(vec![]),
        _ => problem(401, 302, ""),
    })
    .await;
    let provider = ClosureProvider(|refresh: bool| async move {
        if refresh { Err("signed out".into()) } else { Ok("old".to_owned()) }
    });
    let service = SessionService::new(Options::new(server.url(), Arc::new(provider))).unwrap();
    let error = service.update_my_session("p2p|bob", "").await.unwrap_err();
    assert!(matches!(error, Error::TokenProvider { may_have_applied: true, .. }), "{error:?}");
}

#[tokio::test]
async fn an_unusable_token_is_an_error_and_is_not_sent() {
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    for token in ["", "a\nb", "a\r\nx: y", "tok en", "t\0", "tök", "令牌", "a\u{7f}"] {
        let provider = ClosureProvider(move |_| async move { Ok(token.to_owned()) });
        let service = SessionService::new(Options::new(server.url(), Arc::new(provider))).unwrap();
        let error = service.query_my_session("p2p|bob").await.unwrap_err();
        let Error::TokenProvider { source, .. } = &error else { panic!("{error:?}") };
        assert!(source.to_string().contains("must be printable ASCII"), "{source}");
    }
    assert_eq!(server.seen(), []);
}

/// Everything that a logger could print of an error.
fn all_text(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(inner) = source {
        text += &format!(" {inner} {inner:?}");
        source = inner.source();
    }
    text
}

#[tokio::test]
async fn no_error_shows_a_url_token_ext_or_answer() {
    let secrets =
        ["s3cret-token", "s3cret-ext", "s3cret-body", "s3cret-prefix", "127.0.0.1", "bob"];
    let body = r#"{"sessionId":"s3cret-body","updateTime":"s3cret-body"}"#;
    let replies = [
        ScriptedReply::BytesThenReset(vec![]),
        ScriptedReply::BytesThenClose(
            b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ns3cret-body".to_vec(),
        ),
        ScriptedReply::BytesThenClose(b"HTTP/1.1 s3cret-body\r\n\r\n".to_vec()),
        ScriptedReply::BytesThenStall(vec![]),
        answer(502, "text/html", "s3cret-body"),
        answer(200, "application/json", body),
        answer(200, "application/json", "s3cret-body"),
        problem(401, 302, ""),
    ];
    for reply in replies {
        let server = ScriptedServer::start(move |_, _| reply.clone()).await;
        let provider = ClosureProvider(|_| async { Ok("s3cret-token".to_owned()) });
        let url = format!("{}/s3cret-prefix", server.url());
        let mut options = Options::new(url, Arc::new(provider));
        options.attempt_timeout_ms = 100;
        options.attempts_max = 1;
        let service = SessionService::new(options).unwrap();
        let error = service.update_my_session("p2p|bob", "s3cret-ext").await.unwrap_err();
        let text = all_text(&error);
        for secret in secrets {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

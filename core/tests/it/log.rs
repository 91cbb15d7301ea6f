//! The client's log: what its lines report, and what they never contain.

use std::sync::Arc;

use huihua_core::{
    QueryMySessionOption, SyncOption,
    client::{LogLevel, Options, SessionService, WatchOption},
};

use crate::support::{
    ClosureProvider, Lines,
    ScriptedReply::{BytesThenReset, BytesThenStall},
    ScriptedServer, answer, json, problem,
};

#[tokio::test]
async fn the_log_reports_attempts_retries_and_failures() {
    let server = ScriptedServer::start(|n, _| match n {
        0 => BytesThenReset(vec![]),
        1 => json(r#"{"sessionId":"p2p|bob","updateTime":7}"#),
        _ => problem(404, 404, ""),
    })
    .await;
    let lines = Arc::<Lines>::default();
    let mut options = crate::support::options(server.url());
    options.logger = Some(lines.clone());
    let service = SessionService::new(options).unwrap();
    service.query_my_session("p2p|bob").await.unwrap();
    service.query_my_session("p2p|bob").await.unwrap_err();
    service.account().await.unwrap_err();
    let expected = [
        (LogLevel::Info, "queryMySession: connection failed (415) by server 1 of 1 after "),
        (LogLevel::Debug, "queryMySession: answered by server 1 of 1 after "),
        (LogLevel::Info, "queryMySession: not found (404, request r1) by server 1 of 1 after "),
        // That a session is not in the list is no fault of anybody.
        (LogLevel::Debug, "queryMySession: failed: not found (404, request r1)"),
        (LogLevel::Info, "account: not found (404, request r1) by server 1 of 1 after "),
        (LogLevel::Warn, "account: failed: not found (404, request r1)"),
    ];
    let lines = lines.all();
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for ((level, line), (expected_level, start)) in lines.iter().zip(expected) {
        assert!(*level == expected_level && line.starts_with(start), "{level:?} {line}");
    }
}

#[tokio::test]
async fn the_log_reports_the_state_of_a_watch() {
    let server = ScriptedServer::start(|n, _| match n {
        0 => answer(502, "text/html", "<html>no</html>"),
        1 => json(r#"{"changes":[],"cursor":"c","hasMore":false,"reset":false}"#),
        _ => problem(403, 403, ""),
    })
    .await;
    let lines = Arc::<Lines>::default();
    let mut options = crate::support::options(server.url());
    options.logger = Some(lines.clone());
    let service = SessionService::new(options).unwrap();
    let mut watch = service.watch(WatchOption { cursor: None, need_last_msg: true });
    while watch.next().await.is_some() {}
    let reported: Vec<_> =
        lines.all().into_iter().filter(|(_, l)| !l.contains("by server")).collect();
    let [(LogLevel::Info, broken), (LogLevel::Debug, live), (LogLevel::Warn, ended)] =
        &reported[..]
    else {
        panic!("{reported:?}");
    };
    assert!(
        broken.starts_with("watch: broken: unexpected answer (HTTP 502); reconnects in "),
        "{broken}"
    );
    assert_eq!(live, "watch: live");
    assert_eq!(ended, "watch: ended: not allowed (403, request r1)");
}

/// Whatever is called and whatever comes back.
#[tokio::test]
async fn the_log_holds_no_secret_and_no_id() {
    let page = concat!(
        r#"{"sessionList":[{"sessionId":"p2p|s3cret","updateTime":1,"ext":"s3cret","#,
        r#""lastMsg":{"9":"s3cret"}}],"hasMore":false,"syncCursor":"s3cret"}"#
    );
    let detail = r#"{"type":"about:blank","title":"t","status":400,"detail":"s3cret","code":414}"#;
    let replies = [
        json(page),
        json(
            r#"{"changes":[{"deleted":"p2p|s3cret"}],"cursor":"s3cret","hasMore":false,"reset":false}"#,
        ),
        answer(400, "application/problem+json", detail),
        answer(502, "text/html", "s3cret"),
        problem(401, 302, ""),
        BytesThenReset(b"HTTP/1.1 200 s3cret\r\n".to_vec()),
        BytesThenStall(vec![]),
    ];
    for reply in replies {
        let server = ScriptedServer::start(move |_, _| reply.clone()).await;
        let lines = Arc::<Lines>::default();
        let provider = ClosureProvider(|_| async { Ok("s3cret".to_owned()) });
        let mut options = Options::new(format!("{}/s3cret", server.url()), Arc::new(provider));
        options.logger = Some(lines.clone());
        (options.attempt_timeout_ms, options.attempts_max) = (100, 2);
        let service = SessionService::new(options).unwrap();
        let _ = service.query_my_session_list(&QueryMySessionOption::default()).await;
        let _ = service.query_my_session("p2p|s3cret").await;
        let _ = service.update_my_session("p2p|s3cret", "s3cret").await;
        let _ = service.delete_my_session(&["team|s3cret".to_owned()]).await;
        let cursor = Some("s3cret".to_owned());
        let _ = service.sync(&SyncOption { cursor: cursor.clone(), ..Default::default() }).await;
        let mut watch = service.watch(WatchOption { cursor, need_last_msg: true });
        for _ in 0..3 {
            let _ = watch.next().await;
        }
        let lines = lines.all();
        assert!(lines.len() >= 6, "{lines:?}");
        let text = format!("{lines:?}");
        assert!(!text.contains("s3cret") && !text.contains("127.0.0.1"), "{text}");
    }
}

#[tokio::test]
async fn the_log_omits_the_text_of_a_failed_token_provider() {
    let lines = Arc::<Lines>::default();
    let provider = ClosureProvider(|_| async { Err("s3cret".into()) });
    let mut options = Options::new("http://127.0.0.1:1", Arc::new(provider));
    options.logger = Some(lines.clone());
    SessionService::new(options).unwrap().account().await.unwrap_err();
    let expected = "account: failed: the token provider failed".to_owned();
    assert_eq!(lines.all(), [(LogLevel::Warn, expected)]);
}

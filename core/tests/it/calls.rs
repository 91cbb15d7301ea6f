//! Each call: its exact request, its result, and the parameters that are never sent.

use huihua_core::{
    Code, LastMsgType, QueryMySessionOption,
    client::{AccountInfo, Error, SessionService},
};

use crate::support::{ReceivedRequest, ScriptedServer, answer, json, no_content, options, service};

const ROW: &str =
    r#"{"sessionId":"p2p|bob","updateTime":7,"ext":"e","lastMsgType":1,"lastMsg":{"1":7}}"#;

fn page_of(row: &str) -> String {
    format!(r#"{{"sessionList":[{row}],"hasMore":true,"nextPageToken":"n","syncCursor":"c"}}"#)
}

/// `METHOD target`, as on the request's first line.
fn first_line(seen: &ReceivedRequest) -> String {
    format!("{} {}", seen.method, seen.target)
}

/// Starts a server that always gives this reply, makes one call and returns its request.
async fn seen_of<R>(
    body: &str,
    call: impl AsyncFnOnce(SessionService) -> Result<R, Error>,
) -> (R, ReceivedRequest) {
    let body = body.to_owned();
    let server = ScriptedServer::start(move |_, _| json(&body)).await;
    let result = call(service(&server)).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    (result, seen[0].clone())
}

#[tokio::test]
async fn a_list_call_sends_exactly_what_the_option_sets() {
    let default = QueryMySessionOption::default;
    let cases = [
        (default(), "/v1/sessions?needLastMsg=true&limit=100"),
        (
            QueryMySessionOption {
                min_timestamp: 5,
                max_timestamp: 1_700_000_000_123,
                need_last_msg: false,
                limit: 1,
                page_token: None,
            },
            "/v1/sessions?needLastMsg=false&limit=1&minTimestamp=5&maxTimestamp=1700000000123",
        ),
        (
            QueryMySessionOption { page_token: Some("a+/=&b c".into()), ..default() },
            "/v1/sessions?needLastMsg=true&limit=100&pageToken=a%2B%2F%3D%26b+c",
        ),
    ];
    for (option, target) in cases {
        let (page, seen) =
            seen_of(&page_of(ROW), async |s| s.query_my_session_list(&option).await).await;
        assert_eq!(first_line(&seen), format!("GET {target}"));
        assert_eq!(seen.header("idempotency-key"), None);
        assert_eq!(seen.body, "");
        assert_eq!((page.has_more, page.sync_cursor.as_str()), (true, "c"));
        assert_eq!(page.next_page_token.as_deref(), Some("n"));
        let row = &page.session_list[0];
        assert_eq!((row.session_id.peer(), row.update_time), ("bob", 7));
        assert_eq!(row.last_msg_type, LastMsgType::Recall);
        assert_eq!(row.last_msg.as_ref().unwrap().as_str(), r#"{"1":7}"#);
    }
}

#[tokio::test]
async fn any_id_is_one_path_segment() {
    let cases = [
        ("p2p|bob", "p2p%7Cbob"),
        ("team|2530000000", "team%7C2530000000"),
        ("super_team|1", "super_team%7C1"),
        ("p2p|小明", "p2p%7C%E5%B0%8F%E6%98%8E"),
        ("p2p|a/b?c#d%e&f+g h", "p2p%7Ca%2Fb%3Fc%23d%25e%26f%2Bg%20h"),
        ("p2p|../..", "p2p%7C..%2F.."),
        ("p2p|a-._~@", "p2p%7Ca-._~%40"),
        ("p2p|\\", "p2p%7C%5C"),
    ];
    for (id, segment) in cases {
        let (_, seen) = seen_of(ROW, async |s| s.query_my_session(id).await).await;
        assert_eq!(first_line(&seen), format!("GET /v1/sessions/{segment}"));
        let (_, seen) = seen_of(ROW, async |s| s.update_my_session(id, "x").await).await;
        assert_eq!(first_line(&seen), format!("PUT /v1/sessions/{segment}/ext"));
    }
}

#[tokio::test]
async fn every_request_has_its_token_user_agent_and_accepted_types() {
    let (_, seen) = seen_of(ROW, async |s| s.query_my_session("p2p|bob").await).await;
    assert_eq!(seen.header("authorization"), Some("Bearer token-1"));
    assert_eq!(seen.header("accept"), Some("application/json, application/problem+json"));
    assert_eq!(seen.header("accept-encoding"), Some("gzip"));
    assert_eq!(seen.header("user-agent"), Some(concat!("huihua/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn an_update_sends_the_ext_with_its_own_idempotency_key() {
    let text = "置顶\"\n\0";
    let (row, seen) = seen_of(ROW, async |s| s.update_my_session("p2p|bob", text).await).await;
    assert_eq!(row.ext, "e");
    assert_eq!(seen.body, r#"{"ext":"置顶\"\n\u0000"}"#);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let key = seen.header("idempotency-key").unwrap();
    assert!(key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    let (_, other) = seen_of(ROW, async |s| s.update_my_session("p2p|bob", text).await).await;
    assert_ne!(other.header("idempotency-key"), Some(key));
    // The longest ext goes out whole.
    let (_, seen) =
        seen_of(ROW, async |s| s.update_my_session("p2p|bob", &"é".repeat(2_048)).await).await;
    assert_eq!(seen.body.len(), r#"{"ext":""}"#.len() + 4_096);
}

#[tokio::test]
async fn a_delete_sends_its_ids_and_its_idempotency_key() {
    let server = ScriptedServer::start(|_, _| no_content()).await;
    service(&server).delete_my_session(&["p2p|bob".into(), "team|1".into()]).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(first_line(seen), "POST /v1/sessions/delete");
    assert_eq!(seen.body, r#"{"sessionIds":["p2p|bob","team|1"]}"#);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("idempotency-key").unwrap().len(), 32);
}

#[tokio::test]
async fn account_returns_the_account_of_the_token() {
    let body = r#"{"account":"amy","appKey":"k","expiresAt":1700000000000}"#;
    let (info, seen) = seen_of(body, async |s| s.account().await).await;
    assert_eq!(first_line(&seen), "GET /v1/account");
    let expected =
        AccountInfo { account: "amy".into(), app_key: "k".into(), expires_at: 1_700_000_000_000 };
    assert_eq!(info, expected);
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    for (prefix, base) in [("/im", "/im"), ("/im/", "/im"), ("/a%20b/c", "/a%20b/c"), ("/", "")] {
        let server = ScriptedServer::start(|_, _| json(ROW)).await;
        let url = format!("{}{prefix}", server.url());
        let service = SessionService::new(options(url)).unwrap();
        service.query_my_session("p2p|bob").await.unwrap();
        assert_eq!(first_line(&server.seen()[0]), format!("GET {base}/v1/sessions/p2p%7Cbob"));
    }
}

#[tokio::test]
async fn an_invalid_parameter_is_refused_by_field_before_any_request() {
    let server = ScriptedServer::start(|_, _| json(ROW)).await;
    let service = service(&server);
    let list = |option: QueryMySessionOption| {
        let service = service.clone();
        async move { service.query_my_session_list(&option).await.unwrap_err() }
    };
    let delete = |ids: Vec<String>| {
        let service = service.clone();
        async move { service.delete_my_session(&ids).await.unwrap_err() }
    };
    let default = QueryMySessionOption::default;
    let errors = [
        ("limit", list(QueryMySessionOption { limit: 0, ..default() }).await),
        ("limit", list(QueryMySessionOption { limit: 101, ..default() }).await),
        (
            "minTimestamp",
            list(QueryMySessionOption { min_timestamp: 2, max_timestamp: 1, ..default() }).await,
        ),
        ("sessionId", service.query_my_session("bob").await.unwrap_err()),
        ("sessionId", service.query_my_session("").await.unwrap_err()),
        ("sessionId", service.update_my_session("p2p|a|b", "").await.unwrap_err()),
        ("ext", service.update_my_session("p2p|bob", &"x".repeat(4_097)).await.unwrap_err()),
        ("ext", service.update_my_session("p2p|bob", &"é".repeat(2_049)).await.unwrap_err()),
        ("sessionIds", delete(vec![]).await),
        ("sessionIds", delete(vec!["p2p|bob".into(); 101]).await),
        ("sessionIds[1]", delete(vec!["p2p|bob".into(), "p2p|secret\0".into()]).await),
    ];
    for (field, error) in errors {
        let Error::Failed { code, detail, may_have_applied: false, .. } = &error else {
            panic!("{field}: {error:?}");
        };
        assert_eq!(*code, Code::InvalidParameter);
        assert!(detail.starts_with(field), "{detail}");
        assert!(!detail.contains("secret"), "{detail}");
    }
    assert_eq!(server.seen(), []);
}

#[tokio::test]
async fn a_delete_takes_up_to_100_ids() {
    let server = ScriptedServer::start(|_, _| no_content()).await;
    let ids: Vec<_> = (0..100).map(|n| format!("p2p|{n}")).collect();
    service(&server).delete_my_session(&ids).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_unexpected_success_status_is_an_unexpected_answer() {
    // 200 where the contract has 204, and vice versa.
    let server =
        ScriptedServer::start(|_, _| answer(200, "text/html", "<html>sign in</html>")).await;
    let service = service(&server);
    let error = service.delete_my_session(&["p2p|bob".into()]).await.unwrap_err();
    assert!(
        matches!(error, Error::Answer { status: 200, may_have_applied: true, .. }),
        "{error:?}"
    );
    let error = service.query_my_session("p2p|bob").await.unwrap_err();
    assert!(
        matches!(error, Error::Answer { status: 200, may_have_applied: false, .. }),
        "{error:?}"
    );
}

#[test]
fn a_service_needs_no_runtime_and_its_calls_are_send() {
    fn assert_send<T: Send>(_: T) {}
    let service = SessionService::new(options("http://127.0.0.1:1")).unwrap();
    assert_send(service.query_my_session("p2p|bob"));
    assert_send(service.delete_my_session(&[]));
}

#[test]
fn an_invalid_option_is_refused_by_field() {
    let check = |change: &dyn Fn(&mut huihua_core::client::Options)| {
        let mut options = options("http://127.0.0.1:8480");
        change(&mut options);
        match SessionService::new(options) {
            Ok(_) => "",
            Err(Error::Option { field, .. }) => field,
            Err(other) => panic!("{other:?}"),
        }
    };
    for url in [
        "",
        "127.0.0.1:8480",
        "ftp://127.0.0.1",
        "http://example.com",
        "http://10.0.2.3",
        "http://amy@127.0.0.1",
        "http://amy:secret@127.0.0.1",
        "http://127.0.0.1?a=1",
        "http://127.0.0.1/#a",
        "http://localhost.example.com",
        "file:///etc",
        "http://192.168.1.1",
    ] {
        assert_eq!(check(&|o| o.server_urls = vec![url.to_owned()]), "server_urls", "{url}");
    }
    for url in [
        "http://127.0.0.1",
        "http://127.9.9.9:1/im",
        "http://localhost:8480",
        "http://[::1]:8480",
        "http://10.0.2.2:8480",
        "HTTP://LOCALHOST",
    ] {
        assert_eq!(check(&|o| o.server_urls = vec![url.to_owned()]), "", "{url}");
    }
    let cleartext = |o: &mut huihua_core::client::Options| {
        o.server_urls = vec!["http://example.com".to_owned()];
        o.cleartext_allowed = true;
    };
    assert_eq!(check(&cleartext), "");
    assert_eq!(
        check(&|o| o.server_urls = vec!["https://127.0.0.1".to_owned()]),
        "root_certificates"
    );
    assert_eq!(check(&|o| o.connect_timeout_ms = 0), "connect_timeout_ms");
    assert_eq!(check(&|o| o.attempt_timeout_ms = 3_600_001), "attempt_timeout_ms");
    assert_eq!(check(&|o| o.call_timeout_ms = u64::MAX), "call_timeout_ms");
    assert_eq!(check(&|o| o.attempts_max = 0), "attempts_max");
    assert_eq!(check(&|o| o.user_agent = "a\nb".to_owned()), "user_agent");
}

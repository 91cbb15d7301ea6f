//! Clients that do as they should, over TLS: the SDK, and both versions of HTTP; and those that
//! took the wrong port.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use huihua_core::{
    SessionChange, SyncOption,
    client::{Options, SessionService},
    paths,
};
use huihua_http::{clock::Clock, server::Limits, tls::Certificates};
use reqwest::Version;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Authority, HTTP1, HTTP2, TlsServer};
use crate::{
    sdk::Fixed,
    support::{TestServer, WAIT_MAX, changed_ids, event},
};

/// The SDK speaks HTTP/2 wherever it can.
#[tokio::test]
async fn the_sdk_works_over_tls_and_trusts_its_own_roots_alone() {
    let tls = TlsServer::start(Limits::default()).await;
    let http = tls.http(HTTP2);
    let url = http.url.clone();
    let service = |roots: Vec<Vec<u8>>| {
        let token = Arc::new(Fixed(tls.server.token("a", "amy")));
        let mut options = Options::new(url.clone(), token);
        options.root_certificates = roots;
        SessionService::new(options).unwrap()
    };
    let amy = service(vec![tls.authority.root()]);
    let key = tls.server.app("a").ingest_key().expose();
    let ids: Vec<_> = (1..=30).map(|n| event("p2p", &format!("u{n}"), "amy", n)).collect();
    http.events(key, ids.into()).await.ok();
    assert_eq!(amy.account().await.unwrap().account, "amy");
    assert_eq!(
        amy.query_my_session_list(&Default::default()).await.unwrap().session_list.len(),
        30
    );
    assert_eq!(amy.update_my_session("p2p|u3", "草稿").await.unwrap().ext, "草稿");
    amy.delete_my_session(&["p2p|u4".to_owned()]).await.unwrap();
    // A wait, and calls beside it on the same connection.
    let latest = SyncOption { cursor: Some(paths::SYNC_LATEST.into()), ..Default::default() };
    let cursor = amy.sync(&latest).await.unwrap().cursor;
    let wait = SyncOption { cursor: Some(cursor), wait_ms: 30_000, ..Default::default() };
    let waiting = {
        let (amy, wait) = (amy.clone(), wait.clone());
        tokio::spawn(async move { amy.sync(&wait).await })
    };
    tls.server.until_waiting(1).await;
    assert_eq!(amy.query_my_session("p2p|u5").await.unwrap().session_id.to_string(), "p2p|u5");
    http.events(key, json!([event("p2p", "bob", "amy", 40)])).await.ok();
    let page = tokio::time::timeout(WAIT_MAX, waiting).await.unwrap().unwrap().unwrap();
    let [SessionChange::Session(row)] = page.changes.as_slice() else { panic!("{page:?}") };
    assert_eq!(row.session_id.to_string(), "p2p|bob");
    // One that is dropped ends at the server, too: its stream is reset.
    let wait = SyncOption { cursor: Some(page.cursor), ..wait };
    assert!(tokio::time::timeout(Duration::from_millis(300), amy.sync(&wait)).await.is_err());
    tls.server.until_waiting(0).await;
    let stranger = service(vec![Authority::new().root()]);
    assert!(stranger.account().await.is_err(), "of another authority");
}

#[tokio::test]
async fn both_versions_of_http_are_answered_alike_and_browsers_are_told_nothing() {
    let tls = TlsServer::start(Limits::default()).await;
    let token = tls.server.token("a", "amy");
    for (protocol, version, n) in [(HTTP1, Version::HTTP_11, 2), (HTTP2, Version::HTTP_2, 3)] {
        let http = tls.http(protocol);
        let key = tls.server.app("a").ingest_key().expose();
        http.events(key, json!([event("p2p", "bob", "amy", 1)])).await.ok();
        let answer = http.get("/v1/sessions", &token).await;
        assert_eq!((answer.status, answer.version), (200, version));
        assert_eq!(answer.json()["sessionList"][0]["sessionId"], "p2p|bob");
        assert!(!answer.headers.contains_key("strict-transport-security"));
        http.get("/v1/nowhere", &token).await.assert_problem(404, 404, "no such path");
        let body = "x".repeat(3 << 20);
        let copy = http.try_copy("a", tls.server.app("a").secret.expose(), &body).await.unwrap();
        assert_eq!(copy.status, 400, "a body of 3 MiB is read whole: {copy:?}");
        // A wait whose client goes away ends.
        let cursor = http.latest(&token).await;
        let path = format!("/v1/sync?cursor={cursor}&waitMs=30000");
        let gone = tokio::spawn({
            let (http, path, token) = (tls.http(protocol), path.clone(), token.clone());
            async move { http.get(&path, &token).await }
        });
        tls.server.until_waiting(1).await;
        gone.abort();
        tls.server.until_waiting(0).await;
        let waiting = tokio::spawn({
            let (http, token) = (http.clone(), token.clone());
            async move { http.get(&path, &token).await }
        });
        tls.server.until_waiting(1).await;
        http.events(key, json!([event("p2p", "eve", "amy", n)])).await.ok();
        let page = tokio::time::timeout(WAIT_MAX, waiting).await.unwrap().unwrap().ok();
        assert_eq!(changed_ids(&page), ["p2p|eve"]);
        http.delete(&["p2p|eve"], &token).await;
    }
}

#[tokio::test]
async fn browsers_are_told_to_come_with_tls_if_the_operator_says_so() {
    let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
    let certificates = Certificates::load(authority.write(folder.path())).unwrap();
    let strict = NonZeroU32::new(300);
    let with_tls = |server: huihua_http::server::Server| server.with_tls(&certificates, strict);
    let data = TempDir::new().unwrap();
    let server = TestServer::start_as(data, Limits::default(), Clock::default(), with_tls).await;
    for protocol in [HTTP1, HTTP2] {
        let http = authority.http(server.http.address(), protocol);
        for path in ["/livez", "/nowhere"] {
            let answer = http.get(path, "").await;
            assert_eq!(answer.header("strict-transport-security"), "max-age=300", "{path}");
        }
    }
}

#[tokio::test]
async fn http_without_tls_on_the_port_of_tls_is_told_so_in_clear() {
    let tls = TlsServer::start(Limits::default()).await;
    let long =
        format!("POST /nim/copy HTTP/1.1\r\nContent-Length: 60000\r\n\r\n{}", "x".repeat(60_000));
    for request in
        ["GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &long]
    {
        let mut stream = TcpStream::connect(tls.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = tokio::time::timeout(WAIT_MAX, stream.read_to_string(&mut answer)).await;
        assert!(read.is_ok(), "it hangs");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.ends_with("must begin with https:\n"), "{answer}");
    }
}

#[tokio::test]
async fn tls_on_a_port_without_it_fails_at_once() {
    let server = TestServer::start().await;
    let http = Authority::new().http(server.http.address(), HTTP2);
    let asked = http.try_send(reqwest::Method::GET, "/livez", &[], "");
    let answer = tokio::time::timeout(Duration::from_secs(3), asked).await.expect("it hangs");
    assert!(answer.is_err());
}

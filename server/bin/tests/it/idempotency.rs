//! `Idempotency-Key` over HTTP: a retried write gets its first result, across a restart of the real
//! server, and does nothing more.

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    Http, ReceivedAnswer, ServerProcess, TestServer, event, message, printed_token,
};

async fn write(
    http: &Http,
    method: Method,
    path: &str,
    token: &str,
    key: &str,
    body: &str,
) -> ReceivedAnswer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", key),
    ];
    http.send(method, path, &headers, body.to_owned()).await
}

async fn delete(http: &Http, token: &str, key: &str, id: &str) -> ReceivedAnswer {
    let body = json!({ "sessionIds": [id] }).to_string();
    write(http, Method::POST, "/v1/sessions/delete", token, key, &body).await
}

async fn set_ext(http: &Http, token: &str, key: &str, ext: &str) -> ReceivedAnswer {
    let body = json!({ "ext": ext }).to_string();
    write(http, Method::PUT, "/v1/sessions/p2p%7Cbob/ext", token, key, &body).await
}

#[tokio::test]
async fn a_retried_delete_hides_nothing_that_came_in_between_even_after_a_crash() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path()).await;
    let token = printed_token(folder.path(), "amy");
    server.copy(&message("PERSON", "bob", "amy", 1)).await.unwrap();
    assert_eq!(delete(&server.http, &token, "k1", "p2p|bob").await.status, 204);
    assert!(server.http.list(&token).await.is_empty());
    // Its answer was lost, a message came in, and the server died.
    server.copy(&message("PERSON", "bob", "amy", 2)).await.unwrap();
    server.kill();
    let server = ServerProcess::start(folder.path()).await;
    assert_eq!(delete(&server.http, &token, "k1", "p2p|bob").await.status, 204);
    assert_eq!(server.http.list(&token).await.len(), 1, "the new message is still there");
    assert_eq!(delete(&server.http, &token, "k2", "p2p|bob").await.status, 204);
    assert!(server.http.list(&token).await.is_empty(), "the control: another key does delete");
}

#[tokio::test]
async fn a_retried_ext_gets_its_first_answer_and_overwrites_nothing() {
    let server = TestServer::start().await;
    let [amy, bob] = ["amy", "bob"].map(|account| server.token("a", account));
    let http = &server.http;
    server.events(json!([event("p2p", "bob", "amy", 1)])).await;
    let first = set_ext(http, &amy, "k", "first").await.ok();
    set_ext(http, &amy, "l", "second").await.ok();
    assert_eq!(set_ext(http, &amy, "k", "first").await.ok()["ext"], first["ext"]);
    let now = http.get("/v1/sessions/p2p%7Cbob", &amy).await.ok();
    assert_eq!(now["ext"], "second", "the retry wrote nothing");
    // One key names one call of one account.
    set_ext(http, &amy, "k", "third").await.assert_problem(400, 414, "Idempotency-Key");
    delete(http, &amy, "k", "p2p|bob").await.assert_problem(400, 414, "Idempotency-Key");
    assert_eq!(set_ext(http, &bob, "k", "bob's").await.ok()["ext"], "bob's");
    for (key, reason) in [("", "1..=64"), (&*"k".repeat(65), "1..=64"), ("a b", "visible ASCII")] {
        set_ext(http, &amy, key, "x").await.assert_problem(400, 414, reason);
    }
    assert_eq!(http.get("/v1/sessions/p2p%7Cbob", &amy).await.ok(), now);
}

//! `GET /v1/account`.

use crate::support::TestServer;

#[tokio::test]
async fn the_token_says_who_it_is_and_until_when() {
    let server = TestServer::start().await;
    let token = server.token("ab", "小明");
    let answer = server.http.get("/v1/account", &token).await.ok();
    assert_eq!((&answer["account"], &answer["appKey"]), (&"小明".into(), &"ab".into()));
    let now_ms = huihua_http::clock::now_ms();
    let expires_at = answer["expiresAt"].as_u64().unwrap();
    assert!((now_ms..=now_ms + 3_600_000).contains(&expires_at), "milliseconds: {expires_at}");
}

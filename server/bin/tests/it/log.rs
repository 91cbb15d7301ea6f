//! The log holds what an operator searches for, and no user data and no keys.

use reqwest::Method;
use tempfile::TempDir;

use crate::support::{ServerProcess, message, printed_token};

#[tokio::test]
async fn no_secret_and_no_message_reaches_the_log_even_at_its_loudest() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start_logging(folder.path(), "trace").await;
    let token = printed_token(folder.path(), "amy");
    let good = message("PERSON", "bob", "amy", 1).replace("body 1", "PRIVATE-BODY");
    let ahead = huihua_http::clock::now_ms() + 3_600_000;
    let late = good.replace("1700000000001", &ahead.to_string());
    let malformed = good.replace("msgTimestamp", "PRIVATE-FIELD");
    for (copy, status) in [(&good, 200), (&late, 503), (&malformed, 400)] {
        assert_eq!(server.copy(copy).await.unwrap().status, status);
    }
    let wrong = server.http.try_copy(&server.dev["appKey"], "PRIVATE-SECRET", &good).await.unwrap();
    assert_eq!(wrong.status, 403);
    assert_eq!(server.http.set_ext("p2p|bob", &token, "PRIVATE-EXT").await.status, 200);
    let long = "PRIVATE-EXT".repeat(999);
    assert_eq!(server.http.set_ext("p2p|bob", &token, &long).await.status, 400);
    let body = r#"{"ext":["PRIVATE-EXT"]}"#;
    let path = "/v1/sessions/p2p%7Cbob/ext";
    assert_eq!(server.http.call(Method::PUT, path, &token, body).await.status, 400);
    assert_eq!(server.http.get("/v1/sessions?limit=PRIVATE-LIMIT", &token).await.status, 400);
    let refused = server.http.get("/v1/account", "PRIVATE-TOKEN").await;
    assert_eq!(refused.status, 401);
    assert!(server.signal("TERM").await);

    let log = std::fs::read_to_string(folder.path().join("stderr")).unwrap();
    let id = refused.json()["requestId"].as_str().unwrap().to_owned();
    assert!(log.contains(&id), "a refusal is found by its requestId");
    assert!(log.contains("clock") && log.contains("malformed"), "{log}");
    assert!(!log.contains("PRIVATE"), "{log}");
    assert!(!log.contains(&token) && !log.contains(token.rsplit('.').next().unwrap()), "{log}");
    for name in ["appSecret", "tokenKey", "ingestKey"] {
        assert!(!log.contains(&server.dev[name]), "{name} is in the log");
    }
}

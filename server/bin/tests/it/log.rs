//! The log holds what an operator searches for, and no user data and no keys.

use reqwest::Method;
use tempfile::TempDir;

use crate::support::{ServerProcess, message, printed_token};

/// Nobody sees NIM's answers: without a reason in the log a wrong secret looked like silence.
#[tokio::test]
async fn a_refused_copy_left_no_reason_in_the_log() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start_logging(folder.path(), "warn").await;
    let good = message("PERSON", "bob", "amy", 1).replace("body 1", "PRIVATE-BODY");
    let (app_key, secret) = (server.dev["appKey"].clone(), server.dev["appSecret"].clone());
    for _ in 0..50 {
        for (key, secret) in [("PRIVATE-KEY", secret.as_str()), (&app_key, "PRIVATE-SECRET")] {
            assert_eq!(server.http.try_copy(key, secret, &good).await.unwrap().status, 403);
        }
        for name in ["msgTimestamp", "fromAccount"] {
            let malformed = good.replace(name, "PRIVATE-FIELD");
            assert_eq!(server.copy(&malformed).await.unwrap().status, 400);
        }
        let headers = [("AppKey", app_key.as_str()), ("CheckSum", "0"), ("CurTime", "soon")];
        let answer = server.http.send(Method::POST, "/nim/copy", &headers, good.clone()).await;
        assert_eq!(answer.status, 403);
    }
    assert!(server.terminate().await);
    let log = std::fs::read_to_string(folder.path().join("stderr")).unwrap();
    for reason in [
        "unknown app key",
        "wrong sum",
        "no CurTime",
        "malformed: msgTimestamp is missing",
        "malformed: fromAccount is missing",
    ] {
        let lines = log.lines().filter(|line| line.contains(reason)).count();
        assert!((1..50).contains(&lines), "{lines} lines of {reason:?}: {log}");
    }
    assert!(!log.contains("PRIVATE") && !log.contains(&secret), "{log}");
}

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
    assert!(server.terminate().await);

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

//! The command `samples`, as a real process against a real server, and against what is none.

use std::{
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use axum::{Router, http::StatusCode, routing::any};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{ServerProcess, WAIT_MAX, binary, printed_token};

/// The list that a naive reading of the copies gives; see samples/README.md.
const EXPECTED: &str = include_str!("../../../../samples/expected.json");

async fn deliver(arguments: &[&str]) -> Output {
    let mut command = binary();
    command.arg("samples").args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap()
}

/// Ids and times of a list, newest first.
fn rows(list: &[Value]) -> Vec<(&Value, &Value)> {
    list.iter().map(|row| (&row["sessionId"], &row["updateTime"])).collect()
}

#[tokio::test]
async fn the_samples_fill_a_list_and_again_change_nothing() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let data = folder.path().to_str().unwrap();
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let token = printed_token(folder.path(), expected["account"].as_str().unwrap());
    let mut cursors = Vec::new();
    for round in 0..2 {
        let output = deliver(&["--to", &server.dev["url"], "--data", data]).await;
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("sample copies delivered"), "{}", said(&output));
        let list = server.http.list(&token).await;
        assert_eq!(rows(&list), rows(expected["sessions"].as_array().unwrap()), "round {round}");
        cursors.push(server.http.latest(&token).await);
    }
    let since = server.http.sync(&token, &format!("cursor={}", cursors[0])).await;
    assert_eq!(since["changes"], serde_json::json!([]), "the second delivery changed the list");
}

#[tokio::test]
async fn the_key_and_a_file_with_the_secret_are_enough() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{}\n", server.dev["appSecret"])).unwrap();
    let to = format!("{}/", server.dev["url"]);
    let (key, secret) = (&server.dev["appKey"], secret.to_str().unwrap());
    let output = deliver(&["--to", &to, "--app", key, "--secret-file", secret]).await;
    assert!(output.status.success(), "{}", said(&output));
    let token = printed_token(folder.path(), "lin");
    assert!(server.http.list(&token).await.len() > 20);
}

/// Each fault is named, and so is what to do; nothing was delivered and no secret is shown.
#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_delivered() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let foreign = Router::new().fallback(any(async || (StatusCode::NOT_FOUND, "<html>")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let foreign_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, foreign).await });
    let data = folder.path().to_str().unwrap();
    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "another-secret").unwrap();
    let (wrong, url, key) = (wrong.to_str().unwrap(), &server.dev["url"], &server.dev["appKey"]);
    let with_path = format!("{url}/nim/copy");
    let fast = "--retry-for=300ms";
    for (arguments, expected) in [
        (vec!["--to", url], "--data (a folder of dev), --config, or --app"),
        (vec!["--to", url, "--secret-file", wrong], "--app <APP>"),
        (vec!["--to", url, "--data", data, "--config", "x"], "cannot be used with"),
        (vec!["--to", "localhost", "--data", data], "--to: must be https://host"),
        (vec!["--to", url, "--data", "/nowhere"], "cannot read /nowhere/huihua.toml"),
        (vec!["--to", url, "--app", key, "--secret-file", "/nowhere"], "cannot read /nowhere"),
        (vec!["--to", url, "--app", key, "--secret-file", wrong], "refused the signature (403"),
        (vec!["--to", url, "--app", "k", "--secret-file", wrong], "no app k, or that app has"),
        (
            vec!["--to", &foreign_url, "--data", data],
            "not an answer of a Huihua server: status 404",
        ),
        (vec!["--to", &with_path, "--data", data], "the server's address without that path"),
        (vec!["--to", "http://127.0.0.1:1", "--data", data, fast], "no answer: Connection refused"),
    ] {
        let output = deliver(&arguments).await;
        let said = said(&output);
        assert!(!output.status.success(), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said:?} does not say {expected:?}");
        assert!(!said.contains("another-secret") && !said.contains(&server.dev["appSecret"]));
    }
    let token = printed_token(folder.path(), "lin");
    assert_eq!(server.http.list(&token).await.len(), 0);
}

/// A server that comes back meanwhile is waited for: NIM would send again, too.
#[tokio::test]
async fn a_server_that_is_away_for_a_moment_gets_the_samples() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path()).await;
    let (url, data) = (server.dev["url"].clone(), folder.path().to_str().unwrap().to_owned());
    assert!(server.terminate().await);
    let stderr = folder.path().join("delivery");
    let mut command = binary();
    command.args(["samples", "--to", &url, "--data", &data, "--retry-for", "60s"]);
    command.stdout(Stdio::null()).stderr(std::fs::File::create(&stderr).unwrap());
    let mut delivery = command.spawn().unwrap();
    let (said, began) = (|| std::fs::read_to_string(&stderr).unwrap(), Instant::now());
    while !said().contains("no answer: Connection refused") {
        assert!(began.elapsed() < WAIT_MAX, "it does not try: {}", said());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let again = ServerProcess::start_at(folder.path(), server.http.address()).await;
    let ended = tokio::task::spawn_blocking(move || delivery.wait().unwrap()).await.unwrap();
    assert!(ended.success(), "{}", said());
    let token = printed_token(folder.path(), "lin");
    assert!(again.http.list(&token).await.len() > 20);
}

//! Replays the examples of `docs/protocol.md`, in their order, against a real server.

use std::collections::HashMap;

use huihua_http::clock;
use huihua_nim::{check_sum, copy};
use reqwest::Method;
use serde_json::Value;

use crate::support::{ReceivedAnswer, TestServer};

const PAGE: &str = include_str!("../../../../docs/protocol.md");
/// Stands in the page for a value that differs each time.
const ANY: &str = "…";

/// A message of HTTP as the page shows it: first line, headers, body.
struct HttpExample {
    first: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn shown(block: &str) -> HttpExample {
    let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
    let mut lines = head.trim_end().lines();
    let first = lines.next().unwrap().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("header {line:?}"));
        (name.to_owned(), value.to_owned())
    };
    HttpExample { first, headers: lines.map(header).collect(), body: body.trim_end().to_owned() }
}

/// The page's `http` blocks: requests, each followed by its answer.
fn examples() -> Vec<(HttpExample, HttpExample)> {
    let blocks: Vec<_> = PAGE
        .split("```http\n")
        .skip(1)
        .map(|rest| shown(rest.split_once("\n```").expect("the block ends").0))
        .collect();
    let pairs: Vec<_> = {
        let mut blocks = blocks.into_iter();
        std::iter::from_fn(|| Some((blocks.next()?, blocks.next().expect("an answer")))).collect()
    };
    assert!(pairs.iter().all(|(_, answer)| answer.first.starts_with("HTTP/1.1 ")));
    pairs
}

/// Whether `got` is what the page shows; `…` is anything.
fn matches(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::String(text), _) if text == ANY => true,
        (Value::Object(expected), Value::Object(got)) => {
            expected.len() == got.len()
                && expected.iter().all(|(k, v)| got.get(k).is_some_and(|got| matches(v, got)))
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(e, g)| matches(e, g))
        }
        _ => expected == got,
    }
}

fn assert_answer(expected: &HttpExample, got: &ReceivedAnswer, request: &str) {
    let status = expected.first.split(' ').nth(1).unwrap();
    assert_eq!(got.status.to_string(), status, "{request}: {got:?}");
    for (name, value) in &expected.headers {
        let got = got.header(name);
        assert!(value == ANY || value == got, "{request}: {name} is {got}");
    }
    if !expected.body.starts_with('{') {
        assert_eq!(got.body.trim_end(), expected.body, "{request}");
        return;
    }
    let json = expected.body.replace(&format!(": {ANY}"), &format!(": \"{ANY}\""));
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}"));
    assert!(matches(&json, &got.json()), "{request}: the page shows\n{json}\nnot\n{}", got.body);
}

#[tokio::test]
async fn the_page_tells_the_truth() {
    let server = TestServer::start().await;
    let mut values =
        HashMap::from([("$TOKEN", server.token("a", "alice")), ("$APP_KEY", "a".to_owned())]);
    values.insert("$NOW_S", (clock::now_ms() / 1_000).to_string());
    values.insert("$INGEST_KEY", server.app("a").ingest_key().expose().to_owned());
    let examples = examples();
    assert!(examples.len() >= 27, "the page shows every request");
    for (request, mut expected) in examples {
        let header = |name: &str| request.headers.iter().find(|(known, _)| known == name);
        let secret = server.app("a").secret.expose();
        if let Some((_, nonce)) = header("Nonce") {
            let now = values["$NOW_S"].clone();
            values.insert("$CHECK_SUM", check_sum::of(secret, nonce, &now));
        } else if let Some((_, time)) = header("CurTime") {
            values.insert("$CHECK_SUM", copy::check_sum(secret, request.body.as_bytes(), time));
        }
        let fill = |text: &str| {
            values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
        };
        let (method, path) = request.first.split_once(' ').unwrap();
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), fill(value))).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = server.http.send(method, &fill(path), &headers, request.body.clone()).await;
        expected.body = fill(&expected.body);
        assert_answer(&expected, &answer, &request.first);
        if let Some(tag) = answer.headers.get("etag") {
            values.insert("$ETAG", tag.to_str().unwrap().to_owned());
        }
        let page: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        for (name, field) in [("$NEXT_PAGE_TOKEN", "nextPageToken"), ("$CURSOR", "cursor")] {
            if let Some(text) = page[field].as_str() {
                values.insert(name, text.to_owned());
            }
        }
        if let Some(token) = page["info"]["token"].as_str() {
            values.insert("$NEW_TOKEN", token.to_owned());
        }
    }
}

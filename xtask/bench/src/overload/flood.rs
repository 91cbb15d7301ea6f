//! Callers that never pause, not even when they are told to come back later: messages one by one
//! and 100 at a time, signed copies, pages.

use anyhow::{Context, Result};
use hyper::{Method, body::Bytes};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    sent::Sent,
    tally::{Tally, Tasks},
};
use crate::{
    app,
    connection::HttpConnection,
    messages::{self, MessageEvent},
    work::{HttpCall, HttpTarget, Work},
};

/// Accounts whose pages and syncs are read.
pub(super) const READ_ACCOUNTS: usize = 8;
/// Messages in a request of those who send many.
const MANY: u64 = 100;
/// Rows of a page.
const PAGE_ROWS: usize = 100;
/// Of so many pages one is read to its last row: reading takes the server's CPU.
const PAGES_CHECKED_EVERY: u64 = 16;

/// Connects so many callers and lets them run.
///
/// # Errors
/// When one cannot connect.
pub(super) async fn start(
    tasks: &mut Tasks,
    target: &HttpTarget,
    (scene, connections): (usize, usize),
    stopped: &watch::Receiver<bool>,
) -> Result<()> {
    for at in 0..connections {
        let http = HttpConnection::open(target.address).await?;
        let (target, stopped) = (target.clone(), stopped.clone());
        let sent = Sent::new(format!("f{scene}-{at}"));
        tasks.spawn(async move { Ok(flood(http, &target, sent, at, &stopped).await) });
    }
    Ok(())
}

async fn flood(
    mut http: HttpConnection,
    target: &HttpTarget,
    mut sent: Sent,
    at: usize,
    stopped: &watch::Receiver<bool>,
) -> Tally {
    let mut tally = Tally::default();
    let reader = format!("r{}", at % READ_ACCOUNTS);
    let mut calls = 0_u64;
    while !*stopped.borrow() {
        calls += 1;
        let done = match at % 4 {
            0 => send(&mut http, target, &mut sent, 1, &mut tally).await,
            1 => send(&mut http, target, &mut sent, MANY, &mut tally).await,
            2 => copy(&mut http, &mut sent, &mut tally).await,
            _ => read(&mut http, target, &reader, calls, &mut tally).await,
        };
        if let Err(error) = done {
            // Nobody was slow: the server had no reason to end the connection.
            tally.note(format!("{error:#}"));
            let Ok(again) = HttpConnection::open(target.address).await else { break };
            http = again;
        }
    }
    tally.keep_sent(sent);
    tally
}

/// Sends an account's next messages. Tells whether they are stored.
///
/// # Errors
/// When no whole answer comes.
pub(super) async fn send(
    http: &mut HttpConnection,
    target: &HttpTarget,
    sent: &mut Sent,
    count: u64,
    tally: &mut Tally,
) -> Result<bool> {
    let messages = sent.take(count);
    let events = serde_json::to_value(&messages).context("write events")?;
    let answer = http.ask(target.events(&events, count)).await?;
    if !tally.count("POST /v1/events", &answer) {
        return Ok(false);
    }
    if is_all_applied(&answer.body, &messages) {
        sent.acknowledge(&messages);
    } else {
        tally.note("events that are newer than all before were not applied".to_owned());
    }
    Ok(true)
}

fn is_all_applied(answer: &[u8], messages: &[MessageEvent]) -> bool {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    answer["results"].as_array().is_some_and(|results| {
        results.len() == messages.len() && results.iter().all(|one| one["status"] == "applied")
    })
}

async fn copy(http: &mut HttpConnection, sent: &mut Sent, tally: &mut Tally) -> Result<bool> {
    let messages = sent.take(1);
    let body = messages::copy_of(messages[0].clone()).to_string();
    let (method, path) = (Method::POST, "/nim/copy".to_owned());
    let headers = app::copy_headers(body.as_bytes());
    let call = HttpCall { method, path, bearer: None, headers, body: body.into() };
    let answer = http.ask(call).await?;
    let is_served = tally.count("POST /nim/copy", &answer);
    if is_served {
        sent.acknowledge(&messages);
    }
    Ok(is_served)
}

async fn read(
    http: &mut HttpConnection,
    target: &HttpTarget,
    account: &str,
    calls: u64,
    tally: &mut Tally,
) -> Result<bool> {
    let answer = http.ask(target.call(Work::Page, account, 0)?).await?;
    let is_served = tally.count("GET /v1/sessions", &answer);
    if is_served && calls.is_multiple_of(PAGES_CHECKED_EVERY) && !is_whole_page(&answer.body) {
        tally.note("a page is not the newest 100 sessions, newest first".to_owned());
    }
    Ok(is_served)
}

/// Nobody writes to these lists: they are as they were made.
fn is_whole_page(answer: &Bytes) -> bool {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let Some(rows) = answer["sessionList"].as_array() else { return false };
    let times: Vec<Option<u64>> = rows.iter().map(|row| row["updateTime"].as_u64()).collect();
    rows.len() == PAGE_ROWS
        && answer["hasMore"] == true
        && times.windows(2).all(|pair| pair[0] == pair[1].map(|time| time + 1))
}

/// The cursor of a page or a sync.
pub(super) fn cursor(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let cursor = answer.get("cursor").or_else(|| answer.get("syncCursor"))?;
    cursor.as_str().map(str::to_owned)
}

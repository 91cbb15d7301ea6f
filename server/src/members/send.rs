//! Sends rows as joins: in batches, each as often as it takes until it is on the server's disk.

use std::time::{Duration, Instant};

use huihua_core::{Account, Problem, TeamId, paths};
use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use serde::{Deserialize, Serialize};

use super::{
    Error, Import, Progress, Summary,
    file::{Row, TeamKind},
};
use crate::{config::Secret, events_json::EVENTS_MAX};

/// Most accounts in one request: a few transactions of the server, so that others get their turn.
pub(super) const ACCOUNTS_MAX: usize = 4_000;
/// Waits between two tries: from the first to the last, doubling.
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Longest `Retry-After` that is obeyed.
const RETRY_AFTER_S_MAX: u64 = 60;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TRY_TIMEOUT: Duration = Duration::from_secs(60);

/// Rows of one request.
#[derive(Default)]
pub(super) struct Batch {
    rows: Vec<Row>,
    accounts: usize,
}

impl Batch {
    /// Adds a row of at most [`ACCOUNTS_MAX`]. Returns the batch before it when it does not fit.
    pub(super) fn add(&mut self, row: Row) -> Option<Batch> {
        let fits = self.accounts + row.accounts.len() <= ACCOUNTS_MAX;
        if let Some(last) = self.rows.last_mut()
            && fits
            && (last.kind, &last.team, last.time) == (row.kind, &row.team, row.time)
        {
            self.accounts += row.accounts.len();
            last.accounts.extend(row.accounts);
            return None;
        }
        let full = (!fits || self.rows.len() == EVENTS_MAX).then(|| std::mem::take(self));
        self.accounts += row.accounts.len();
        self.rows.push(row);
        full
    }

    fn body(&self) -> String {
        let join = |row: &'_ Row| Join {
            kind: "join",
            session_type: row.kind,
            team_id: row.team.clone(),
            accounts: row.accounts.clone(),
            time: row.time,
        };
        let events = Events { events: self.rows.iter().map(join).collect() };
        serde_json::to_string(&events).expect("ids and times are always JSON")
    }
}

#[derive(Serialize)]
struct Events {
    events: Vec<Join>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Join {
    #[serde(rename = "type")]
    kind: &'static str,
    session_type: TeamKind,
    team_id: TeamId,
    accounts: Vec<Account>,
    time: u64,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<EventResult>,
}

#[derive(Deserialize)]
struct EventResult {
    status: Status,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Applied,
    Stale,
    Ignored,
    Rejected,
}

/// Why one try did not succeed.
enum Failure {
    /// Sending again may help, after this time if the server named one.
    Passing { reason: String, retry_after: Option<Duration> },
    /// It will not.
    Final { status: u16, detail: String },
}

/// The way to the server.
pub(super) struct Sender {
    http: Client,
    url: Url,
    ingest_key: Secret,
    retry_for: Duration,
}

impl Sender {
    pub(super) fn new(import: &Import) -> Result<Self, Error> {
        // An error means that the program around this library has chosen its own: that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let wrong = |reason: &str| Error::Url { reason: reason.to_owned() };
        let url = format!("{}{}", import.url.trim_end_matches('/'), paths::EVENTS);
        let url = Url::parse(&url).map_err(|_| wrong("must be https://host[:port][/prefix]"))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
            return Err(wrong("must be https://host[:port][/prefix]"));
        }
        // No proxy of the environment: it would see the ingest key of a server next door.
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TRY_TIMEOUT)
            .build()
            .map_err(|error| wrong(&error.without_url().to_string()))?;
        let (ingest_key, retry_for) = (import.ingest_key.clone(), import.retry_for);
        Ok(Self { http, url, ingest_key, retry_for })
    }

    /// Sends the batch until it is durable, and adds what became of it to the summary.
    pub(super) async fn send(
        &self,
        batch: &Batch,
        summary: &mut Summary,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let Some(line) = batch.rows.first().map(|row| row.line) else { return Ok(()) };
        let body = batch.body();
        let (began, mut tries, mut backoff) = (Instant::now(), 0, BACKOFF_MIN);
        let answer = loop {
            tries += 1;
            match self.attempt(body.clone(), batch.rows.len()).await {
                Ok(answer) => break answer,
                Err(Failure::Final { status, detail }) => {
                    return Err(Error::Refused { line, status, detail });
                }
                Err(Failure::Passing { reason, retry_after }) => {
                    let pause = retry_after.unwrap_or_default().max(backoff);
                    if began.elapsed() + pause > self.retry_for {
                        return Err(Error::GaveUp { line, tries, reason });
                    }
                    progress.line(&format!("line {line}: {reason}; the next try is in {pause:?}"));
                    tokio::time::sleep(pause).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        };
        for (row, result) in batch.rows.iter().zip(answer.results) {
            match result.status {
                Status::Applied => summary.applied += 1,
                Status::Stale | Status::Ignored => summary.known += 1,
                Status::Rejected => {
                    summary.rejected += 1;
                    progress.line(&format!("line {}: rejected: {}", row.line, result.reason));
                }
            }
        }
        progress.advance(batch.accounts as u64);
        Ok(())
    }

    async fn attempt(&self, body: String, events: usize) -> Result<Answer, Failure> {
        let passing = |reason: String| Failure::Passing { reason, retry_after: None };
        let broken = |error: reqwest::Error| {
            let error = error.without_url();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            passing(format!("no answer: {}", cause.unwrap_or_else(|| error.to_string())))
        };
        let request = self.http.post(self.url.clone()).bearer_auth(self.ingest_key.expose());
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(broken)?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok());
        let retry_after = retry_after.map(|s: u64| Duration::from_secs(s.min(RETRY_AFTER_S_MAX)));
        let text = response.text().await.map_err(broken)?;
        if status == StatusCode::OK {
            let answer: Option<Answer> = serde_json::from_str(&text).ok();
            let whole = answer.filter(|answer| answer.results.len() == events);
            let detail = "this is no answer of a Huihua server".to_owned();
            return whole.ok_or(Failure::Final { status: status.as_u16(), detail });
        }
        let problem: Option<Problem> = serde_json::from_str(&text).ok();
        let retryable = problem.as_ref().map_or(status.is_server_error(), |p| p.retryable);
        let detail = problem.map_or_else(|| "not a Huihua server's answer".into(), |p| p.detail);
        if retryable {
            let reason = format!("status {}, {detail}", status.as_u16());
            return Err(Failure::Passing { reason, retry_after });
        }
        Err(Failure::Final { status: status.as_u16(), detail })
    }
}

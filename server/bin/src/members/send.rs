//! Sends rows as `join` events: in batches, each retried until it is on the server's disk.

use std::time::{Duration, Instant};

use huihua_core::{
    Account, TeamId,
    client::{self, AttemptFailure, Backoff, HttpAnswer},
    paths,
};
use huihua_http::{
    app::Secret,
    events_json::{EVENTS_MAX, EventResults, EventStatus},
};
use reqwest::{
    Client, Url,
    header::{CONTENT_TYPE, HeaderName, RETRY_AFTER},
    redirect::Policy,
};
use serde::Serialize;

use super::{error::Error, file::MembershipRow, progress::ImportProgress, summary::ImportSummary};

/// Most accounts in one request: a few transactions of the server, so that others get their turn.
pub(super) const ACCOUNTS_MAX: usize = 4_000;
/// Longest ceiling of the backoff between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Longest `Retry-After` that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// The rows of one request.
#[derive(Default)]
pub(super) struct ImportBatch {
    rows: Vec<MembershipRow>,
    accounts: usize,
}

impl ImportBatch {
    /// Adds a row of at most [`ACCOUNTS_MAX`]. If it does not fit, returns the rows before it.
    pub(super) fn add(&mut self, row: MembershipRow) -> Option<Self> {
        let fits = self.accounts + row.accounts.len() <= ACCOUNTS_MAX;
        if let Some(last) = self.rows.last_mut()
            && fits
            && (&last.team, last.time) == (&row.team, row.time)
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
        let events = self.rows.iter().map(|row| JoinEvent {
            kind: "join",
            session_type: row.team.kind().as_str(),
            team_id: row.team.id(),
            accounts: &row.accounts,
            time: row.time,
        });
        let request = JoinEvents { events: events.collect() };
        serde_json::to_string(&request).expect("ids and times are always JSON")
    }
}

#[derive(Serialize)]
struct JoinEvents<'a> {
    events: Vec<JoinEvent<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JoinEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    session_type: &'static str,
    team_id: &'a TeamId,
    accounts: &'a [Account],
    time: u64,
}

/// Why one attempt failed.
enum AttemptError {
    /// A retry may help, after this pause if the server named one.
    Retryable { reason: String, retry_after: Option<Duration> },
    /// A retry will not help.
    Refused { status: u16, detail: String },
}

/// An HTTP client of one server's events.
pub(super) struct Sender {
    http: Client,
    url: Url,
    ingest_key: Secret,
    retry_for: Duration,
}

impl Sender {
    pub(super) fn new(url: &str, ingest_key: Secret, retry_for: Duration) -> Result<Self, Error> {
        // An error means that the program has installed a provider before: that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let wrong = |reason: &str| Error::Url { reason: reason.to_owned() };
        let url = format!("{}{}", url.trim_end_matches('/'), paths::EVENTS);
        let url = Url::parse(&url).map_err(|_| wrong("must be https://host[:port][/prefix]"))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
            return Err(wrong("must be https://host[:port][/prefix]"));
        }
        // A proxy of the environment would see the ingest key.
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ATTEMPT_TIMEOUT)
            .build()
            .map_err(|error| wrong(&error.without_url().to_string()))?;
        Ok(Self { http, url, ingest_key, retry_for })
    }

    /// Sends the batch until it is durable, and adds its results to the summary.
    pub(super) async fn send(
        &self,
        batch: &ImportBatch,
        summary: &mut ImportSummary,
        progress: &mut ImportProgress,
    ) -> Result<(), Error> {
        let Some(line) = batch.rows.first().map(|row| row.line) else { return Ok(()) };
        let answer = self.send_until_durable(batch, line, progress).await?;
        for (row, result) in batch.rows.iter().zip(answer.results) {
            match result.status {
                EventStatus::Applied => summary.applied += 1,
                EventStatus::Stale | EventStatus::Ignored => summary.known += 1,
                EventStatus::Rejected => {
                    summary.rejected += 1;
                    let reason = result.reason.unwrap_or_default();
                    progress.line(&format!("line {}: rejected: {reason}", row.line));
                }
            }
        }
        progress.advance(batch.accounts as u64);
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the time to retry begins here")]
    async fn send_until_durable(
        &self,
        batch: &ImportBatch,
        line: u64,
        progress: &mut ImportProgress,
    ) -> Result<EventResults, Error> {
        let body = batch.body();
        let (began, mut attempts, mut backoff) = (Instant::now(), 0, Backoff::new(BACKOFF_MAX));
        loop {
            attempts += 1;
            let (reason, retry_after) = match self.attempt(body.clone(), batch.rows.len()).await {
                Ok(answer) => return Ok(answer),
                Err(AttemptError::Refused { status, detail }) => {
                    return Err(Error::Refused { line, status, detail });
                }
                Err(AttemptError::Retryable { reason, retry_after }) => (reason, retry_after),
            };
            let time_left = self.retry_for.saturating_sub(began.elapsed());
            let pause = backoff.next_pause_within(time_left, retry_after, Backoff::random());
            let Some(pause) = pause else { return Err(Error::GaveUp { line, attempts, reason }) };
            progress.line(&format!("line {line}: {reason}; the next attempt is in {pause:.1?}"));
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, body: String, events: usize) -> Result<EventResults, AttemptError> {
        let request = self.http.post(self.url.clone()).bearer_auth(self.ingest_key.expose());
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        let header = |name: HeaderName| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let [content_type, retry_after] = [CONTENT_TYPE, RETRY_AFTER].map(header);
        let body = response.bytes().await.map_err(no_answer)?.to_vec();
        let answer = HttpAnswer { status, content_type, retry_after, body };
        let body = answer.into_body(200).map_err(|failure| failed(status, failure))?;
        let results: Option<EventResults> = serde_json::from_slice(&body).ok();
        results.filter(|answer| answer.results.len() == events).ok_or_else(|| {
            let detail = "this is not an answer of a Huihua server".to_owned();
            AttemptError::Refused { status, detail }
        })
    }
}

/// The server could not be reached, or broke off.
fn no_answer(error: reqwest::Error) -> AttemptError {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    let reason = format!("no answer: {}", cause.unwrap_or_else(|| error.to_string()));
    AttemptError::Retryable { reason, retry_after: None }
}

/// The server answered with an error.
fn failed(status: u16, failure: AttemptFailure) -> AttemptError {
    let retry_after = failure.retry_after.map(|pause| pause.min(RETRY_AFTER_MAX));
    let is_retryable = failure.error.retryable();
    let detail = match failure.error {
        client::Error::Failed { detail, .. } => detail,
        client::Error::Answer { .. } => "this is not an answer of a Huihua server".to_owned(),
        other @ (client::Error::TokenProvider { .. } | client::Error::Option { .. }) => {
            other.to_string()
        }
    };
    if is_retryable {
        return AttemptError::Retryable {
            reason: format!("status {status}, {detail}"),
            retry_after,
        };
    }
    AttemptError::Refused { status, detail }
}

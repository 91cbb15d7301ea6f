//! Sends rows as `join` events: in batches, each retried until it is on the server's disk.

use std::time::Duration;

use huihua_core::{Account, TeamId, paths};
use huihua_http::{
    app::Secret,
    events_json::{EVENTS_MAX, EventResults, EventStatus},
};
use reqwest::Method;
use serde::Serialize;

use super::{error::Error, file::MembershipRow, summary::ImportSummary};
use crate::{
    progress::ImportProgress,
    server_client::{CallError, FOREIGN, ServerClient, ServerRequest},
};

/// Most accounts in one request: a few transactions of the server, so that others get their turn.
pub(super) const ACCOUNTS_MAX: usize = 4_000;
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

/// Sends joins to one server.
pub(super) struct Sender {
    client: ServerClient,
    ingest_key: Secret,
}

impl Sender {
    pub(super) fn new(url: &str, ingest_key: Secret, retry_for: Duration) -> Result<Self, Error> {
        Ok(Self { client: ServerClient::new(url, retry_for)?, ingest_key })
    }

    /// Sends the batch until it is durable, and adds its results to the summary.
    pub(super) async fn send(
        &self,
        batch: &ImportBatch,
        summary: &mut ImportSummary,
        progress: &ImportProgress,
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

    async fn send_until_durable(
        &self,
        batch: &ImportBatch,
        line: u64,
        progress: &ImportProgress,
    ) -> Result<EventResults, Error> {
        let request = ServerRequest {
            method: Method::POST,
            path: paths::EVENTS,
            bearer: self.ingest_key.expose(),
            body: batch.body(),
            success: 200,
            idempotency_key: None,
            final_status: None,
        };
        let on_retry = |reason: &str, pause| {
            progress.line(&format!("line {line}: {reason}; the next attempt is in {pause:.1?}"));
        };
        let body = self.client.call(&request, on_retry).await.map_err(|error| match error {
            CallError::Refused { status, detail } => Error::Refused { line, status, detail },
            CallError::GaveUp { attempts, reason } => Error::GaveUp { line, attempts, reason },
        })?;
        let results: Option<EventResults> = serde_json::from_slice(&body).ok();
        results
            .filter(|answer| answer.results.len() == batch.rows.len())
            .ok_or_else(|| Error::Refused { line, status: 200, detail: FOREIGN.to_owned() })
    }
}

//! Writes to the running Huihua server: events with the ingest key, exts and deletions with a token
//! of the account. The only file that writes, so a dry run is one `if` in each of its calls.

use std::{fmt, sync::Arc, time::Duration};

use huihua_core::{Account, DELETE_IDS_MAX, SessionId, client::Backoff, paths};
use huihua_http::{
    app::App,
    auth, clock,
    events_json::{EVENTS_MAX, EventResult, EventResults, EventStatus},
};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::{error::Error, steps::Steps};
use crate::server_client::{CallError, FOREIGN, ServerClient, ServerRequest};

/// Most accounts in one request: a few transactions of the server, so that others get their turn.
const ACCOUNTS_MAX: usize = 4_000;
/// Longest body of one request, in bytes; the server takes 4 MiB.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Lifetime of a token that is made for one account's writes: longer than they are retried.
const TOKEN_TTL_S: u64 = 15 * 60;

/// The server that the import writes to.
pub(super) struct Target {
    client: ServerClient,
    app: App,
    steps: Arc<Steps>,
    dry_run: bool,
}

/// A write that the server refuses for one account.
pub(super) struct RefusedWrite {
    pub(super) status: u16,
    pub(super) detail: String,
}

impl RefusedWrite {
    /// Returns whether it would be refused for ever: what is written breaks a limit.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.status, 400 | 413)
    }
}

impl fmt::Display for RefusedWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.status, self.detail)
    }
}

/// A write of one account.
struct AccountWrite<'a> {
    account: &'a Account,
    method: Method,
    path: &'a str,
    body: Value,
    success: u16,
}

impl Target {
    pub(super) fn new(
        url: &str,
        app: App,
        retry_for: Duration,
        steps: Arc<Steps>,
        dry_run: bool,
    ) -> Result<Self, Error> {
        let wrong = |source| Error::Url { option: "server", source };
        let client = ServerClient::new(url, retry_for).map_err(wrong)?;
        Ok(Self { client, app, steps, dry_run })
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Sends events until they are durable; a result for each.
    pub(super) async fn send(&self, events: &[Value]) -> Result<Vec<EventResult>, Error> {
        if self.dry_run {
            let would = || EventResult { status: EventStatus::Applied, reason: None };
            return Ok(events.iter().map(|_| would()).collect());
        }
        let mut results = Vec::new();
        let waits = |reason: &str, pause| self.steps.waits("the Huihua server", reason, pause);
        for batch in batches(events) {
            let request = ServerRequest {
                method: Method::POST,
                path: paths::EVENTS,
                bearer: self.app.ingest_key().expose(),
                body: json!({ "events": batch }).to_string(),
                success: 200,
                idempotency_key: None,
                final_status: None,
            };
            let body = self.client.call(&request, waits).await.map_err(|error| match error {
                CallError::Refused { status, detail } => {
                    Error::ServerRefused { what: "events", status, detail }
                }
                CallError::GaveUp { attempts, reason } => Error::ServerAway { attempts, reason },
            })?;
            let answer: Option<EventResults> = serde_json::from_slice(&body).ok();
            let answer = answer.filter(|answer| answer.results.len() == batch.len());
            let foreign =
                || Error::ServerRefused { what: "events", status: 200, detail: FOREIGN.to_owned() };
            results.extend(answer.ok_or_else(foreign)?.results);
        }
        Ok(results)
    }

    /// Sets the account's ext on a session.
    pub(super) async fn set_ext(
        &self,
        account: &Account,
        id: &SessionId,
        ext: &str,
    ) -> Result<Result<(), RefusedWrite>, Error> {
        let mut path = Url::parse("http://path").expect("it is constant");
        path.path_segments_mut().expect("it has a path").extend([
            "v1",
            "sessions",
            &id.to_string(),
            "ext",
        ]);
        let body = json!({ "ext": ext });
        let write =
            AccountWrite { account, method: Method::PUT, path: path.path(), body, success: 200 };
        self.write(write).await
    }

    /// Deletes sessions, at most [`DELETE_IDS_MAX`], from the account's list.
    pub(super) async fn delete(
        &self,
        account: &Account,
        ids: &[SessionId],
    ) -> Result<Result<(), RefusedWrite>, Error> {
        debug_assert!(ids.len() <= DELETE_IDS_MAX);
        let body = json!({ "sessionIds": ids });
        let path = paths::SESSIONS_DELETE;
        self.write(AccountWrite { account, method: Method::POST, path, body, success: 204 }).await
    }

    async fn write(&self, write: AccountWrite<'_>) -> Result<Result<(), RefusedWrite>, Error> {
        if self.dry_run {
            return Ok(Ok(()));
        }
        let now = clock::now_ms() / 1_000;
        let token = auth::sign(&self.app, write.account, now, TOKEN_TTL_S);
        let token = token.expect("the lifetime is allowed");
        // A retried deletion must not hide what came in between.
        let key = format!("{:08x}{:08x}", Backoff::random(), Backoff::random());
        let request = ServerRequest {
            method: write.method,
            path: write.path,
            bearer: &token,
            body: write.body.to_string(),
            success: write.success,
            idempotency_key: Some(&key),
            // Too many sessions by ext alone: only the account's own deletions help.
            final_status: Some(429),
        };
        let waits = |reason: &str, pause| self.steps.waits("the Huihua server", reason, pause);
        match self.client.call(&request, waits).await {
            Ok(_) => Ok(Ok(())),
            Err(CallError::Refused { status, detail }) => Ok(Err(RefusedWrite { status, detail })),
            Err(CallError::GaveUp { attempts, reason }) => {
                Err(Error::ServerAway { attempts, reason })
            }
        }
    }
}

/// Splits events into requests.
fn batches(events: &[Value]) -> Vec<&[Value]> {
    let mut batches = Vec::new();
    let (mut from, mut accounts, mut bytes) = (0, 0, 0);
    for (at, event) in events.iter().enumerate() {
        let its_accounts = event["accounts"].as_array().map_or(1, Vec::len);
        let its_bytes = event.to_string().len();
        let is_full = at - from == EVENTS_MAX
            || accounts + its_accounts > ACCOUNTS_MAX
            || bytes + its_bytes > BODY_BYTES_MAX;
        if is_full && at > from {
            batches.push(&events[from..at]);
            (from, accounts, bytes) = (at, 0, 0);
        }
        (accounts, bytes) = (accounts + its_accounts, bytes + its_bytes);
    }
    batches.extend((from < events.len()).then(|| &events[from..]));
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_no_larger_than_the_server_takes() {
        let sizes =
            |events: &[Value]| batches(events).iter().map(|batch| batch.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&vec![json!({}); 1_001]), [500, 500, 1]);
        assert_eq!(sizes(&vec![json!({"accounts": vec!["a"; 1_500]}); 5]), [2, 2, 1]);
        assert_eq!(sizes(&vec![json!({"body": "x".repeat(400_000)}); 5]), [2, 2, 1]);
        assert_eq!(sizes(&[json!({"accounts": vec!["a"; 9_000]})]), [1]);
    }
}

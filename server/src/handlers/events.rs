//! The app's own servers tell here what moved lists. A bad event is rejected alone; everything
//! that is said to be done is on the disk.

use std::borrow::Cow;

use axum::{
    extract::{Request, State},
    response::Response,
};
use serde::Serialize;

use super::{Context, input, json, now_ms};
use crate::{auth::Ingestor, error::Error, events_json, store::Outcome};

/// Largest body, in bytes.
const EVENTS_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Serialize)]
struct Answer {
    results: Vec<EventResult>,
}

/// What became of one event.
#[derive(Serialize)]
struct EventResult {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'static, str>>,
}

pub(super) async fn ingest(
    State(context): State<Context>,
    ingestor: Ingestor,
    request: Request,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    input::query(&parts.uri, &[])?;
    input::json_content(&parts.headers)?;
    let body = input::whole_body(&parts.headers, body, EVENTS_BODY_BYTES_MAX).await?;
    let decoded = events_json::decode(&body);
    let mut events = Vec::new();
    let mut faults = Vec::new();
    for one in decoded.map_err(|e| Error::Invalid { detail: e.to_string() })? {
        match one {
            Ok(event) => {
                events.push(event);
                faults.push(None);
            }
            Err(rejected) => faults.push(Some(rejected)),
        }
    }
    let mut outcomes = Vec::new();
    if !events.is_empty() {
        outcomes = context.store.ingest(&ingestor.app, events, now_ms()).await?;
    }
    let mut outcomes = outcomes.into_iter();
    let results = faults.into_iter().map(|fault| match fault {
        Some(rejected) => {
            EventResult { status: "rejected", reason: Some(rejected.to_string().into()) }
        }
        None => result(outcomes.next().expect("the store answers for each event")),
    });
    Ok(json(&Answer { results: results.collect() }))
}

fn result(outcome: Outcome) -> EventResult {
    let (status, reason) = match outcome {
        Outcome::Applied => ("applied", None),
        Outcome::Stale => ("stale", None),
        Outcome::Ignored => ("ignored", None),
        Outcome::TooFarAhead => {
            ("rejected", Some("time: more than 10 minutes ahead of this server's clock".into()))
        }
    };
    EventResult { status, reason }
}

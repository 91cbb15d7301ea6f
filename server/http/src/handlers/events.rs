//! Takes the events of an app's own servers. A bad event is rejected alone; every event that is
//! answered as applied is on the disk.

use axum::{
    extract::{Request, State},
    response::Response,
};
use huihua_store::Outcome;

use super::{answers::json, context::Context, input};
use crate::{
    auth::Ingestor,
    error::Error,
    events_json::{self, EventResult, EventResults, EventStatus},
};

/// Largest body, in bytes.
const EVENTS_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Takes events of an app's own server, in their order.
///
/// The answer comes when all of them are on the disk. A bad event is rejected alone, with status
/// 200 for the whole; a bad envelope refuses all. If anything is not on the disk the answer is 503:
/// send all again. Any order and any repetition of events gives the same lists.
#[cfg_attr(test, utoipa::path(
    post, path = huihua_core::paths::EVENTS, operation_id = "ingestEvents",
    request_body(content = super::described::EventsBody, description = "At most 4 MiB"),
    responses((status = 200, description = "One result for each event", body = EventResults)),
))]
pub(super) async fn ingest(
    State(context): State<Context>,
    ingestor: Ingestor,
    request: Request,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    input::query(&parts.uri, &[])?;
    input::json_content(&parts.headers)?;
    let body = input::whole_body(&parts, body, EVENTS_BODY_BYTES_MAX).await?;
    let decoded = events_json::decode(&body, ingestor.accounts);
    let mut events = Vec::new();
    let mut rejections = Vec::new();
    for one in decoded.map_err(|e| Error::Invalid { detail: e.to_string() })? {
        match one {
            Ok(event) => {
                events.push(event);
                rejections.push(None);
            }
            Err(rejected) => rejections.push(Some(rejected)),
        }
    }
    let mut outcomes = Vec::new();
    if !events.is_empty() {
        let now = context.clock.now_ms();
        outcomes = context.store.ingest(&ingestor.app, events, now).await?;
    }
    let mut outcomes = outcomes.into_iter();
    let results = rejections.into_iter().map(|rejection| match rejection {
        Some(rejected) => {
            EventResult { status: EventStatus::Rejected, reason: Some(rejected.to_string()) }
        }
        None => result(outcomes.next().expect("the store answers for each event")),
    });
    Ok(json(&EventResults { results: results.collect() }))
}

fn result(outcome: Outcome) -> EventResult {
    let (status, reason) = match outcome {
        Outcome::Applied => (EventStatus::Applied, None),
        Outcome::Stale => (EventStatus::Stale, None),
        Outcome::Ignored => (EventStatus::Ignored, None),
        Outcome::TooFarAhead => (
            EventStatus::Rejected,
            Some("time: more than 10 minutes ahead of this server's clock".to_owned()),
        ),
    };
    EventResult { status, reason }
}

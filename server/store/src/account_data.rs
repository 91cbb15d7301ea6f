//! What is stored of one account, as records for its user: JSON objects, each complete by itself.
//! And what an erasure took away. `docs/operate.md` describes both.

use huihua_core::{SessionId, SessionKind};
use huihua_event::{Owner, Team, TeamEntry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{
    SessionJson,
    directory::AccountEntry,
    key::{MessageBody, MessageKey},
    latest::{Amendment, Latest},
    rules::{Notice, Row},
};

/// Takes one record; false ends the export.
pub type TakeRecord = Box<dyn FnMut(String) -> bool + Send>;

/// What an erasure took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// Sessions with their registers, texts and memberships.
    pub sessions: u64,
    /// First results of writes with an idempotency key.
    pub first_results: u64,
    /// Entries of the directory: name, token, block.
    pub entries: u64,
    /// Teams that it owned; they have no owner now.
    pub owned_teams: u64,
}

impl Erased {
    /// Tells whether nothing was left to erase.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what one more step took away.
    pub fn add(&mut self, step: Self) {
        self.sessions += step.sessions;
        self.first_results += step.first_results;
        self.entries += step.entries;
        self.owned_teams += step.owned_teams;
    }
}

/// The record of the account itself. A token is never shown.
pub fn account_record(owner: &Owner, entry: Option<&AccountEntry>) -> String {
    text(&json!({
        "type": "account",
        "appKey": owner.app,
        "account": owner.account,
        "name": entry.map_or("", |entry| &entry.name),
        "blocked": entry.is_some_and(|entry| entry.blocked.is_some()),
        "tokens": entry.map_or(0, |entry| entry.known_tokens().count()),
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionRecord<'a> {
    r#type: &'static str,
    session_id: SessionId,
    /// As the app sees it now; `None` if it does not.
    session: Option<Box<RawValue>>,
    ext: &'a str,
    registers: Value,
}

/// The record of one session: what the app sees of it, and every register behind that.
pub fn session_record(id: &SessionId, row: &Row<'_>, shown: Option<SessionJson>) -> String {
    let shown = shown.and_then(|session| String::from_utf8(session.into_json()).ok());
    text(&SessionRecord {
        r#type: "session",
        session_id: id.clone(),
        session: shown.and_then(|json| RawValue::from_string(json).ok()),
        ext: row.ext,
        registers: registers(id.kind(), row),
    })
}

/// The record of a team that the account owns.
pub fn owned_team_record(team: &Team, entry: &TeamEntry) -> String {
    text(&json!({
        "type": "ownedTeam",
        "sessionId": team.session_id(),
        "name": entry.name,
        "custom": entry.custom,
        "created": entry.created,
    }))
}

/// The record of a first result that is kept for retries.
pub fn first_result_record(idempotency_key: &str, time: u64) -> String {
    text(&json!({ "type": "firstResult", "idempotencyKey": idempotency_key, "time": time }))
}

/// The last record: one that is missing says that the export broke off.
pub fn end_record(records: u64) -> String {
    text(&json!({ "type": "end", "records": records }))
}

pub(crate) fn registers(kind: SessionKind, row: &Row<'_>) -> Value {
    let mut registers = json!({
        "version": row.version,
        "created": row.created,
        "floor": row.floor.map(key),
        "last": latest(&row.latest),
    });
    if kind != SessionKind::P2p {
        registers["notices"] = row.notices.iter().map(notice).collect();
        registers["inviter"] = json!([row.inviter, row.inviter_last]);
        registers["hint"] = json!(row.hint);
    }
    registers
}

fn notice(notice: &Notice<'_>) -> Value {
    match notice {
        Notice::In(time) => json!({ "in": time }),
        Notice::Out(of) => json!({ "out": body(*of) }),
    }
}

pub(crate) fn latest(latest: &Latest<'_>) -> Value {
    let amendments = latest.amendments.iter().map(|amendment| match amendment {
        Amendment::Recall { body: of, time } => json!({ "recall": body(*of), "time": time }),
        Amendment::Edit { id, time, fields, .. } => {
            json!({ "edit": id, "time": time, "fields": fields })
        }
    });
    json!({ "message": latest.message.map(body), "amendments": amendments.collect::<Value>() })
}

pub(crate) fn body(body: MessageBody<'_>) -> Value {
    json!({ "key": key(body.key), "text": body.text })
}

fn key(key: MessageKey<'_>) -> Value {
    json!({ "time": key.time, "id": key.id, "rank": key.rank })
}

fn text(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("a record has string keys only")
}

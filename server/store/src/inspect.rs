//! One session of one account as its operator may look at it: what a client gets, why, and every
//! register behind it. Read only, from one state of the store.

use huihua_core::SessionId;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    SessionJson,
    account_data::{body, latest, registers},
    rules::{Head, Row, explain::Explanation},
};

/// A session with its registers. At most some 500 KiB: 16 notices and 8 waiting amendments of 16
/// KiB each, and as many amendments of its team.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedSession {
    /// As a client gets it; `None` when it is not visible.
    session: Option<Box<RawValue>>,
    /// Why.
    pub explanation: Explanation,
    /// The account's own text.
    ext: String,
    registers: Value,
    /// The registers of its team, which are everybody's; `None` for p2p, and when no message of the
    /// team is known.
    team: Option<Value>,
}

impl InspectedSession {
    /// Tells everything of these registers. `head` is the team's, `shown` what a client gets.
    pub fn new(
        id: &SessionId,
        row: &Row<'_>,
        head: Option<&Head<'_>>,
        shown: Option<SessionJson>,
    ) -> Self {
        let shown = shown.and_then(|session| String::from_utf8(session.into_json()).ok());
        Self {
            session: shown.and_then(|json| RawValue::from_string(json).ok()),
            explanation: row.explain(id.kind(), head),
            ext: row.ext.to_owned(),
            registers: registers(id.kind(), row),
            team: head.map(|head| {
                json!({
                    "version": head.version,
                    "dissolvedVersion": head.dissolved_version,
                    "dissolved": head.dissolved.map(body),
                    "last": latest(&head.latest),
                })
            }),
        }
    }

    /// Returns the JSON that a client gets; `None` when the session is not visible.
    pub fn session_json(&self) -> Option<&str> {
        self.session.as_deref().map(RawValue::get)
    }
}

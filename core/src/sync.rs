//! What a sync call gets: the sessions that changed since a cursor.

use serde::{Deserialize, Serialize};

use crate::{RecentSession, SessionId};

/// One session that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionChange {
    /// `{"session": …}`: its latest state.
    Session(RecentSession),
    /// `{"deleted": id}`: it is not in the list any more.
    Deleted(SessionId),
}

/// What changed since a cursor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPage {
    /// In the order of the changes, each session once.
    pub changes: Vec<SessionChange>,
    /// Opaque. Covers everything that came with this answer and before it.
    pub cursor: String,
    /// Exactly whether the next sync has something at once.
    pub has_more: bool,
    /// The cursor is too old, of another account or of an unknown era: there are no changes, and
    /// the client lists again.
    pub reset: bool,
}

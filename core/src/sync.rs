//! What a sync call asks and gets: the sessions that changed since a cursor.

use serde::{Deserialize, Serialize};

use crate::{
    InvalidOption, RecentSession, SYNC_LIMIT_DEFAULT, SYNC_LIMIT_MAX, SYNC_WAIT_MS_MAX, SessionId,
};

/// What `sync` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOption {
    /// [`SyncPage::cursor`] of the sync before, or [`crate::Page::sync_cursor`] of a walk; none =
    /// from the beginning, [`crate::paths::SYNC_LATEST`] = from now.
    pub cursor: Option<String>,
    /// Changes wanted, 1..=500.
    pub limit: u32,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
    /// How long the server holds the call until something changes, ms, 0..=30,000.
    pub wait_ms: u32,
}

impl Default for SyncOption {
    fn default() -> Self {
        Self { cursor: None, limit: SYNC_LIMIT_DEFAULT, need_last_msg: true, wait_ms: 0 }
    }
}

impl SyncOption {
    /// Checks the limits, without any I/O. Whether a cursor is good only the server knows: one that
    /// is not is answered with [`SyncPage::reset`].
    ///
    /// # Errors
    /// [`InvalidOption`] names the first field that is wrong.
    pub fn validate(&self) -> Result<(), InvalidOption> {
        if self.limit == 0 || self.limit > SYNC_LIMIT_MAX {
            return Err(InvalidOption { field: "limit", reason: "must be 1..=500" });
        }
        if self.wait_ms > SYNC_WAIT_MS_MAX {
            return Err(InvalidOption { field: "waitMs", reason: "must be 0..=30000" });
        }
        Ok(())
    }
}

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

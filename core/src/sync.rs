//! The option and the result of a sync call: the sessions that changed since a cursor.

use serde::{Deserialize, Serialize};

use crate::{
    InvalidOption, RecentSession, SYNC_LIMIT_DEFAULT, SYNC_LIMIT_MAX, SYNC_WAIT_MS_MAX, SessionId,
};

/// Selects the changes that a sync returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOption {
    /// [`SyncPage::cursor`] of the sync before, or [`crate::Page::sync_cursor`] of a first page;
    /// `None` = from the beginning, [`crate::paths::SYNC_LATEST`] = from now.
    pub cursor: Option<String>,
    /// Number of changes, 1..=500.
    pub limit: u32,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
    /// Longest time for which the server waits for a change, in ms, 0..=30,000.
    pub wait_ms: u32,
}

impl Default for SyncOption {
    fn default() -> Self {
        Self { cursor: None, limit: SYNC_LIMIT_DEFAULT, need_last_msg: true, wait_ms: 0 }
    }
}

impl SyncOption {
    /// Checks the limits, without any I/O.
    ///
    /// Only the server can check the cursor: it answers an invalid one with [`SyncPage::reset`].
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

/// Describes one session that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum SessionChange {
    /// `{"session": …}`: the session's latest state.
    Session(RecentSession),
    /// `{"deleted": id}`: the session is no longer in the list.
    Deleted(SessionId),
}

/// Holds the changes since a cursor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SyncPage {
    /// The changes in their order, each session once.
    pub changes: Vec<SessionChange>,
    /// The cursor for the next sync, which continues after these changes. Opaque.
    pub cursor: String,
    /// Whether the next sync returns changes at once; exact.
    pub has_more: bool,
    /// Whether the cursor was too old, of another account or of another store. There are no
    /// changes then, and the client must read the list again.
    pub reset: bool,
}

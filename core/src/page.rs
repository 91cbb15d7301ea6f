//! The option and the result of a list call, and the limits that both ends enforce.

use serde::{Deserialize, Serialize};

use crate::RecentSession;

/// Limit of [`QueryMySessionOption::limit`], in sessions.
///
/// A page is longer only if more sessions than that share one `updateTime`.
pub const LIMIT_MAX: u32 = 100;
/// Limit of an answer, in bytes as it is sent, before compression.
///
/// A page or a sync ends before the row that would take it over.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Length limit of an ext, in bytes of UTF-8.
pub const EXT_BYTES_MAX: usize = 4_096;
/// Limit of the sessions that one delete call names.
pub const DELETE_IDS_MAX: usize = 100;
/// Limit of [`crate::SyncOption::limit`], in changes.
pub const SYNC_LIMIT_MAX: u32 = 500;
/// Default of [`crate::SyncOption::limit`], in changes.
pub const SYNC_LIMIT_DEFAULT: u32 = 100;
/// Limit of [`crate::SyncOption::wait_ms`], in ms.
///
/// It is shorter than the time for which proxies usually allow a silent connection.
pub const SYNC_WAIT_MS_MAX: u32 = 30_000;

/// Selects a page of the list. Mirrors NIM's `QueryMySessionOption`; `page_token` is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryMySessionOption {
    /// Lower bound of `updateTime`, in ms since 1970, inclusive; 0 = none.
    pub min_timestamp: u64,
    /// Upper bound of `updateTime`, in ms since 1970, inclusive; 0 = none.
    pub max_timestamp: u64,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
    /// Number of sessions, 1..=100.
    pub limit: u32,
    /// [`Page::next_page_token`] of the page before. Both timestamps must be 0 with it.
    pub page_token: Option<String>,
}

impl Default for QueryMySessionOption {
    fn default() -> Self {
        Self {
            min_timestamp: 0,
            max_timestamp: 0,
            need_last_msg: true,
            limit: LIMIT_MAX,
            page_token: None,
        }
    }
}

/// Reports an option that is out of range: code 414.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct InvalidOption {
    /// The field's name on the wire.
    pub field: &'static str,
    /// Says what is expected, and what to do.
    pub reason: &'static str,
}

impl QueryMySessionOption {
    /// Checks the limit and the bounds, without any I/O.
    ///
    /// # Errors
    /// [`InvalidOption`] names the first field that is wrong.
    pub fn validate(&self) -> Result<(), InvalidOption> {
        if self.limit == 0 || self.limit > LIMIT_MAX {
            return Err(InvalidOption { field: "limit", reason: "must be 1..=100" });
        }
        if self.page_token.is_some() {
            if self.min_timestamp != 0 || self.max_timestamp != 0 {
                let reason = "cannot be combined with timestamps: set them for the first page";
                return Err(InvalidOption { field: "pageToken", reason });
            }
            return Ok(());
        }
        if self.max_timestamp != 0 && self.min_timestamp > self.max_timestamp {
            return Err(InvalidOption {
                field: "minTimestamp",
                reason: "must not be above maxTimestamp",
            });
        }
        Ok(())
    }
}

/// Holds one page of an account's list, newest first. Mirrors NIM's `RecentSessionList`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Ordered by `updateTime` descending, then kind (p2p, team, super team), then id bytes.
    pub session_list: Vec<RecentSession>,
    /// Whether older sessions match; exact.
    pub has_more: bool,
    /// Selects the next page, see [`QueryMySessionOption::page_token`]; set while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    pub next_page_token: Option<String>,
    /// The cursor for a sync that continues where the first page was read. Opaque.
    pub sync_cursor: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_out_of_range_is_refused_by_its_field() {
        let check = |option: QueryMySessionOption| option.validate().map_err(|e| e.field);
        let default = QueryMySessionOption::default;
        assert_eq!(check(default()), Ok(()));
        for limit in [0, 101, u32::MAX] {
            assert_eq!(check(QueryMySessionOption { limit, ..default() }), Err("limit"));
        }
        let bounds =
            |min, max| QueryMySessionOption { min_timestamp: min, max_timestamp: max, ..default() };
        assert_eq!(check(bounds(5, 4)), Err("minTimestamp"));
        assert_eq!(check(bounds(5, 5)), Ok(()));
        assert_eq!(check(bounds(5, 0)), Ok(()));
        let token = QueryMySessionOption { page_token: Some("t".into()), ..bounds(0, 9) };
        assert_eq!(check(token), Err("pageToken"));
    }
}

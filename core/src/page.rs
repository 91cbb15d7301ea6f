//! What a list call asks and gets: option, page, and the limits both ends hold.

use serde::{Deserialize, Serialize};

use crate::RecentSession;

/// Most sessions a page is asked for. A tie group may make a page longer (contract, section 2).
pub const LIMIT_MAX: u32 = 100;
/// Longest ext, in bytes of UTF-8.
pub const EXT_BYTES_MAX: usize = 4_096;
/// Most sessions that one delete call names.
pub const DELETE_IDS_MAX: usize = 100;
/// Most changes a sync is asked for.
pub const SYNC_LIMIT_MAX: u32 = 500;
/// Changes a sync gives when it is not told how many.
pub const SYNC_LIMIT_DEFAULT: u32 = 100;
/// Longest time a sync is held until something changes, in ms: shorter than what proxies usually
/// allow a silent connection.
pub const SYNC_WAIT_MS_MAX: u32 = 30_000;

/// What `queryMySessionList` asks for. Mirrors NIM's `QueryMySessionOption`; `page_token` is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryMySessionOption {
    /// Oldest `updateTime` wanted, ms since 1970, inclusive; 0 = unbounded.
    pub min_timestamp: u64,
    /// Newest `updateTime` wanted, ms since 1970, inclusive; 0 = unbounded.
    pub max_timestamp: u64,
    /// Whether rows carry their last message.
    pub need_last_msg: bool,
    /// Rows wanted, 1..=100.
    pub limit: u32,
    /// `next_page_token` of the page before: exact paging. Then both timestamps must be 0.
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

/// An option that asks for something impossible: code 414.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct InvalidOption {
    /// The field's name on the wire.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub reason: &'static str,
}

impl QueryMySessionOption {
    /// Checks limits and bounds, without any I/O.
    ///
    /// # Errors
    /// [`InvalidOption`] names the first field that is wrong.
    pub fn validate(&self) -> Result<(), InvalidOption> {
        if self.limit == 0 || self.limit > LIMIT_MAX {
            return Err(InvalidOption { field: "limit", reason: "must be 1..=100" });
        }
        if self.page_token.is_some() {
            if self.min_timestamp != 0 || self.max_timestamp != 0 {
                let reason = "must not stand beside timestamps: the first page fixed them";
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

/// One page of an account's list, newest first. Mirrors NIM's `RecentSessionList`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The rows: `updateTime` descending, ties by kind (p2p, team, super_team), then id bytes.
    pub session_list: Vec<RecentSession>,
    /// Exactly whether older rows match.
    pub has_more: bool,
    /// Asks for the next page; present exactly while there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// Everything up to here is in the walk that this page belongs to.
    pub sync_cursor: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_option_is_refused_by_field() {
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

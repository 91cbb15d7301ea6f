//! The records of the native interface, each with one exhaustive conversion. Integers are `i32` and
//! `i64`: Kotlin's unsigned types have mangled names that Java cannot call.

use huihua_core as core;

use crate::{Failure, error::to_i64};

/// Selects a page of the list.
#[derive(uniffi::Record)]
pub struct QueryMySessionOption {
    /// Lower bound of `updateTime`, in ms since 1970, inclusive; 0 = none.
    pub min_timestamp: i64,
    /// Upper bound of `updateTime`, in ms since 1970, inclusive; 0 = none.
    pub max_timestamp: i64,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
    /// Number of sessions, 1..=100.
    pub limit: i32,
    /// The next-page token of the previous page.
    pub page_token: Option<String>,
}

impl QueryMySessionOption {
    /// Converts to core's type. A negative number is an invalid parameter.
    pub(crate) fn into_core(self) -> Result<core::QueryMySessionOption, Failure> {
        let Self { min_timestamp, max_timestamp, need_last_msg, limit, page_token } = self;
        Ok(core::QueryMySessionOption {
            min_timestamp: unsigned("minTimestamp", min_timestamp)?,
            max_timestamp: unsigned("maxTimestamp", max_timestamp)?,
            need_last_msg,
            limit: unsigned("limit", limit.into())?,
            page_token,
        })
    }
}

/// Holds one page of a list.
#[derive(uniffi::Record)]
pub struct RecentSessionList {
    /// The sessions, newest first.
    pub session_list: Vec<RecentSession>,
    /// Whether older sessions match.
    pub has_more: bool,
    /// Selects the next page; set while there is one.
    pub next_page_token: Option<String>,
    /// The cursor for a sync that continues where the first page was read.
    pub sync_cursor: String,
}

/// Selects the changes that a sync returns.
#[derive(uniffi::Record)]
pub struct SyncOption {
    /// The cursor; `None` = from the beginning, `latest` = from now.
    pub cursor: Option<String>,
    /// Number of changes, 1..=500.
    pub limit: i32,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
    /// Longest time for which the server waits for a change, in ms, 0..=30,000.
    pub wait_ms: i64,
}

impl SyncOption {
    /// Converts to core's type, as [`QueryMySessionOption::into_core`].
    pub(crate) fn into_core(self) -> Result<core::SyncOption, Failure> {
        let Self { cursor, limit, need_last_msg, wait_ms } = self;
        Ok(core::SyncOption {
            cursor,
            limit: unsigned("limit", limit.into())?,
            need_last_msg,
            // A number that core cannot hold is above its limit, too.
            wait_ms: unsigned::<u64>("waitMs", wait_ms)?.try_into().unwrap_or(u32::MAX),
        })
    }
}

/// Converts a number that core counts unsigned.
fn unsigned<N: TryFrom<i64>>(field: &str, value: i64) -> Result<N, Failure> {
    N::try_from(value).map_err(|_| Failure::negative(field))
}

/// Holds the changes since a cursor.
#[derive(uniffi::Record)]
pub struct SyncResult {
    /// The changes in their order, each session once.
    pub changes: Vec<SessionChange>,
    /// The cursor for the next sync.
    pub cursor: String,
    /// Whether the next sync returns changes at once.
    pub has_more: bool,
    /// Whether the cursor was invalid, so that the list must be read again.
    pub reset: bool,
}

/// Describes one session that changed.
#[derive(uniffi::Enum)]
pub enum SessionChange {
    /// The session is new or changed.
    Updated {
        /// The session's latest state; boxed because a deletion is far smaller.
        session: Box<RecentSession>,
    },
    /// The session is no longer in the list.
    Deleted {
        /// The id of the session.
        session_id: String,
    },
}

impl From<core::SyncPage> for SyncResult {
    fn from(page: core::SyncPage) -> Self {
        let core::SyncPage { changes, cursor, has_more, reset } = page;
        Self { changes: changes.into_iter().map(Into::into).collect(), cursor, has_more, reset }
    }
}

impl From<core::SessionChange> for SessionChange {
    fn from(change: core::SessionChange) -> Self {
        match change {
            core::SessionChange::Session(session) => {
                Self::Updated { session: Box::new(session.into()) }
            }
            core::SessionChange::Deleted(id) => Self::Deleted { session_id: id.to_string() },
        }
    }
}

/// Describes the account of a token.
#[derive(uniffi::Record)]
pub struct AccountInfo {
    /// The account.
    pub account: String,
    /// The app key.
    pub app_key: String,
    /// Expiry of the token, in ms since 1970.
    pub expires_at: i64,
}

impl From<core::AccountInfo> for AccountInfo {
    fn from(info: core::AccountInfo) -> Self {
        let core::AccountInfo { account, app_key, expires_at } = info;
        Self { account, app_key, expires_at: to_i64(expires_at) }
    }
}

/// Holds one session. The last message crosses once, as the server sent it: Kotlin reads it when
/// something of it is asked for.
#[derive(uniffi::Record)]
pub struct RecentSession {
    /// `p2p|<account>`, `team|<team id>`, `super_team|<team id>`.
    pub session_id: String,
    /// Time of the last message, else of the first update, in ms since 1970.
    pub update_time: i64,
    /// The account's private text on the session.
    pub ext: String,
    /// The last message or the notice of its recall, a JSON object in UTF-8; empty for none. Bytes,
    /// not text: Kotlin would decode what nobody may ask for.
    pub last_msg: Vec<u8>,
    /// [`core::LastMsgType::number`]: 0 for a message or none, 1 for a recall.
    pub last_msg_type: i32,
}

impl From<core::Page> for RecentSessionList {
    fn from(page: core::Page) -> Self {
        let core::Page { session_list, has_more, next_page_token, sync_cursor } = page;
        let session_list = session_list.into_iter().map(Into::into).collect();
        Self { session_list, has_more, next_page_token, sync_cursor }
    }
}

impl From<core::RecentSession> for RecentSession {
    fn from(row: core::RecentSession) -> Self {
        let core::RecentSession { session_id, update_time, ext, last_msg_type, last_msg } = row;
        Self {
            session_id: session_id.to_string(),
            update_time: to_i64(update_time),
            ext,
            last_msg: last_msg.map(core::LastMsg::into_bytes).unwrap_or_default(),
            last_msg_type: last_msg_type.number().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> RecentSession {
        serde_json::from_str::<core::RecentSession>(json).unwrap().into()
    }

    #[test]
    fn the_last_message_crosses_byte_for_byte_a_recall_too() {
        let message = r#"{ "9":"\u4f60 好",  "10":{ "a" : 1 } }"#;
        for kind in [0, 1] {
            let row = row(&format!(
                r#"{{"sessionId":"team|7","updateTime":5,"lastMsgType":{kind},"lastMsg":{message}}}"#
            ));
            assert_eq!((row.last_msg_type, row.update_time), (kind, 5));
            assert_eq!(String::from_utf8(row.last_msg).unwrap(), message);
        }
    }

    #[test]
    fn a_row_without_a_message_crosses_without_bytes() {
        let row = row(r#"{"sessionId":"p2p|bob","updateTime":18446744073709551615,"ext":"x"}"#);
        assert_eq!((row.last_msg.len(), row.last_msg_type), (0, 0));
        assert_eq!((row.session_id.as_str(), row.ext.as_str()), ("p2p|bob", "x"));
        assert_eq!(row.update_time, i64::MAX);
    }
}

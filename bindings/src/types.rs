//! Records that cross the border, one exhaustive conversion each. `i32` and `i64` only: Kotlin's
//! unsigned types have mangled names that Java cannot call.

use huihua_core::{self as core, SessionKind, client};

use crate::{Failure, error::to_i64};

/// What a list call asks for.
#[derive(uniffi::Record)]
pub struct QueryMySessionOption {
    /// Oldest `updateTime` wanted, ms, inclusive; 0 = unbounded.
    pub min_timestamp: i64,
    /// Newest `updateTime` wanted, ms, inclusive; 0 = unbounded.
    pub max_timestamp: i64,
    /// Whether rows carry their last message.
    pub need_last_msg: bool,
    /// Rows wanted, 1..=100.
    pub limit: i32,
    /// The next-page token of the page before.
    pub page_token: Option<String>,
}

impl QueryMySessionOption {
    /// A negative number cannot be said in core; the wire calls it an invalid parameter.
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

/// One page of a list.
#[derive(uniffi::Record)]
pub struct RecentSessionList {
    /// The rows, newest first.
    pub session_list: Vec<RecentSession>,
    /// Whether older rows match.
    pub has_more: bool,
    /// Asks for the next page; present exactly while there is more.
    pub next_page_token: Option<String>,
    /// Everything up to here is in the walk that this page belongs to.
    pub sync_cursor: String,
}

/// What a sync asks for.
#[derive(uniffi::Record)]
pub struct SyncOption {
    /// Where it starts; none = from the beginning, `latest` = from now.
    pub cursor: Option<String>,
    /// Changes wanted, 1..=500.
    pub limit: i32,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
    /// How long the server holds the call until something changes, ms, 0..=30,000.
    pub wait_ms: i64,
}

impl SyncOption {
    /// As [`QueryMySessionOption::into_core`].
    pub(crate) fn into_core(self) -> Result<core::SyncOption, Failure> {
        let Self { cursor, limit, need_last_msg, wait_ms } = self;
        Ok(core::SyncOption {
            cursor,
            limit: unsigned("limit", limit.into())?,
            need_last_msg,
            // More than core can hold is more than it allows, too.
            wait_ms: unsigned::<u64>("waitMs", wait_ms)?.try_into().unwrap_or(u32::MAX),
        })
    }
}

/// A whole number that core counts unsigned.
fn unsigned<N: TryFrom<i64>>(field: &str, value: i64) -> Result<N, Failure> {
    N::try_from(value).map_err(|_| Failure::invalid(field))
}

/// What changed since a cursor.
#[derive(uniffi::Record)]
pub struct SyncResult {
    /// In the order of the changes, each session once.
    pub changes: Vec<SessionChange>,
    /// Where the next sync starts.
    pub cursor: String,
    /// Whether the next sync has something at once.
    pub has_more: bool,
    /// The cursor was not good: list again.
    pub reset: bool,
}

/// One session that changed.
#[derive(uniffi::Enum)]
pub enum SessionChange {
    /// Its latest state.
    Updated {
        /// The row; boxed, as a deletion is far smaller. To Kotlin it is a plain one.
        session: Box<RecentSession>,
    },
    /// It is not in the list any more.
    Deleted {
        /// Its id.
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

/// Whose token a service has.
#[derive(uniffi::Record)]
pub struct AccountInfo {
    /// The account.
    pub account: String,
    /// The app's key.
    pub app_key: String,
    /// End of the token, ms since 1970.
    pub expires_at: i64,
}

impl From<client::AccountInfo> for AccountInfo {
    fn from(info: client::AccountInfo) -> Self {
        let client::AccountInfo { account, app_key, expires_at } = info;
        Self { account, app_key, expires_at: to_i64(expires_at) }
    }
}

/// One row of a list, with all that core reads from its last message: plain data from here on.
#[derive(uniffi::Record)]
pub struct RecentSession {
    /// `p2p|<account>`, `team|<team id>`, `super_team|<team id>`.
    pub session_id: String,
    /// Time of the last message, else of the first update; ms since 1970.
    pub update_time: i64,
    /// The account's own text on the session.
    pub ext: String,
    /// The last message's JSON; empty for a recall and for none.
    pub last_msg: String,
    /// 0 message or none, 1 recall.
    pub last_msg_type: i32,
    /// The recall's notice, exactly when the last message is one.
    pub revoke_notification: Option<RevokeMsgNotification>,
    /// The row as NIM's local recent contact.
    pub recent_contact: RecentContact,
}

/// A recall's notice, as far as a row tells.
#[derive(uniffi::Record)]
pub struct RevokeMsgNotification {
    /// The message that was recalled.
    pub recalled: MessageStub,
    /// The notice's attachment.
    pub attach: String,
    /// Who recalled.
    pub revoke_account: String,
    /// The recaller's words.
    pub custom_info: String,
    /// NIM's number of the recall's kind; -1 when unknown.
    pub revoke_type: i32,
    /// What a callback of the app's server added.
    pub callback_ext: String,
}

/// A message of which little is known.
#[derive(uniffi::Record)]
pub struct MessageStub {
    /// Its time, ms since 1970; 0 when unknown.
    pub time: i64,
    /// Its sender.
    pub from_account: String,
    /// Its client id.
    pub client_id: String,
    /// Its server id.
    pub server_id: String,
}

/// A row as NIM's local recent contact.
#[derive(uniffi::Record)]
pub struct RecentContact {
    /// The account or team id.
    pub contact_id: String,
    /// NIM's number of the session's kind.
    pub session_type: i32,
    /// Sender of the last message; of a recall, who recalled.
    pub from_account: String,
    /// The sender's nick.
    pub from_nick: String,
    /// Client id of the last message.
    pub recent_message_id: String,
    /// NIM's number of the message's type, -1 for none.
    pub msg_type: i32,
    /// The message's body; of a recall, the recaller's words.
    pub content: String,
    /// The row's `updateTime`, ms since 1970.
    pub time: i64,
    /// The message's attachment, as text.
    pub attachment: String,
    /// The text of a JSON object.
    pub extension: String,
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
        let recent_contact = row.to_recent_contact().into();
        let revoke_notification = row.revoke_notification().map(Into::into);
        let core::RecentSession { session_id, update_time, ext, last_msg_type, last_msg } = row;
        let (last_msg_type, last_msg) = match last_msg_type {
            core::LastMsgType::Message => (0, last_msg.map(|it| it.as_str().to_owned())),
            core::LastMsgType::Recall => (1, None),
        };
        Self {
            session_id: session_id.to_string(),
            update_time: to_i64(update_time),
            ext,
            last_msg: last_msg.unwrap_or_default(),
            last_msg_type,
            revoke_notification,
            recent_contact,
        }
    }
}

impl From<core::RevokeMsgNotification> for RevokeMsgNotification {
    fn from(notice: core::RevokeMsgNotification) -> Self {
        let core::RevokeMsgNotification {
            message,
            attach,
            revoke_account,
            custom_info,
            revoke_type,
            callback_ext,
        } = notice;
        let recalled = message.into();
        Self { recalled, attach, revoke_account, custom_info, revoke_type, callback_ext }
    }
}

impl From<core::MessageStub> for MessageStub {
    fn from(stub: core::MessageStub) -> Self {
        let core::MessageStub { time, from, client_id, server_id } = stub;
        Self { time, from_account: from, client_id, server_id }
    }
}

impl From<core::RecentContact> for RecentContact {
    fn from(contact: core::RecentContact) -> Self {
        let core::RecentContact {
            contact_id,
            session_kind,
            from_account,
            from_nick,
            recent_message_id,
            msg_type,
            content,
            time,
            attachment,
            extension,
        } = contact;
        let session_type = match session_kind {
            SessionKind::P2p => 0,
            SessionKind::Team => 1,
            SessionKind::SuperTeam => 5,
        };
        Self {
            contact_id,
            session_type,
            from_account,
            from_nick,
            recent_message_id,
            msg_type,
            content,
            time,
            attachment,
            extension,
        }
    }
}

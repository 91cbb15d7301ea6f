//! Records that cross the border, one exhaustive conversion each. `i32` and `i64` only: Kotlin's
//! unsigned types have mangled names that Java cannot call.

use huihua_core::{self as core, Code, SessionKind};

use crate::{SessionError, error::Failure};

/// What a service is made with; the token provider stands beside it.
#[derive(Clone, uniffi::Record)]
pub struct Options {
    /// Base URL of the server.
    pub server_url: String,
    /// Trusted roots, DER.
    pub root_certificates: Vec<Vec<u8>>,
    /// Allows `http` to any host.
    pub cleartext_allowed: bool,
    /// Longest wait for a connection, ms.
    pub connect_timeout_ms: i64,
    /// Longest wait for one attempt, ms.
    pub attempt_timeout_ms: i64,
    /// Longest wait for a whole call, ms.
    pub call_timeout_ms: i64,
    /// Attempts of one call.
    pub attempts_max: i32,
}

/// A whole number of an option, which core counts unsigned.
pub(crate) fn option_number<N: TryFrom<i64>>(
    field: &'static str,
    value: i64,
) -> Result<N, SessionError> {
    let reason = "must not be negative".to_owned();
    N::try_from(value).map_err(|_| SessionError::Option { field: field.to_owned(), reason })
}

/// What a list call asks for.
#[derive(Debug, Clone, uniffi::Record)]
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

impl TryFrom<QueryMySessionOption> for core::QueryMySessionOption {
    type Error = Failure;

    /// A negative number cannot be said in core; the wire calls it an invalid parameter.
    fn try_from(option: QueryMySessionOption) -> Result<Self, Failure> {
        let invalid = |_| Failure::from(Code::InvalidParameter);
        Ok(Self {
            min_timestamp: option.min_timestamp.try_into().map_err(invalid)?,
            max_timestamp: option.max_timestamp.try_into().map_err(invalid)?,
            need_last_msg: option.need_last_msg,
            limit: option.limit.try_into().map_err(invalid)?,
            page_token: option.page_token,
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
            update_time: update_time.try_into().unwrap_or(i64::MAX),
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

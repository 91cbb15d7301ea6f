//! The parameters and bodies that handlers read by hand, as the OpenAPI document describes them.
//! The server's tests hold each of them to the handlers; nothing here ships.
#![expect(dead_code, reason = "these types are only described")]

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// The query of a list call.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ListQuery {
    /// Lower bound of `updateTime`, ms since 1970, inclusive; 0: none. Not with `pageToken`.
    #[param(default = 0, required = false)]
    min_timestamp: u64,
    /// Upper bound of `updateTime`, ms since 1970, inclusive; 0: none. Not with `pageToken`.
    #[param(default = 0, required = false)]
    max_timestamp: u64,
    /// Whether sessions carry their last message; true unless given.
    #[param(value_type = Flag, inline, required = false)]
    need_last_msg: bool,
    /// Most sessions on the page.
    #[param(default = 100, minimum = 1, maximum = 100, required = false, example = 20)]
    limit: u32,
    /// `nextPageToken` of the page before. A stale one is refused: begin again.
    #[param(required = false)]
    page_token: String,
}

/// The query of a sync.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct SyncQuery {
    /// `cursor` of the sync before, or `syncCursor` of a page. Absent: from the beginning.
    /// `latest`: from now.
    #[param(required = false, example = "latest")]
    cursor: String,
    /// Most changes.
    #[param(default = 100, minimum = 1, maximum = 500, required = false)]
    limit: u32,
    /// Whether sessions carry their last message; true unless given.
    #[param(value_type = Flag, inline, required = false)]
    need_last_msg: bool,
    /// How long to wait for a change if there is none, in ms. At most 32 requests of an account
    /// wait at once.
    #[param(default = 0, maximum = 30000, required = false)]
    wait_ms: u32,
}

/// True or false, as a query says it.
#[derive(ToSchema, Serialize)]
enum Flag {
    #[serde(rename = "true")]
    True,
    #[serde(rename = "false")]
    False,
    #[serde(rename = "1")]
    One,
    #[serde(rename = "0")]
    Zero,
}

/// The path of a call of one session.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SessionPath {
    /// The session's id, percent-encoded: `p2p%7Cbob`.
    #[param(value_type = huihua_core::SessionId, example = "p2p|bob")]
    id: String,
}

/// The header that names what a client has already.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfNoneMatch {
    /// Tags of answers that the client has: the answer is 304 if it is still one of them.
    #[param(rename = "If-None-Match", required = false)]
    tag: String,
}

/// The header that makes a write safe to repeat.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IdempotencyKeyHeader {
    /// New for each call, the same for each retry of it: for 10 minutes, across restarts, a retry
    /// gets the first result and changes nothing. With another call it is refused.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 64,
        pattern = "^[!-~]+$"
    )]
    key: String,
}

/// How a copy is signed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct CopyHeaders {
    /// The app key. NIM leaves it out of many copies: then the app whose secret fits is meant.
    #[param(rename = "AppKey", required = false)]
    app_key: String,
    /// Milliseconds; any age will do, for a repeated copy changes nothing. Only the address check
    /// has none.
    #[param(rename = "CurTime", required = false, pattern = "^[0-9]+$")]
    cur_time: String,
    /// The signature. Only the address check has none.
    #[param(rename = "CheckSum", required = false, pattern = "^[0-9a-f]{40}$")]
    check_sum: String,
}

/// The answer to a copy.
#[derive(ToSchema, Serialize)]
pub(crate) struct CopyAnswerBody {
    /// NIM's number: 200 received, 414 refused, 503 send it again.
    code: u16,
}

/// The new ext of a session.
#[derive(ToSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtBody {
    /// At most 4,096 bytes of UTF-8; empty is none.
    #[schema(max_length = 4096)]
    ext: String,
}

/// The sessions to delete.
#[derive(ToSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct DeleteBody {
    /// Their ids.
    #[schema(min_items = 1, max_items = 100)]
    session_ids: Vec<huihua_core::SessionId>,
}

/// Events of an app's own server.
#[derive(ToSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsBody {
    /// Applied in this order.
    #[schema(min_items = 1, max_items = 500)]
    events: Vec<Event>,
}

/// Something that moves lists. Unknown fields are refused by name.
#[derive(ToSchema, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Event {
    Message(MessageEvent),
    Edit(EditEvent),
    Recall(RecallEvent),
    Join(JoinEvent),
    Leave(LeaveEvent),
    Dissolve(DissolveEvent),
}

/// Says what kind of session an event is in.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum SessionType {
    P2p,
    Team,
    SuperTeam,
}

/// Says what kind of team an event is in.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum TeamType {
    Team,
    SuperTeam,
}

/// Says what a message holds. A notification is an ordinary message here.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum MsgType {
    Text,
    Image,
    Audio,
    Video,
    Location,
    Notification,
    File,
    AvChat,
    Tip,
    Robot,
    Call,
    Custom,
}

/// A message was sent. Its `lastMsg` may have 16 KiB.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageEvent {
    session_type: SessionType,
    /// Account of the sender.
    #[schema(min_length = 1, max_length = 128)]
    from: String,
    /// Account of the receiver, or id of the team.
    #[schema(min_length = 1, max_length = 128)]
    to: String,
    /// Ms since 1970; at most 10 minutes ahead of the server's clock.
    #[schema(minimum = 100_000_000_000_u64)]
    time: u64,
    #[schema(min_length = 1, max_length = 64)]
    message_id: String,
    msg_type: MsgType,
    #[schema(required = false)]
    client_id: String,
    #[schema(required = false)]
    body: String,
    /// JSON as text, for NIM's kinds of messages.
    #[schema(required = false)]
    attach: String,
    #[schema(required = false)]
    ext: String,
    #[schema(required = false)]
    from_nick: String,
    /// AOS, IOS, PC, WEB, REST, MAC or HARMONY; another one is dropped.
    #[schema(required = false)]
    from_client_type: String,
    /// False: the message changes no list.
    #[schema(required = false, default = true)]
    need_update_session: bool,
}

/// A message was edited: what is named replaces what the message had.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditEvent {
    session_type: SessionType,
    /// Of the message.
    #[schema(min_length = 1, max_length = 128)]
    from: String,
    /// Of the message.
    #[schema(min_length = 1, max_length = 128)]
    to: String,
    /// Of the message.
    #[schema(min_length = 1, max_length = 64)]
    message_id: String,
    /// Of the edit, ms since 1970.
    #[schema(minimum = 100_000_000_000_u64)]
    time: u64,
    /// Who edited it; `from` unless given.
    #[schema(required = false)]
    operator: String,
    /// One of body, attach and ext at least must be there.
    #[schema(required = false)]
    body: String,
    #[schema(required = false)]
    attach: String,
    #[schema(required = false)]
    ext: String,
}

/// A message was recalled: a notice stands in its place.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecallEvent {
    session_type: SessionType,
    /// Of the message.
    #[schema(min_length = 1, max_length = 128)]
    from: String,
    /// Of the message.
    #[schema(min_length = 1, max_length = 128)]
    to: String,
    /// Of the message, ms since 1970; not after `time`.
    message_time: u64,
    /// Of the message.
    #[schema(min_length = 1, max_length = 64)]
    message_id: String,
    /// Of the recall, ms since 1970.
    #[schema(minimum = 100_000_000_000_u64)]
    time: u64,
    /// Who recalled it; `from` unless given.
    #[schema(required = false)]
    operator: String,
    #[schema(required = false)]
    client_id: String,
    #[schema(required = false)]
    from_nick: String,
    /// A text of who recalled it.
    #[schema(required = false)]
    ps: String,
    #[schema(required = false)]
    attach: String,
}

/// Accounts came into a team.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinEvent {
    session_type: TeamType,
    #[schema(min_length = 1, max_length = 64)]
    team_id: String,
    #[schema(min_items = 1, max_items = 10_000)]
    accounts: Vec<String>,
    /// Ms since 1970.
    time: u64,
}

/// Accounts left a team, or were sent away.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeaveEvent {
    session_type: TeamType,
    #[schema(min_length = 1, max_length = 64)]
    team_id: String,
    #[schema(min_items = 1, max_items = 10_000)]
    accounts: Vec<String>,
    /// Ms since 1970.
    time: u64,
}

/// A team was dissolved.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DissolveEvent {
    session_type: TeamType,
    #[schema(min_length = 1, max_length = 64)]
    team_id: String,
    /// Ms since 1970.
    time: u64,
}

//! URL paths, read by client and server alike.

/// Who am I: account, app key and end of the token.
pub const ACCOUNT: &str = "/v1/account";
/// The list of the account's sessions.
pub const SESSIONS: &str = "/v1/sessions";
/// Deletes up to 100 sessions, all or nothing.
pub const SESSIONS_DELETE: &str = "/v1/sessions/delete";
/// One session; `{id}` is percent-encoded (`p2p%7Cbob`).
pub const SESSION: &str = "/v1/sessions/{id}";
/// The ext of one session.
pub const SESSION_EXT: &str = "/v1/sessions/{id}/ext";
/// The sessions that changed since a cursor.
pub const SYNC: &str = "/v1/sync";
/// What moved lists, told by the app's own servers.
pub const EVENTS: &str = "/v1/events";
/// NIM's message copy (消息抄送).
pub const NIM_COPY: &str = "/nim/copy";
/// The process answers.
pub const LIVEZ: &str = "/livez";
/// The store answers.
pub const READYZ: &str = "/readyz";

/// Header that names one call of a client: the same on each of its retries.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// In place of a sync cursor: from now.
pub const SYNC_LATEST: &str = "latest";

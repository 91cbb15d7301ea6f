//! URL paths and header names, used by both client and server.

/// Describes the token's account ([`crate::AccountInfo`]).
pub const ACCOUNT: &str = "/v1/account";
/// Lists the account's sessions.
pub const SESSIONS: &str = "/v1/sessions";
/// Deletes up to 100 sessions, all or nothing.
pub const SESSIONS_DELETE: &str = "/v1/sessions/delete";
/// Reads one session; `{id}` is percent-encoded (`p2p%7Cbob`).
pub const SESSION: &str = "/v1/sessions/{id}";
/// Sets the ext of one session; `{id}` as in [`SESSION`].
pub const SESSION_EXT: &str = "/v1/sessions/{id}/ext";
/// Returns the sessions that changed since a cursor.
pub const SYNC: &str = "/v1/sync";
/// Receives events from the app's own servers.
pub const EVENTS: &str = "/v1/events";
/// Receives NIM's message copies (消息抄送).
pub const NIM_COPY: &str = "/nim/copy";
/// Describes the routes above and those of the operators, as OpenAPI 3.1.
pub const OPENAPI: &str = "/openapi.json";
/// Describes the calls of NIM's server API, as OpenAPI 3.1.
pub const OPENAPI_NIM: &str = "/openapi-nim.json";
/// Shows both documents to people.
pub const DOCS: &str = "/docs";
/// Reports that the process answers.
pub const LIVEZ: &str = "/livez";
/// Reports that the store answers.
pub const READYZ: &str = "/readyz";

/// Header that identifies one call of a client, the same on each of its retries.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Sync cursor that selects only changes from now on.
pub const SYNC_LATEST: &str = "latest";

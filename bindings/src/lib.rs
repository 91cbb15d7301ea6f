//! The C border: what UniFFI turns into Kotlin. Converts, runs, hands back; decides nothing.
//! The Kotlin facade (`bindings/kotlin`) is the only user: app developers never see these types.

mod call;
mod callback;
mod error;
mod json;
mod runtime;
mod service;
mod types;

pub use call::Call;
pub use callback::{
    SessionCallback, SessionListCallback, SyncCallback, TokenProvider, VoidCallback,
};
pub use error::{CallbackError, SessionError, TokenProviderError};
pub use json::{JsonValue, parse_json_object};
pub use service::SessionService;
pub use types::{
    MessageStub, Options, QueryMySessionOption, RecentContact, RecentSession, RecentSessionList,
    RevokeMsgNotification, SessionChange, SyncOption, SyncResult,
};

uniffi::setup_scaffolding!("huihua");

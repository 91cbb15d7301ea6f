//! The C border: what UniFFI turns into Kotlin. Converts, runs, hands back; decides nothing.
//! The Kotlin facade (`bindings/kotlin`) is the only user: app developers never see these types.

mod call;
mod callback;
mod error;
mod json;
mod options;
#[cfg(feature = "test-panic")]
mod panic;
mod provider;
mod runtime;
mod service;
mod types;
mod watch;

pub use call::Call;
pub use callback::{
    AccountCallback, SessionCallback, SessionListCallback, SyncCallback, VoidCallback,
};
pub use error::{CallFailure, CallbackError, Failure, SessionError, TokenProviderError};
pub use json::{JsonValue, parse_json_object};
pub use options::Options;
#[cfg(feature = "test-panic")]
pub use panic::test_panic;
pub use provider::{LogLevel, Logger, RootProvider, TokenProvider};
pub use service::SessionService;
pub use types::{
    AccountInfo, MessageStub, QueryMySessionOption, RecentContact, RecentSession,
    RecentSessionList, RevokeMsgNotification, SessionChange, SyncOption, SyncResult,
};
pub use watch::{Watch, WatchListener, WatchStatus};

uniffi::setup_scaffolding!("huihua");

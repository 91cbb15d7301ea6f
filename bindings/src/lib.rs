//! The native interface of which UniFFI generates Kotlin. It converts values, runs calls and
//! delivers results; all decisions are core's. Its only user is the Kotlin facade
//! (`bindings/kotlin`), which hides these types from apps.

#[cfg(feature = "bench")]
mod bench;
mod call;
mod callback;
mod error;
mod list;
mod options;
#[cfg(feature = "test-panic")]
mod panic;
mod provider;
mod runtime;
mod service;
mod types;
mod watch;

#[cfg(feature = "bench")]
pub use bench::{bench_callback, bench_list, bench_parse};
pub use call::Call;
pub use callback::{CallCallback, CallOutcome};
pub use error::{CallFailure, CallbackError, Failure, SessionError, TokenProviderError};
pub use list::{ListEvent, ListFacts, ListListener, ListOption, SessionList};
pub use options::{CacheOptions, Options};
#[cfg(feature = "test-panic")]
pub use panic::test_panic;
pub use provider::{LogLevel, Logger, RootProvider, TokenProvider};
pub use service::SessionService;
pub use types::{
    AccountInfo, QueryMySessionOption, RecentSession, RecentSessionList, SessionChange, SyncOption,
    SyncResult,
};
pub use watch::{Watch, WatchListener, WatchStatus};

uniffi::setup_scaffolding!("huihua");

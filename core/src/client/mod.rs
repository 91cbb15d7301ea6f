//! Makes an app's calls over HTTP. Runs on the caller's tokio runtime, which must have time and I/O
//! enabled. Starts no thread and prints nothing; its only tasks request tokens, read roots, and
//! read and write the file of a kept list.
//!
//! ```no_run
//! use std::{future::Future, pin::Pin, sync::Arc};
//!
//! use huihua_core::{
//!     QueryMySessionOption,
//!     client::{Error, Options, ProviderError, SessionService, TokenProvider},
//! };
//!
//! struct MyServer;
//!
//! impl TokenProvider for MyServer {
//!     fn token(
//!         &self,
//!         _refresh: bool,
//!     ) -> Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + '_>> {
//!         Box::pin(async { Ok("a token that my server signed".to_owned()) })
//!     }
//! }
//!
//! # async fn example() -> Result<(), Error> {
//! let mut options = Options::new("https://im.example.com", Arc::new(MyServer));
//! options.root_certificates = vec![std::fs::read("root.der").expect("deployed with the app")];
//! let service = SessionService::new(options)?;
//! let page = service.query_my_session_list(&QueryMySessionOption::default()).await?;
//! for session in page.session_list {
//!     println!("{} {}", session.update_time, session.session_id);
//! }
//! # Ok(())
//! # }
//! ```

mod backoff;
mod cache;
mod cache_file;
mod error;
mod http_answer;
mod list;
mod list_rows;
mod log;
mod options;
mod requests;
mod retry;
mod servers;
mod service;
mod tls;
mod token;
mod transport;
mod watch;

pub use crate::AccountInfo;
pub use backoff::Backoff;
pub use cache::CacheOptions;
pub use error::{Error, ProviderError};
pub use http_answer::{AttemptFailure, HttpAnswer};
pub use list::{ListEvent, ListHandle, ListOption, SessionList};
pub use log::{LogLevel, Logger};
pub use options::{
    ATTEMPT_TIMEOUT_MS_DEFAULT, ATTEMPTS_MAX_DEFAULT, CALL_TIMEOUT_MS_DEFAULT,
    CONNECT_TIMEOUT_MS_DEFAULT, Options, Resolver, RootProvider, TIMEOUT_MS_MAX, TokenProvider,
};
pub use service::SessionService;
pub use token::ProviderFault;
pub use watch::{Poke, Watch, WatchEvent, WatchOption, WatchStatus};

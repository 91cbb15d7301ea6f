//! The providers that Kotlin implements (token, roots, logger), and their adapters to core.

use std::{future::Future, pin::Pin, sync::Arc};

use huihua_core::client::{self, ProviderError};

use crate::{CallbackError, TokenProviderError};

/// Provides the bearer token. Runs on a thread where it may block, never concurrently.
#[uniffi::export(foreign)]
pub trait TokenProvider: Send + Sync {
    /// Returns the token; `refresh` is true after the server refused the previous one.
    fn token(&self, refresh: bool) -> Result<String, TokenProviderError>;
}

/// Provides the platform's trusted roots.
///
/// Runs on a thread where it may block, before the first TLS connection, and again only if it
/// failed.
#[uniffi::export(foreign)]
pub trait RootProvider: Send + Sync {
    /// Returns the roots in DER; malformed ones are skipped.
    fn root_certificates(&self) -> Result<Vec<Vec<u8>>, CallbackError>;
}

/// Ranks the lines of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Normal operation.
    Debug,
    /// A failure that the SDK recovers from.
    Info,
    /// A final failure.
    Warn,
}

/// Receives the SDK's log, on runtime threads, concurrently. Must not block.
#[uniffi::export(foreign)]
pub trait Logger: Send + Sync {
    /// Receives one line. It holds no URL, token, session id, ext or message.
    fn log(&self, level: LogLevel, line: String) -> Result<(), CallbackError>;
}

/// Adapts a Kotlin token provider to core.
pub(crate) struct BlockingTokenProvider(pub(crate) Arc<dyn TokenProvider>);

impl client::TokenProvider for BlockingTokenProvider {
    fn token(
        &self,
        refresh: bool,
    ) -> Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + '_>> {
        let provider = self.0.clone();
        // An app requests its token here with blocking code: never on one of the two workers.
        Box::pin(
            async move { Ok(tokio::task::spawn_blocking(move || provider.token(refresh)).await??) },
        )
    }
}

/// Adapts a Kotlin root provider to core.
pub(crate) struct ForeignRootProvider(pub(crate) Arc<dyn RootProvider>);

impl client::RootProvider for ForeignRootProvider {
    fn root_certificates(&self) -> Result<Vec<Vec<u8>>, ProviderError> {
        Ok(self.0.root_certificates()?)
    }
}

/// Adapts a Kotlin logger to core.
pub(crate) struct ForeignLogger(pub(crate) Arc<dyn Logger>);

impl client::Logger for ForeignLogger {
    fn log(&self, level: client::LogLevel, line: &str) {
        let level = match level {
            client::LogLevel::Debug => LogLevel::Debug,
            client::LogLevel::Info => LogLevel::Info,
            client::LogLevel::Warn => LogLevel::Warn,
        };
        // A logger that throws loses its line; the call continues.
        drop(self.0.log(level, line.to_owned()));
    }
}

//! What Kotlin implements for the options: token provider, root provider, logger; and core's view
//! of each.

use std::{future::Future, pin::Pin, sync::Arc};

use huihua_core::client::{self, ProviderError};

use crate::{CallbackError, TokenProviderError};

/// Gives the bearer token. Called on a thread where it may block, never twice at a time.
#[uniffi::export(foreign)]
pub trait TokenProvider: Send + Sync {
    /// The token; `refresh` is true after the server refused the one given before.
    fn token(&self, refresh: bool) -> Result<String, TokenProviderError>;
}

/// Gives the platform's trusted roots. Called on a thread where it may block, before the first
/// connection that needs TLS, and again only if it failed.
#[uniffi::export(foreign)]
pub trait RootProvider: Send + Sync {
    /// The roots, DER; one that cannot be read is skipped.
    fn root_certificates(&self) -> Result<Vec<Vec<u8>>, CallbackError>;
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// What went as it should.
    Debug,
    /// What went wrong and is being mended.
    Info,
    /// What went wrong for good.
    Warn,
}

/// Takes the SDK's lines, on threads of the runtime, several at a time. Must not block.
#[uniffi::export(foreign)]
pub trait Logger: Send + Sync {
    /// One line. It holds no URL, token, session id, ext or message.
    fn log(&self, level: LogLevel, line: String) -> Result<(), CallbackError>;
}

/// Core's view of a Kotlin token provider.
pub(crate) struct BlockingTokenProvider(pub(crate) Arc<dyn TokenProvider>);

impl client::TokenProvider for BlockingTokenProvider {
    fn token(
        &self,
        refresh: bool,
    ) -> Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + '_>> {
        let provider = self.0.clone();
        // An app asks its own server here, with blocking code: never on one of the two workers.
        Box::pin(
            async move { Ok(tokio::task::spawn_blocking(move || provider.token(refresh)).await??) },
        )
    }
}

/// Core's view of a Kotlin root provider.
pub(crate) struct ForeignRoots(pub(crate) Arc<dyn RootProvider>);

impl client::RootProvider for ForeignRoots {
    fn root_certificates(&self) -> Result<Vec<Vec<u8>>, ProviderError> {
        Ok(self.0.root_certificates()?)
    }
}

/// Core's view of a Kotlin logger.
pub(crate) struct ForeignLogger(pub(crate) Arc<dyn Logger>);

impl client::Logger for ForeignLogger {
    fn log(&self, level: client::LogLevel, line: &str) {
        let level = match level {
            client::LogLevel::Debug => LogLevel::Debug,
            client::LogLevel::Info => LogLevel::Info,
            client::LogLevel::Warn => LogLevel::Warn,
        };
        // A logger that throws costs its line, and no call.
        drop(self.0.log(level, line.to_owned()));
    }
}

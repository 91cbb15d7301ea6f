//! What a client is made with, and how its calls fail.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::Code;

/// Gives the bearer token. `refresh` is true after the server refused the one given before.
pub trait TokenProvider: Send + Sync {
    /// The token, or why there is none.
    #[allow(clippy::type_complexity)]
    fn token(
        &self,
        refresh: bool,
    ) -> Pin<
        Box<
            dyn Future<Output = Result<String, Box<dyn std::error::Error + Send + Sync>>>
                + Send
                + '_,
        >,
    >;
}

/// What a [`super::SessionService`] is made with.
pub struct Options {
    /// Base URL of the server, `https://host[:port][/prefix]`; `http` only to loopback and 10.0.2.2
    /// unless `cleartext_allowed`.
    pub server_url: String,
    /// Gives the bearer token.
    pub token_provider: Arc<dyn TokenProvider>,
    /// Trusted roots, DER; one that cannot be read is skipped. None at all fails for `https`.
    pub root_certificates: Vec<Vec<u8>>,
    /// Allows `http` to any host.
    pub cleartext_allowed: bool,
    /// Longest wait for a connection, ms.
    pub connect_timeout_ms: u64,
    /// Longest wait for one attempt, ms.
    pub attempt_timeout_ms: u64,
    /// Longest wait for a whole call with its retries, ms.
    pub call_timeout_ms: u64,
    /// Attempts of one call, at least 1.
    pub attempts_max: u32,
    /// Sent as `User-Agent`.
    pub user_agent: String,
}

/// How a call fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// With a code of the wire's table: `onFailed`.
    #[error("{} ({}): {detail}", code.row().title, code.number())]
    Failed {
        /// The code.
        code: Code,
        /// Names the field, says what to do. Never a URL, token, ext or message.
        detail: String,
        /// Finds the answer in the server's log.
        request_id: Option<String>,
        /// When the server asks to come back, ms from now.
        retry_after_ms: Option<u64>,
        /// Whether a write may have been carried out all the same.
        may_have_applied: bool,
    },
    /// The answer is not ours (HTML, bad JSON, unknown code, over 8 MiB): `onException`.
    #[error("unexpected answer (HTTP {status}): {reason}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// What was wrong with it.
        reason: String,
    },
    /// The token provider failed: `onException`.
    #[error("the token provider failed")]
    TokenProvider {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An option is wrong, found at construction.
    #[error("option {field}: {reason}")]
    Option {
        /// The option's field.
        field: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}

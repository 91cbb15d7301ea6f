//! What a client is made with, and how its calls fail.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::Code;

/// Longest wait for a connection, unless the options say otherwise; ms.
pub const CONNECT_TIMEOUT_MS_DEFAULT: u64 = 5_000;
/// Longest wait for one attempt, unless the options say otherwise; ms.
pub const ATTEMPT_TIMEOUT_MS_DEFAULT: u64 = 15_000;
/// Longest wait for a whole call, unless the options say otherwise; ms.
pub const CALL_TIMEOUT_MS_DEFAULT: u64 = 30_000;
/// Attempts of one call, unless the options say otherwise.
pub const ATTEMPTS_MAX_DEFAULT: u32 = 3;
/// Longest timeout that an option may ask for: a call that outlives an hour is a leak.
pub const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// What a [`TokenProvider`] may fail with: any error of the app's. Its text and its sources are
/// handed on to every call that waited for the token.
pub type ProviderError = Box<dyn std::error::Error + Send + Sync>;

/// Gives the bearer token.
///
/// Asked when a call needs a token, once for all calls that wait: it must not call the service
/// itself. The answer is kept until the server refuses it, and serves later calls even if the one
/// that asked has gone. An answer that takes longer than a whole call may take comes too late; so
/// does one after the service was dropped.
pub trait TokenProvider: Send + Sync {
    /// The token, or why there is none. `refresh` is true after the server refused the token given
    /// before: a provider that caches must then ask anew.
    fn token(
        &self,
        refresh: bool,
    ) -> Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + '_>>;
}

/// What a [`super::SessionService`] is made with.
#[derive(Clone)]
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
    /// Longest wait for a connection (DNS, TCP and TLS), ms, 1..=3,600,000.
    pub connect_timeout_ms: u64,
    /// Longest wait for one attempt, ms, 1..=3,600,000.
    pub attempt_timeout_ms: u64,
    /// Longest wait for a whole call with its retries and its token, ms, 1..=3,600,000.
    pub call_timeout_ms: u64,
    /// Attempts of one call, at least 1.
    pub attempts_max: u32,
    /// Sent as `User-Agent`; printable ASCII.
    pub user_agent: String,
}

impl Options {
    /// The contract's defaults: 5 s to connect, 15 s an attempt, 30 s a call, 3 attempts; no roots.
    pub fn new(server_url: impl Into<String>, token_provider: Arc<dyn TokenProvider>) -> Self {
        Self {
            server_url: server_url.into(),
            token_provider,
            root_certificates: Vec::new(),
            cleartext_allowed: false,
            connect_timeout_ms: CONNECT_TIMEOUT_MS_DEFAULT,
            attempt_timeout_ms: ATTEMPT_TIMEOUT_MS_DEFAULT,
            call_timeout_ms: CALL_TIMEOUT_MS_DEFAULT,
            attempts_max: ATTEMPTS_MAX_DEFAULT,
            user_agent: concat!("huihua/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Checks the numbers; the URL and the roots are checked where they are used.
    pub(super) fn validate(&self) -> Result<(), Error> {
        let timeouts = [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("attempt_timeout_ms", self.attempt_timeout_ms),
            ("call_timeout_ms", self.call_timeout_ms),
        ];
        for (field, value) in timeouts {
            if value == 0 || value > TIMEOUT_MS_MAX {
                return Err(Error::option(field, format!("must be 1..={TIMEOUT_MS_MAX} ms")));
            }
        }
        if self.attempts_max == 0 {
            return Err(Error::option("attempts_max", "must be at least 1"));
        }
        Ok(())
    }
}

/// Leaves the provider out: what it holds is the app's secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("root_certificates", &self.root_certificates.len())
            .field("cleartext_allowed", &self.cleartext_allowed)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("attempt_timeout_ms", &self.attempt_timeout_ms)
            .field("call_timeout_ms", &self.call_timeout_ms)
            .field("attempts_max", &self.attempts_max)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
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
        /// Whether a write may have been carried out all the same, by any attempt of the call.
        may_have_applied: bool,
    },
    /// The answer is not ours (HTML, bad JSON, unknown code, over 8 MiB): `onException`.
    #[error("unexpected answer (HTTP {status}): {reason}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// What was wrong with it. Never a word of its body.
        reason: String,
        /// Whether a write may have been carried out all the same, by any attempt of the call.
        may_have_applied: bool,
    },
    /// The token provider failed, or gave no usable token: `onException`.
    #[error("the token provider failed")]
    TokenProvider {
        /// Why.
        #[source]
        source: ProviderError,
        /// Whether a write may have been carried out all the same, by an attempt before.
        may_have_applied: bool,
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

impl Error {
    /// Whether a write may have been carried out, though the call failed. Never for a read.
    pub fn may_have_applied(&self) -> bool {
        match self {
            Self::Failed { may_have_applied, .. }
            | Self::Answer { may_have_applied, .. }
            | Self::TokenProvider { may_have_applied, .. } => *may_have_applied,
            Self::Option { .. } => false,
        }
    }

    /// The same failure, as the outcome of a call whose attempts before it may have applied or not.
    pub(super) fn of_call(mut self, any_may_have_applied: bool) -> Self {
        match &mut self {
            Self::Failed { may_have_applied, .. }
            | Self::Answer { may_have_applied, .. }
            | Self::TokenProvider { may_have_applied, .. } => {
                *may_have_applied = any_may_have_applied;
            }
            Self::Option { .. } => {}
        }
        self
    }

    pub(super) fn option(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Option { field, reason: reason.into() }
    }

    /// A failure that the client itself found, before or instead of an answer.
    pub(super) fn local(code: Code, detail: impl Into<String>) -> Self {
        Self::Failed {
            code,
            detail: detail.into(),
            request_id: None,
            retry_after_ms: None,
            may_have_applied: false,
        }
    }
}

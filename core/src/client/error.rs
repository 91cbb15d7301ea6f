//! How a call fails.

use super::ProviderError;
use crate::Code;

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
        /// When whoever sent it asks to come back, ms from now.
        retry_after_ms: Option<u64>,
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
    /// An option is wrong. Found at construction, but for the roots of a
    /// [`super::RootProvider`]: those end the calls that need them.
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

    /// Whether the same call may succeed a little later: by the table for a code, and for a
    /// foreign answer when it is a 5xx, as a proxy's passes. A token provider may well do better
    /// the next time.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Failed { code, .. } => code.row().retryable,
            Self::Answer { status, .. } => (500..=599).contains(status),
            Self::TokenProvider { .. } => true,
            Self::Option { .. } => false,
        }
    }

    /// When the server, or a proxy before it, asks to come back: ms from now.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Failed { retry_after_ms, .. } | Self::Answer { retry_after_ms, .. } => {
                *retry_after_ms
            }
            Self::TokenProvider { .. } | Self::Option { .. } => None,
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

//! The error of a failed call.

use crate::Code;

/// Carries any error of an app's provider.
///
/// Every call that waited for a token gets the [`super::TokenProvider`]'s error, with its sources.
pub type ProviderError = Box<dyn std::error::Error + Send + Sync>;

/// Reports why a call failed.
///
/// No variant holds a URL, a token, an ext or a message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call failed with a code of the wire's table ([`Code::row`]): `onFailed`.
    #[error("{} ({}): {detail}", code.row().title, code.number())]
    Failed {
        /// The code.
        code: Code,
        /// Says what was wrong and what to do; names the field of an invalid parameter.
        detail: String,
        /// Identifies the answer in the server's log; `None` if there was no answer.
        request_id: Option<String>,
        /// The server's `Retry-After`, in ms; `None` if it sent none.
        retry_after_ms: Option<u64>,
        /// Whether the write may have taken effect, by any attempt of the call.
        may_have_applied: bool,
    },
    /// The answer is not our server's (HTML, bad JSON, unknown code, over 8 MiB): `onException`.
    #[error("unexpected answer (HTTP {status}): {reason}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// Says what was wrong with the answer, without quoting it.
        reason: String,
        /// The answer's `Retry-After`, in ms; `None` if it had none.
        retry_after_ms: Option<u64>,
        /// Whether the write may have taken effect, by any attempt of the call.
        may_have_applied: bool,
    },
    /// The token provider failed or returned an unusable token: `onException`.
    #[error("the token provider failed")]
    TokenProvider {
        /// The provider's own error, or a [`super::ProviderFault`].
        #[source]
        source: ProviderError,
        /// Whether the write may have taken effect, by an earlier attempt.
        may_have_applied: bool,
    },
    /// An option is invalid. The constructor reports it, except for the roots of a
    /// [`super::RootProvider`], which the first call reads.
    #[error("option {field}: {reason}")]
    Option {
        /// The field of [`super::Options`].
        field: &'static str,
        /// Says what is expected.
        reason: String,
    },
}

impl Error {
    /// Returns whether the write may have taken effect although the call failed.
    ///
    /// Always false for a read.
    pub fn may_have_applied(&self) -> bool {
        match self {
            Self::Failed { may_have_applied, .. }
            | Self::Answer { may_have_applied, .. }
            | Self::TokenProvider { may_have_applied, .. } => *may_have_applied,
            Self::Option { .. } => false,
        }
    }

    /// Returns whether the same call may succeed a little later.
    ///
    /// True for the retryable codes of the table, for a 5xx that is not our server's, such as a
    /// proxy's, and for a token provider that failed.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Failed { code, .. } => code.row().retryable,
            Self::Answer { status, .. } => (500..=599).contains(status),
            Self::TokenProvider { .. } => true,
            Self::Option { .. } => false,
        }
    }

    /// Returns the `Retry-After` of the server or of a proxy, in ms; `None` if there was none.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Failed { retry_after_ms, .. } | Self::Answer { retry_after_ms, .. } => {
                *retry_after_ms
            }
            Self::TokenProvider { .. } | Self::Option { .. } => None,
        }
    }

    /// Sets whether any attempt of the call may have applied its write.
    pub(super) fn with_may_have_applied(mut self, any_may_have_applied: bool) -> Self {
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

    /// Makes a failure that the client itself detected, before or without an answer.
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

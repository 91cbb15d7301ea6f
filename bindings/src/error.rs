//! How a call ends badly, on both sides of the border.

use huihua_core::{Code, client};

/// What ends in `onException`: everything that has no code of the wire's table.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum SessionError {
    /// The answer is not our server's.
    #[error("unexpected answer (HTTP {status}): {reason}")]
    Answer {
        /// The HTTP status.
        status: i32,
        /// What was wrong with it.
        reason: String,
        /// Whether the same call may succeed a little later.
        retryable: bool,
        /// When whoever sent it asks to come back, ms from now.
        retry_after_ms: Option<i64>,
        /// Whether a write may have been carried out all the same.
        may_have_applied: bool,
    },
    /// The app's token provider failed.
    #[error("the token provider failed")]
    TokenProvider {
        /// Whether a write may have been carried out all the same, by an attempt before.
        may_have_applied: bool,
    },
    /// An option is wrong; of a call, that no trusted root could be read.
    #[error("option {field}: {reason}")]
    Option {
        /// The option's field, as Kotlin names it.
        field: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The service was closed before the call ended.
    #[error("the session service was closed")]
    Closed,
    /// A fault of ours; the call is over, the service goes on.
    #[error("internal error: {reason}")]
    Internal {
        /// What happened.
        reason: String,
    },
}

/// A failure with a code of the wire's table: what `onFailed` brings.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CallFailure {
    /// NIM's number.
    pub code: i32,
    /// Whether the same call may succeed a little later.
    pub retryable: bool,
    /// Whether a write may have been carried out all the same. Never for a read.
    pub may_have_applied: bool,
    /// Finds the answer in the server's log; none when there was no answer.
    pub request_id: Option<String>,
    /// When the server asks to come back, ms from now.
    pub retry_after_ms: Option<i64>,
    /// Names the field, says what to do. Never a URL, token, ext or message.
    pub detail: String,
}

/// How a call or a watch fails: the two ways that a callback tells apart.
#[derive(Debug, uniffi::Enum)]
pub enum Failure {
    /// `onFailed`.
    Failed {
        /// With what.
        failure: CallFailure,
    },
    /// `onException`.
    Exception {
        /// With what.
        error: SessionError,
    },
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        let retryable = error.retryable();
        let retry_after_ms = error.retry_after_ms().map(to_i64);
        let error = match error {
            client::Error::Failed { code, detail, request_id, may_have_applied, .. } => {
                let code = code.number().into();
                let failure = CallFailure {
                    code,
                    retryable,
                    may_have_applied,
                    request_id,
                    retry_after_ms,
                    detail,
                };
                return Self::Failed { failure };
            }
            client::Error::Answer { status, reason, may_have_applied, .. } => {
                let status = status.into();
                SessionError::Answer { status, reason, retryable, retry_after_ms, may_have_applied }
            }
            // The cause stays in Kotlin, where it was thrown: nobody else may read or log it.
            client::Error::TokenProvider { may_have_applied, .. } => {
                SessionError::TokenProvider { may_have_applied }
            }
            client::Error::Option { field, reason } => SessionError::option(field, reason),
        };
        error.into()
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Exception { error }
    }
}

impl Failure {
    /// A parameter that core's types cannot hold: 414 before any network use.
    pub(crate) fn invalid(field: &str) -> Self {
        let row = Code::InvalidParameter.row();
        let failure = CallFailure {
            code: row.number.into(),
            retryable: row.retryable,
            may_have_applied: false,
            request_id: None,
            retry_after_ms: None,
            detail: format!("{field} must not be negative"),
        };
        Self::Failed { failure }
    }
}

/// Times that core counts unsigned; all of them are far below the limit.
pub(crate) fn to_i64(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

impl SessionError {
    /// `field` as Rust names it: Kotlin's users know the option as `camelCase`.
    pub(crate) fn option(field: &str, reason: impl Into<String>) -> Self {
        let mut words = field.split('_');
        let mut camel = words.next().unwrap_or_default().to_owned();
        for word in words {
            let (first, rest) = word.split_at(word.len().min(1));
            camel.extend([&first.to_ascii_uppercase(), rest]);
        }
        Self::Option { field: camel, reason: reason.into() }
    }
}

/// Of the constructor, which makes no call: a code is none of its outcomes.
impl From<client::Error> for SessionError {
    fn from(error: client::Error) -> Self {
        match error.into() {
            Failure::Exception { error } => error,
            Failure::Failed { failure } => Self::Internal { reason: failure.detail },
        }
    }
}

/// What a callback method, a root provider or a logger may throw. The facade's never do; the border
/// must stand it all the same.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum CallbackError {
    /// Anything thrown that is not declared.
    #[error("the callback threw")]
    Thrown,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Thrown
    }
}

/// What a token provider may throw. Why, the facade knows; here nobody may read it.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum TokenProviderError {
    /// It threw.
    #[error("the token provider threw")]
    Thrown,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for TokenProviderError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Thrown
    }
}

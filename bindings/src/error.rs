//! The errors of calls, callbacks and providers in the native interface.

use huihua_core::{Code, client};

/// Reports a failure without a code of the wire's table: `onException`.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum SessionError {
    /// The answer is not our server's.
    #[error("unexpected answer (HTTP {status}): {reason}")]
    Answer {
        /// The HTTP status.
        status: i32,
        /// Says what was wrong with the answer.
        reason: String,
        /// Whether the same call may succeed a little later.
        retryable: bool,
        /// The answer's `Retry-After`, in ms.
        retry_after_ms: Option<i64>,
        /// Whether the write may have taken effect.
        may_have_applied: bool,
    },
    /// The app's token provider failed.
    #[error("the token provider failed")]
    TokenProvider {
        /// Whether the write may have taken effect, by an earlier attempt.
        may_have_applied: bool,
    },
    /// An option is invalid. A call gets it only if no trusted root could be read.
    #[error("option {field}: {reason}")]
    Option {
        /// The option's name in Kotlin.
        field: String,
        /// Says what is expected.
        reason: String,
    },
    /// The service was closed before the call ended.
    #[error("the session service was closed")]
    Closed,
    /// The SDK has a fault. The call is over; the service keeps working.
    #[error("internal error: {reason}")]
    Internal {
        /// Describes the fault.
        reason: String,
    },
}

/// Describes a failure with a code of the wire's table: `onFailed`.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CallFailure {
    /// NIM's number of the failure.
    pub code: i32,
    /// Whether the same call may succeed a little later.
    pub retryable: bool,
    /// Whether the write may have taken effect. Always false for a read.
    pub may_have_applied: bool,
    /// Identifies the answer in the server's log; `None` if there was no answer.
    pub request_id: Option<String>,
    /// The server's `Retry-After`, in ms.
    pub retry_after_ms: Option<i64>,
    /// Says what was wrong and what to do. It holds no URL, token, ext or message.
    pub detail: String,
}

/// Distinguishes the two kinds of failure that a callback has methods for.
#[derive(Debug, uniffi::Enum)]
pub enum Failure {
    /// The failure has a code: `onFailed`.
    Failed {
        /// The failure.
        failure: CallFailure,
    },
    /// The failure has no code: `onException`.
    Exception {
        /// The error.
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
            // The cause stays in Kotlin, where it was thrown: nothing else may read or log it.
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
    /// Reports a negative parameter, which core's types cannot hold: 414 before any network use.
    pub(crate) fn negative(field: &str) -> Self {
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

/// Converts a time, which core counts unsigned. All of them are far below the limit.
pub(crate) fn to_i64(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

impl SessionError {
    /// Reports an invalid option by its Kotlin name; `field` is its name in Rust, in which a dot
    /// comes before the field of a record within the options.
    pub(crate) fn option(field: &str, reason: impl Into<String>) -> Self {
        let mut words = field.split(['_', '.']);
        let mut camel = words.next().unwrap_or_default().to_owned();
        for word in words {
            let (first, rest) = word.split_at(word.len().min(1));
            camel.extend([&first.to_ascii_uppercase(), rest]);
        }
        Self::Option { field: camel, reason: reason.into() }
    }
}

/// Converts the constructor's error. It makes no call, so it has no code of the table.
impl From<client::Error> for SessionError {
    fn from(error: client::Error) -> Self {
        match error.into() {
            Failure::Exception { error } => error,
            Failure::Failed { failure } => Self::Internal { reason: failure.detail },
        }
    }
}

/// Reports an exception of a callback, a root provider or a logger.
///
/// Those of the facade never throw, but UniFFI requires a type for it.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum CallbackError {
    /// The callback threw an undeclared exception.
    #[error("the callback threw")]
    Thrown,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Thrown
    }
}

/// Reports an exception of a token provider. The facade keeps the exception itself.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum TokenProviderError {
    /// The provider threw, or returned null.
    #[error("the token provider threw")]
    Thrown,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for TokenProviderError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Thrown
    }
}

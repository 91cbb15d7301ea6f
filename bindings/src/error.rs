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
        /// Whether a write may have been carried out all the same.
        may_have_applied: bool,
    },
    /// The app's token provider failed.
    #[error("the token provider failed")]
    TokenProvider,
    /// An option is wrong.
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

/// How a call fails: the two ways that a callback tells apart.
#[derive(Debug)]
pub(crate) enum Failure {
    /// `onFailed` with NIM's number.
    Code(i32),
    /// `onException`.
    Exception(SessionError),
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::Code(code.number().into())
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Failed { code, .. } => code.into(),
            other => Self::Exception(other.into()),
        }
    }
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

impl From<client::Error> for SessionError {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Answer { status, reason, may_have_applied } => {
                Self::Answer { status: status.into(), reason, may_have_applied }
            }
            // The cause stays in Kotlin, where it was thrown: nobody else may read or log it.
            client::Error::TokenProvider { .. } => Self::TokenProvider,
            client::Error::Option { field, reason } => Self::option(field, reason),
            failed @ client::Error::Failed { .. } => Self::Internal { reason: failed.to_string() },
        }
    }
}

/// What a callback method may throw. The facade's never do; the border must stand it all the same.
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

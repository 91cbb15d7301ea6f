//! How work on the file fails, and what that means for the other writes of its transaction.

use huihua_store::Error;

/// Why a read or a write of the file did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreFailure {
    /// The rules refuse the write, before any of it is written.
    #[error(transparent)]
    Refused(Error),
    /// A stored value is damaged: the work that needs it fails, other work goes on.
    #[error("damaged: {what}")]
    Damaged {
        /// Which value, and in which table.
        what: String,
    },
    /// The file cannot be read or written: nothing of its transaction is acknowledged.
    #[error("{reason}")]
    File {
        /// For the operator.
        reason: String,
    },
}

impl StoreFailure {
    /// Wraps an error of the file or of the process around it.
    pub(crate) fn file(error: &impl std::fmt::Display) -> Self {
        Self::File { reason: error.to_string() }
    }
}

impl From<StoreFailure> for Error {
    fn from(failure: StoreFailure) -> Self {
        match failure {
            StoreFailure::Refused(error) => error,
            StoreFailure::Damaged { what } => Self::Damaged { what },
            StoreFailure::File { reason } => Self::Unavailable { reason },
        }
    }
}

impl From<Error> for StoreFailure {
    fn from(error: Error) -> Self {
        match error {
            Error::Damaged { what } => Self::Damaged { what },
            refused => Self::Refused(refused),
        }
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for StoreFailure {
            fn from(error: $error) -> Self {
                match redb::Error::from(error) {
                    redb::Error::Corrupted(what) => Self::Damaged { what },
                    other => Self::file(&other),
                }
            }
        }
    )*};
}
from_redb!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

/// Makes the error of a store that does not serve.
pub(crate) fn unavailable(reason: impl std::fmt::Display) -> Error {
    Error::Unavailable { reason: reason.to_string() }
}

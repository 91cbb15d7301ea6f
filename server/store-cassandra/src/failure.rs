//! How a call of Cassandra fails, as errors of the store.

use huihua_store::Error;
use scylla::errors::ExecutionError;

/// Makes the error of a store that does not serve. A driver's message names nodes and statements,
/// no bound value.
pub(crate) fn unavailable(reason: impl std::fmt::Display) -> Error {
    Error::Unavailable { reason: reason.to_string() }
}

/// Makes the error of a request that was not answered.
pub(crate) fn failed(error: &ExecutionError) -> Error {
    Error::Unavailable { reason: format!("Cassandra: {error}") }
}

/// Makes the error of a value that no server wrote.
pub(crate) fn damaged(what: &str, of: &str) -> Error {
    Error::Damaged { what: format!("{what} of {}", of.escape_debug()) }
}

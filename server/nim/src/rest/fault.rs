//! What is wrong with a request.

use std::fmt;

/// What is wrong with a request. Names the header or parameter, never its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFault {
    pub(super) name: &'static str,
    reason: String,
}

impl RequestFault {
    /// Creates the fault of this header or parameter.
    pub fn new(name: &'static str, reason: impl fmt::Display) -> Self {
        Self { name, reason: reason.to_string() }
    }
}

impl fmt::Display for RequestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.reason)
    }
}

impl std::error::Error for RequestFault {}

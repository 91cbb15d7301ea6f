//! The result of an import.

use std::fmt;

/// The result of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ImportSummary {
    /// Memberships in the file.
    pub(crate) memberships: u64,
    /// Joins that changed something.
    pub(crate) applied: u64,
    /// Joins that changed nothing: the server knew them.
    pub(crate) known: u64,
    /// Joins that the server refused; each was printed with its line.
    pub(crate) rejected: u64,
}

impl fmt::Display for ImportSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memberships, applied, known, rejected } = self;
        write!(
            f,
            "{memberships} memberships: {applied} joins applied, {known} known already, \
             {rejected} rejected"
        )
    }
}

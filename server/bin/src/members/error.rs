//! Why an import of memberships ends early.

use std::path::PathBuf;

use crate::{
    lines::{OpenError, WrongLines},
    server_client::InvalidUrl,
};

/// Why the import ended early. What was sent before stays; sending it again changes nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Lines are wrong; nothing was sent.
    #[error(transparent)]
    Lines(#[from] WrongLines),
    /// The file is empty.
    #[error("{path} holds no membership")]
    Empty { path: PathBuf },
    /// The address is wrong, or no HTTP client can be created for it.
    #[error("url: {0}")]
    Url(#[from] InvalidUrl),
    /// The server refuses; a retry will not help.
    #[error("the server refused line {line}: status {status}, {detail}")]
    Refused {
        /// First line of the request, from 1.
        line: u64,
        status: u16,
        detail: String,
    },
    /// The server could not be reached, or was unavailable, for too long.
    #[error(
        "gave up at line {line} after {attempts} attempts: {reason}. Import the file again once \
         the server is available: what was imported before changes nothing"
    )]
    GaveUp {
        /// First line of the request, from 1.
        line: u64,
        attempts: u32,
        /// The result of the last attempt.
        reason: String,
    },
}

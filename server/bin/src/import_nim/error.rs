//! Why an import from NIM ends before its end.

use std::{io, path::PathBuf};

use crate::{
    lines::{OpenError, WrongLines},
    server_client::InvalidUrl,
};

/// Why the import ended early. What was written stays; importing it again changes nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file of ids cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Lines are wrong.
    #[error(transparent)]
    Lines(#[from] WrongLines),
    /// The file holds no id.
    #[error("{path} holds no id")]
    Empty { path: PathBuf },
    /// An address is wrong, or no HTTP client can be created for it.
    #[error("{option}: {source}")]
    Url {
        option: &'static str,
        #[source]
        source: InvalidUrl,
    },
    /// NIM does not take the signature: every further call would fail too.
    #[error(
        "{whose} refused the signature of a call (414 {desc}): check the app's key and secret in \
         the configuration, and this machine's clock"
    )]
    Signature { whose: &'static str, desc: String },
    /// Whoever answers is no server of this API.
    #[error(
        "{whose} answered with HTTP status {status}, and nothing else yet: is --{option} the \
         address of its API?"
    )]
    NotTheApi { whose: &'static str, option: &'static str, status: u16 },
    /// NIM did not answer for a long while.
    #[error(
        "NIM did not answer {calls} calls in a row, each tried several times: {reason}. Start \
         again later: with --state the import goes on where it ended"
    )]
    NimAway { calls: u32, reason: String },
    /// The Huihua server refuses what every account needs.
    #[error("the server refused {what}: {status}, {detail}")]
    ServerRefused { what: &'static str, status: u16, detail: String },
    /// The Huihua server could not be reached, or was unavailable, for too long.
    #[error(
        "gave up after {attempts} attempts at the server: {reason}. Start again once it is \
         available: with --state the import goes on where it ended"
    )]
    ServerAway { attempts: u32, reason: String },
    /// The state cannot be read or written.
    #[error("cannot use the state file {path}")]
    State {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The state is of another import.
    #[error("the state file {path} {reason}: name another file, or remove this one")]
    OtherState { path: PathBuf, reason: &'static str },
    /// Ctrl-C.
    #[error("interrupted. Start again: with --state the import goes on where it ended")]
    Interrupted,
}

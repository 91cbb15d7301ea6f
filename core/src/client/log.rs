//! The client's log: silent without a logger. A line names a call by its method and a server by
//! its number, so that it holds no id, text, token or URL.

use std::{fmt::Display, sync::Arc};

use super::Error;

/// Ranks the lines of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Normal operation: an attempt and its answer, a watch that is live.
    Debug,
    /// A failure that the client recovers from: a failed attempt, a watch that reconnects.
    Info,
    /// A final failure: a call that failed, a watch that ended.
    Warn,
}

/// Receives the lines of the client's log.
///
/// It is called on the runtime's threads, concurrently, during calls: it must not block.
pub trait Logger: Send + Sync {
    /// Receives one line, without a line end. It holds no URL, token, session id, ext or message.
    fn log(&self, level: LogLevel, line: &str);
}

/// Writes lines to the logger of a service, if there is one.
#[derive(Clone)]
pub(super) struct Log(pub(super) Option<Arc<dyn Logger>>);

impl Log {
    /// Formats and writes a line; does not format it without a logger.
    pub(super) fn line<L: Display>(&self, level: LogLevel, line: impl FnOnce() -> L) {
        if let Some(logger) = &self.0 {
            logger.log(level, &line().to_string());
        }
    }
}

/// Describes an error for the log, without any text of a server, an app or a user.
pub(super) fn cause(error: &Error) -> String {
    match error {
        Error::Failed { code, request_id, .. } => {
            let row = code.row();
            let request = request_id.as_ref().map(|id| format!(", request {id}"));
            format!("{} ({}{})", row.title, row.number, request.unwrap_or_default())
        }
        Error::Answer { status, .. } => format!("unexpected answer (HTTP {status})"),
        Error::TokenProvider { .. } => "the token provider failed".to_owned(),
        Error::Option { field, .. } => format!("option {field} is invalid"),
    }
}

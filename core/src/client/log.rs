//! The client's log: silent unless a logger is given. A line names a call by its method and a
//! server by its number, so that no id, text, token or URL gets into it.

use std::{fmt::Display, sync::Arc};

use super::Error;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// What went as it should: an attempt and its answer, a watch that is live.
    Debug,
    /// What went wrong and is being mended: a retry, another server, a watch that is broken.
    Info,
    /// What went wrong for good: a call that failed, a watch that ended.
    Warn,
}

/// Where the client's lines go.
///
/// Called on the runtime's threads, several at a time, in the middle of calls: it must not block.
pub trait Logger: Send + Sync {
    /// Takes one line, without its end. It holds no URL, token, session id, ext or message.
    fn log(&self, level: LogLevel, line: &str);
}

/// The logger of a service, or none.
#[derive(Clone)]
pub(super) struct Log(pub(super) Option<Arc<dyn Logger>>);

impl Log {
    /// Makes the line only when somebody reads it.
    pub(super) fn line<L: Display>(&self, level: LogLevel, line: impl FnOnce() -> L) {
        if let Some(logger) = &self.0 {
            logger.log(level, &line().to_string());
        }
    }
}

/// What a line says of an error: no word that a server, an app or a user wrote.
pub(super) fn cause(error: &Error) -> String {
    match error {
        Error::Failed { code, request_id, .. } => {
            let row = code.row();
            let request = request_id.as_ref().map(|id| format!(", request {id}"));
            format!("{} ({}{})", row.title, row.number, request.unwrap_or_default())
        }
        Error::Answer { status, .. } => format!("unexpected answer (HTTP {status})"),
        Error::TokenProvider { .. } => "the token provider failed".to_owned(),
        Error::Option { field, .. } => format!("option {field} is wrong"),
    }
}

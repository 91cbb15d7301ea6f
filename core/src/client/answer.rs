//! Reads what came back: bytes in, a body of ours or a failure out. Pure, and total: any status,
//! any header and any body has its outcome.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Error;
use crate::{Code, error::Problem};

/// Longest answer read, in bytes after decompression: eight times what 100 rows of 16 KiB
/// messages and 4 KiB texts can reach, escapes included.
pub(super) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest detail handed on, in characters: it goes to logs and dialogs.
const DETAIL_CHARS_MAX: usize = 500;
/// Longest request id handed on, in characters.
const REQUEST_ID_CHARS_MAX: usize = 100;
/// Longest wait that a `Retry-After` is believed, in seconds: a day.
const RETRY_AFTER_SECONDS_MAX: u64 = 86_400;

/// An answer that arrived in full.
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The raw header, when it is text.
    pub(super) content_type: Option<String>,
    /// The raw header, when it is text.
    pub(super) retry_after: Option<String>,
    /// At most [`ANSWER_BYTES_MAX`] bytes.
    pub(super) body: Vec<u8>,
}

/// Why one attempt gave nothing.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the caller gets if this was the last attempt.
    pub(super) error: Error,
    /// Whether another attempt may do better.
    pub(super) retryable: bool,
    /// Whether the server may have carried out what this attempt asked.
    pub(super) may_have_applied: bool,
    /// The server's wish, in place of our own backoff.
    pub(super) retry_after: Option<Duration>,
    /// Whether the token was refused: worth one refresh.
    pub(super) token_refused: bool,
}

impl Failure {
    /// A failure with a code that the client gives itself.
    pub(super) fn local(code: Code, detail: impl Into<String>, may_have_applied: bool) -> Self {
        Self {
            error: Error::local(code, detail),
            retryable: code.row().retryable,
            may_have_applied,
            retry_after: None,
            token_refused: false,
        }
    }

    /// An answer that is none of ours. A proxy's 5xx passes, so it is worth another attempt.
    pub(super) fn foreign(status: u16, reason: impl Into<String>) -> Self {
        Self {
            error: Error::Answer { status, reason: reason.into() },
            retryable: (500..=599).contains(&status),
            may_have_applied: true,
            retry_after: None,
            token_refused: status == 401,
        }
    }
}

/// The body, if the answer has the status of success; else what it means.
pub(super) fn judge(answer: Answer, success: u16) -> Result<Vec<u8>, Failure> {
    if answer.status == success {
        return Ok(answer.body);
    }
    let retry_after = answer.retry_after.as_deref().and_then(parse_retry_after);
    let Some((code, problem)) = problem(&answer) else {
        let reason = "neither a result nor an error of this service";
        return Err(Failure { retry_after, ..Failure::foreign(answer.status, reason) });
    };
    let row = code.row();
    Err(Failure {
        error: Error::Failed {
            code,
            detail: printable(&problem.detail, DETAIL_CHARS_MAX),
            request_id: Some(printable(&problem.request_id, REQUEST_ID_CHARS_MAX))
                .filter(|id| !id.is_empty()),
            retry_after_ms: retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            may_have_applied: row.may_have_applied,
        },
        retryable: row.retryable,
        may_have_applied: row.may_have_applied,
        retry_after,
        token_refused: code == Code::Unauthorized,
    })
}

/// The value in a body of ours. What serde would say is left out, for it quotes the body.
pub(super) fn parse<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "JSON of another shape",
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => "not JSON",
        };
        let (line, column) = (error.line(), error.column());
        Error::Answer { status, reason: format!("{what}, line {line} column {column}") }
    })
}

/// The error body, if it is one that our server can have sent.
fn problem(answer: &Answer) -> Option<(Code, Problem)> {
    let media_type = answer.content_type.as_deref()?.split(';').next()?.trim();
    if !media_type.eq_ignore_ascii_case("application/problem+json") {
        return None;
    }
    let problem: Problem = serde_json::from_slice(&answer.body).ok()?;
    let code = Code::from_number(problem.code)?;
    // Codes that only a client says are no server's to send.
    code.row().http_status?;
    Some((code, problem))
}

/// Whole seconds. The date form needs a clock that both ends agree on; our server never sends it.
fn parse_retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Digits that overflow are a very long wait, not a malformed one.
    let seconds = text.parse().unwrap_or(RETRY_AFTER_SECONDS_MAX);
    Some(Duration::from_secs(seconds.min(RETRY_AFTER_SECONDS_MAX)))
}

/// Server text made fit for one line of a log.
fn printable(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

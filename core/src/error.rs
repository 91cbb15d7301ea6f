//! The wire's error table, once: code, HTTP status, title, what a caller may do; the error body.

use serde::{Deserialize, Serialize};

/// NIM's code of a failure: what `onFailed` gets. The table is [`Code::row`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// 302: token missing, malformed, expired, of a wrong key or algorithm; `sub` no account.
    Unauthorized,
    /// 403: known, but not allowed.
    Forbidden,
    /// 404: no such session, unknown route.
    NotFound,
    /// 408: no answer within the deadline; only a client says it.
    Timeout,
    /// 414: a parameter is missing, malformed, out of range; a body too large; a stale page token.
    InvalidParameter,
    /// 415: DNS, connect, TLS, reset, truncated answer; only a client says it.
    Connection,
    /// 416: too frequent, too many.
    TooFrequent,
    /// 500: our fault.
    Internal,
    /// 503: overloaded, not durable, or shutting down.
    Unavailable,
}

/// One line of the error table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeRow {
    /// NIM's number.
    pub number: u16,
    /// The HTTP status it travels with; `None` when only a client says it.
    pub http_status: Option<u16>,
    /// What it means, in a few words.
    pub title: &'static str,
    /// Whether the same call may succeed a little later.
    pub retryable: bool,
    /// Whether a write that ended so may have been carried out all the same.
    pub may_have_applied: bool,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 9] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Timeout,
        Self::InvalidParameter,
        Self::Connection,
        Self::TooFrequent,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The table.
    pub const fn row(self) -> CodeRow {
        let (number, http_status, title, retryable, may_have_applied) = match self {
            Self::Unauthorized => (302, Some(401), "token refused", false, false),
            Self::Forbidden => (403, Some(403), "not allowed", false, false),
            Self::NotFound => (404, Some(404), "not found", false, false),
            Self::Timeout => (408, None, "no answer in time", true, true),
            Self::InvalidParameter => (414, Some(400), "invalid parameter", false, false),
            Self::Connection => (415, None, "connection failed", true, true),
            Self::TooFrequent => (416, Some(429), "too many", true, false),
            Self::Internal => (500, Some(500), "internal error", false, true),
            Self::Unavailable => (503, Some(503), "unavailable", true, true),
        };
        CodeRow { number, http_status, title, retryable, may_have_applied }
    }

    /// NIM's number.
    pub const fn number(self) -> u16 {
        self.row().number
    }

    /// The code with this number, `None` for one that is not in the table.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}

/// The body of every error answer: RFC 9457 `application/problem+json`, and three fields of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `about:blank`: the code says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's title.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong here, naming the field, and what to do.
    pub detail: String,
    /// NIM's number, from the table.
    pub code: u16,
    /// Finds this answer in the server's log.
    #[serde(default)]
    pub request_id: String,
    /// Whether the same call may succeed a little later.
    #[serde(default)]
    pub retryable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_number() {
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(code));
        }
        assert_eq!(Code::from_number(200), None);
    }

    #[test]
    fn what_only_a_client_says_has_no_http_status() {
        let client_only: Vec<_> =
            Code::ALL.into_iter().filter(|c| c.row().http_status.is_none()).collect();
        assert_eq!(client_only, [Code::Timeout, Code::Connection]);
    }
}

//! The wire's only error table (code, HTTP status, title, what a caller may do) and the error body.

use serde::{Deserialize, Serialize};

/// Names a failure by NIM's code, the number that `onFailed` gets. [`Code::row`] is the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// 302: the token is missing, malformed, expired, or of a wrong key, algorithm or `sub`.
    Unauthorized,
    /// 403: the account is known, but not allowed to do this.
    Forbidden,
    /// 404: the session or the route does not exist.
    NotFound,
    /// 408: no answer came within the deadline. Only a client reports it.
    Timeout,
    /// 414: a parameter is missing, malformed or out of range, the body is too large, or the page
    /// token has expired.
    InvalidParameter,
    /// 415: name resolution, connecting or TLS failed, or the connection broke. Only a client
    /// reports it.
    Connection,
    /// 416: the account makes too many requests, or holds too many sessions.
    TooFrequent,
    /// 422: the app's server has blocked the account.
    AccountBlocked,
    /// 500: the server has a fault.
    Internal,
    /// 503: the server is overloaded, cannot write to its disk, or is shutting down.
    Unavailable,
}

/// Describes one code: a row of the error table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeRow {
    /// NIM's number.
    pub number: u16,
    /// The HTTP status that carries the code; `None` for one that only a client reports.
    pub http_status: Option<u16>,
    /// The meaning in a few words, for logs and dialogs.
    pub title: &'static str,
    /// Whether the same call may succeed a little later.
    pub retryable: bool,
    /// Whether a write that failed with this code may have taken effect.
    pub may_have_applied: bool,
}

impl Code {
    /// Every code, in the order of the numbers.
    pub const ALL: [Code; 10] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Timeout,
        Self::InvalidParameter,
        Self::Connection,
        Self::TooFrequent,
        Self::AccountBlocked,
        Self::Internal,
        Self::Unavailable,
    ];

    /// Returns the code's row of the error table.
    pub const fn row(self) -> CodeRow {
        let (number, http_status, title, retryable, may_have_applied) = match self {
            Self::Unauthorized => (302, Some(401), "token refused", false, false),
            Self::Forbidden => (403, Some(403), "not allowed", false, false),
            Self::NotFound => (404, Some(404), "not found", false, false),
            Self::Timeout => (408, None, "no answer in time", true, true),
            Self::InvalidParameter => (414, Some(400), "invalid parameter", false, false),
            Self::Connection => (415, None, "connection failed", true, true),
            Self::TooFrequent => (416, Some(429), "too many", true, false),
            Self::AccountBlocked => (422, Some(403), "account blocked", false, false),
            Self::Internal => (500, Some(500), "internal error", false, true),
            Self::Unavailable => (503, Some(503), "unavailable", true, true),
        };
        CodeRow { number, http_status, title, retryable, may_have_applied }
    }

    /// Returns NIM's number of the code.
    pub const fn number(self) -> u16 {
        self.row().number
    }

    /// Returns the code with this number, or `None` if the table has no such number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}

/// Carries an error answer: RFC 9457 `application/problem+json` plus three fields of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: the code identifies the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's title, [`CodeRow::title`].
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Names the field, says what was wrong with it and what to do.
    pub detail: String,
    /// NIM's number, [`Code::number`].
    pub code: u16,
    /// Identifies this answer in the server's log.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub request_id: String,
    /// Whether the same call may succeed a little later.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub retryable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_number_finds_every_code_of_the_table() {
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(code));
        }
        assert_eq!(Code::from_number(200), None);
    }

    #[test]
    fn codes_that_only_a_client_reports_have_no_http_status() {
        let client_only: Vec<_> =
            Code::ALL.into_iter().filter(|c| c.row().http_status.is_none()).collect();
        assert_eq!(client_only, [Code::Timeout, Code::Connection]);
    }
}

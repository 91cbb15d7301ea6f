//! Errors and their answers: `application/problem+json` with a code of core's one table.

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use huihua_core::{Code, Problem};
use huihua_store as store;

use crate::{
    answer_notes::{HeldBack, RefusalReason, RequestId},
    clock,
    line_rate::LineRate,
};

/// `Retry-After` if the store is unavailable, in seconds.
const RETRY_UNAVAILABLE_S: u32 = 1;
/// Most characters of an unknown name that an answer repeats.
const SHOWN_CHARS_MAX: usize = 64;
/// `Retry-After` for a caller with too many waits, in seconds: a wait ends after 30 s.
const RETRY_TOO_MANY_WAITS_S: u32 = 5;
/// `Retry-After` for a caller with too many sessions, in seconds. Only its own deletions help.
const RETRY_TOO_MANY_S: u32 = 60;

/// Why a request is not served. Details name the field and the remedy, never a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// 302: no valid token.
    #[error("{detail}")]
    Unauthorized {
        /// What is wrong with the token.
        detail: String,
    },
    /// 422: the account is blocked.
    #[error("the account is blocked: only your app's server can unblock it")]
    Blocked,
    /// 403: a page of another origin asks for the console, or asks by a name that is not ours.
    #[error("{detail}")]
    ForeignOrigin {
        /// What is foreign.
        detail: &'static str,
    },
    /// 403: a page of this origin may not ask.
    #[error("pages of this origin may not open links: name it in the configuration")]
    Origin,
    /// 404: no such session, no such route.
    #[error("{detail}")]
    NotFound {
        /// What was not found.
        detail: String,
    },
    /// 414: a parameter or a body is wrong.
    #[error("{detail}")]
    Invalid {
        /// The field and what is wrong.
        detail: String,
    },
    /// 414 with status 413.
    #[error("the body is larger than {bytes_max} bytes")]
    BodyTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// 414 with status 405.
    #[error("this path does not support that method")]
    Method,
    /// 414 with status 415.
    #[error("the body must have Content-Type: application/json")]
    ContentType,
    /// 503: the body did not arrive in time, or broke off.
    #[error("{detail}")]
    BodyIncomplete {
        /// What happened.
        detail: &'static str,
    },
    /// 416: the account has as many waiting syncs and links as it may.
    #[error(
        "an account may have at most {waits_max} waiting syncs and links: end one, or ask without \
         waitMs"
    )]
    TooManyWaits {
        /// The limit.
        waits_max: usize,
    },
    /// 416: the account or its app sends too many requests.
    #[error("too many {what}: send fewer a second")]
    TooFrequent {
        /// What there is too much of, and of whom.
        what: &'static str,
        /// When a request may be served again.
        retry_after: Duration,
    },
    /// 416: the address sends too many requests with wrong tokens or keys.
    #[error("too many requests with a wrong token or key: get a new one before you call again")]
    WrongTooOften {
        /// When a wrong token is answered as such again.
        retry_after: Duration,
    },
    /// 503: there is no room for the request now.
    #[error("the server is overloaded: {what}")]
    Overloaded {
        /// What there is too much of.
        what: &'static str,
    },
    /// 503: the store failed less than a second ago, when it was last asked.
    #[error("the store does not read and write: the log says more")]
    NotReady,
    /// 503: no more requests may be sent here.
    #[error("the server is stopping")]
    Stopping,
    /// 500: a bug.
    #[error("internal error: the server's log says more under this requestId")]
    Panic,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Creates a 414 for a field.
    pub(crate) fn invalid(field: &str, reason: impl std::fmt::Display) -> Self {
        Self::Invalid { detail: format!("{field}: {reason}") }
    }

    /// Returns the code, and after how many seconds the same may be asked again, for a door without
    /// HTTP's words. Logs the error as an answer does.
    pub(crate) fn refuse(&self) -> (Code, Option<u32>) {
        let (code, _, retry_after_s) = self.answer();
        log(code, self, &RequestId::draw().0);
        (code, retry_after_s)
    }

    /// Returns the code, its status if it has another one here, and `Retry-After` in seconds.
    fn answer(&self) -> (Code, Option<StatusCode>, Option<u32>) {
        match self {
            Self::Unauthorized { .. } => (Code::Unauthorized, None, None),
            Self::Blocked => (Code::AccountBlocked, None, None),
            Self::ForeignOrigin { .. } => (Code::Forbidden, None, None),
            Self::Origin => (Code::Forbidden, None, None),
            Self::NotFound { .. } => (Code::NotFound, None, None),
            Self::Invalid { .. }
            | Self::Store(store::Error::StalePageToken | store::Error::KeyReused) => {
                (Code::InvalidParameter, None, None)
            }
            Self::BodyTooLarge { .. } => {
                (Code::InvalidParameter, Some(StatusCode::PAYLOAD_TOO_LARGE), None)
            }
            Self::Method => (Code::InvalidParameter, Some(StatusCode::METHOD_NOT_ALLOWED), None),
            Self::ContentType => {
                (Code::InvalidParameter, Some(StatusCode::UNSUPPORTED_MEDIA_TYPE), None)
            }
            Self::Store(store::Error::TooManySessions { .. }) => {
                (Code::TooFrequent, None, Some(RETRY_TOO_MANY_S))
            }
            Self::TooManyWaits { .. } => (Code::TooFrequent, None, Some(RETRY_TOO_MANY_WAITS_S)),
            Self::TooFrequent { retry_after, .. } | Self::WrongTooOften { retry_after } => {
                (Code::TooFrequent, None, Some(whole_seconds(*retry_after)))
            }
            Self::BodyIncomplete { .. }
            | Self::Overloaded { .. }
            | Self::NotReady
            | Self::Stopping
            | Self::Store(store::Error::Unavailable { .. }) => {
                (Code::Unavailable, None, Some(RETRY_UNAVAILABLE_S))
            }
            Self::Panic | Self::Store(store::Error::Damaged { .. }) => (Code::Internal, None, None),
        }
    }

    /// Returns NIM's number of it.
    pub(crate) fn code_number(&self) -> u16 {
        self.answer().0.row().number
    }

    /// Returns the text for the caller. What only the operator can fix stays in the log.
    fn detail(&self) -> String {
        match self {
            Self::Store(store::Error::Damaged { .. } | store::Error::Unavailable { .. }) => {
                "the store is unavailable: the server's log says more under this requestId"
                    .to_owned()
            }
            other => other.to_string(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (code, status, retry_after_s) = self.answer();
        let row = code.row();
        let own = row.http_status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.or(own).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let RequestId(request_id) = RequestId::draw();
        log(code, &self, &request_id);
        let reason = match &self {
            Self::WrongTooOften { .. } => "wrong credentials too often",
            _ => reason(code, status),
        };
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: row.title.to_owned(),
            status: status.as_u16(),
            detail: self.detail(),
            code: row.number,
            request_id: request_id.clone(),
            retryable: row.retryable,
        };
        let body = serde_json::to_string(&problem).expect("a problem holds only text and numbers");
        let mut response = (status, body).into_response();
        let mut set = |name: HeaderName, value| response.headers_mut().insert(name, value);
        set(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after_s {
            set(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::WrongTooOften { .. }) {
            // A flood must at least connect anew for each.
            set(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if code == Code::Unauthorized {
            set(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self, Self::TooFrequent { .. } | Self::WrongTooOften { .. }) {
            response.extensions_mut().insert(HeldBack);
        }
        response.extensions_mut().insert(RefusalReason(reason.to_owned()));
        response.extensions_mut().insert(RequestId(request_id));
        response
    }
}

/// Names the reason for the counters.
fn reason(code: Code, status: StatusCode) -> &'static str {
    match code {
        Code::InvalidParameter => match status {
            StatusCode::PAYLOAD_TOO_LARGE => "body too large",
            StatusCode::METHOD_NOT_ALLOWED => "method",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "content type",
            _ => "invalid",
        },
        Code::Unauthorized => "unauthorized",
        Code::Forbidden => "forbidden",
        Code::NotFound => "not found",
        Code::TooFrequent => "too frequent",
        Code::AccountBlocked => "account blocked",
        Code::Unavailable => "unavailable",
        Code::Internal => "internal",
        Code::Timeout | Code::Connection => "of the client",
    }
}

/// Logs the error. Callers' mistakes are logged at `debug`, to be found by the request id.
fn log(code: Code, error: &Error, request_id: &str) {
    match code {
        Code::Internal => tracing::error!(request_id, %error, "a request failed"),
        // It was logged when the store was asked.
        Code::Unavailable if matches!(error, Error::NotReady | Error::Stopping) => {}
        Code::Unavailable => {
            tracing::debug!(request_id, %error, "a request was not served");
            log_unserved("requests were not served", error);
        }
        Code::Unauthorized
        | Code::Forbidden
        | Code::NotFound
        | Code::Timeout
        | Code::InvalidParameter
        | Code::Connection
        | Code::TooFrequent
        | Code::AccountBlocked => {
            tracing::debug!(request_id, code = code.number(), %error, "a request was refused");
        }
    }
}

/// Logs what was not served for lack of room or of a disk, one line a second and reason at most.
///
/// A write that is refused tells only its sender; a thousand lines a second would tell nobody.
pub(crate) fn log_unserved(what: &'static str, error: &dyn std::error::Error) {
    static LINES: LineRate = LineRate::new();
    let error = error.to_string();
    if let Some(count) = LINES.count(&format!("{what}: {error}"), clock::now_ms()) {
        tracing::warn!(error, count, "{what}");
    }
}

/// Returns this wait in whole seconds, at least one.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

/// Escapes a name that a caller sent, for an answer or a log line. An empty one would be nothing at
/// the start of a sentence.
pub(crate) fn shown(name: &str) -> String {
    if name.is_empty() {
        return "the empty name".to_owned();
    }
    name.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(error: Error) -> (u16, Problem, Option<String>, String) {
        let response = error.into_response();
        let header =
            |name: HeaderName| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        let [kind, retry] = [header::CONTENT_TYPE, header::RETRY_AFTER].map(header);
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 9_999).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap(), retry, kind.unwrap())
    }

    /// Found by the fuzz target `events`: `{"":1}` was refused with ": unknown field".
    #[test]
    fn an_empty_name_is_named_too() {
        for (name, expected) in [("", "the empty name"), ("a\n", "a\\n"), ("é", "é")] {
            assert_eq!(shown(name), expected);
        }
        assert_eq!(shown(&"a".repeat(65)).len(), 64);
    }

    #[tokio::test]
    async fn every_error_has_its_code_its_status_and_its_advice() {
        let text = || "x: y".to_owned();
        let wait = Duration::from_millis(2_001);
        let unavailable = store::Error::Unavailable { reason: "disk /secret full".into() };
        let damaged = store::Error::Damaged { what: "row of amy".into() };
        let cases = [
            (Error::Unauthorized { detail: text() }, 401, 302, None, false),
            (Error::Blocked, 403, 422, None, false),
            (Error::ForeignOrigin { detail: "d" }, 403, 403, None, false),
            (Error::NotFound { detail: text() }, 404, 404, None, false),
            (Error::Invalid { detail: text() }, 400, 414, None, false),
            (Error::BodyTooLarge { bytes_max: 5 }, 413, 414, None, false),
            (Error::Method, 405, 414, None, false),
            (Error::ContentType, 415, 414, None, false),
            (Error::BodyIncomplete { detail: "x" }, 503, 503, Some("1"), true),
            (Error::TooManyWaits { waits_max: 9 }, 429, 416, Some("5"), true),
            (Error::Overloaded { what: "x" }, 503, 503, Some("1"), true),
            (Error::TooFrequent { what: "x", retry_after: wait }, 429, 416, Some("3"), true),
            (Error::WrongTooOften { retry_after: Duration::ZERO }, 429, 416, Some("1"), true),
            (Error::NotReady, 503, 503, Some("1"), true),
            (Error::Stopping, 503, 503, Some("1"), true),
            (Error::Panic, 500, 500, None, false),
            (store::Error::StalePageToken.into(), 400, 414, None, false),
            (store::Error::KeyReused.into(), 400, 414, None, false),
            (store::Error::TooManySessions { max: 9 }.into(), 429, 416, Some("60"), true),
            (unavailable.into(), 503, 503, Some("1"), true),
            (damaged.into(), 500, 500, None, false),
        ];
        for (error, status, code, retry, retryable) in cases {
            let name = format!("{error:?}");
            let (got, problem, got_retry, kind) = answer(error).await;
            assert_eq!((got, problem.status), (status, status), "{name}");
            assert_eq!((problem.code, problem.retryable), (code, retryable), "{name}");
            assert_eq!(got_retry.as_deref(), retry, "{name}");
            assert_eq!(
                (kind.as_str(), problem.kind.as_str()),
                ("application/problem+json", "about:blank")
            );
            assert_eq!(problem.request_id.len(), 16);
            assert!(!problem.detail.is_empty());
            assert!(!problem.detail.contains("secret") && !problem.detail.contains("amy"));
        }
    }
}

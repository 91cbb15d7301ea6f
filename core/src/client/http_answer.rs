//! Classifies an HTTP answer: status, headers and body in, the body of a success or a failure out.
//! Pure and total: every status, header and body has an outcome.

use std::{fmt, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::Error;
use crate::{Code, error::Problem};

/// Longest answer read, in bytes after decompression. A page of 100 rows with the longest messages
/// and texts is about 2 MiB; a foreign answer must not fill a phone's memory.
pub(super) const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest detail handed on, in characters: it goes to logs and dialogs.
const DETAIL_CHARS_MAX: usize = 500;
/// Longest request id handed on, in characters.
const REQUEST_ID_CHARS_MAX: usize = 100;
/// Longest `Retry-After` that is accepted, in seconds: a day.
const RETRY_AFTER_SECONDS_MAX: u64 = 86_400;

/// An HTTP answer that arrived in full.
///
/// [`Self::into_body`] applies the client's rules to it, so that another HTTP client of the same
/// server need not repeat them. Headers that are absent or not text are `None`.
#[derive(Clone)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The body after decompression, of any length.
    pub body: Vec<u8>,
}

/// The failure of one attempt, with what decides on the next one.
///
/// Whether to retry at all is [`Error::retryable`]; how long to pause is [`super::Backoff`].
#[derive(Debug)]
pub struct AttemptFailure {
    /// The error that the caller gets if this was the last attempt.
    pub error: Error,
    /// Whether the server may have carried out what this attempt asked.
    pub may_have_applied: bool,
    /// The server's `Retry-After`, at most a day; [`super::Backoff`] adds its jitter to it.
    pub retry_after: Option<Duration>,
    /// Whether the token was refused, so that one attempt with a new token is worthwhile.
    pub token_refused: bool,
}

impl AttemptFailure {
    /// Makes a failure with a code that the client gives itself.
    pub(super) fn local(code: Code, detail: impl Into<String>) -> Self {
        let row = code.row();
        Self {
            error: Error::local(code, detail),
            may_have_applied: row.may_have_applied,
            retry_after: None,
            token_refused: false,
        }
    }

    /// Makes a failure of an answer that our server did not write.
    pub(super) fn foreign(status: u16, reason: impl Into<String>) -> Self {
        Self {
            error: Error::Answer {
                status,
                reason: reason.into(),
                retry_after_ms: None,
                may_have_applied: true,
            },
            may_have_applied: true,
            retry_after: None,
            token_refused: status == 401,
        }
    }

    /// Returns whether another server is worth trying: this one was not reached, did not answer,
    /// or cannot serve now. A connection that broke half-way is tried on the same server again.
    pub(super) fn suggests_another_server(&self) -> bool {
        match &self.error {
            Error::Failed { code: Code::Connection, .. } => !self.may_have_applied,
            Error::Failed { code, .. } => matches!(code, Code::Timeout | Code::Unavailable),
            Error::Answer { status, .. } => (502..=504).contains(status),
            Error::TokenProvider { .. } | Error::Option { .. } => false,
        }
    }
}

impl HttpAnswer {
    /// Returns the body if the status is `success`, otherwise the failure.
    ///
    /// An `application/problem+json` body with a code of the wire's table gives [`Error::Failed`];
    /// every other answer gives [`Error::Answer`].
    ///
    /// # Errors
    /// [`AttemptFailure`] for every status other than `success`.
    pub fn into_body(self, success: u16) -> Result<Vec<u8>, AttemptFailure> {
        if self.status == success {
            return Ok(self.body);
        }
        let retry_after = self.retry_after.as_deref().and_then(parse_retry_after);
        let Some((code, problem)) = self.problem() else {
            let error = Error::Answer {
                status: self.status,
                reason: "neither a result nor an error of this service".to_owned(),
                retry_after_ms: retry_after.map(ms),
                may_have_applied: true,
            };
            let foreign = AttemptFailure::foreign(self.status, "");
            return Err(AttemptFailure { error, retry_after, ..foreign });
        };
        let row = code.row();
        Err(AttemptFailure {
            error: Error::Failed {
                code,
                detail: printable(&problem.detail, DETAIL_CHARS_MAX),
                request_id: Some(printable(&problem.request_id, REQUEST_ID_CHARS_MAX))
                    .filter(|id| !id.is_empty()),
                retry_after_ms: retry_after.map(ms),
                may_have_applied: row.may_have_applied,
            },
            may_have_applied: row.may_have_applied,
            retry_after,
            token_refused: code == Code::Unauthorized,
        })
    }

    /// Returns the error body and its code, if it is one that our server can have sent.
    fn problem(&self) -> Option<(Code, Problem)> {
        let media_type = self.content_type.as_deref()?.split(';').next()?.trim();
        if !media_type.eq_ignore_ascii_case("application/problem+json") {
            return None;
        }
        let problem: Problem = serde_json::from_slice(&self.body).ok()?;
        let code = Code::from_number(problem.code)?;
        // A server never sends the codes that only a client gives.
        code.row().http_status?;
        Some((code, problem))
    }
}

/// Shows no body: it may hold messages.
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("retry_after", &self.retry_after)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// Reads the value in the body of a success. The error names the fault and its place; serde's own
/// words are left out, for they quote the body.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            Category::Data => "JSON of another shape",
            Category::Io | Category::Syntax | Category::Eof => "not JSON",
        };
        format!("{what}, line {} column {}", error.line(), error.column())
    })
}

/// Reads whole seconds. The date form needs a clock that both ends agree on; our server never sends
/// it.
fn parse_retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Digits that overflow are a very long wait, not a malformed one.
    let seconds = text.parse().unwrap_or(RETRY_AFTER_SECONDS_MAX);
    Some(Duration::from_secs(seconds.min(RETRY_AFTER_SECONDS_MAX)))
}

fn ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// Cuts a server's text and replaces control characters, so that it fits one line of a log.
fn printable(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Page, RecentSession, SyncPage, client::AccountInfo};

    fn refusal(status: u16, content_type: &str, retry_after: &str, body: &str) -> AttemptFailure {
        let answer = HttpAnswer {
            status,
            content_type: Some(content_type.to_owned()),
            retry_after: Some(retry_after.to_owned()),
            body: body.as_bytes().to_vec(),
        };
        answer.into_body(200).unwrap_err()
    }

    fn problem_body(code: u16, detail: &str) -> String {
        serde_json::json!({
            "type": "about:blank", "title": "t", "status": 400, "detail": detail, "code": code,
        })
        .to_string()
    }

    #[test]
    fn an_error_is_recognized_by_its_media_type_and_code() {
        let ours = |content_type: &str, code: u16| {
            let failure = refusal(400, content_type, "", &problem_body(code, "d"));
            matches!(failure.error, Error::Failed { .. })
        };
        for content_type in [
            "application/problem+json",
            "Application/Problem+JSON",
            "application/problem+json; charset=utf-8",
        ] {
            assert!(ours(content_type, 414), "{content_type}");
        }
        for content_type in ["", "application/json", "text/html", "application/problem+json2"] {
            assert!(!ours(content_type, 414), "{content_type}");
        }
        for code in [0, 200, 408, 415, 999] {
            assert!(!ours("application/problem+json", code), "{code}");
        }
    }

    #[test]
    fn retry_after_is_whole_seconds_up_to_a_day() {
        let wait = |text: &str| refusal(503, "text/html", text, "").retry_after;
        assert_eq!(wait("0"), Some(Duration::ZERO));
        assert_eq!(wait(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(wait("999999999999999999999999"), Some(Duration::from_secs(86_400)));
        for text in ["", "-1", "+1", "1.5", "x", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }

    #[test]
    fn a_detail_of_the_server_is_made_fit_for_one_log_line() {
        let detail = format!("a\r\nb\u{1b}[31m{}", "x".repeat(10_000));
        let failure = refusal(400, "application/problem+json", "", &problem_body(414, &detail));
        let Error::Failed { detail, .. } = failure.error else { panic!("{failure:?}") };
        assert!(detail.starts_with("a  b [31mx"));
        assert_eq!(detail.chars().count(), DETAIL_CHARS_MAX);
    }

    #[test]
    fn a_malformed_body_is_described_without_quoting_it() {
        for body in [
            r#"{"sessionId":"s3cret","updateTime":1}"#,
            r#"{"sessionId":"p2p|s3cret","updateTime":"s3cret"}"#,
            r#"{"s3cret"}"#,
            "s3cret",
            "\"s3cret\"",
        ] {
            let reason = parse::<RecentSession>(body.as_bytes()).unwrap_err();
            assert!(!reason.contains("s3cret") && reason.contains("line 1"), "{reason}");
        }
    }

    /// Generates JSON of any shape, often with the field names of our bodies.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            prop_oneof![Just(414_u16), Just(503), Just(999)].prop_map(Into::into),
            any::<String>().prop_map(Into::into),
            "(p2p|team|super_team|x)\\|.{0,5}".prop_map(Into::into),
        ];
        let name = prop::sample::select(vec![
            "sessionList",
            "hasMore",
            "nextPageToken",
            "syncCursor",
            "changes",
            "session",
            "deleted",
            "cursor",
            "reset",
            "sessionId",
            "updateTime",
            "ext",
            "lastMsgType",
            "lastMsg",
            "type",
            "title",
            "status",
            "detail",
            "code",
            "1",
            "8",
        ]);
        leaf.prop_recursive(4, 64, 10, move |inner| {
            let object = prop::collection::btree_map(name.clone(), inner.clone(), 0..10);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Into::into),
                object.prop_map(|map| {
                    map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                }),
            ]
        })
    }

    /// Generates a valid session with a last message of any shape.
    fn row() -> impl Strategy<Value = serde_json::Value> {
        let message = prop::collection::hash_map("[0-9]{1,2}", json(), 0..8);
        (any::<u64>(), any::<String>(), 0..2, message).prop_map(|(time, ext, kind, message)| {
            serde_json::json!({
                "sessionId": "team|1", "updateTime": time, "ext": ext,
                "lastMsgType": kind, "lastMsg": message,
            })
        })
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let page = prop::collection::vec(row(), 0..3).prop_map(
            |rows| serde_json::json!({ "sessionList": rows, "hasMore": false, "syncCursor": "c" }),
        );
        let json = prop_oneof![json(), row(), page];
        prop_oneof![any::<Vec<u8>>(), json.prop_map(|value| value.to_string().into_bytes())]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_answer_has_an_outcome(
            status in 100..1_000_u16,
            content_type in proptest::option::of(prop_oneof![
                Just("application/problem+json".to_owned()), any::<String>(),
            ]),
            retry_after in proptest::option::of(prop_oneof!["[0-9]{1,30}", any::<String>()]),
            body in body(),
        ) {
            if let Ok(page) = parse::<Page>(&body) {
                for row in page.session_list {
                    row.to_recent_contact();
                    row.revoke_notification();
                }
            }
            let _ = parse::<RecentSession>(&body).map(|row| row.to_recent_contact());
            let _ = parse::<AccountInfo>(&body);
            let _ = parse::<SyncPage>(&body);
            let answer = HttpAnswer { status, content_type, retry_after, body };
            match answer.into_body(200) {
                Ok(_) => prop_assert_eq!(status, 200),
                Err(failure) => {
                    prop_assert_ne!(status, 200);
                    prop_assert!(!matches!(failure.error, Error::Option { .. }), "{failure:?}");
                }
            }
        }
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        for open in ["[", r#"{"sessionList":[{"lastMsg":"#, r#"{"lastMsg":"#] {
            let body = open.repeat(200_000);
            assert!(parse::<Page>(body.as_bytes()).is_err());
            assert!(parse::<RecentSession>(body.as_bytes()).is_err());
        }
    }
}

//! The calls of an app, over HTTP. Needs a tokio runtime of the caller's (with time and I/O on);
//! starts no thread, prints nothing, holds no callback.

mod answer;
mod options;
mod retry;
mod token;
mod transport;

use std::{fmt, sync::Arc, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Serialize;
use tokio::time::Instant;

pub use options::{
    ATTEMPT_TIMEOUT_MS_DEFAULT, ATTEMPTS_MAX_DEFAULT, CALL_TIMEOUT_MS_DEFAULT,
    CONNECT_TIMEOUT_MS_DEFAULT, Error, Options, ProviderError, TIMEOUT_MS_MAX, TokenProvider,
};
pub use token::UnusableToken;

use self::{
    answer::{judge, parse},
    retry::Retries,
    token::Tokens,
    transport::{Request, Transport},
};
use crate::{
    Code, DELETE_IDS_MAX, EXT_BYTES_MAX, Page, QueryMySessionOption, RecentSession, SessionId,
    paths,
};

/// All but RFC 3986's unreserved characters, so that an id is one path segment whatever it holds.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whose token this is: the answer of `GET /v1/account`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountInfo {
    /// The account.
    pub account: String,
    /// The app's key.
    pub app_key: String,
    /// End of the token, ms since 1970.
    pub expires_at: u64,
}

/// The session service of one account. Cheap to clone; clones share connections and token.
///
/// Every call ends within [`Options::call_timeout_ms`], retries included. Dropping a call's future
/// stops it here; what the server has received of it, it may still carry out.
#[derive(Clone)]
pub struct SessionService {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    tokens: Tokens,
    call_timeout: Duration,
    attempts_max: u32,
}

impl fmt::Debug for SessionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").finish_non_exhaustive()
    }
}

impl SessionService {
    /// Checks the options and builds the HTTP client; no I/O.
    ///
    /// # Errors
    /// [`Error::Option`] names the field that is wrong.
    pub fn new(options: Options) -> Result<Self, Error> {
        options.validate()?;
        let inner = Inner {
            transport: Transport::new(&options)?,
            call_timeout: Duration::from_millis(options.call_timeout_ms),
            attempts_max: options.attempts_max,
            tokens: Tokens::new(options.token_provider),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// One page of the list, newest first.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`] before any network use when the option is
    /// impossible; else as [`Error`] tells.
    pub async fn query_my_session_list(
        &self,
        option: &QueryMySessionOption,
    ) -> Result<Page, Error> {
        option.validate().map_err(|e| invalid(e.to_string()))?;
        let mut query = vec![
            ("needLastMsg", option.need_last_msg.to_string()),
            ("limit", option.limit.to_string()),
        ];
        // Zero is the server's default too, and must not stand beside a page token.
        let bounds =
            [("minTimestamp", option.min_timestamp), ("maxTimestamp", option.max_timestamp)];
        query.extend(bounds.into_iter().filter(|(_, t)| *t != 0).map(|(k, t)| (k, t.to_string())));
        query.extend(option.page_token.clone().map(|token| ("pageToken", token)));
        let request = Request { query, ..read_of(paths::SESSIONS) };
        parse(request.success, &self.call(&request).await?)
    }

    /// One session; code 404 when there is none.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`] before any network use when the id is
    /// none; else as [`Error`] tells.
    pub async fn query_my_session(&self, session_id: &str) -> Result<RecentSession, Error> {
        let request = read_of(&session_path(paths::SESSION, &session_id_of(session_id)?));
        parse(request.success, &self.call(&request).await?)
    }

    /// Sets the ext of a session, which becomes visible if it was not. Gives the session as it is
    /// then.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`] before any network use when the id is
    /// none or the ext is longer than 4,096 bytes; else as [`Error`] tells.
    pub async fn update_my_session(
        &self,
        session_id: &str,
        ext: &str,
    ) -> Result<RecentSession, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            ext: &'a str,
        }
        let id = session_id_of(session_id)?;
        if ext.len() > EXT_BYTES_MAX {
            return Err(invalid(format!("ext must be at most {EXT_BYTES_MAX} bytes of UTF-8")));
        }
        let path = session_path(paths::SESSION_EXT, &id);
        let request = write_of(Method::PUT, path, &Body { ext }, 200)?;
        parse(request.success, &self.call(&request).await?)
    }

    /// Deletes 1..=100 sessions, all or nothing. Deleting what is not there succeeds.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`] before any network use when there are
    /// none, too many, or one is no session id; else as [`Error`] tells.
    pub async fn delete_my_session(&self, session_ids: &[String]) -> Result<(), Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            session_ids: Vec<SessionId>,
        }
        if session_ids.is_empty() || session_ids.len() > DELETE_IDS_MAX {
            return Err(invalid(format!("sessionIds must name 1..={DELETE_IDS_MAX} sessions")));
        }
        let ids = session_ids.iter().enumerate().map(|(index, id)| {
            id.parse().map_err(|reason| invalid(format!("sessionIds[{index}]: {reason}")))
        });
        let body = Body { session_ids: ids.collect::<Result<_, _>>()? };
        let path = paths::SESSIONS_DELETE.to_owned();
        self.call(&write_of(Method::POST, path, &body, 204)?).await.map(drop)
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// As [`Error`] tells; a refused token is [`Code::Unauthorized`].
    pub async fn account(&self) -> Result<AccountInfo, Error> {
        let request = read_of(paths::ACCOUNT);
        parse(request.success, &self.call(&request).await?)
    }

    /// One call: attempts until one succeeds, fails for good, or the deadline passes.
    async fn call(&self, request: &Request) -> Result<Vec<u8>, Error> {
        let deadline = Instant::now() + self.inner.call_timeout;
        let mut may_have_applied = false;
        let attempts = self.attempts(request, deadline, &mut may_have_applied);
        let outcome = tokio::time::timeout_at(deadline, attempts).await;
        let mut error = match outcome {
            Ok(Ok(body)) => return Ok(body),
            Ok(Err(error)) => error,
            Err(_) => {
                let ms = self.inner.call_timeout.as_millis();
                Error::local(Code::Timeout, format!("no answer within {ms} ms"))
            }
        };
        if let Error::Failed { may_have_applied: of_the_call, .. } = &mut error {
            *of_the_call = may_have_applied;
        }
        Err(error)
    }

    /// `may_have_applied` is right at every moment, for the deadline may strike at any.
    async fn attempts(
        &self,
        request: &Request,
        deadline: Instant,
        may_have_applied: &mut bool,
    ) -> Result<Vec<u8>, Error> {
        let Inner { transport, tokens, attempts_max, .. } = &*self.inner;
        let mut retries = Retries::new(*attempts_max);
        let mut bearer = tokens.current().await?;
        let mut refreshed = false;
        loop {
            let before = *may_have_applied;
            *may_have_applied |= request.writes();
            let answer = transport.attempt(request, &bearer.header).await;
            let failure = match answer.and_then(|answer| judge(answer, request.success)) {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            *may_have_applied = before || (request.writes() && failure.may_have_applied);
            // A refused token is no attempt: nothing was tried yet.
            if failure.token_refused && !refreshed {
                refreshed = true;
                bearer = tokens.replace(&bearer).await?;
                continue;
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            match retries.next(&failure, remaining, random_u32()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(failure.error),
            }
        }
    }
}

fn read_of(path: &str) -> Request {
    Request {
        method: Method::GET,
        path: path.to_owned(),
        query: Vec::new(),
        body: None,
        idempotency_key: None,
        success: 200,
    }
}

fn write_of(
    method: Method,
    path: String,
    body: &impl Serialize,
    success: u16,
) -> Result<Request, Error> {
    let body = serde_json::to_vec(body).expect("strings and lists of strings are JSON");
    let idempotency_key = Some(idempotency_key()?);
    Ok(Request { method, path, query: Vec::new(), body: Some(body), idempotency_key, success })
}

/// 128 random bits in hex.
fn idempotency_key() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::local(Code::Internal, "the system gives no random numbers"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Without randomness the longest wait is taken.
fn random_u32() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}

fn session_id_of(text: &str) -> Result<SessionId, Error> {
    text.parse().map_err(|reason| invalid(format!("sessionId: {reason}")))
}

fn session_path(template: &str, id: &SessionId) -> String {
    template.replace("{id}", &utf8_percent_encode(&id.to_string(), SEGMENT).to_string())
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::local(Code::InvalidParameter, detail)
}

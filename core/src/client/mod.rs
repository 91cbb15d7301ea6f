//! The calls of an app, over HTTP. Needs a tokio runtime of the caller's (with time and I/O on);
//! starts no thread, prints nothing. Its only task of its own asks for a token (`token.rs`).
//!
//! ```no_run
//! use std::{future::Future, pin::Pin, sync::Arc};
//!
//! use huihua_core::{
//!     QueryMySessionOption,
//!     client::{Error, Options, ProviderError, SessionService, TokenProvider},
//! };
//!
//! struct MyServer;
//!
//! impl TokenProvider for MyServer {
//!     fn token(
//!         &self,
//!         _refresh: bool,
//!     ) -> Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + '_>> {
//!         Box::pin(async { Ok("a token that my server signed".to_owned()) })
//!     }
//! }
//!
//! # async fn example() -> Result<(), Error> {
//! let mut options = Options::new("https://im.example.com", Arc::new(MyServer));
//! options.root_certificates = vec![std::fs::read("root.der").expect("deployed with the app")];
//! let service = SessionService::new(options)?;
//! let page = service.query_my_session_list(&QueryMySessionOption::default()).await?;
//! for session in page.session_list {
//!     println!("{} {}", session.update_time, session.session_id);
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod options;
mod retry;
mod token;
mod transport;

use std::{fmt, sync::Arc, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

pub use options::{
    ATTEMPT_TIMEOUT_MS_DEFAULT, ATTEMPTS_MAX_DEFAULT, CALL_TIMEOUT_MS_DEFAULT,
    CONNECT_TIMEOUT_MS_DEFAULT, Error, Options, ProviderError, TIMEOUT_MS_MAX, TokenProvider,
};
pub use token::ProviderFault;

use self::{retry::Caller, transport::Request};
use crate::{
    Code, DELETE_IDS_MAX, EXT_BYTES_MAX, Page, QueryMySessionOption, RecentSession, SessionId,
    SyncOption, SyncPage, paths,
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
/// Every call ends within [`Options::call_timeout_ms`], retries included; a sync within its
/// [`SyncOption::wait_ms`] more. Dropping a call's future
/// stops it here; what the server has received of it, it may still carry out.
#[derive(Clone)]
pub struct SessionService {
    caller: Arc<Caller>,
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
        Ok(Self { caller: Arc::new(Caller::new(options)?) })
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
        self.fetch(&request).await
    }

    /// One session; code 404 when there is none.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`] before any network use when the id is
    /// none; else as [`Error`] tells.
    pub async fn query_my_session(&self, session_id: &str) -> Result<RecentSession, Error> {
        let request = read_of(&session_path(paths::SESSION, &session_id_of(session_id)?));
        self.fetch(&request).await
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
        self.fetch(&request).await
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
        self.caller.call(&write_of(Method::POST, path, &body, 204)?).await.map(drop)
    }

    /// The sessions that changed since a cursor, each once in its latest state, deletions included;
    /// with a wait, as soon as there is one. A wait that ends with nothing gives no changes.
    ///
    /// A cursor that the server does not know (any more) is no error: [`SyncPage::reset`].
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`] before any network use when the option is
    /// impossible; else as [`Error`] tells.
    pub async fn sync(&self, option: &SyncOption) -> Result<SyncPage, Error> {
        option.validate().map_err(|e| invalid(e.to_string()))?;
        let mut query = vec![
            ("needLastMsg", option.need_last_msg.to_string()),
            ("limit", option.limit.to_string()),
        ];
        query.extend(option.cursor.clone().map(|cursor| ("cursor", cursor)));
        let wait = Duration::from_millis(option.wait_ms.into());
        let request = Request { query, wait, ..read_of(paths::SYNC) };
        self.fetch(&request).await
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// As [`Error`] tells; a refused token is [`Code::Unauthorized`].
    pub async fn account(&self) -> Result<AccountInfo, Error> {
        let request = read_of(paths::ACCOUNT);
        self.fetch(&request).await
    }

    /// One call whose success has a body.
    async fn fetch<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        let body = self.caller.call(request).await?;
        answer::parse(&body).map_err(|reason| Error::Answer {
            status: request.success,
            reason,
            may_have_applied: request.writes(),
        })
    }
}

fn read_of(path: &str) -> Request {
    Request {
        method: Method::GET,
        path: path.to_owned(),
        query: Vec::new(),
        body: None,
        idempotency_key: None,
        wait: Duration::ZERO,
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
    Ok(Request {
        method,
        path,
        query: Vec::new(),
        body: Some(body),
        idempotency_key: Some(idempotency_key()?),
        wait: Duration::ZERO,
        success,
    })
}

/// 128 random bits in hex.
fn idempotency_key() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::local(Code::Internal, "the system gives no random numbers"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
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

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
mod error;
mod log;
mod options;
mod retry;
mod servers;
mod tls;
mod token;
mod transport;
mod watch;

use std::{fmt, sync::Arc, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

pub use error::Error;
pub use log::{LogLevel, Logger};
pub use options::{
    ATTEMPT_TIMEOUT_MS_DEFAULT, ATTEMPTS_MAX_DEFAULT, CALL_TIMEOUT_MS_DEFAULT,
    CONNECT_TIMEOUT_MS_DEFAULT, Options, ProviderError, Resolver, RootProvider, TIMEOUT_MS_MAX,
    TokenProvider,
};
pub use token::ProviderFault;
pub use watch::{Poke, Watch, WatchEvent, WatchOption, WatchStatus};

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
    /// Checks the options; no I/O. The roots of a [`RootProvider`] are read by the first call.
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
        let request = Request { query, ..read_of("queryMySessionList", paths::SESSIONS) };
        self.fetch(&request).await
    }

    /// One session; code 404 when there is none.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`] before any network use when the id is
    /// none; else as [`Error`] tells.
    pub async fn query_my_session(&self, session_id: &str) -> Result<RecentSession, Error> {
        let path = session_path(paths::SESSION, &session_id_of(session_id)?);
        self.fetch(&read_of("queryMySession", &path)).await
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
        let request = write_of("updateMySession", Method::PUT, path, &Body { ext }, 200)?;
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
        let request = write_of("deleteMySession", Method::POST, path, &body, 204)?;
        self.caller.call(&request).await.map(drop)
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
        self.fetch(&sync_of("sync", option)).await
    }

    /// Tells what changes, as it changes: see [`Watch`]. Nothing is asked before the first
    /// [`Watch::next`].
    pub fn watch(&self, option: WatchOption) -> Watch {
        Watch::new(self.clone(), option)
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// As [`Error`] tells; a refused token is [`Code::Unauthorized`].
    pub async fn account(&self) -> Result<AccountInfo, Error> {
        self.fetch(&read_of("account", paths::ACCOUNT)).await
    }

    /// One call whose success has a body.
    async fn fetch<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        read(request, &self.caller.call(request).await?)
    }
}

/// What the body of a success says.
fn read<T: DeserializeOwned>(request: &Request, body: &[u8]) -> Result<T, Error> {
    answer::parse(body).map_err(|reason| Error::Answer {
        status: request.success,
        reason,
        retry_after_ms: None,
        may_have_applied: request.writes(),
    })
}

fn read_of(call: &'static str, path: &str) -> Request {
    Request {
        call,
        method: Method::GET,
        path: path.to_owned(),
        query: Vec::new(),
        body: None,
        idempotency_key: None,
        wait: Duration::ZERO,
        attempts_max: None,
        success: 200,
    }
}

fn sync_of(call: &'static str, option: &SyncOption) -> Request {
    let mut query = vec![
        ("needLastMsg", option.need_last_msg.to_string()),
        ("limit", option.limit.to_string()),
    ];
    query.extend(option.cursor.clone().map(|cursor| ("cursor", cursor)));
    let wait = Duration::from_millis(option.wait_ms.into());
    Request { query, wait, ..read_of(call, paths::SYNC) }
}

fn write_of(
    call: &'static str,
    method: Method,
    path: String,
    body: &impl Serialize,
    success: u16,
) -> Result<Request, Error> {
    let body = serde_json::to_vec(body).expect("strings and lists of strings are JSON");
    Ok(Request {
        call,
        method,
        path,
        query: Vec::new(),
        body: Some(body),
        idempotency_key: Some(idempotency_key()?),
        wait: Duration::ZERO,
        attempts_max: None,
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

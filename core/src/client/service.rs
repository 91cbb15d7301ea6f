//! The session service: one method for each call.

use std::{
    fmt::{self, Display},
    io,
    sync::Arc,
};

use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    cache::Cache,
    error::Error,
    log::LogLevel,
    options::Options,
    requests::{parse_body, read_request, session_path, sync_request, write_request},
    retry::RetryingClient,
    transport::CallRequest,
    watch::{Watch, WatchOption},
};
use crate::{
    AccountInfo, Code, DELETE_IDS_MAX, EXT_BYTES_MAX, Page, QueryMySessionOption, RecentSession,
    SessionId, SyncOption, SyncPage, paths,
};

/// Makes the calls of one account. Cheap to clone; clones share connections and token.
///
/// Every call ends within [`Options::call_timeout_ms`], retries included; a sync may take its
/// [`SyncOption::wait_ms`] longer. A retried write takes effect once. Dropping a call's future
/// cancels the call, but the server may still carry out what it has received.
#[derive(Clone)]
pub struct SessionService {
    client: Arc<RetryingClient>,
    pub(super) cache: Option<Arc<Cache>>,
}

impl fmt::Debug for SessionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").finish_non_exhaustive()
    }
}

impl SessionService {
    /// Checks the options and makes a service, without any I/O.
    ///
    /// The first call reads the roots of a [`super::RootProvider`].
    ///
    /// # Errors
    /// [`Error::Option`] names the invalid field.
    pub fn new(options: Options) -> Result<Self, Error> {
        let cache = options.cache.clone();
        let client = RetryingClient::new(options)?;
        let cache = cache.map(|cache| Cache::new(&cache, client.first_url(), client.log.clone()));
        Ok(Self { client: Arc::new(client), cache: cache.transpose()?.map(Arc::new) })
    }

    /// Reads one page of the list, newest first. Mirrors NIM's `queryMySessionList`.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`], before any network use, if the option is
    /// out of range; otherwise any [`Error`].
    pub async fn query_my_session_list(
        &self,
        option: &QueryMySessionOption,
    ) -> Result<Page, Error> {
        option.validate().map_err(|e| invalid(e.to_string()))?;
        let mut query = vec![
            ("needLastMsg", option.need_last_msg.to_string()),
            ("limit", option.limit.to_string()),
        ];
        // Zero is the server's default too, and cannot be combined with a page token.
        let bounds =
            [("minTimestamp", option.min_timestamp), ("maxTimestamp", option.max_timestamp)];
        query.extend(bounds.into_iter().filter(|(_, t)| *t != 0).map(|(k, t)| (k, t.to_string())));
        query.extend(option.page_token.clone().map(|token| ("pageToken", token)));
        let request = CallRequest { query, ..read_request("queryMySessionList", paths::SESSIONS) };
        self.fetch(&request).await
    }

    /// Reads one session. Mirrors NIM's `queryMySession`.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`], before any network use, if the id is
    /// invalid, with [`Code::NotFound`] if the list has no such session; otherwise any [`Error`].
    pub async fn query_my_session(&self, session_id: &str) -> Result<RecentSession, Error> {
        let path = session_path(paths::SESSION, &session_id_of(session_id)?);
        let read = read_request("queryMySession", &path);
        self.fetch(&CallRequest { may_be_missing: true, ..read }).await
    }

    /// Sets the ext of a session and returns the session. Mirrors NIM's `updateMySession`.
    ///
    /// A session that was not in the list is added to it.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`], before any network use, if the id is
    /// invalid or the ext is longer than 4,096 bytes of UTF-8; otherwise any [`Error`].
    pub async fn update_my_session(
        &self,
        session_id: &str,
        ext: &str,
    ) -> Result<RecentSession, Error> {
        #[derive(Serialize)]
        struct ExtBody<'a> {
            ext: &'a str,
        }
        let id = session_id_of(session_id)?;
        if ext.len() > EXT_BYTES_MAX {
            return Err(invalid(format!("ext must be at most {EXT_BYTES_MAX} bytes of UTF-8")));
        }
        let path = session_path(paths::SESSION_EXT, &id);
        let request = write_request("updateMySession", Method::PUT, path, &ExtBody { ext }, 200)?;
        self.fetch(&request).await
    }

    /// Deletes 1..=100 sessions, all or none. Mirrors NIM's `deleteMySession`.
    ///
    /// Deleting a session that is not in the list succeeds.
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`], before any network use, if there are no
    /// ids, too many, or one is invalid; otherwise any [`Error`].
    pub async fn delete_my_session(&self, session_ids: &[String]) -> Result<(), Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct DeleteBody {
            session_ids: Vec<SessionId>,
        }
        if session_ids.is_empty() || session_ids.len() > DELETE_IDS_MAX {
            return Err(invalid(format!("sessionIds must name 1..={DELETE_IDS_MAX} sessions")));
        }
        let ids = session_ids.iter().enumerate().map(|(index, id)| {
            id.parse().map_err(|reason| invalid(format!("sessionIds[{index}]: {reason}")))
        });
        let body = DeleteBody { session_ids: ids.collect::<Result<_, _>>()? };
        let path = paths::SESSIONS_DELETE.to_owned();
        let request = write_request("deleteMySession", Method::POST, path, &body, 204)?;
        self.client.call(&request).await.map(drop)
    }

    /// Reads the sessions that changed since a cursor, each once in its latest state.
    ///
    /// Deletions are changes too. With [`SyncOption::wait_ms`] it returns as soon as there is a
    /// change, and without changes once the wait is over. An invalid or old cursor is not an error:
    /// see [`SyncPage::reset`].
    ///
    /// # Errors
    /// [`Error::Failed`] with [`Code::InvalidParameter`], before any network use, if the option is
    /// out of range; otherwise any [`Error`].
    pub async fn sync(&self, option: &SyncOption) -> Result<SyncPage, Error> {
        option.validate().map_err(|e| invalid(e.to_string()))?;
        self.fetch(&sync_request("sync", option)).await
    }

    /// Makes a [`Watch`], which reports changes as they happen.
    ///
    /// It sends no request before the first [`Watch::next`].
    pub fn watch(&self, option: WatchOption) -> Watch {
        Watch::new(Arc::clone(&self.client), option)
    }

    /// Erases what lists of this account have kept on the device, and keeps nothing from now on:
    /// for a sign-out. Without [`Options::cache`] it has no effect.
    ///
    /// It ends even if its future is dropped once it has been polled. A list of this service that
    /// is still open shows its sessions, but writes them no more.
    ///
    /// # Errors
    /// Any error of the file system: the file may then still hold sessions.
    pub async fn erase_cache(&self) -> io::Result<()> {
        let service = self.clone();
        tokio::task::spawn_blocking(move || service.erase_cache_blocking())
            .await
            .map_err(io::Error::other)?
    }

    /// Does as [`Self::erase_cache`] on the caller's thread, which waits for the disk; it needs no
    /// runtime.
    ///
    /// # Errors
    /// As [`Self::erase_cache`].
    pub fn erase_cache_blocking(&self) -> io::Result<()> {
        self.cache.as_ref().map_or(Ok(()), |cache| cache.erase())
    }

    /// Reads the account of the token.
    ///
    /// # Errors
    /// Any [`Error`]; [`Code::Unauthorized`] if the server refuses the token.
    pub async fn account(&self) -> Result<AccountInfo, Error> {
        self.fetch(&read_request("account", paths::ACCOUNT)).await
    }

    pub(super) fn log<L: Display>(&self, level: LogLevel, line: impl FnOnce() -> L) {
        self.client.log.line(level, line);
    }

    /// Makes one call and parses its result.
    async fn fetch<T: DeserializeOwned>(&self, request: &CallRequest) -> Result<T, Error> {
        parse_body(request, &self.client.call(request).await?)
    }
}

fn session_id_of(text: &str) -> Result<SessionId, Error> {
    text.parse().map_err(|reason| invalid(format!("sessionId: {reason}")))
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::local(Code::InvalidParameter, detail)
}

//! The calls of an app, over HTTP. Needs a tokio runtime of the caller's; starts no thread, prints
//! nothing, holds no callback.

mod options;

pub use options::{Error, Options, TokenProvider};

use crate::{Page, QueryMySessionOption, RecentSession};

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
#[derive(Clone)]
pub struct SessionService {
    options: std::sync::Arc<Options>,
}

impl SessionService {
    /// Checks the options and builds the HTTP client; no I/O.
    ///
    /// # Errors
    /// [`Error::Option`] names the field that is wrong.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self { options: std::sync::Arc::new(options) })
    }

    /// One page of the list, newest first.
    pub async fn query_my_session_list(
        &self,
        _option: &QueryMySessionOption,
    ) -> Result<Page, Error> {
        todo!()
    }

    /// One session; code 404 when there is none.
    pub async fn query_my_session(&self, _session_id: &str) -> Result<RecentSession, Error> {
        todo!()
    }

    /// Sets the ext of a session, which becomes visible if it was not.
    pub async fn update_my_session(
        &self,
        _session_id: &str,
        _ext: &str,
    ) -> Result<RecentSession, Error> {
        todo!()
    }

    /// Deletes 1..=100 sessions, all or nothing.
    pub async fn delete_my_session(&self, _session_ids: &[String]) -> Result<(), Error> {
        todo!()
    }

    /// Whose token this is.
    pub async fn account(&self) -> Result<AccountInfo, Error> {
        todo!()
    }
}

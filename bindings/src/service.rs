//! The session service as Kotlin holds it: one line to core per call.

use std::sync::Arc;

use huihua_core::client;

use crate::{
    AccountCallback, Call, Logger, Options, QueryMySessionOption, RootProvider, SessionCallback,
    SessionError, SessionListCallback, SyncCallback, SyncOption, TokenProvider, VoidCallback,
    Watch, WatchListener, runtime::Runtime,
};

/// The session service of one account. When the last reference goes, its running calls and watches
/// end with [`SessionError::Closed`].
#[derive(uniffi::Object)]
pub struct SessionService {
    inner: client::SessionService,
    pub(crate) runtime: Runtime,
}

#[uniffi::export]
impl SessionService {
    /// Checks the options and starts the runtime; no I/O. The roots of `root_provider` are read by
    /// the first call, which ends with [`SessionError::Option`] when there are none.
    ///
    /// # Errors
    /// [`SessionError::Option`] names the field that is wrong; [`SessionError::Internal`] when the
    /// system gives no threads.
    #[uniffi::constructor]
    pub fn new(
        options: Options,
        token_provider: Arc<dyn TokenProvider>,
        root_provider: Option<Arc<dyn RootProvider>>,
        logger: Option<Arc<dyn Logger>>,
    ) -> Result<Arc<Self>, SessionError> {
        let options = options.into_core(token_provider, root_provider, logger)?;
        let inner = client::SessionService::new(options)?;
        let runtime =
            Runtime::new().map_err(|e| SessionError::Internal { reason: e.to_string() })?;
        Ok(Arc::new(Self { inner, runtime }))
    }

    /// One page of the list, newest first.
    pub fn query_my_session_list(
        &self,
        option: QueryMySessionOption,
        callback: Arc<dyn SessionListCallback>,
    ) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime.start(callback, async move {
            Ok(inner.query_my_session_list(&option.into_core()?).await?.into())
        })
    }

    /// One session; code 404 when there is none.
    pub fn query_my_session(
        &self,
        session_id: String,
        callback: Arc<dyn SessionCallback>,
    ) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime
            .start(callback, async move { Ok(inner.query_my_session(&session_id).await?.into()) })
    }

    /// What changed since a cursor; with a wait, as soon as something does. Aborting the call ends
    /// the wait at once, at the server too.
    pub fn sync(&self, option: SyncOption, callback: Arc<dyn SyncCallback>) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime
            .start(callback, async move { Ok(inner.sync(&option.into_core()?).await?.into()) })
    }

    /// Tells what changes from `cursor` on, as it changes, until it is stopped, fails for good or
    /// the service goes. Dropping the handle does not stop it.
    ///
    /// `cursor`: of a sync or of a list; none = from the beginning, `latest` = from now.
    pub fn watch(
        &self,
        cursor: Option<String>,
        need_last_msg: bool,
        listener: Arc<dyn WatchListener>,
    ) -> Arc<Watch> {
        let watch = self.inner.watch(client::WatchOption { cursor, need_last_msg });
        Watch::start(&self.runtime, watch, listener)
    }

    /// Whose token it is; code 302 when the server refuses it.
    pub fn account(&self, callback: Arc<dyn AccountCallback>) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime.start(callback, async move { Ok(inner.account().await?.into()) })
    }

    /// Sets the ext of a session, which becomes visible if it was not.
    pub fn update_my_session(
        &self,
        session_id: String,
        ext: String,
        callback: Arc<dyn VoidCallback>,
    ) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime.start(callback, async move {
            inner.update_my_session(&session_id, &ext).await?;
            Ok(())
        })
    }

    /// Deletes 1..=100 sessions, all or nothing.
    pub fn delete_my_session(
        &self,
        session_ids: Vec<String>,
        callback: Arc<dyn VoidCallback>,
    ) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime
            .start(callback, async move { Ok(inner.delete_my_session(&session_ids).await?) })
    }
}

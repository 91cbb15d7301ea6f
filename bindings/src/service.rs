//! The session service as Kotlin holds it: one line to core per call.

use std::sync::Arc;

use huihua_core::client;

use crate::{
    Call, Options, QueryMySessionOption, SessionCallback, SessionError, SessionListCallback,
    SyncCallback, SyncOption, TokenProvider, VoidCallback, callback::BlockingTokenProvider,
    runtime::Runtime,
};

/// The session service of one account. When the last reference goes, its running calls end with
/// [`SessionError::Closed`].
#[derive(uniffi::Object)]
pub struct SessionService {
    inner: client::SessionService,
    runtime: Runtime,
}

#[uniffi::export]
impl SessionService {
    /// Checks the options and starts the runtime; no I/O.
    ///
    /// # Errors
    /// [`SessionError::Option`] names the field that is wrong; [`SessionError::Internal`] when the
    /// system gives no threads.
    #[uniffi::constructor]
    pub fn new(
        options: Options,
        token_provider: Arc<dyn TokenProvider>,
    ) -> Result<Arc<Self>, SessionError> {
        let token_provider = Arc::new(BlockingTokenProvider(token_provider));
        let inner = client::SessionService::new(options.into_core(token_provider)?)?;
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

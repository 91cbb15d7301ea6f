//! The session service as Kotlin holds it: one line to core per call.

use std::sync::Arc;

use huihua_core::client;

use crate::{
    Call, Options, QueryMySessionOption, SessionCallback, SessionError, SessionListCallback,
    TokenProvider, VoidCallback, callback::BlockingTokenProvider, runtime::Runtime,
    types::option_number,
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
        let inner = client::SessionService::new(client::Options {
            server_url: options.server_url,
            token_provider: Arc::new(BlockingTokenProvider(token_provider)),
            root_certificates: options.root_certificates,
            cleartext_allowed: options.cleartext_allowed,
            connect_timeout_ms: option_number("connectTimeoutMs", options.connect_timeout_ms)?,
            attempt_timeout_ms: option_number("attemptTimeoutMs", options.attempt_timeout_ms)?,
            call_timeout_ms: option_number("callTimeoutMs", options.call_timeout_ms)?,
            attempts_max: option_number("attemptsMax", options.attempts_max.into())?,
            user_agent: concat!("huihua-kotlin/", env!("CARGO_PKG_VERSION")).to_owned(),
        })?;
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
            Ok(inner.query_my_session_list(&option.try_into()?).await?.into())
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

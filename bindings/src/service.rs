//! The session service of the native interface: each method forwards one call to core.

use std::{io, sync::Arc};

use huihua_core::client;

use crate::{
    Call, CallCallback, CallOutcome, Failure, ListListener, ListOption, Logger, Options,
    QueryMySessionOption, RootProvider, SessionError, SessionList, SyncOption, TokenProvider,
    Watch, WatchListener, callback::CallDelivery, runtime::Runtime,
};

/// Makes the calls of one account.
///
/// Dropping the last reference ends running calls and watches with [`SessionError::Closed`].
#[derive(uniffi::Object)]
pub struct SessionService {
    inner: client::SessionService,
    pub(crate) runtime: Runtime,
}

#[uniffi::export]
impl SessionService {
    /// Checks the options and starts the runtime, without any I/O.
    ///
    /// The first call reads the roots of `root_provider`; without any it ends with
    /// [`SessionError::Option`].
    ///
    /// # Errors
    /// [`SessionError::Option`] names the invalid field; [`SessionError::Internal`] if the
    /// operating system provides no threads.
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

    /// Reads one page of the list, newest first.
    pub fn query_my_session_list(
        &self,
        option: QueryMySessionOption,
        callback: Arc<dyn CallCallback>,
    ) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime.start(callback, async move {
            Ok(inner.query_my_session_list(&option.into_core()?).await?.into())
        })
    }

    /// Reads one session; fails with code 404 if it does not exist.
    pub fn query_my_session(
        &self,
        session_id: String,
        callback: Arc<dyn CallCallback>,
    ) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime
            .start(callback, async move { Ok(inner.query_my_session(&session_id).await?.into()) })
    }

    /// Reads the changes since a cursor; with a wait, as soon as there are any.
    ///
    /// Aborting the call ends the wait at once, at the server too.
    pub fn sync(&self, option: SyncOption, callback: Arc<dyn CallCallback>) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime
            .start(callback, async move { Ok(inner.sync(&option.into_core()?).await?.into()) })
    }

    /// Reports changes from `cursor` on, as they happen.
    ///
    /// The watch runs until it is stopped, fails finally, or the service is dropped; dropping its
    /// handle does not stop it. `cursor` is that of a sync or of a page; `None` = from the
    /// beginning, `latest` = from now.
    pub fn watch(
        &self,
        cursor: Option<String>,
        need_last_msg: bool,
        listener: Arc<dyn WatchListener>,
    ) -> Arc<Watch> {
        let watch = self.inner.watch(client::WatchOption { cursor, need_last_msg });
        Watch::start(&self.runtime, watch, listener)
    }

    /// Keeps the top of the list up to date, from what was kept of an earlier run on.
    ///
    /// The list runs until it is stopped, fails finally, or the service is dropped; dropping its
    /// handle does not stop it.
    pub fn list(&self, option: ListOption, listener: Arc<dyn ListListener>) -> Arc<SessionList> {
        let list = self.inner.list(client::ListOption {
            page_size: option.page_size.try_into().unwrap_or(0),
            rows_shown: option.rows_shown.try_into().unwrap_or(0),
        });
        SessionList::start(&self.runtime, list, listener)
    }

    /// Erases what lists have kept, and keeps nothing from now on: for a sign-out.
    ///
    /// It runs on a thread of its own, because the app closes the service right after it, and
    /// closing loses what a runtime has not started. So it ends as `Done` or failed, never closed.
    #[expect(clippy::disallowed_methods, reason = "the erasing must outlive the runtime")]
    pub fn erase_cache(&self, callback: Arc<dyn CallCallback>) {
        let inner = self.inner.clone();
        let delivery = CallDelivery::new(callback, Arc::default());
        let erase = move || {
            delivery.deliver(match inner.erase_cache_blocking() {
                Ok(()) => CallOutcome::Done,
                Err(error) => not_erased(error.kind()),
            });
        };
        let thread = std::thread::Builder::new().name("huihua-erase".to_owned());
        // Without a thread the delivery is dropped, which ends the call.
        drop(thread.spawn(erase));
    }

    /// Reads the account of the token; fails with code 302 if the server refuses the token.
    pub fn account(&self, callback: Arc<dyn CallCallback>) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime.start(callback, async move { Ok(inner.account().await?.into()) })
    }

    /// Sets the ext of a session; adds the session if it is not in the list.
    pub fn update_my_session(
        &self,
        session_id: String,
        ext: String,
        callback: Arc<dyn CallCallback>,
    ) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime.start(callback, async move {
            inner.update_my_session(&session_id, &ext).await?;
            Ok(CallOutcome::Done)
        })
    }

    /// Deletes 1..=100 sessions, all or none.
    pub fn delete_my_session(
        &self,
        session_ids: Vec<String>,
        callback: Arc<dyn CallCallback>,
    ) -> Arc<Call> {
        let inner = self.inner.clone();
        self.runtime.start(callback, async move {
            inner.delete_my_session(&session_ids).await?;
            Ok(CallOutcome::Done)
        })
    }
}

fn not_erased(kind: io::ErrorKind) -> CallOutcome {
    let reason = format!("the kept list could not be erased: {kind}");
    Failure::from(SessionError::Internal { reason }).into()
}

//! The callbacks that Kotlin implements for the outcomes of calls, and [`CallDelivery`], which
//! delivers each outcome exactly once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    AccountInfo, CallFailure, CallbackError, Failure, RecentSession, RecentSessionList,
    SessionError, SyncResult,
};

/// Receives the outcome of `query_my_session_list`, once, on a runtime thread. Must not block.
#[uniffi::export(foreign)]
pub trait SessionListCallback: Send + Sync {
    /// Delivers the page.
    fn on_success(&self, list: RecentSessionList) -> Result<(), CallbackError>;
    /// Reports a failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Reports any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Receives the outcome of `query_my_session`, once, on a runtime thread. Must not block.
#[uniffi::export(foreign)]
pub trait SessionCallback: Send + Sync {
    /// Delivers the session.
    fn on_success(&self, session: RecentSession) -> Result<(), CallbackError>;
    /// Reports a failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Reports any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Receives the outcome of `sync`, once, on a runtime thread. Must not block.
#[uniffi::export(foreign)]
pub trait SyncCallback: Send + Sync {
    /// Delivers the changes.
    fn on_success(&self, result: SyncResult) -> Result<(), CallbackError>;
    /// Reports a failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Reports any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Receives the outcome of a call without a result, once, on a runtime thread. Must not block.
#[uniffi::export(foreign)]
pub trait VoidCallback: Send + Sync {
    /// Reports success.
    fn on_success(&self) -> Result<(), CallbackError>;
    /// Reports a failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Reports any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Receives the outcome of `account`, once, on a runtime thread. Must not block.
#[uniffi::export(foreign)]
pub trait AccountCallback: Send + Sync {
    /// Delivers the account.
    fn on_success(&self, account: AccountInfo) -> Result<(), CallbackError>;
    /// Reports a failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Reports any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Unifies the foreign callbacks.
pub(crate) trait CallbackListener: Send + 'static {
    /// The result of a success.
    type Value: Send + 'static;
    fn success(&self, value: Self::Value) -> Result<(), CallbackError>;
    fn failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    fn exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

macro_rules! listener {
    ($callback:ident, $value:ty, |$this:ident, $it:pat_param| $success:expr) => {
        impl CallbackListener for Arc<dyn $callback> {
            type Value = $value;
            fn success(&self, $it: $value) -> Result<(), CallbackError> {
                let $this = self;
                $success
            }
            fn failed(&self, failure: CallFailure) -> Result<(), CallbackError> {
                self.on_failed(failure)
            }
            fn exception(&self, error: SessionError) -> Result<(), CallbackError> {
                self.on_exception(error)
            }
        }
    };
}

listener!(SessionListCallback, RecentSessionList, |this, list| this.on_success(list));
listener!(SessionCallback, RecentSession, |this, session| this.on_success(session));
listener!(SyncCallback, SyncResult, |this, result| this.on_success(result));
listener!(AccountCallback, AccountInfo, |this, account| this.on_success(account));
listener!(VoidCallback, (), |this, ()| this.on_success());

/// Delivers the outcome of one call to its listener, exactly once.
///
/// Only the code that turns `delivered` to true delivers. If it is dropped before, because the
/// runtime was, it delivers [`SessionError::Closed`].
pub(crate) struct CallDelivery<L: CallbackListener> {
    listener: L,
    delivered: Arc<AtomicBool>,
}

impl<L: CallbackListener> CallDelivery<L> {
    pub(crate) fn new(listener: L, delivered: Arc<AtomicBool>) -> Self {
        Self { listener, delivered }
    }

    pub(crate) fn deliver(&self, outcome: Result<L::Value, Failure>) {
        if self.delivered.swap(true, Ordering::AcqRel) {
            return;
        }
        let thrown = match outcome {
            Ok(value) => self.listener.success(value),
            Err(Failure::Failed { failure }) => self.listener.failed(failure),
            Err(Failure::Exception { error }) => self.listener.exception(error),
        };
        // The facade catches what the app throws; if it throws itself, the call is over anyway.
        drop(thrown);
    }
}

impl<L: CallbackListener> Drop for CallDelivery<L> {
    fn drop(&mut self) {
        self.deliver(Err(SessionError::Closed.into()));
    }
}

//! What Kotlin implements to be told how calls end; and [`Answer`], which makes sure that it is
//! told exactly once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    AccountInfo, CallFailure, CallbackError, Failure, RecentSession, RecentSessionList,
    SessionError, SyncResult,
};

/// Told once how `query_my_session_list` ended, on a thread of the runtime. Must not block.
#[uniffi::export(foreign)]
pub trait SessionListCallback: Send + Sync {
    /// The page.
    fn on_success(&self, list: RecentSessionList) -> Result<(), CallbackError>;
    /// A failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Told once how `query_my_session` ended, on a thread of the runtime. Must not block.
#[uniffi::export(foreign)]
pub trait SessionCallback: Send + Sync {
    /// The session.
    fn on_success(&self, session: RecentSession) -> Result<(), CallbackError>;
    /// A failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Told once how `sync` ended, on a thread of the runtime. Must not block.
#[uniffi::export(foreign)]
pub trait SyncCallback: Send + Sync {
    /// What changed.
    fn on_success(&self, result: SyncResult) -> Result<(), CallbackError>;
    /// A failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Told once how a call without a result ended, on a thread of the runtime. Must not block.
#[uniffi::export(foreign)]
pub trait VoidCallback: Send + Sync {
    /// It was done.
    fn on_success(&self) -> Result<(), CallbackError>;
    /// A failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// Told once how `account` ended, on a thread of the runtime. Must not block.
#[uniffi::export(foreign)]
pub trait AccountCallback: Send + Sync {
    /// Whose token it is.
    fn on_success(&self, account: AccountInfo) -> Result<(), CallbackError>;
    /// A failure with a code of the wire's table.
    fn on_failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    /// Any other failure.
    fn on_exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

/// The foreign callbacks, seen as one.
pub(crate) trait Listener: Send + 'static {
    /// What success brings.
    type Value: Send + 'static;
    fn success(&self, value: Self::Value) -> Result<(), CallbackError>;
    fn failed(&self, failure: CallFailure) -> Result<(), CallbackError>;
    fn exception(&self, error: SessionError) -> Result<(), CallbackError>;
}

macro_rules! listener {
    ($callback:ident, $value:ty, |$this:ident, $it:pat_param| $success:expr) => {
        impl Listener for Arc<dyn $callback> {
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

/// Tells a listener how its call ended. Whoever turns `told` to true may speak, nobody after; an
/// answer dropped untold (the runtime went away under its call) says [`SessionError::Closed`].
pub(crate) struct Answer<L: Listener> {
    listener: L,
    told: Arc<AtomicBool>,
}

impl<L: Listener> Answer<L> {
    pub(crate) fn new(listener: L, told: Arc<AtomicBool>) -> Self {
        Self { listener, told }
    }

    pub(crate) fn tell(&self, outcome: Result<L::Value, Failure>) {
        if self.told.swap(true, Ordering::AcqRel) {
            return;
        }
        let thrown = match outcome {
            Ok(value) => self.listener.success(value),
            Err(Failure::Failed { failure }) => self.listener.failed(failure),
            Err(Failure::Exception { error }) => self.listener.exception(error),
        };
        // The facade catches what the app throws; were it to throw itself, the call is over anyway.
        drop(thrown);
    }
}

impl<L: Listener> Drop for Answer<L> {
    fn drop(&mut self) {
        self.tell(Err(SessionError::Closed.into()));
    }
}

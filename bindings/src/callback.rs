//! The callback that Kotlin implements for the outcomes of calls, and [`CallDelivery`], which
//! delivers each outcome exactly once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use huihua_core as core;

use crate::{
    AccountInfo, CallbackError, Failure, RecentSession, RecentSessionList, SessionError, SyncResult,
};

/// Holds the outcome of a call. The call determines which of the results it may be.
#[derive(uniffi::Enum)]
pub enum CallOutcome {
    /// The result of `query_my_session_list`.
    Page {
        /// The page.
        list: RecentSessionList,
    },
    /// The result of `query_my_session`.
    Session {
        /// The session.
        session: RecentSession,
    },
    /// The result of `sync`.
    Changes {
        /// The changes.
        result: SyncResult,
    },
    /// The result of `account`.
    Account {
        /// The account.
        account: AccountInfo,
    },
    /// The success of a call without a result.
    Done,
    /// The failure of any call.
    Failed {
        /// The failure.
        failure: Failure,
    },
}

/// Receives the outcome of a call, once, on a runtime thread. Must not block.
///
/// One trait for all calls: each trait costs Kotlin a table of functions, and JNA a class for each.
#[uniffi::export(foreign)]
pub trait CallCallback: Send + Sync {
    /// Delivers the outcome.
    fn on_end(&self, outcome: CallOutcome) -> Result<(), CallbackError>;
}

impl From<core::Page> for CallOutcome {
    fn from(page: core::Page) -> Self {
        Self::Page { list: page.into() }
    }
}

impl From<core::RecentSession> for CallOutcome {
    fn from(session: core::RecentSession) -> Self {
        Self::Session { session: session.into() }
    }
}

impl From<core::SyncPage> for CallOutcome {
    fn from(page: core::SyncPage) -> Self {
        Self::Changes { result: page.into() }
    }
}

impl From<core::AccountInfo> for CallOutcome {
    fn from(account: core::AccountInfo) -> Self {
        Self::Account { account: account.into() }
    }
}

impl From<Failure> for CallOutcome {
    fn from(failure: Failure) -> Self {
        Self::Failed { failure }
    }
}

/// Delivers the outcome of one call to its callback, exactly once.
///
/// Only the code that turns `delivered` to true delivers. If it is dropped before, because the
/// runtime was, it delivers [`SessionError::Closed`].
pub(crate) struct CallDelivery {
    callback: Arc<dyn CallCallback>,
    delivered: Arc<AtomicBool>,
}

impl CallDelivery {
    pub(crate) fn new(callback: Arc<dyn CallCallback>, delivered: Arc<AtomicBool>) -> Self {
        Self { callback, delivered }
    }

    pub(crate) fn deliver(&self, outcome: CallOutcome) {
        if self.delivered.swap(true, Ordering::AcqRel) {
            return;
        }
        // The facade catches what the app throws; if it throws itself, the call is over anyway.
        drop(self.callback.on_end(outcome));
    }
}

impl Drop for CallDelivery {
    fn drop(&mut self) {
        self.deliver(Failure::from(SessionError::Closed).into());
    }
}

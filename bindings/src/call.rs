//! The handle of a running call.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::task::AbortHandle;

/// A running call. Dropping it does not stop the call: callers keep nothing, and a garbage
/// collector would stop calls at random.
#[derive(uniffi::Object)]
pub struct Call {
    told: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Call {
    pub(crate) fn new(told: Arc<AtomicBool>, task: AbortHandle) -> Arc<Self> {
        Arc::new(Self { told, task })
    }
}

#[uniffi::export]
impl Call {
    /// Stops waiting for the answer. True = no callback was or will be called; false = one was, or
    /// this was called before. The server may have acted either way.
    pub fn abort(&self) -> bool {
        if self.told.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.task.abort();
        true
    }
}

//! The handle of a running call.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::task::AbortHandle;

/// Controls a running call.
///
/// Dropping it does not stop the call: otherwise a garbage collector would stop calls at random.
#[derive(uniffi::Object)]
pub struct Call {
    delivered: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Call {
    pub(crate) fn new(delivered: Arc<AtomicBool>, task: AbortHandle) -> Arc<Self> {
        Arc::new(Self { delivered, task })
    }
}

#[uniffi::export]
impl Call {
    /// Aborts the call, unless it was delivered or aborted before.
    ///
    /// True means that no method of the callback was or will be called. The server may have acted
    /// either way.
    pub fn abort(&self) -> bool {
        if self.delivered.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.task.abort();
        true
    }
}

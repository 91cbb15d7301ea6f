//! Two panics on demand, only in a build with the feature `test-panic`: the proof that a bug of
//! ours is an exception in Kotlin, not the end of the app.

use std::sync::Arc;

use crate::{Call, SessionService, VoidCallback};

/// Panics on the caller's thread, and returns nothing.
#[uniffi::export]
pub fn test_panic() {
    panic!("provoked by test_panic");
}

#[uniffi::export]
impl SessionService {
    /// A call that panics on a thread of the runtime; `callback` is told.
    pub fn test_panic_in_call(&self, callback: Arc<dyn VoidCallback>) -> Arc<Call> {
        self.runtime.start(callback, async { panic!("provoked by test_panic_in_call") })
    }
}

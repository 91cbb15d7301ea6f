//! Bytes in memory, counted in one total: what is dropped counts no more.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// The bytes of one thing in a total; in none by default.
#[derive(Default)]
pub(super) struct CountedBytes {
    total: Option<Arc<AtomicUsize>>,
    bytes: usize,
}

impl CountedBytes {
    pub(super) fn new(total: &Arc<AtomicUsize>, bytes: usize) -> Self {
        total.fetch_add(bytes, Relaxed);
        Self { total: Some(Arc::clone(total)), bytes }
    }

    pub(super) fn set(&mut self, bytes: usize) {
        let Some(total) = &self.total else { return };
        // The new ones first: the total never falls below what is there.
        total.fetch_add(bytes, Relaxed);
        total.fetch_sub(std::mem::replace(&mut self.bytes, bytes), Relaxed);
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        if let Some(total) = &self.total {
            total.fetch_sub(self.bytes, Relaxed);
        }
    }
}

//! Heads of teams in memory, each once for all hot accounts that are in its team.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::bytes::CountedBytes;

/// What an entry costs beside its key and its value, in bytes: itself, its place in the map, and
/// what the allocator adds.
const HEAD_BYTES: usize = 240;

/// The registers of one team as they are stored.
pub(super) struct SharedHead {
    /// Its key in the table of heads.
    pub(super) key: Box<[u8]>,
    state: Mutex<HeadState>,
    /// Rises with each write, so that an account sees that its view is old.
    generation: AtomicU64,
}

struct HeadState {
    /// `None` for a team of which no message and no end is known.
    value: Option<Arc<[u8]>>,
    counted: CountedBytes,
}

impl SharedHead {
    pub(super) fn new(key: Box<[u8]>, value: Option<Arc<[u8]>>) -> Self {
        let state = Mutex::new(HeadState { value, counted: CountedBytes::default() });
        Self { key, state, generation: AtomicU64::new(0) }
    }

    /// Counts its bytes in this total from now on.
    pub(super) fn count_in(&self, total: &Arc<std::sync::atomic::AtomicUsize>) {
        let mut state = self.lock();
        let bytes = self.bytes(state.value.as_deref());
        state.counted = CountedBytes::new(total, bytes);
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    pub(super) fn value(&self) -> Option<Arc<[u8]>> {
        self.lock().value.clone()
    }

    /// Takes the value of a later write.
    pub(super) fn put(&self, value: Arc<[u8]>) {
        let mut state = self.lock();
        let bytes = self.bytes(Some(&value));
        state.value = Some(value);
        state.counted.set(bytes);
        self.generation.fetch_add(1, Relaxed);
    }

    #[cfg(test)]
    pub(super) fn bytes_now(&self) -> usize {
        self.bytes(self.lock().value.as_deref())
    }

    fn bytes(&self, value: Option<&[u8]>) -> usize {
        HEAD_BYTES + 2 * self.key.len() + value.map_or(0, <[u8]>::len)
    }

    fn lock(&self) -> MutexGuard<'_, HeadState> {
        // Nothing under this lock panics half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

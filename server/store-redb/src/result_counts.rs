//! How many first results each account has, in memory, so that not every write with a key reads all
//! of its account's.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

/// How many first results an account has, at most: a sweep takes some without a word.
pub(crate) struct ResultCounts(Mutex<LruCache<Vec<u8>, usize>>);

/// Accounts whose results are counted in memory: those that wrote last. 2 MiB.
const COUNTED_ACCOUNTS_MAX: usize = 10_000;

impl Default for ResultCounts {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl ResultCounts {
    /// Forgets them: a transaction was not written.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Counts one more and returns how many there were; `None` if nobody knows.
    pub(crate) fn count(&self, account: &[u8]) -> Option<usize> {
        let mut counts = self.lock();
        let count = counts.get_mut(account)?;
        *count += 1;
        Some(*count - 1)
    }

    pub(crate) fn put(&self, account: Vec<u8>, count: usize) {
        let mut counts = self.lock();
        counts.put(account, count);
        if counts.len() > COUNTED_ACCOUNTS_MAX {
            counts.pop_lru();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Vec<u8>, usize>> {
        // Nothing under this lock panics half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

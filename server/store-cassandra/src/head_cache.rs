//! Teams as they were read within the last second, for lists in which nothing moved: most reads of
//! an account with a hundred teams find them as they were. Off unless the process asks for it.
//!
//! A list may then lack what was said in a team through *another* server up to a second ago; what
//! this server wrote, or was hinted at, it shows at once. Nothing else changes: a team out of here
//! is taken only where it shows what has its version already. Where it would show something new it
//! is read again, after the account's partition as ever, so that no version goes back.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::cells::HeadCells;

/// Teams that are kept: some 400 bytes each.
const HEADS_MAX: usize = 50_000;
/// The longest time that they may be kept.
pub(crate) const AGE_MAX: Duration = Duration::from_secs(1);

pub(crate) struct HeadCache {
    age: Duration,
    heads: Mutex<HashMap<String, CachedHead>>,
}

struct CachedHead {
    /// When its read began, or when it was forgotten.
    since: Instant,
    /// `None`: it changed then. What was read from before is not taken.
    head: Option<HeadCells>,
}

#[expect(clippy::disallowed_methods, reason = "an age in memory, which decides no order")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl HeadCache {
    /// Makes one that keeps teams so long, a second at most.
    pub(crate) fn new(age: Duration) -> Self {
        Self { age: age.min(AGE_MAX), heads: Mutex::default() }
    }

    /// Nothing under this lock panics half done.
    fn heads(&self) -> MutexGuard<'_, HashMap<String, CachedHead>> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a team that was read a short time ago.
    pub(crate) fn get(&self, tid: &str, now: Instant) -> Option<HeadCells> {
        let heads = self.heads();
        let cached = heads.get(tid).filter(|cached| now - cached.since < self.age)?;
        cached.head.clone()
    }

    /// Takes a team whose read began then.
    pub(crate) fn put(&self, tid: String, head: HeadCells, begun: Instant) {
        let mut heads = self.heads();
        if heads.get(&tid).is_some_and(|cached| cached.since >= begun) {
            return;
        }
        if heads.len() >= HEADS_MAX {
            heads.retain(|_, cached| begun - cached.since < self.age);
        }
        if heads.len() < HEADS_MAX {
            heads.insert(tid, CachedHead { since: begun, head: Some(head) });
        }
    }

    /// Forgets a team that changed, also what is being read of it now.
    pub(crate) fn forget(&self, tid: String, now: Instant) {
        let mut heads = self.heads();
        if heads.len() >= HEADS_MAX {
            // Forgotten ones must be known as such as long as a read may last: rather none at all.
            heads.clear();
        }
        heads.insert(tid, CachedHead { since: now, head: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_known_for_its_time_and_not_after_it_changed() {
        let cache = HeadCache::new(Duration::from_secs(9));
        let (begun, ms) = (now(), Duration::from_millis);
        let head = HeadCells { dissolved: Some(vec![1]), ..HeadCells::default() };
        let known = |at| cache.get("7", begun + ms(at)).map(|head| head.dissolved.is_some());
        cache.put("7".to_owned(), head.clone(), begun);
        assert_eq!((known(999), known(1_000)), (Some(true), None), "a second at most");
        cache.forget("7".to_owned(), begun + ms(10));
        assert_eq!(known(11), None);
        // Read before the change, answered after it.
        cache.put("7".to_owned(), head.clone(), begun + ms(5));
        assert_eq!(known(12), None);
        cache.put("7".to_owned(), head, begun + ms(20));
        assert_eq!(known(21), Some(true));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let cache = HeadCache::new(AGE_MAX);
        let begun = now();
        for n in 0..HEADS_MAX + 10 {
            cache.put(n.to_string(), HeadCells::default(), begun);
        }
        assert_eq!(cache.heads().len(), HEADS_MAX);
        cache.put("new".to_owned(), HeadCells::default(), begun + 2 * AGE_MAX);
        assert_eq!(cache.heads().len(), 1);
    }
}

//! One compare-and-set at a time per account in a process: those of one account can only lose
//! against one another. And a write of one account waits for no other's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use huihua_event::Owner;
use tokio::sync::OwnedMutexGuard;

/// The locks that somebody holds or waits for; others are not there.
#[derive(Default)]
pub(crate) struct AccountLocks {
    held: Arc<Mutex<HashMap<Owner, Arc<tokio::sync::Mutex<()>>>>>,
}

/// One account's lock, until it is dropped.
pub(crate) struct AccountLock {
    /// Whether another had it before.
    pub(crate) waited: bool,
    guard: Option<OwnedMutexGuard<()>>,
    owner: Owner,
    held: Arc<Mutex<HashMap<Owner, Arc<tokio::sync::Mutex<()>>>>>,
}

/// Nothing under this lock panics half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AccountLocks {
    /// Waits for the account's lock.
    pub(crate) async fn lock(&self, owner: &Owner) -> AccountLock {
        let of = Arc::clone(lock(&self.held).entry(owner.clone()).or_default());
        let (guard, waited) = match Arc::clone(&of).try_lock_owned() {
            Ok(guard) => (guard, false),
            Err(_) => (of.lock_owned().await, true),
        };
        let held = Arc::clone(&self.held);
        AccountLock { waited, guard: Some(guard), owner: owner.clone(), held }
    }
}

impl Drop for AccountLock {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        drop(self.guard.take());
        // Those who wait hold their own reference.
        if held.get(&self.owner).is_some_and(|of| Arc::strong_count(of) == 1) {
            held.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    #[tokio::test]
    async fn those_of_one_account_wait_for_one_another_and_none_is_kept_after_them() {
        let owner = |account: &str| Owner {
            app: "app".parse().unwrap(),
            account: account.parse().unwrap(),
        };
        let locks = AccountLocks::default();
        let first = locks.lock(&owner("amy")).await;
        let other = locks.lock(&owner("bob")).await;
        assert!(!first.waited && !other.waited);
        let amy = owner("amy");
        let mut second = pin!(locks.lock(&amy));
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop((first, other));
        let second = second.await;
        assert!(second.waited);
        drop(second);
        assert!(lock(&locks.held).is_empty());
    }
}

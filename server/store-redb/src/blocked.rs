//! The blocked accounts in memory, because every request of a client asks for them. Read from the
//! file when it is opened; the writer changes them after its commit, so they are exact. Beside
//! them, which tokens the directory may know.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use huihua_event::Owner;
use redb::{Database, ReadableDatabase as _};

use crate::{failure::StoreFailure, row, tables, token_filter::TokenFilter};

/// The blocked accounts of all apps. Grows with them alone: some 200 bytes for each.
pub(crate) struct BlockedAccounts {
    known: RwLock<KnownAccounts>,
    pub(crate) tokens: TokenFilter,
}

struct KnownAccounts {
    accounts: HashMap<Owner, Standing>,
    /// The outcome of a write is unknown: they are read from the file before the next one.
    is_stale: bool,
}

/// An account that is in no good standing.
enum Standing {
    Blocked,
    /// Its entry is damaged, so that nobody can tell.
    Damaged(String),
}

impl BlockedAccounts {
    /// Reads them from the file.
    pub(crate) fn read(db: &Database) -> Result<Self, StoreFailure> {
        let known = KnownAccounts { accounts: read(db)?, is_stale: false };
        Ok(Self { known: RwLock::new(known), tokens: TokenFilter::read(db) })
    }

    /// Tells whether this account is blocked.
    pub(crate) fn contains(&self, owner: &Owner) -> Result<bool, StoreFailure> {
        match self.lock().accounts.get(owner) {
            None => Ok(false),
            Some(Standing::Blocked) => Ok(true),
            Some(Standing::Damaged(what)) => Err(StoreFailure::Damaged { what: what.clone() }),
        }
    }

    /// Takes what a commit changed: the accounts, and whether each is blocked now.
    pub(crate) fn change(&self, changed: Vec<(Owner, bool)>) {
        if changed.is_empty() {
            return;
        }
        let mut known = self.lock_to_change();
        for (owner, is_blocked) in changed {
            if is_blocked {
                known.accounts.insert(owner, Standing::Blocked);
            } else {
                known.accounts.remove(&owner);
            }
        }
    }

    /// Notes that a write may have been done or not.
    pub(crate) fn expire(&self) {
        self.lock_to_change().is_stale = true;
    }

    /// Reads them again after a write whose outcome is unknown.
    pub(crate) fn refresh(&self, db: &Database) -> Result<(), StoreFailure> {
        if self.lock().is_stale {
            let accounts = read(db)?;
            *self.lock_to_change() = KnownAccounts { accounts, is_stale: false };
        }
        Ok(())
    }

    fn lock(&self) -> RwLockReadGuard<'_, KnownAccounts> {
        // Nothing under this lock panics half done.
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_to_change(&self) -> RwLockWriteGuard<'_, KnownAccounts> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads every account's entry: about a second for a million.
fn read(db: &Database) -> Result<HashMap<Owner, Standing>, StoreFailure> {
    let mut accounts = HashMap::new();
    for item in db.begin_read()?.open_table(tables::ACCOUNTS)?.range::<&[u8]>(..)? {
        let (key, value) = item?;
        let standing = match row::decode_account(key.value(), value.value()) {
            Ok(entry) if entry.blocked.is_none() => continue,
            Ok(_) => Standing::Blocked,
            // One damaged entry must not keep the other accounts from being served.
            Err(damage) => Standing::Damaged(damage.to_string()),
        };
        if let Some(owner) = tables::account_of_key(key.value()) {
            accounts.insert(owner, standing);
        }
    }
    Ok(accounts)
}

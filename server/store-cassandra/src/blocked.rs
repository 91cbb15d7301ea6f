//! The blocked accounts in memory, because every request of a client asks for them: read when the
//! store is opened and once a second, and changed at once by this server's own actions.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use huihua_store::Error;

use crate::{failure::unavailable, names::Names, statements::Cql};

/// The accounts by the names of their partitions. Grows with them alone: some 200 bytes for each.
#[derive(Default)]
pub(crate) struct BlockedAccounts(RwLock<Known>);

#[derive(Default)]
struct Known {
    uids: HashSet<String>,
    /// How many changes of its own this server made: what was read before one is not taken.
    changes: u64,
}

impl BlockedAccounts {
    pub(crate) fn contains(&self, uid: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).uids.contains(uid)
    }

    fn changes(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).changes
    }

    /// Takes what this server's action changed.
    pub(crate) fn change(&self, uid: &str, is_blocked: bool) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.changes += 1;
        if is_blocked {
            known.uids.insert(uid.to_owned());
        } else {
            known.uids.remove(uid);
        }
    }

    /// Reads them again.
    pub(crate) async fn refresh(&self, cql: &Cql, names: &Names) -> Result<(), Error> {
        let before = self.changes();
        let rows = cql.read(&cql.statements.blocked, (names.realm(),)).await?;
        let mut uids = HashSet::new();
        for row in rows.rows::<(String,)>().map_err(unavailable)? {
            uids.insert(row.map_err(unavailable)?.0);
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.changes == before {
            known.uids = uids;
        }
        Ok(())
    }
}

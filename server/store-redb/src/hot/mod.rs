//! Lists in memory: those of the accounts that read last, bounded in bytes. The one writer applies
//! to them what it made durable before it answers, so they are exact. ADR 0015.

mod bytes;
mod cache;
mod heads;
mod list;
mod read;
mod scan;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use huihua_event::Owner;
use huihua_store::SessionJson;
use redb::{Database, ReadableDatabase as _};
use tokio::sync::watch;

#[cfg(test)]
pub(crate) use self::read::MissingSessions;
use self::{
    cache::{Cache, RowChange, split_key},
    list::{Place, is_p2p},
};
pub(crate) use self::{
    list::AccountList,
    read::{NotRead, ReadAt, ReadSessions, changes, page, session, teams},
    scan::{answer, scan, sessions},
};
use crate::{
    committed::CommittedLists, failure::StoreFailure, history::History, lookup, row, tables,
};

/// The lists in memory.
pub(crate) struct HotLists {
    /// Held while a list is read, and alone while a commit is applied: who reads sees all of a
    /// commit or nothing of it.
    moment: watch::Sender<Moment>,
    cache: Mutex<Cache>,
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// What the lists in memory show: the store as of one version.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    version: u64,
    horizon: u64,
    /// Writes so far of heads that were in memory.
    head_writes: u64,
    /// The outcome of a write is unknown: nothing is in memory until the file was asked.
    is_stale: bool,
}

/// A list that is being read to be kept. Dropped, it is forgotten.
pub(crate) struct Load {
    lists: Arc<HotLists>,
    prefix: Box<[u8]>,
    number: u64,
}

impl HotLists {
    /// Begins with no list, at the version in the file.
    pub(crate) fn new(db: &Database, bytes_max: usize) -> Result<Self, StoreFailure> {
        let lists = Self {
            moment: watch::Sender::new(Moment { is_stale: true, ..Moment::default() }),
            cache: Mutex::default(),
            bytes: Arc::default(),
            bytes_max,
        };
        lists.refresh(db)?;
        Ok(lists)
    }

    /// Calls `read` with the owner's list, if it is in memory and can be read without the engine.
    pub(crate) fn read<T>(
        &self,
        owner: &Owner,
        history: &History,
        sessions: &ReadSessions,
        read: impl FnOnce(&mut AccountList, &ReadAt<'_>) -> Result<T, NotRead>,
    ) -> Option<Result<T, NotRead>> {
        let prefix = tables::owner_range(owner).start;
        let answer = {
            let moment = self.moment.borrow();
            let shared = self.lock().accounts.get(prefix.as_slice()).cloned()?;
            let Moment { version: last, horizon, head_writes, .. } = *moment;
            let at = ReadAt { owner, history, last, horizon, head_writes, read: sessions };
            let answer = shared.lock().ok().map(|mut list| {
                let answer = read(&mut list, &at);
                list.count();
                answer
            });
            match answer {
                // Left half done by a panic, or of no use: the engine says what is wrong.
                None | Some(Err(NotRead::Failure(StoreFailure::Damaged { .. }))) => {
                    self.lock().accounts.pop(prefix.as_slice());
                    None
                }
                answer => answer,
            }
        };
        self.evict();
        answer
    }

    /// Takes what a commit wrote, after it is durable and before anybody is told.
    pub(crate) fn apply(&self, commit: CommittedLists) {
        let rows = self.prepare(commit.rows);
        self.moment.send_modify(|moment| {
            let mut cache = self.lock();
            for (key, value) in commit.heads {
                moment.head_writes += u64::from(cache.put_head(&key, value.into()));
            }
            for row in rows {
                cache.put_row(row);
            }
            for prefix in commit.erased {
                cache.put_row(RowChange::Unreadable { prefix: prefix.into() });
            }
            moment.version = commit.version;
            moment.horizon = commit.horizon.unwrap_or(moment.horizon);
        });
        self.evict();
    }

    /// Reads what the rows show, of those that anybody keeps, while others still read lists.
    fn prepare(&self, rows: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<RowChange> {
        let wanted = {
            let cache = self.lock();
            rows.into_iter().filter(|(key, _)| cache.wants(key)).collect::<Vec<_>>()
        };
        wanted.into_iter().filter_map(|(key, value)| row_change(&key, value)).collect()
    }

    /// Forgets every list: a write may have been done or not.
    pub(crate) fn expire(&self) {
        self.moment.send_modify(|moment| {
            moment.is_stale = true;
            self.lock().clear();
        });
    }

    /// Reads the version in the file again after a write whose outcome is unknown.
    pub(crate) fn refresh(&self, db: &Database) -> Result<(), StoreFailure> {
        if !self.moment.borrow().is_stale {
            return Ok(());
        }
        let meta = db.begin_read()?.open_table(tables::META)?;
        let version = lookup::number(&meta, tables::META_VERSION)?;
        let horizon = lookup::number(&meta, tables::META_HORIZON)?;
        self.moment.send_modify(|moment| {
            (moment.version, moment.horizon, moment.is_stale) = (version, horizon, false);
        });
        Ok(())
    }

    /// Waits until what a snapshot of this version shows is shown by the lists in memory too, so
    /// that no answer goes back behind another.
    pub(crate) async fn catch_up(&self, version: u64) {
        let has_come = |moment: &Moment| moment.version >= version || moment.is_stale;
        if has_come(&self.moment.borrow()) {
            return;
        }
        // The sender is `self`: it is not gone.
        let _ = self.moment.subscribe().wait_for(has_come).await;
    }

    /// Notes that the owner's list is going to be read to be kept: from now on the writer keeps
    /// for it what it writes. `None` when another does so already, or nothing can be kept.
    pub(crate) fn begin_load(self: &Arc<Self>, owner: &Owner) -> Option<Load> {
        let moment = self.moment.borrow();
        let prefix: Box<[u8]> = tables::owner_range(owner).start.into();
        let number = (!moment.is_stale).then(|| self.lock().begin_load(&prefix))??;
        Some(Load { lists: Arc::clone(self), prefix, number })
    }

    /// Drops the lists that were read longest ago, until the others fit.
    fn evict(&self) {
        while self.bytes.load(Relaxed) > self.bytes_max {
            // Dropped after the lock.
            let evicted = self.lock().evict();
            if evicted.is_none() {
                return;
            }
        }
    }

    /// The bytes of everything in memory.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// The bytes of everything in memory, each thing counted anew.
    #[cfg(test)]
    pub(crate) fn count_again(&self) -> usize {
        self.lock().count_again()
    }

    /// How many heads are in memory.
    #[cfg(test)]
    pub(crate) fn heads(&self) -> usize {
        self.lock().heads_alive().len()
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        // Nothing under this lock panics half done.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    /// Keeps the list, with what was written since its snapshot. The lists in memory must have
    /// caught up with that.
    pub(crate) fn keep(self, mut list: AccountList) {
        let lists = Arc::clone(&self.lists);
        {
            let moment = lists.moment.borrow();
            let mut cache = lists.lock();
            let Some(pending) = cache.end_load(&self.prefix, self.number) else { return };
            if moment.is_stale || list.bytes() > lists.bytes_max / 2 {
                return;
            }
            cache.share_heads(&mut list, &pending, &lists.bytes);
            if !cache.put_pending(&mut list, pending) {
                return;
            }
            list.count_in(&lists.bytes);
            cache.accounts.put(self.prefix.clone(), Arc::new(Mutex::new(list)));
        }
        lists.evict();
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.lists.lock().end_load(&self.prefix, self.number);
    }
}

/// Reads what a written row shows; `None` for a key that is none.
fn row_change(key: &[u8], value: Vec<u8>) -> Option<RowChange> {
    let (prefix, id) = split_key(key)?;
    let (prefix, id): (Box<[u8]>, Box<[u8]>) = (prefix.into(), id.into());
    if !is_p2p(&id) {
        return Some(RowChange::Team { prefix, id, registers: value.into() });
    }
    match p2p_shown(key, &id, &value) {
        Ok((place, json)) => Some(RowChange::P2p { prefix, id, place, json }),
        // It cannot be shown: who reads it gets the engine's error.
        Err(_) => Some(RowChange::Unreadable { prefix }),
    }
}

fn p2p_shown(
    key: &[u8],
    id: &[u8],
    value: &[u8],
) -> Result<(Place, Option<SessionJson>), StoreFailure> {
    let (kind, peer) = lookup::session_of(id)?;
    let registers = row::decode_row(key, value)?;
    let view = registers.view(kind, None);
    Ok((Place::of(&view), lookup::session_json(kind, peer, registers.ext, &view)?))
}

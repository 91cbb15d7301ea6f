//! Which lists are in memory: the accounts, least recently read first out; the heads that they
//! share; the lists that are being read, with what was written meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak, atomic::AtomicUsize},
};

use huihua_store::SessionJson;
use lru::LruCache;

use super::{
    heads::SharedHead,
    list::{AccountList, Place},
};

/// Lists that may be read to be kept at one time: as many as the store reads at once, and those
/// that wait for a place.
const LOADS_MAX: usize = 64;
/// Bytes of writes that a list being read keeps; beyond them it is answered, but not kept.
const PENDING_BYTES_MAX: usize = 256 * 1024;
/// Heads that nobody refers to any more are looked for when there are so many more than before.
const DEAD_HEADS_MIN: usize = 256;

pub(super) type Accounts = LruCache<Box<[u8]>, Arc<Mutex<AccountList>>>;

/// What is in memory.
pub(super) struct Cache {
    pub(super) accounts: Accounts,
    heads: HashMap<Box<[u8]>, Weak<SharedHead>>,
    /// Number of heads at which those without an account are removed.
    heads_max: usize,
    loads: HashMap<Box<[u8]>, Pending>,
    next_load: u64,
}

/// A write of one session, as far as lists in memory want it.
#[derive(Clone)]
pub(super) enum RowChange {
    P2p {
        prefix: Box<[u8]>,
        id: Box<[u8]>,
        place: Place,
        json: Option<SessionJson>,
    },
    Team {
        prefix: Box<[u8]>,
        id: Box<[u8]>,
        registers: Box<[u8]>,
    },
    /// The list can no longer be shown.
    Unreadable {
        prefix: Box<[u8]>,
    },
}

/// What was written while a list is being read.
pub(super) struct Pending {
    number: u64,
    rows: Vec<RowChange>,
    heads: HashMap<Box<[u8]>, Arc<[u8]>>,
    bytes: usize,
    is_unreadable: bool,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            accounts: LruCache::unbounded(),
            heads: HashMap::new(),
            heads_max: DEAD_HEADS_MIN,
            loads: HashMap::new(),
            next_load: 0,
        }
    }
}

impl Cache {
    /// Tells whether anybody keeps the session with this key, or reads its list.
    pub(super) fn wants(&self, key: &[u8]) -> bool {
        split_key(key).is_some_and(|(prefix, _)| {
            self.accounts.contains(prefix) || self.loads.contains_key(prefix)
        })
    }

    /// Takes the write of a head; tells whether a list in memory refers to it.
    pub(super) fn put_head(&mut self, key: &[u8], value: Arc<[u8]>) -> bool {
        for pending in self.loads.values_mut() {
            pending.put_head(key, &value);
        }
        let Some(head) = self.heads.get(key).and_then(Weak::upgrade) else { return false };
        head.put(value);
        true
    }

    pub(super) fn put_row(&mut self, change: RowChange) {
        if let Some(pending) = self.loads.get_mut(change.prefix()) {
            pending.put_row(change.clone());
        }
        let Some(shared) = self.accounts.peek(change.prefix()).cloned() else { return };
        let prefix: Box<[u8]> = change.prefix().into();
        let is_put = shared.lock().is_ok_and(|mut list| {
            let is_put = self.put(&mut list, change);
            list.count();
            is_put
        });
        if !is_put {
            self.accounts.pop(&prefix);
        }
    }

    /// False when the list cannot take it: it is read anew by the next who asks for it.
    fn put(&self, list: &mut AccountList, change: RowChange) -> bool {
        match change {
            RowChange::P2p { id, place, json, .. } => {
                list.put_p2p(&id, place, json);
                true
            }
            RowChange::Team { id, registers, .. } => {
                // The head of a team that it is new in is known only if another list has it.
                list.put_team(&id, registers, |key| self.heads.get(key).and_then(Weak::upgrade))
            }
            RowChange::Unreadable { .. } => false,
        }
    }

    pub(super) fn begin_load(&mut self, prefix: &[u8]) -> Option<u64> {
        if self.loads.len() >= LOADS_MAX || self.loads.contains_key(prefix) {
            return None;
        }
        let number = self.next_load;
        self.next_load += 1;
        self.loads.insert(prefix.into(), Pending::new(number));
        Some(number)
    }

    /// Returns what was written since the load began; `None` when it was forgotten.
    pub(super) fn end_load(&mut self, prefix: &[u8], number: u64) -> Option<Pending> {
        let is_it = self.loads.get(prefix).is_some_and(|pending| pending.number == number);
        is_it.then(|| self.loads.remove(prefix)).flatten()
    }

    /// Gives the list the heads that others have too, and others those that it read.
    pub(super) fn share_heads(
        &mut self,
        list: &mut AccountList,
        pending: &Pending,
        bytes: &Arc<AtomicUsize>,
    ) {
        if self.heads.len() >= self.heads_max {
            self.heads.retain(|_, head| head.strong_count() > 0);
            self.heads_max = 2 * self.heads.len() + DEAD_HEADS_MIN;
        }
        let heads = std::cell::RefCell::new(&mut self.heads);
        list.share_heads(|own| {
            let mut heads = heads.borrow_mut();
            if let Some(shared) = heads.get(&own.key).and_then(Weak::upgrade) {
                return shared;
            }
            own.count_in(bytes);
            if let Some(value) = pending.heads.get(&own.key) {
                own.put(Arc::clone(value));
            }
            heads.insert(own.key.clone(), Arc::downgrade(own));
            Arc::clone(own)
        });
    }

    /// Puts what was written meanwhile; false when that is not known any more.
    pub(super) fn put_pending(&self, list: &mut AccountList, pending: Pending) -> bool {
        !pending.is_unreadable && pending.rows.into_iter().all(|row| self.put(list, row))
    }

    pub(super) fn evict(&mut self) -> Option<Arc<Mutex<AccountList>>> {
        self.accounts.pop_lru().map(|(_, list)| list)
    }

    #[cfg(test)]
    pub(super) fn heads_alive(&self) -> Vec<Arc<SharedHead>> {
        self.heads.values().filter_map(Weak::upgrade).collect()
    }

    #[cfg(test)]
    pub(super) fn count_again(&self) -> usize {
        let lists =
            self.accounts.iter().map(|(_, list)| list.lock().map_or(0, |list| list.bytes()));
        let heads = self.heads_alive();
        lists.sum::<usize>() + heads.iter().map(|head| head.bytes_now()).sum::<usize>()
    }

    pub(super) fn clear(&mut self) {
        *self = Self { next_load: self.next_load, ..Self::default() };
    }
}

impl RowChange {
    fn prefix(&self) -> &[u8] {
        match self {
            Self::P2p { prefix, .. } | Self::Team { prefix, .. } | Self::Unreadable { prefix } => {
                prefix
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::P2p { id, json, .. } => id.len() + json.as_ref().map_or(0, SessionJson::len),
            Self::Team { id, registers, .. } => id.len() + registers.len(),
            Self::Unreadable { .. } => 0,
        }
    }
}

impl Pending {
    fn new(number: u64) -> Self {
        Self { number, rows: Vec::new(), heads: HashMap::new(), bytes: 0, is_unreadable: false }
    }

    fn put_row(&mut self, change: RowChange) {
        if self.fits(change.bytes()) {
            self.rows.push(change);
        }
    }

    fn put_head(&mut self, key: &[u8], value: &Arc<[u8]>) {
        if self.fits(key.len() + value.len()) {
            self.heads.insert(key.into(), Arc::clone(value));
        }
    }

    fn fits(&mut self, bytes: usize) -> bool {
        // A place in a list or a map costs about as much as this.
        self.bytes += bytes + 128;
        if self.bytes > PENDING_BYTES_MAX {
            (self.is_unreadable, self.rows) = (true, Vec::new());
            self.heads.clear();
        }
        !self.is_unreadable
    }
}

/// Splits a session's key into what its account's keys start with, and kind and peer.
pub(super) fn split_key(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut zeros = key.iter().enumerate().filter(|(_, byte)| **byte == 0);
    let (at, _) = zeros.nth(1)?;
    Some(key.split_at(at + 1))
}

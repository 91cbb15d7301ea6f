//! A medium in memory under redb that remembers every write, and that fails on demand.

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use redb::{Database, StorageBackend};

use crate::{
    QueueLimits, file::DatabaseOpener, one_sync::OneSync, opening::explain, store::RedbStore,
};

/// What was done to a medium.
#[derive(Clone)]
pub(super) enum MediumOp {
    Write {
        offset: u64,
        data: Vec<u8>,
    },
    SetLen(u64),
    Sync,
    /// To the lists of pages, which are never synced.
    List {
        offset: u64,
        data: Vec<u8>,
    },
}

fn put(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let start = usize::try_from(offset).unwrap();
    let end = start + data.len();
    bytes.resize(bytes.len().max(end), 0);
    bytes[start..end].copy_from_slice(data);
}

impl MediumOp {
    /// Does it to the bytes of a medium.
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => put(bytes, *offset, data),
            Self::SetLen(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
            Self::Sync | Self::List { .. } => {}
        }
    }

    /// Does it to the bytes of the lists of pages.
    pub(super) fn apply_to_lists(&self, lists: &mut Vec<u8>) {
        if let Self::List { offset, data } = self {
            put(lists, *offset, data);
        }
    }
}

/// How a medium fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediumFault {
    None,
    /// No write at all goes through.
    Full,
    /// Nothing may grow; what is there may be written over.
    FullForGrowth,
    /// Writes go through, but are never known to be durable.
    NoSync,
    /// The same after so many syncs that succeed.
    NoSyncAfter(u32),
    /// The next sync fails, and no write goes through after it: what was written stays.
    DeadAtSync,
    /// No write goes through.
    Dead,
}

struct MediumState {
    bytes: Vec<u8>,
    lists: Vec<u8>,
    tape: Vec<MediumOp>,
    fault: MediumFault,
    /// What stood where something was written that a failed sync did not bring to the disk: the
    /// system shows the new bytes until it forgets them.
    unsure: Vec<(u64, Vec<u8>)>,
}

/// Clones are the same medium.
#[derive(Clone)]
pub(super) struct Medium(Arc<Mutex<MediumState>>);

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Medium({} bytes)", self.state().bytes.len())
    }
}

impl Medium {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self::with_lists(bytes, Vec::new())
    }

    /// A medium that kept lists of pages too.
    pub(super) fn with_lists(bytes: Vec<u8>, lists: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(MediumState {
            bytes,
            lists,
            tape: Vec::new(),
            fault: MediumFault::None,
            unsure: Vec::new(),
        })))
    }

    /// A medium with an empty database, as `open_file` gives a new file its name.
    pub(super) fn created() -> Self {
        let medium = Self::new(Vec::new());
        Database::builder().create_with_backend(medium.clone()).unwrap();
        Self::new(medium.bytes())
    }

    fn state(&self) -> MutexGuard<'_, MediumState> {
        self.0.lock().unwrap()
    }

    pub(super) fn open(&self) -> Result<RedbStore, huihua_store::Error> {
        let medium = self.clone();
        let open: Box<DatabaseOpener> = Box::new(move || {
            let db = Database::builder().create_with_backend(medium.one_sync());
            db.map_err(|error| explain(error, Path::new("a medium")))
        });
        RedbStore::with_opener(open, super::MUCH_BYTES, QueueLimits::DEFAULT)
    }

    /// The medium as the store has it under redb.
    pub(super) fn one_sync(&self) -> OneSync<Self, PageLists> {
        OneSync::new(self.clone(), PageLists(self.clone()))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// How much was done so far.
    pub(super) fn position(&self) -> usize {
        self.state().tape.len()
    }

    pub(super) fn tape(&self) -> Vec<MediumOp> {
        self.state().tape.clone()
    }

    /// Forgets what a failed sync did not bring to the disk, and nothing wrote again since.
    pub(super) fn forget_unsure(&self) -> usize {
        let mut state = self.state();
        let unsure = std::mem::take(&mut state.unsure);
        for (offset, old) in unsure.iter().rev() {
            put(&mut state.bytes, *offset, old);
        }
        unsure.len()
    }

    pub(super) fn fail(&self, fault: MediumFault) {
        self.state().fault = fault;
    }
}

fn failed() -> io::Error {
    io::Error::other("the medium failed")
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl StorageBackend for Medium {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let (state, start) = (self.state(), usize::try_from(offset).unwrap());
        let bytes = state.bytes.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut state = self.state();
        let grows = len > state.bytes.len() as u64;
        match state.fault {
            MediumFault::Full | MediumFault::FullForGrowth if grows => return Err(full()),
            MediumFault::Dead => return Err(failed()),
            MediumFault::Full
            | MediumFault::FullForGrowth
            | MediumFault::None
            | MediumFault::NoSync
            | MediumFault::NoSyncAfter(_)
            | MediumFault::DeadAtSync => {}
        }
        let op = MediumOp::SetLen(len);
        op.apply(&mut state.bytes);
        state.tape.push(op);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.state();
        state.fault = match state.fault {
            MediumFault::NoSync | MediumFault::NoSyncAfter(0) => return Err(failed()),
            MediumFault::DeadAtSync | MediumFault::Dead => {
                state.fault = MediumFault::Dead;
                return Err(failed());
            }
            MediumFault::NoSyncAfter(syncs) => MediumFault::NoSyncAfter(syncs - 1),
            fault => fault,
        };
        state.tape.push(MediumOp::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.state();
        let grows = offset + data.len() as u64 > state.bytes.len() as u64;
        match state.fault {
            MediumFault::Full => return Err(full()),
            MediumFault::FullForGrowth if grows => return Err(full()),
            MediumFault::Dead => return Err(failed()),
            MediumFault::FullForGrowth
            | MediumFault::None
            | MediumFault::NoSync
            | MediumFault::NoSyncAfter(_)
            | MediumFault::DeadAtSync => {}
        }
        // By pages of the system; the header is written again by every opening.
        for page in (offset..offset + data.len() as u64).step_by(4_096).filter(|at| *at > 0) {
            if state.fault == MediumFault::NoSync {
                let start = usize::try_from(page).unwrap();
                let old = state.bytes.get(start..start + 4_096);
                let old = old.map_or_else(|| vec![0; 4_096], <[u8]>::to_vec);
                state.unsure.push((page, old));
            } else {
                state.unsure.retain(|(unsure, _)| *unsure != page);
            }
        }
        let op = MediumOp::Write { offset, data: data.to_vec() };
        op.apply(&mut state.bytes);
        state.tape.push(op);
        Ok(())
    }
}

/// The lists of pages on a medium.
#[derive(Debug)]
pub(super) struct PageLists(Medium);

impl StorageBackend for PageLists {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.state().lists.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let (state, start) = (self.0.state(), usize::try_from(offset).unwrap());
        let bytes = state.lists.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, _: u64) -> Result<(), io::Error> {
        unreachable!("lists only grow by writing")
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        unreachable!("lists are never synced")
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.0.state();
        if state.fault == MediumFault::Full {
            return Err(full());
        }
        let op = MediumOp::List { offset, data: data.to_vec() };
        op.apply_to_lists(&mut state.lists);
        state.tape.push(op);
        Ok(())
    }
}

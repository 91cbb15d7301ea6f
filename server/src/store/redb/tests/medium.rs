//! A medium in memory under redb that remembers every write, and that fails when it is told to.

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use redb::{Database, StorageBackend};

use super::super::{Opener, RedbStore, opening::explain};

/// What was done to a medium.
#[derive(Clone)]
pub(super) enum Op {
    Write { offset: u64, data: Vec<u8> },
    SetLen(u64),
    Sync,
}

impl Op {
    /// Does it to the bytes of a medium.
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => {
                let start = usize::try_from(*offset).unwrap();
                let end = start + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(data);
            }
            Self::SetLen(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
            Self::Sync => {}
        }
    }
}

/// How a medium fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// No write at all goes through.
    Full,
    /// Nothing may grow; what is there may be written over.
    FullForGrowth,
    /// Writes go through, but are never known to be durable.
    NoSync,
}

struct State {
    bytes: Vec<u8>,
    tape: Vec<Op>,
    fault: Fault,
}

/// Clones are the same medium.
#[derive(Clone)]
pub(super) struct Medium(Arc<Mutex<State>>);

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Medium({} bytes)", self.state().bytes.len())
    }
}

impl Medium {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { bytes, tape: Vec::new(), fault: Fault::None })))
    }

    /// A medium with an empty database, as `open_file` gives a new file its name.
    pub(super) fn created() -> Self {
        let medium = Self::new(Vec::new());
        Database::builder().create_with_backend(medium.clone()).unwrap();
        Self::new(medium.bytes())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn open(&self) -> Result<RedbStore, crate::store::Error> {
        let medium = self.clone();
        let open: Box<Opener> = Box::new(move || {
            let db = Database::builder().create_with_backend(medium.clone());
            db.map_err(|error| explain(error, Path::new("a medium")))
        });
        RedbStore::with_opener(open)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// How much was done so far.
    pub(super) fn position(&self) -> usize {
        self.state().tape.len()
    }

    pub(super) fn tape(&self) -> Vec<Op> {
        self.state().tape.clone()
    }

    pub(super) fn fail(&self, fault: Fault) {
        self.state().fault = fault;
    }
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
            Fault::Full | Fault::FullForGrowth if grows => return Err(full()),
            Fault::Full | Fault::FullForGrowth | Fault::None | Fault::NoSync => {}
        }
        let op = Op::SetLen(len);
        op.apply(&mut state.bytes);
        state.tape.push(op);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.state();
        if state.fault == Fault::NoSync {
            return Err(io::Error::other("the medium failed"));
        }
        state.tape.push(Op::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.state();
        let grows = offset + data.len() as u64 > state.bytes.len() as u64;
        match state.fault {
            Fault::Full => return Err(full()),
            Fault::FullForGrowth if grows => return Err(full()),
            Fault::FullForGrowth | Fault::None | Fault::NoSync => {}
        }
        let op = Op::Write { offset, data: data.to_vec() };
        op.apply(&mut state.bytes);
        state.tape.push(op);
        Ok(())
    }
}

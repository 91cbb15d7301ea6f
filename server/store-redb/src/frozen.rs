//! A file under redb that never changes: what redb writes to it, such as the outcome of a check, is
//! kept in memory and forgotten.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend};

/// Bytes of a block that is kept whole once a byte of it is written.
const BLOCK_BYTES: usize = 4_096;

type Block = [u8; BLOCK_BYTES];

/// A file that is read, and in memory what was written over it.
#[derive(Debug)]
pub(crate) struct FrozenFile<F> {
    file: F,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    /// `None` before the first change of it.
    len: Option<u64>,
    blocks: BTreeMap<u64, Box<Block>>,
}

impl<F: StorageBackend> FrozenFile<F> {
    pub(crate) fn new(file: F) -> Self {
        let written = Mutex::new(Written { len: None, blocks: BTreeMap::new() });
        Self { file, written }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // Nothing under this lock panics half done.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the file holds, zeros beyond its end.
    fn read_file(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let len = self.file.len()?;
        let there = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (from_file, beyond) = out.split_at_mut(there.min(out.len()));
        beyond.fill(0);
        if from_file.is_empty() { Ok(()) } else { self.file.read(offset, from_file) }
    }
}

/// The parts of `offset..offset + bytes` by blocks: the block's number, the start in it, the range
/// in what is read or written.
fn parts(offset: u64, bytes: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let block_bytes = BLOCK_BYTES as u64;
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = usize::try_from(at % block_bytes).unwrap_or(0);
        let end = (done + BLOCK_BYTES - start).min(bytes);
        let part = (done < bytes).then(|| (at / block_bytes, start, done..end));
        done = end;
        part
    })
}

impl<F: StorageBackend> StorageBackend for FrozenFile<F> {
    fn len(&self) -> Result<u64, io::Error> {
        let len = self.written().len;
        len.map_or_else(|| self.file.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        if offset.saturating_add(out.len() as u64) > self.len()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(offset, out)?;
        let written = self.written();
        if written.blocks.is_empty() {
            return Ok(());
        }
        for (block, start, range) in parts(offset, out.len()) {
            if let Some(block) = written.blocks.get(&block) {
                let bytes = range.len();
                out[range].copy_from_slice(&block[start..start + bytes]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut written = self.written();
        let old = written.len.map_or_else(|| self.file.len(), Ok)?;
        if len < old {
            // What grows again is zero.
            let first = len.div_ceil(BLOCK_BYTES as u64);
            drop(written.blocks.split_off(&first));
        }
        written.len = Some(len);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut written = self.written();
        for (block, start, range) in parts(offset, data.len()) {
            let block = match written.blocks.entry(block) {
                Entry::Occupied(written) => written.into_mut(),
                Entry::Vacant(unwritten) => {
                    let mut bytes = Box::new([0; BLOCK_BYTES]);
                    self.read_file(block * BLOCK_BYTES as u64, &mut *bytes)?;
                    unwritten.insert(bytes)
                }
            };
            let bytes = range.len();
            block[start..start + bytes].copy_from_slice(&data[range]);
        }
        let end = offset + data.len() as u64;
        if end > written.len.map_or_else(|| self.file.len(), Ok)? {
            written.len = Some(end);
        }
        Ok(())
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }

    // It is never written: whoever reads it only keeps writers away.

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

//! One sync a commit, under redb. A commit with quick-repair syncs its pages, names them in the
//! header, and syncs again. Here the first sync is left out: what the header names may be torn by a
//! power loss. So a list of the commit's pages with their checksums is written beside it, never
//! synced; a start that finds all of them whole goes on at once. One that does not lets redb check
//! its whole file, which falls back to the commit before.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend};

/// redb's header: magic number, flags, layout, and two slots of a commit each. redb's
/// `docs/design.md` describes it.
const HEADER_BYTES: usize = 320;
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
const FLAGS_AT: usize = MAGIC.len();
/// Which slot is the last commit's.
const PRIMARY_FLAG: u8 = 1;
/// The file is in use, or was not closed.
const IN_USE_FLAG: u8 = 2;
/// The last commit's pages were synced before it was named: redb trusts it without a check.
const TRUSTED_FLAG: u8 = 4;
const SLOTS_AT: usize = 64;
const SLOT_BYTES: usize = 128;

/// Pages of one commit that may be listed; before a larger one its pages are synced. The lists of
/// two commits take 512 KiB.
const LISTED_PAGES_MAX: usize = 16_384;
const LISTED_PAGE_BYTES: usize = 16;
const COUNT_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 4;
/// Room of one list.
const LIST_BYTES: usize =
    SLOT_BYTES + COUNT_BYTES + LISTED_PAGES_MAX * LISTED_PAGE_BYTES + CHECKSUM_BYTES;

type Header = [u8; HEADER_BYTES];

/// redb's file, and beside it the lists of the pages of its last two commits.
#[derive(Debug)]
pub(crate) struct OneSync<F, L> {
    file: F,
    lists: L,
    window: Mutex<Window>,
}

/// What happened since the last sync.
#[derive(Debug)]
struct Window {
    /// `None` before it is read.
    header: Option<Header>,
    /// The header as of the last sync.
    synced: Option<Header>,
    is_header_written: bool,
    is_resized: bool,
    pages: BTreeMap<u64, Page>,
}

/// A page as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Page {
    bytes: u32,
    checksum: u32,
}

impl Page {
    fn of(data: &[u8]) -> Option<Self> {
        let bytes = u32::try_from(data.len()).ok()?;
        Some(Self { bytes, checksum: crc32fast::hash(data) })
    }
}

impl Window {
    /// Tells whether a sync now only orders the pages of a commit before its name: the header got
    /// the commit in the slot that does not count yet, and nothing else changed.
    fn is_before_commit(&self) -> bool {
        let (Some(header), Some(synced)) = (&self.header, &self.synced) else { return false };
        self.is_header_written
            && !self.is_resized
            && self.pages.len() <= LISTED_PAGES_MAX
            && header[FLAGS_AT] & IN_USE_FLAG != 0
            && header[..SLOTS_AT] == synced[..SLOTS_AT]
            && last_commit(header) == last_commit(synced)
    }
}

/// The number of the slot of the last commit, and its bytes.
fn last_commit(header: &Header) -> (usize, &[u8]) {
    let number = usize::from(header[FLAGS_AT] & PRIMARY_FLAG);
    let start = SLOTS_AT + number * SLOT_BYTES;
    (number, &header[start..start + SLOT_BYTES])
}

fn list_offset(slot: usize) -> u64 {
    (slot * LIST_BYTES) as u64
}

impl<F: StorageBackend, L: StorageBackend> OneSync<F, L> {
    /// Takes both, unread: redb locks the file first.
    pub(crate) fn new(file: F, lists: L) -> Self {
        let window = Window {
            header: None,
            synced: None,
            is_header_written: false,
            is_resized: false,
            pages: BTreeMap::new(),
        };
        Self { file, lists, window: Mutex::new(window) }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the header before redb does. Of a file that was not closed and whose last commit is
    /// not known to be whole, redb is told to trust nothing.
    fn begin(&self, window: &mut Window) -> io::Result<()> {
        if window.header.is_some() || self.file.len()? < HEADER_BYTES as u64 {
            return Ok(());
        }
        let mut header = [0; HEADER_BYTES];
        self.file.read(0, &mut header)?;
        if !header.starts_with(MAGIC) {
            return Ok(());
        }
        let flags = header[FLAGS_AT];
        if flags & IN_USE_FLAG != 0 && flags & TRUSTED_FLAG != 0 && !self.is_whole(&header) {
            tracing::warn!("store was not closed, and its last write may be torn: checking all");
            header[FLAGS_AT] &= !TRUSTED_FLAG;
            self.file.write(0, &header)?;
            self.file.sync_data()?;
        }
        window.header = Some(header);
        window.synced = window.header;
        Ok(())
    }

    /// Tells whether every page of the last commit is known and as it was written.
    fn is_whole(&self, header: &Header) -> bool {
        let (slot, commit) = last_commit(header);
        self.read_list(slot, commit).is_some_and(|pages| {
            pages.iter().all(|(offset, page)| {
                let mut data = vec![0; page.bytes as usize];
                self.file.read(*offset, &mut data).is_ok() && Page::of(&data) == Some(*page)
            })
        })
    }

    /// Reads the list of this commit's pages; `None` when there is none.
    fn read_list(&self, slot: usize, commit: &[u8]) -> Option<Vec<(u64, Page)>> {
        let start = list_offset(slot);
        let mut head = [0; SLOT_BYTES + COUNT_BYTES];
        self.lists.read(start, &mut head).ok()?;
        let (of_commit, count) = head.split_at(SLOT_BYTES);
        let count = u32::from_le_bytes(count.try_into().ok()?) as usize;
        if of_commit != commit || count > LISTED_PAGES_MAX {
            return None;
        }
        let mut rest = vec![0; count * LISTED_PAGE_BYTES + CHECKSUM_BYTES];
        self.lists.read(start + head.len() as u64, &mut rest).ok()?;
        let (pages, sum) = rest.split_last_chunk::<CHECKSUM_BYTES>()?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(&head);
        crc.update(pages);
        if crc.finalize().to_le_bytes() != *sum {
            return None;
        }
        let page = |entry: &[u8]| {
            let (offset, rest) = entry.split_first_chunk()?;
            let (bytes, rest) = rest.split_first_chunk()?;
            let checksum = u32::from_le_bytes(rest.try_into().ok()?);
            let page = Page { bytes: u32::from_le_bytes(*bytes), checksum };
            Some((u64::from_le_bytes(*offset), page))
        };
        pages.chunks_exact(LISTED_PAGE_BYTES).map(page).collect()
    }

    fn write_list(&self, header: &Header, pages: &BTreeMap<u64, Page>) -> io::Result<()> {
        let (slot, commit) = last_commit(header);
        let count = u32::try_from(pages.len()).map_err(io::Error::other)?;
        let mut list = Vec::with_capacity(SLOT_BYTES + 8 + pages.len() * LISTED_PAGE_BYTES);
        list.extend(commit);
        list.extend(count.to_le_bytes());
        for (offset, page) in pages {
            list.extend(offset.to_le_bytes());
            list.extend(page.bytes.to_le_bytes());
            list.extend(page.checksum.to_le_bytes());
        }
        list.extend(crc32fast::hash(&list).to_le_bytes());
        self.lists.write(list_offset(slot), &list)
    }

    /// Writes the header. One that names a new commit comes after the list of its pages.
    fn write_header(&self, window: &mut Window, header: Header) -> io::Result<()> {
        let is_commit =
            window.header.is_some_and(|old| last_commit(&old).0 != last_commit(&header).0);
        if is_commit
            && (window.pages.len() > LISTED_PAGES_MAX
                || self.write_list(&header, &window.pages).is_err())
        {
            self.file.sync_data()?;
            window.pages.clear();
        }
        self.file.write(0, &header)?;
        window.header = Some(header);
        window.is_header_written = true;
        Ok(())
    }
}

impl<F: StorageBackend, L: StorageBackend> StorageBackend for OneSync<F, L> {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        if offset == 0 {
            self.begin(&mut self.window())?;
        }
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.window().is_resized = true;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut window = self.window();
        if window.is_before_commit() {
            return Ok(());
        }
        if let Err(error) = self.file.sync_data() {
            // What the system keeps in memory may never reach the disk now: the last commit that is
            // known to be there counts. The error that is reported is the sync's.
            if let Some(synced) = window.synced {
                let _ = self.file.write(0, &synced);
                window.header = Some(synced);
            }
            return Err(error);
        }
        window.synced = window.header;
        window.is_header_written = false;
        window.is_resized = false;
        window.pages.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut window = self.window();
        if offset == 0
            && let Ok(header) = data.try_into()
        {
            return self.write_header(&mut window, header);
        }
        let page = Page::of(data).ok_or(io::ErrorKind::InvalidInput)?;
        window.pages.insert(offset, page);
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
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

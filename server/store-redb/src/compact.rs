//! Compacting: what a store holds, written into a new file that then takes its place. Whatever
//! interrupts it, one of the two files is whole under the store's name.

use std::{fs, path::Path};

use huihua_store::{Error, Progress};
use redb::{ReadTransaction, ReadableDatabase as _, ReadableTableMetadata as _};

use crate::{
    backup,
    contained::contain,
    failure::{StoreFailure, unavailable},
    opening::{self, PageCheck},
    tables,
    verify::tables_of,
};

/// What the new file needs beside what is stored: a tenth for pages that are not full, and redb's
/// smallest file.
const SPARE_PART: u64 = 10;
const SPARE_BYTES: u64 = 4 << 20;

/// Compacts the store in this folder, whose disk has so many bytes free; no server may use it.
/// Every page and every value is checked. Returns the size of the file before and after.
///
/// # Errors
/// [`Error::Unavailable`] when a process holds the store, or the disk has too little space;
/// [`Error::Damaged`] names the first damage. The store is as it was then.
pub fn compact(folder: &Path, free_bytes: u64, progress: &Progress) -> Result<[u64; 2], Error> {
    let path = folder.join(tables::FILE_NAME);
    let size = || fs::metadata(&path).map(|meta| meta.len()).map_err(unavailable);
    let before = size()?;
    let db = contain("is opened", || opening::open_frozen(folder, PageCheck::All)).flatten()?;
    let done = contain("is compacted", || {
        let tx = db.begin_read().map_err(StoreFailure::from)?;
        let tables = tables_of(&tx)?;
        let needed = needed_bytes(&tx, tables)?;
        if needed > free_bytes {
            return Err(unavailable(format_args!(
                "compacting needs up to {needed} bytes of free space, and there are {free_bytes}: \
                 make room first"
            )));
        }
        backup::replace(&tx, tables, &path, progress)
    });
    // It holds the lock: no server may open the old file before the new one has its name.
    let _ = contain("is closed", || drop(db));
    done.flatten()?;
    Ok([before, size()?])
}

fn needed_bytes(tx: &ReadTransaction, tables: &[tables::Definition]) -> Result<u64, StoreFailure> {
    let mut bytes = 0;
    for table in tables {
        let stats = tx.open_table(*table)?.stats()?;
        bytes += stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
    }
    Ok(bytes + bytes / SPARE_PART + SPARE_BYTES)
}

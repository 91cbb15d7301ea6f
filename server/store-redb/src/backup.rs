//! Backup of a running store and restore into an empty folder: a copy of one snapshot, every value
//! checked on the way. A backup is a store file of its own.

use std::{fs::File, os::unix::fs::OpenOptionsExt as _, path::Path};

use huihua_store::{Error, Progress};
use redb::{
    Database, Durability, ReadTransaction, ReadableDatabase as _, ReadableTableMetadata as _,
    backends::FileBackend,
};

use crate::{
    contained::contain,
    failure::StoreFailure,
    lookup,
    opening::{self, make_folder, newer},
    row, tables,
    verify::check_count,
};

/// Rows copied in one transaction: bounds the memory that a copy takes.
const STEP_ROWS: usize = 10_000;

/// Copies a snapshot into a new file. Nothing is there under its name before all of it is.
pub(crate) fn copy(
    tx: &ReadTransaction,
    tables: &[tables::Definition],
    to: &Path,
    progress: &Progress,
) -> Result<(), Error> {
    if to.exists() {
        let reason = format!("{} exists already: choose another name", to.display());
        return Err(Error::Unavailable { reason });
    }
    replace(tx, tables, to, progress)
}

/// Copies a snapshot into a new file, which takes the place of one that has its name once all of it
/// is on the disk.
pub(crate) fn replace(
    tx: &ReadTransaction,
    tables: &[tables::Definition],
    to: &Path,
    progress: &Progress,
) -> Result<(), Error> {
    let part = tables::part_of(to);
    let failed = |error: &dyn std::fmt::Display| Error::Unavailable {
        reason: format!("write {}: {error}", part.display()),
    };
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
        Ok(()) | Err(_) => {}
    }
    // A backup holds messages: nobody but its owner may read it.
    let private = File::options().read(true).write(true).create_new(true).mode(0o600).open(&part);
    let copied = private
        .map_err(|error| failed(&error))
        .and_then(|file| FileBackend::new(file).map_err(|error| failed(&error)))
        .and_then(|file| {
            Database::builder().create_with_backend(file).map_err(|error| failed(&error))
        })
        .and_then(|db| copy_tables(tx, tables, &db, progress).map_err(Error::from));
    let named = copied.and_then(|()| {
        std::fs::rename(&part, to)
            .and_then(|()| File::open(to.parent().unwrap_or(Path::new("."))))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed(&error))
    });
    if named.is_err() {
        // What is left of a failed backup is of no use; the error reported is the backup's.
        let _ = std::fs::remove_file(&part);
    }
    named
}

fn copy_tables(
    tx: &ReadTransaction,
    tables: &[tables::Definition],
    to: &Database,
    progress: &Progress,
) -> Result<(), StoreFailure> {
    let mut all = 0;
    for table in tables {
        all += tx.open_table(*table)?.len()?;
    }
    let mut done = 0;
    for table in tables {
        let mut rows = tx.open_table(*table)?.range::<&[u8]>(..)?;
        loop {
            let mut step = to.begin_write()?;
            // Only the last step needs to be durable: the file has no name yet.
            step.set_durability(Durability::None).map_err(|error| StoreFailure::file(&error))?;
            let mut count = 0;
            {
                let mut table = step.open_table(*table)?;
                for item in rows.by_ref().take(STEP_ROWS) {
                    let (key, value) = item?;
                    row::verify(key.value(), value.value())?;
                    table.insert(key.value(), value.value())?;
                    count += 1;
                }
            }
            step.commit()?;
            done += count as u64;
            progress(done, all);
            if count < STEP_ROWS {
                break;
            }
        }
    }
    check_count(done, all)?;
    to.begin_write()?.commit()?;
    Ok(())
}

/// Makes a store in this folder from a backup. The folder must hold no store.
///
/// # Errors
/// [`Error::Unavailable`] when there is a store already or a file cannot be read or written;
/// [`Error::Damaged`] when the file is no backup, or a value in it fails its checksum: then nothing
/// is made.
pub fn restore(from: &Path, folder: &Path, progress: &Progress) -> Result<(), Error> {
    let open = || opening::open_backup(from);
    let db = contain("is opened as a backup", open).flatten()?;
    let restored = contain("is restored", || copy_backup(&db, from, folder, progress));
    // Outside of the work, as in `opening::first`.
    let _ = contain("is closed", || drop(db));
    restored.flatten()
}

fn copy_backup(
    db: &Database,
    from: &Path,
    folder: &Path,
    progress: &Progress,
) -> Result<(), Error> {
    let tx = db.begin_read().map_err(StoreFailure::from)?;
    let meta = tx.open_table(tables::META);
    let format = meta
        .map_err(StoreFailure::from)
        .and_then(|meta| lookup::numbers(&meta, tables::META_FORMAT));
    let Some(format) = format.ok().flatten().and_then(|format| format.first().copied()) else {
        let what = format!("{} is no backup of this server", from.display());
        return Err(Error::Damaged { what });
    };
    // Of an older format as it is: the server brings it up to date when it opens it.
    let tables = tables::of_format(format).ok_or_else(|| newer(format))?;
    make_folder(folder)?;
    copy(&tx, tables, &folder.join(tables::FILE_NAME), progress)
}

//! Opening: the file, its tables, its format, and the era of this opening.

use std::{panic::AssertUnwindSafe, path::Path};

use redb::{Database, DatabaseError, TableHandle as _};

use super::super::{Error, cursor::Era};
use super::{CACHE_BYTES, Opener, read, row, tables, write::unavailable};

/// The first opening of a process: it begins an era.
pub(super) fn first(open: &Opener) -> Result<(Database, Vec<Era>), Error> {
    // redb may panic on a damaged file: that is no reason to end without a word.
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let db = open()?;
        let eras = begin_era(&db)?;
        Ok((db, eras))
    }));
    let what = "the store's file (redb gives it up)".to_owned();
    opened.unwrap_or(Err(Error::Damaged { what }))
}

/// Opens the file in this folder, which is made when it is missing.
pub(super) fn open_file(folder: &Path) -> Result<Database, Error> {
    let path = folder.join(tables::FILE_NAME);
    if !path.exists() {
        make_file(folder, &path).map_err(|error| Error::Unavailable {
            reason: format!("make {}: {error}", path.display()),
        })?;
    }
    Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(&path)
        .map_err(|error| explain(error, &path))
}

/// Makes an empty database under another name and then gives it its own: a power loss while redb
/// writes the first pages leaves a file that no later start would take for a database.
fn make_file(folder: &Path, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let part = tempfile::NamedTempFile::new_in(folder)?;
    drop(Database::create(part.path())?);
    match part.persist_noclobber(path) {
        // Another process was faster: then it holds the file, and opening it says so.
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error.error.into());
        }
        Ok(_) | Err(_) => {}
    }
    // The name must outlive a power loss as surely as what is written under it.
    Ok(std::fs::File::open(folder)?.sync_all()?)
}

/// What is wrong with a file that redb does not open, and what to do.
pub(super) fn explain(error: DatabaseError, path: &Path) -> Error {
    let path = path.display();
    match error {
        DatabaseError::DatabaseAlreadyOpen => Error::Unavailable {
            reason: format!(
                "{path} is held by another process: stop it, or choose another data folder"
            ),
        },
        DatabaseError::UpgradeRequired(version) => Error::Damaged {
            what: format!("{path} has file format {version}, which this server does not read"),
        },
        DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() != std::io::ErrorKind::InvalidData =>
        {
            Error::Unavailable { reason: format!("open {path}: {error}") }
        }
        other => Error::Damaged { what: format!("{path} is no store of this server ({other})") },
    }
}

/// Makes the tables of a new store, checks the format, and records this opening with a random era.
fn begin_era(db: &Database) -> Result<Vec<Era>, Error> {
    let mut tx = db.begin_write()?;
    tx.set_quick_repair(true);
    let is_new = has_no_tables(&tx)?;
    let mut eras;
    {
        tx.open_table(tables::SESSIONS)?;
        tx.open_table(tables::HEADS)?;
        tx.open_table(tables::RESULTS)?;
        let mut meta = tx.open_table(tables::META)?;
        let mut put = |name: &[u8], numbers: Vec<u64>| {
            meta.insert(name, row::encode_numbers(name, numbers).as_slice()).map(drop)
        };
        if is_new {
            put(tables::META_FORMAT, vec![tables::FORMAT])?;
            put(tables::META_VERSION, vec![0])?;
            put(tables::META_HORIZON, vec![0])?;
            put(tables::META_ERAS, vec![])?;
        }
        let format = read::number(&meta, tables::META_FORMAT)?;
        if format != tables::FORMAT {
            let what = format!("format {format} is newer than this server: use a newer one");
            return Err(Error::Damaged { what });
        }
        let base = read::number(&meta, tables::META_VERSION)?;
        let pairs = read::numbers(&meta, tables::META_ERAS)?
            .ok_or_else(|| row::damaged("eras", tables::META_ERAS))?;
        eras = pairs
            .chunks_exact(2)
            .map(|pair| Era { era: pair[0], base: pair[1] })
            .collect::<Vec<_>>();
        let random = getrandom::u64().map_err(|error| unavailable(&error))?;
        eras.push(Era { era: random, base });
        let forgotten = eras.len().saturating_sub(tables::ERAS_MAX);
        eras.drain(..forgotten);
        let pairs = eras.iter().flat_map(|era| [era.era, era.base]);
        let value = row::encode_numbers(tables::META_ERAS, pairs);
        meta.insert(tables::META_ERAS, value.as_slice())?;
    }
    tx.commit()?;
    Ok(eras)
}

/// Whether the store is new. It has all of its tables from its first opening on: one whose name was
/// damaged must not be made anew, empty.
fn has_no_tables(tx: &redb::WriteTransaction) -> Result<bool, Error> {
    let there: Vec<String> = tx.list_tables()?.map(|table| table.name().to_owned()).collect();
    if there.is_empty() {
        return Ok(true);
    }
    match tables::ALL.iter().find(|table| !there.iter().any(|name| name == table.name())) {
        Some(table) => Err(Error::Damaged { what: format!("table {} is not there", table.name()) }),
        None => Ok(false),
    }
}

//! Opening: the file, its tables, its format, and the era of this opening.

use std::{panic::AssertUnwindSafe, path::Path};

use huihua_core::SessionId;
use huihua_event::Team;
use huihua_store::{Error, cursor::Era};
use redb::{Database, DatabaseError, ReadableTable as _, TableHandle as _, WriteTransaction};

use crate::{failure::StoreFailure, file::DatabaseOpener, lookup, row, tables};

/// Memory for cached pages, in bytes.
const CACHE_BYTES: usize = 256 * 1024 * 1024;

/// The first opening of a process: it begins an era.
pub(crate) fn first(open: &DatabaseOpener) -> Result<(Database, Vec<Era>), Error> {
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
pub(crate) fn open_file(folder: &Path) -> Result<Database, Error> {
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
pub(crate) fn explain(error: DatabaseError, path: &Path) -> Error {
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

/// Makes the tables of a new store, brings an older one up to date, and records this opening with a
/// random era.
fn begin_era(db: &Database) -> Result<Vec<Era>, StoreFailure> {
    let mut tx = db.begin_write()?;
    tx.set_quick_repair(true);
    prepare_tables(&tx)?;
    let mut eras;
    {
        let mut meta = tx.open_table(tables::META)?;
        let base = lookup::number(&meta, tables::META_VERSION)?;
        let pairs = lookup::numbers(&meta, tables::META_ERAS)?
            .ok_or_else(|| row::damaged("eras", tables::META_ERAS))?;
        eras = pairs
            .chunks_exact(2)
            .map(|pair| Era { era: pair[0], base: pair[1] })
            .collect::<Vec<_>>();
        let random = getrandom::u64().map_err(|error| StoreFailure::file(&error))?;
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

/// Makes sure that every table is there. A store has all tables of its format from the beginning:
/// one whose name was damaged must not be made anew, empty.
fn prepare_tables(tx: &WriteTransaction) -> Result<(), StoreFailure> {
    let there: Vec<String> = tx.list_tables()?.map(|table| table.name().to_owned()).collect();
    let is_there = |table: &tables::Definition| there.iter().any(|name| name == table.name());
    let missing = |table: &tables::Definition| {
        let what = format!("table {} is not there", table.name());
        Err(StoreFailure::Damaged { what })
    };
    if there.is_empty() {
        for table in &tables::ALL {
            tx.open_table(*table)?;
        }
        for (name, number) in [
            (tables::META_FORMAT, Some(tables::FORMAT)),
            (tables::META_VERSION, Some(0)),
            (tables::META_HORIZON, Some(0)),
            (tables::META_ERAS, None),
        ] {
            put_numbers(tx, name, number)?;
        }
        return Ok(());
    }
    if !is_there(&tables::META) {
        return missing(&tables::META);
    }
    let format = lookup::number(&tx.open_table(tables::META)?, tables::META_FORMAT)?;
    let expected = tables::of_format(format).ok_or_else(|| newer(format))?;
    if let Some(table) = expected.iter().find(|table| !is_there(table)) {
        return missing(table);
    }
    if format < 2 {
        add_directory(tx)?;
    }
    if format < tables::FORMAT {
        // Format 3 has new registers of lists; those of older formats are read as they are, and
        // written anew when something new arrives.
        put_numbers(tx, tables::META_FORMAT, [tables::FORMAT])?;
    }
    Ok(())
}

/// Why a store or a backup of this format is not read.
pub(crate) fn newer(format: u64) -> StoreFailure {
    let what = format!("format {format} is newer than this server: use a newer one");
    StoreFailure::Damaged { what }
}

fn put_numbers(
    tx: &WriteTransaction,
    name: &[u8],
    numbers: impl IntoIterator<Item = u64>,
) -> Result<(), StoreFailure> {
    let value = row::encode_numbers(name, numbers);
    tx.open_table(tables::META)?.insert(name, value.as_slice())?;
    Ok(())
}

/// Brings format 1 to 2: adds a directory, empty but for the members that the sessions name.
fn add_directory(tx: &WriteTransaction) -> Result<(), StoreFailure> {
    for table in [tables::ACCOUNTS, tables::TOKENS, tables::TEAMS] {
        tx.open_table(table)?;
    }
    let mut members = tx.open_table(tables::MEMBERS)?;
    for item in tx.open_table(tables::SESSIONS)?.iter()? {
        let (key, value) = item?;
        // A damaged row is left to its next reader: it must not keep the others from being served.
        let Some((owner, kind, peer)) = tables::session_of(key.value()) else { continue };
        let Ok(registers) = row::decode_row(key.value(), value.value()) else { continue };
        let team = SessionId::new(kind, peer).ok().and_then(|id| Team::of(&id));
        if let Some(team) = team.filter(|_| registers.has_membership()) {
            let member = tables::member_key(&owner.app, &team, &owner.account);
            members.insert(member.as_slice(), row::encode_mark(&member).as_slice())?;
        }
    }
    Ok(())
}

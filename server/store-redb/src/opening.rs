//! Opening: the folder, the file, its tables, its format, and the history that cursors name.

use std::{
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use huihua_core::SessionId;
use huihua_event::Team;
use huihua_store::{
    Error,
    cursor::{Era, Sealer},
};
use redb::{
    Database, DatabaseError, ReadableTable as _, StorageBackend, TableHandle as _,
    WriteTransaction,
    backends::{FileBackend, InMemoryBackend},
};

use crate::{
    Memory,
    blocked::BlockedAccounts,
    contained::contain,
    failure::{StoreFailure, unavailable},
    file::{DatabaseOpener, StoreFile},
    frozen::FrozenFile,
    history::History,
    hot::HotLists,
    lookup,
    one_sync::OneSync,
    row, tables,
};

/// Memory for pages during a check, which reads each a few times.
const CHECK_CACHE_BYTES: usize = 32 << 20;

/// What an opening reads before anything is served.
pub(crate) struct OpenedStore {
    pub(crate) file: StoreFile,
    pub(crate) history: History,
    pub(crate) blocked: BlockedAccounts,
    pub(crate) lists: HotLists,
}

/// The first opening of a process: it draws an era, which is recorded with its first version.
pub(crate) fn first(
    open: Box<DatabaseOpener>,
    lists_bytes_max: usize,
) -> Result<OpenedStore, Error> {
    let db = contain("opens it", &open).flatten()?;
    // It closes the database outside of any work that panics: redb would panic once more as it
    // cleans up, and abort the process.
    let file = StoreFile::new(open, db);
    let read = |db: &Database| -> Result<_, StoreFailure> {
        let history = prepare(db)?;
        Ok((history, BlockedAccounts::read(db)?, HotLists::new(db, lists_bytes_max)?))
    };
    let read = contain("reads it for the first time", || file.with(read));
    let (history, blocked, lists) = read.flatten()??;
    Ok(OpenedStore { file, history, blocked, lists })
}

/// Makes a folder that only its owner can enter, unless it is there. The folder around it must be.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Error> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => {
            Err(unavailable(format_args!("make data folder {}: {error}", folder.display())))
        }
        Ok(()) => Ok(()),
    }
}

/// Opens the file in this folder, which is made when it is missing; keeps pages in this memory.
/// Of a file of at most so many bytes it checks every page: redb trusts those of one that was
/// closed well.
pub(crate) fn open_file(
    folder: &Path,
    memory: Memory,
    check_bytes_max: u64,
) -> Result<Database, Error> {
    let path = folder.join(tables::FILE_NAME);
    refuse_empty(&path)?;
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            refuse_half_restored(&path)?;
            make_file(folder, &path).map_err(|error| Error::Unavailable {
                reason: format!("make {}: {error}", path.display()),
            })?;
        }
        Ok(meta) if meta.len() <= check_bytes_max => {
            drop(open_frozen(folder, PageCheck::All)?);
        }
        Ok(_) | Err(_) => {}
    }
    let backend = open_files(folder, &path).map_err(|error| explain(error, &path))?;
    let db = Database::builder()
        .set_cache_size(memory.cache_bytes())
        .create_with_backend(backend)
        .map_err(|error| explain(error, &path))?;
    // What an interrupted compaction left; nobody else writes it while this process has the store.
    // If it cannot go, it only takes space.
    let _ = std::fs::remove_file(tables::part_of(&path));
    Ok(db)
}

/// Refuses an empty file: redb would make an empty store of it, and every list would be empty.
fn refuse_empty(path: &Path) -> Result<(), Error> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() == 0) {
        let what = format!("{} is empty (0 bytes), which no store ever is", path.display());
        return Err(Error::Damaged { what });
    }
    Ok(())
}

/// Whether every page of a file is checked as it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageCheck {
    All,
    None,
}

/// Opens the file in this folder, and writes nothing to it.
pub(crate) fn open_frozen(folder: &Path, check: PageCheck) -> Result<Database, Error> {
    let path = folder.join(tables::FILE_NAME);
    let lists = folder.join(tables::PAGE_LISTS_FILE_NAME);
    refuse_empty(&path)?;
    let open = || {
        let file = frozen(&path)?;
        if lists.exists() {
            return open_frozen_file(OneSync::new(file, frozen(&lists)?), check);
        }
        let no_lists = FrozenFile::new(InMemoryBackend::new());
        open_frozen_file(OneSync::new(file, no_lists), check)
    };
    open().map_err(|error| explain(error, &path))
}

/// Opens a backup after a check of every page, and writes nothing to it.
pub(crate) fn open_backup(path: &Path) -> Result<Database, Error> {
    refuse_empty(path)?;
    let open = || open_frozen_file(frozen(path)?, PageCheck::All);
    open().map_err(|error| explain(error, path))
}

fn frozen(path: &Path) -> Result<FrozenFile<FileBackend>, DatabaseError> {
    Ok(FrozenFile::new(FileBackend::new(std::fs::File::open(path)?)?))
}

fn open_frozen_file(
    backend: impl StorageBackend,
    check: PageCheck,
) -> Result<Database, DatabaseError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CHECK_CACHE_BYTES);
    builder.set_check_integrity_on_open(check == PageCheck::All);
    builder.create_with_backend(backend)
}

/// Refuses a folder in which a restore has begun and not ended: an empty store would be made there.
fn refuse_half_restored(path: &Path) -> Result<(), Error> {
    let part = tables::part_of(path);
    if !part.exists() {
        return Ok(());
    }
    Err(unavailable(format_args!(
        "{} is there and {} is not: a restore was interrupted or is running. Run \
         `huihua-server restore` into this folder again",
        part.display(),
        path.display()
    )))
}

fn open_files(
    folder: &Path,
    path: &Path,
) -> Result<OneSync<FileBackend, FileBackend>, DatabaseError> {
    let open = |path: &Path| {
        let mut options = std::fs::OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        FileBackend::new(options.open(path)?)
    };
    Ok(OneSync::new(open(path)?, open(&folder.join(tables::PAGE_LISTS_FILE_NAME))?))
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
        // A damaged page number leads behind the end of the file.
        DatabaseError::Storage(redb::StorageError::Io(error))
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Error::Unavailable { reason: format!("open {path}: {error}") }
        }
        other => {
            Error::Damaged { what: format!("{path}, if it is a store of this server ({other})") }
        }
    }
}

/// Makes the tables of a new store, or brings an older one up to date, and draws the era of this
/// opening. Writes nothing into a store that needs nothing.
fn prepare(db: &Database) -> Result<History, StoreFailure> {
    let mut tx = db.begin_write()?;
    tx.set_quick_repair(true);
    let is_new = tx.list_tables()?.next().is_none();
    let mut writes = prepare_tables(&tx)?;
    let (eras, own, sealer);
    {
        let mut meta = tx.open_table(tables::META)?;
        let base = lookup::number(&meta, tables::META_VERSION)?;
        let mut pairs = lookup::numbers(&meta, tables::META_ERAS)?
            .ok_or_else(|| row::damaged("eras", tables::META_ERAS))?;
        own = Era { era: random()?, base };
        if is_new {
            // So that a cursor of the empty store has an era that is on the disk.
            pairs = vec![own.era, own.base];
            let value = row::encode_numbers(tables::META_ERAS, pairs.iter().copied());
            meta.insert(tables::META_ERAS, value.as_slice())?;
        }
        eras = pairs
            .chunks_exact(2)
            .map(|pair| Era { era: pair[0], base: pair[1] })
            .collect::<Vec<_>>();
        let name = tables::META_CURSOR_KEY;
        let numbers = match lookup::numbers(&meta, name)? {
            Some(numbers) => numbers,
            None => {
                writes = true;
                let numbers = vec![random()?, random()?, random()?, random()?, base];
                let value = row::encode_numbers(name, numbers.iter().copied());
                meta.insert(name, value.as_slice())?;
                numbers
            }
        };
        sealer = read_sealer(&numbers).ok_or_else(|| row::damaged("cursor key", name))?;
    }
    if writes {
        tx.commit()?;
    } else {
        tx.abort()?;
    }
    Ok(match is_new {
        true => History::of_new_store(eras, sealer),
        false => History::with_era(eras, own, sealer),
    })
}

fn random() -> Result<u64, StoreFailure> {
    getrandom::u64().map_err(|error| StoreFailure::file(&error))
}

/// Reads the key of cursors.
fn read_sealer(numbers: &[u64]) -> Option<Sealer> {
    let [a, b, c, d, plain_until] = *numbers else { return None };
    let mut key = [0; 32];
    for (bytes, number) in key.chunks_exact_mut(8).zip([a, b, c, d]) {
        bytes.copy_from_slice(&number.to_be_bytes());
    }
    Some(Sealer::new(key, plain_until))
}

/// Makes sure that every table is there. A store has all tables of its format from the beginning:
/// one whose name was damaged must not be made anew, empty. Returns whether anything was written.
fn prepare_tables(tx: &WriteTransaction) -> Result<bool, StoreFailure> {
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
        return Ok(true);
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
    Ok(format < tables::FORMAT)
}

/// Why a store or a backup of this format is not read.
pub(crate) fn newer(format: u64) -> StoreFailure {
    let reason = format!(
        "its format {format} is newer than this server reads (1 to {}): use a newer server",
        tables::FORMAT
    );
    StoreFailure::File { reason }
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

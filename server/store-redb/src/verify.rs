//! Checking a whole store: every page of a file that no server uses, every stored value, and what
//! the tables say of each other.

use std::path::Path;

use huihua_event::Team;
use huihua_store::{Error, Progress};
use redb::{ReadTransaction, ReadableDatabase as _, ReadableTableMetadata as _, TableHandle as _};

use crate::{
    contained::contain,
    failure::StoreFailure,
    lookup,
    opening::{self, PageCheck},
    read::SnapshotTable,
    row, tables,
};

/// Rows between two reports of progress.
const REPORT_ROWS: u64 = 10_000;

/// Checks the store in this folder, which no server uses, and writes nothing: every page by redb's
/// checksums, then every value. Returns the number of values.
///
/// # Errors
/// [`Error::Damaged`] names the first damage; [`Error::Unavailable`] when a process holds the store
/// or the file cannot be read.
pub fn verify(folder: &Path, progress: &Progress) -> Result<u64, Error> {
    match frozen_rows(folder, PageCheck::All, progress) {
        Err(of_page @ Error::Damaged { .. }) => {
            // A value says more than a page: whose list it is.
            let of_value = frozen_rows(folder, PageCheck::None, progress);
            Err(of_value.err().filter(is_of_row).unwrap_or(of_page))
        }
        checked => checked,
    }
}

fn frozen_rows(folder: &Path, check: PageCheck, progress: &Progress) -> Result<u64, Error> {
    let db = contain("is opened", || opening::open_frozen(folder, check)).flatten()?;
    let values = contain("is verified", || {
        let tx = db.begin_read()?;
        rows(&tx, tables_of(&tx)?, progress)
    });
    // Outside of the work, as in `opening::first`.
    let _ = contain("is closed", || drop(db));
    Ok(values??)
}

fn is_of_row(error: &Error) -> bool {
    matches!(error, Error::Damaged { what } if what.contains(" of row "))
}

/// Returns the tables of this snapshot's format.
pub(crate) fn tables_of(
    tx: &ReadTransaction,
) -> Result<&'static [tables::Definition], StoreFailure> {
    let format = lookup::number(&tx.open_table(tables::META)?, tables::META_FORMAT)?;
    tables::of_format(format).ok_or_else(|| opening::newer(format))
}

/// Checks every value of a snapshot, that each is found under its key, and that each table holds as
/// many rows as it says. Returns their number.
pub(crate) fn rows(
    tx: &ReadTransaction,
    tables: &[tables::Definition],
    progress: &Progress,
) -> Result<u64, StoreFailure> {
    let mut all = 0;
    for table in tables {
        all += tx.open_table(*table)?.len()?;
    }
    let check = Check::new(tx, tables)?;
    let mut done = 0;
    let is_there = |name: &str| tables.iter().any(|table| table.name() == name);
    for (definition, check_value) in CHECKS.iter().filter(|(table, _)| is_there(table.name())) {
        let table = tx.open_table(*definition)?;
        let (mut before, mut found) = (Vec::new(), 0);
        for item in table.range::<&[u8]>(..)? {
            let (key, value) = item?;
            let (key, value) = (key.value(), value.value());
            check_value(&check, key, value)?;
            // A damaged page above the rows leads a search astray, and not a walk.
            let is_found = table.get(key)?.is_some_and(|found| found.value() == value);
            if !is_found || (found > 0 && key <= before.as_slice()) {
                return Err(row::damaged("place", key));
            }
            before.clear();
            before.extend(key);
            found += 1;
            done += 1;
            if done % REPORT_ROWS == 0 {
                progress(done, all);
            }
        }
        check_count(found, table.len()?)?;
    }
    progress(done, all);
    // A table without a check would be left out.
    check_count(done, all)?;
    Ok(done)
}

/// How a value is checked: that it is what its table holds, and that the tables beside it agree.
type CheckValue = fn(&Check, &[u8], &[u8]) -> Result<(), StoreFailure>;

/// The check of each table's values.
const CHECKS: [(tables::Definition, CheckValue); 8] = [
    (tables::SESSIONS, Check::session),
    (tables::HEADS, Check::head),
    (tables::RESULTS, Check::first_result),
    (tables::META, Check::numbers),
    (tables::ACCOUNTS, Check::account),
    (tables::TOKENS, Check::token),
    (tables::TEAMS, Check::team),
    (tables::MEMBERS, Check::member),
];

/// What values are checked against.
struct Check {
    version: u64,
    sessions: SnapshotTable,
    /// `None` in a store of format 1, which has no directory.
    directory: Option<Directory>,
}

struct Directory {
    accounts: SnapshotTable,
    members: SnapshotTable,
}

impl Check {
    fn new(tx: &ReadTransaction, tables: &[tables::Definition]) -> Result<Self, StoreFailure> {
        let meta = tx.open_table(tables::META)?;
        for name in [tables::META_FORMAT, tables::META_HORIZON, tables::META_ERAS] {
            lookup::number(&meta, name)?;
        }
        let directory = match tables.len() == tables::ALL.len() {
            true => Some(Directory {
                accounts: tx.open_table(tables::ACCOUNTS)?,
                members: tx.open_table(tables::MEMBERS)?,
            }),
            false => None,
        };
        Ok(Self {
            version: lookup::number(&meta, tables::META_VERSION)?,
            sessions: tx.open_table(tables::SESSIONS)?,
            directory,
        })
    }

    fn head(&self, key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
        let head = row::decode_head(key, value)?;
        self.version(head.version.max(head.dissolved_version), key)
    }

    fn first_result(&self, key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
        row::decode_first_result(key, value).map(drop)
    }

    fn numbers(&self, key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
        row::decode_numbers(key, value).map(drop)
    }

    fn account(&self, key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
        row::decode_account(key, value).map(drop)
    }

    fn team(&self, key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
        row::decode_team(key, value).map(drop)
    }

    fn version(&self, version: u64, key: &[u8]) -> Result<(), StoreFailure> {
        // A cursor of now would miss it.
        if version > self.version { Err(row::damaged("version", key)) } else { Ok(()) }
    }

    fn session(&self, key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
        let registers = row::decode_row(key, value)?;
        self.version(registers.version, key)?;
        let (owner, kind, peer) =
            tables::session_of(key).ok_or_else(|| row::damaged("key", key))?;
        let id = lookup::session_id(kind, peer)?;
        let Some(directory) = &self.directory else { return Ok(()) };
        let Some(team) = Team::of(&id).filter(|_| registers.has_membership()) else {
            return Ok(());
        };
        let member = tables::member_key(&owner.app, &team, &owner.account);
        match directory.members.get(member.as_slice())? {
            Some(_) => Ok(()),
            None => Err(row::damaged("member of the team", key)),
        }
    }

    fn member(&self, key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
        row::decode_mark(key, value)?;
        let damaged = || row::damaged("membership", key);
        let session = tables::session_of_member(key).ok_or_else(damaged)?;
        let value = self.sessions.get(session.as_slice())?.ok_or_else(damaged)?;
        let registers = row::decode_row(&session, value.value())?;
        if registers.has_membership() { Ok(()) } else { Err(damaged()) }
    }

    fn token(&self, key: &[u8], value: &[u8]) -> Result<(), StoreFailure> {
        row::decode_mark(key, value)?;
        let damaged = || row::damaged("token", key);
        let (app, token, account) = tables::parts_of_token(key).ok_or_else(damaged)?;
        let Some(directory) = &self.directory else { return Ok(()) };
        let account = tables::account_key(&app, &account);
        let value = directory.accounts.get(account.as_slice())?.ok_or_else(damaged)?;
        let entry = row::decode_account(&account, value.value())?;
        let mut known = entry.known_tokens();
        if known.any(|known| known == token) { Ok(()) } else { Err(damaged()) }
    }
}

/// Fails when the tree above the rows is damaged: redb does not check it as it reads.
pub(crate) fn check_count(found: u64, written: u64) -> Result<(), StoreFailure> {
    if found == written {
        return Ok(());
    }
    let what = format!("{found} rows are found where {written} were written");
    Err(StoreFailure::Damaged { what })
}

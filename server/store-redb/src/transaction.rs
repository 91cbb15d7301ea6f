//! One write transaction: its tables, each value read and put under its key, the versions it hands
//! out, and the lists it changes.

use std::{cell::OnceCell, ops::Range};

use huihua_core::{Account, AppKey};
use huihua_event::{Owner, Team, TeamEntry, TokenHash};
use huihua_store::{
    ChangedList,
    directory::{AccountEntry, next_ids},
    latest::LastChange,
    rules::{Head, Moved, Row},
};
use redb::{ReadableTable as _, Table, WriteTransaction};

use crate::{
    committed::CommittedLists,
    failure::StoreFailure,
    lookup::{self, ListTables, TeamTables},
    result_counts::ResultCounts,
    row::{self, FirstResult},
    tables,
};

/// A table of a write.
pub(crate) type WriteTable<'t> = Table<'t, &'static [u8], &'static [u8]>;

/// A table that is opened at its first use: a message needs few of them.
pub(crate) struct LazyTable<'t> {
    tx: &'t WriteTransaction,
    definition: tables::Definition,
    table: OnceCell<WriteTable<'t>>,
}

impl<'t> LazyTable<'t> {
    fn new(tx: &'t WriteTransaction, definition: tables::Definition) -> Self {
        Self { tx, definition, table: OnceCell::new() }
    }

    pub(crate) fn open(&self) -> Result<&WriteTable<'t>, StoreFailure> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let table = self.tx.open_table(self.definition)?;
        Ok(self.table.get_or_init(|| table))
    }

    fn open_mut(&mut self) -> Result<&mut WriteTable<'t>, StoreFailure> {
        self.open()?;
        Ok(self.table.get_mut().expect("it was opened in the line above"))
    }
}

/// The tables of one transaction.
pub(crate) struct Tx<'t> {
    pub(crate) sessions: WriteTable<'t>,
    pub(crate) heads: WriteTable<'t>,
    pub(crate) results: LazyTable<'t>,
    pub(crate) teams: LazyTable<'t>,
    pub(crate) members: LazyTable<'t>,
    accounts: LazyTable<'t>,
    tokens: LazyTable<'t>,
    meta: WriteTable<'t>,
    pub(crate) result_counts: &'t ResultCounts,
    version: u64,
    /// The version that it began with.
    first_version: u64,
    /// Whether there is anything to commit.
    wrote: bool,
    /// The lists that changed; `None` while nobody has subscribed.
    changed: Option<Vec<ChangedList>>,
    /// The accounts that were blocked (true) or unblocked.
    blocked: Vec<(Owner, bool)>,
    /// The tokens that accounts got.
    new_tokens: Vec<TokenHash>,
    /// What was written of lists, for those in memory.
    lists: CommittedLists,
}

/// What a transaction did that others must know once it is durable.
pub(crate) struct Finished {
    pub(crate) changed: Vec<ChangedList>,
    pub(crate) blocked: Vec<(Owner, bool)>,
    pub(crate) new_tokens: Vec<TokenHash>,
    pub(crate) lists: CommittedLists,
}

impl<'t> Tx<'t> {
    /// Opens the tables. `notes_changes`: whether anybody has subscribed to changes.
    pub(crate) fn open(
        tx: &'t WriteTransaction,
        result_counts: &'t ResultCounts,
        notes_changes: bool,
    ) -> Result<Self, StoreFailure> {
        let meta = tx.open_table(tables::META)?;
        let version = lookup::number(&meta, tables::META_VERSION)?;
        Ok(Self {
            sessions: tx.open_table(tables::SESSIONS)?,
            heads: tx.open_table(tables::HEADS)?,
            results: LazyTable::new(tx, tables::RESULTS),
            accounts: LazyTable::new(tx, tables::ACCOUNTS),
            tokens: LazyTable::new(tx, tables::TOKENS),
            teams: LazyTable::new(tx, tables::TEAMS),
            members: LazyTable::new(tx, tables::MEMBERS),
            meta,
            result_counts,
            version,
            first_version: version,
            wrote: false,
            changed: notes_changes.then(Vec::new),
            blocked: Vec::new(),
            new_tokens: Vec::new(),
            lists: CommittedLists::default(),
        })
    }

    /// Writes the last version, and returns what changed; `None` when nothing was written, so that
    /// there is nothing to commit.
    pub(crate) fn finish(mut self) -> Result<Option<Finished>, StoreFailure> {
        if !self.wrote {
            return Ok(None);
        }
        self.put_numbers(tables::META_VERSION, [self.version])?;
        let changed = self.changed.unwrap_or_default();
        let lists = CommittedLists { version: self.version, ..self.lists };
        let Self { blocked, new_tokens, .. } = self;
        Ok(Some(Finished { changed, blocked, new_tokens, lists }))
    }

    /// Makes the transaction commit although nothing in it changed.
    pub(crate) fn commit_anyway(&mut self) {
        self.wrote = true;
    }

    /// Tells whether something that shows was written.
    pub(crate) fn has_new_version(&self) -> bool {
        self.version > self.first_version
    }

    /// The version of the last write.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The tables of the lists, as reads take them.
    pub(crate) fn lists(&self) -> ListTables<'_, WriteTable<'t>, WriteTable<'t>> {
        ListTables { sessions: &self.sessions, heads: &self.heads }
    }

    /// The tables of teams, as reads take them.
    pub(crate) fn team_tables(
        &self,
    ) -> Result<TeamTables<'_, WriteTable<'t>, WriteTable<'t>, WriteTable<'t>>, StoreFailure> {
        let (teams, members) = (self.teams.open()?, self.members.open()?);
        Ok(TeamTables { lists: self.lists(), teams, members })
    }

    /// Notes a list that changed, if anybody has subscribed.
    pub(crate) fn note(&mut self, moved: Moved, list: impl FnOnce() -> ChangedList) {
        if moved == Moved::Yes
            && let Some(changed) = &mut self.changed
        {
            changed.push(list());
        }
    }

    /// Copies a session's value, so that its table can be written while it is read.
    pub(crate) fn row_bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreFailure> {
        Ok(self.sessions.get(key)?.map(|value| value.value().to_vec()))
    }

    /// Puts a session's registers; what shows gets a new version.
    pub(crate) fn put_row(
        &mut self,
        key: Vec<u8>,
        mut row: Row<'_>,
        moved: Moved,
    ) -> Result<(), StoreFailure> {
        match moved {
            Moved::No => return Ok(()),
            Moved::Silently => {}
            Moved::Yes => {
                self.version += 1;
                row.version = self.version;
            }
        }
        let value = row::encode_row(&key, &row);
        self.sessions.insert(key.as_slice(), value.as_slice())?;
        self.lists.rows.push((key, value));
        self.wrote = true;
        Ok(())
    }

    /// Takes a p2p message, recall or edit into a session's registers: one descent finds the old
    /// value and puts the new one.
    pub(crate) fn take_last(
        &mut self,
        key: Vec<u8>,
        change: LastChange<'_>,
    ) -> Result<Moved, StoreFailure> {
        let old = self.sessions.get_mut(key.as_slice())?;
        let (value, moved, fits) = {
            let old = old.as_ref().map(|old| old.value());
            let mut row = old.map_or(Ok(Row::default()), |old| row::decode_row(&key, old))?;
            let moved = row.take_last(change);
            match moved {
                Moved::No => return Ok(Moved::No),
                Moved::Silently => {}
                Moved::Yes => {
                    self.version += 1;
                    row.version = self.version;
                }
            }
            let value = row::encode_row(&key, &row);
            let fits = old.is_some_and(|old| value.len() <= old.len());
            (value, moved, fits)
        };
        match old {
            Some(mut old) if fits => old.insert(value.as_slice())?,
            // A longer one may need a page to be split, which only this does.
            old => {
                drop(old);
                self.sessions.insert(key.as_slice(), value.as_slice())?;
            }
        }
        self.lists.rows.push((key, value));
        self.wrote = true;
        Ok(moved)
    }

    /// Removes a session that has nothing left to say: nobody sees it, and no cursor needs it.
    pub(crate) fn remove_row(&mut self, key: &[u8]) -> Result<(), StoreFailure> {
        self.sessions.remove(key)?;
        self.wrote = true;
        Ok(())
    }

    /// Removes a session of an account that is erased, and its place among its team's members.
    pub(crate) fn erase_row(
        &mut self,
        key: &[u8],
        member: Option<&[u8]>,
    ) -> Result<(), StoreFailure> {
        if let Some(member) = member {
            self.members.open_mut()?.remove(member)?;
        }
        self.remove_row(key)
    }

    /// Resets the owner's cursors, and forgets its list in memory.
    pub(crate) fn note_erased(&mut self, owner: &Owner) -> Result<(), StoreFailure> {
        self.version += 1;
        self.put_numbers(&tables::erased_name(owner), [self.version])?;
        self.lists.erased.push(tables::owner_range(owner).start);
        self.note(Moved::Yes, || ChangedList::Account(owner.clone()));
        Ok(())
    }

    /// Forgets the erasures up to this version: no cursor of before is known any more.
    pub(crate) fn forget_erasures(&mut self, horizon: u64) -> Result<(), StoreFailure> {
        let mut old = Vec::new();
        for item in self.meta.range::<&[u8]>(tables::META_ERASED..)? {
            let (name, value) = item?;
            if !name.value().starts_with(tables::META_ERASED) {
                break;
            }
            let version = row::decode_numbers(name.value(), value.value())?;
            if version.first().is_none_or(|version| *version <= horizon) {
                old.push(name.value().to_vec());
            }
        }
        for name in old {
            self.meta.remove(name.as_slice())?;
            self.wrote = true;
        }
        Ok(())
    }

    /// Copies a team's value.
    pub(crate) fn head_bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreFailure> {
        Ok(self.heads.get(key)?.map(|value| value.value().to_vec()))
    }

    /// Puts a team's registers; what shows gets a new version.
    pub(crate) fn put_head(
        &mut self,
        key: Vec<u8>,
        mut head: Head<'_>,
        moved: Moved,
    ) -> Result<(), StoreFailure> {
        match moved {
            Moved::No => return Ok(()),
            Moved::Silently => {}
            Moved::Yes => {
                self.version += 1;
                head.set_version(self.version);
            }
        }
        let value = row::encode_head(&key, &head);
        self.heads.insert(key.as_slice(), value.as_slice())?;
        self.lists.heads.push((key, value));
        self.wrote = true;
        Ok(())
    }

    /// Puts an account into a team's index.
    pub(crate) fn put_member(&mut self, key: &[u8]) -> Result<(), StoreFailure> {
        self.members.open_mut()?.insert(key, row::encode_mark(key).as_slice())?;
        Ok(())
    }

    /// Reads the numbers under this name.
    pub(crate) fn numbers(&self, name: &[u8]) -> Result<Option<Vec<u64>>, StoreFailure> {
        lookup::numbers(&self.meta, name)
    }

    /// Reads the number that every store has under this name.
    pub(crate) fn number(&self, name: &[u8]) -> Result<u64, StoreFailure> {
        lookup::number(&self.meta, name)
    }

    /// Puts numbers under this name.
    pub(crate) fn put_numbers(
        &mut self,
        name: &[u8],
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<(), StoreFailure> {
        self.meta.insert(name, row::encode_numbers(name, numbers).as_slice())?;
        self.wrote = true;
        Ok(())
    }

    /// Moves the version below which cursors are reset.
    pub(crate) fn put_horizon(&mut self, horizon: u64) -> Result<(), StoreFailure> {
        self.lists.horizon = Some(horizon);
        self.put_numbers(tables::META_HORIZON, [horizon])
    }

    /// Chooses the next ids of this name without giving them.
    pub(crate) fn next_ids(
        &self,
        name: &[u8],
        count: u64,
        floor: u64,
    ) -> Result<Range<u64>, StoreFailure> {
        let last = self.numbers(name)?.and_then(|ids| ids.first().copied());
        Ok(next_ids(last.unwrap_or(0), count, floor))
    }

    /// Puts the first result of a write.
    pub(crate) fn put_first_result(
        &mut self,
        key: &[u8],
        result: &FirstResult<'_>,
    ) -> Result<(), StoreFailure> {
        self.results.open_mut()?.insert(key, row::encode_first_result(key, result).as_slice())?;
        self.wrote = true;
        Ok(())
    }

    /// Removes the first result of a write.
    pub(crate) fn remove_first_result(&mut self, key: &[u8]) -> Result<(), StoreFailure> {
        self.results.open_mut()?.remove(key)?;
        self.wrote = true;
        Ok(())
    }

    /// Reads an account's entry.
    pub(crate) fn account(
        &self,
        app: &AppKey,
        account: &Account,
    ) -> Result<Option<AccountEntry>, StoreFailure> {
        let key = tables::account_key(app, account);
        let value = self.accounts.open()?.get(key.as_slice())?;
        value.map(|value| row::decode_account(&key, value.value())).transpose()
    }

    /// Puts an account's entry; a token that goes, or a block, counts from the commit on.
    pub(crate) fn put_account(
        &mut self,
        app: &AppKey,
        account: &Account,
        entry: &AccountEntry,
    ) -> Result<(), StoreFailure> {
        let old = self.account(app, account)?.unwrap_or_default();
        let token_key = |token: TokenHash| tables::token_key(app, &token, account);
        for token in old.known_tokens() {
            self.tokens.open_mut()?.remove(token_key(token).as_slice())?;
        }
        for token in entry.known_tokens() {
            let key = token_key(token);
            self.tokens.open_mut()?.insert(key.as_slice(), row::encode_mark(&key).as_slice())?;
            self.new_tokens.push(token);
        }
        let key = tables::account_key(app, account);
        self.accounts
            .open_mut()?
            .insert(key.as_slice(), row::encode_account(&key, entry).as_slice())?;
        self.wrote = true;
        let owner = Owner { app: app.clone(), account: account.clone() };
        if old.blocked.is_some() != entry.blocked.is_some() {
            self.blocked.push((owner.clone(), entry.blocked.is_some()));
        }
        if (old.token, old.blocked) != (entry.token, entry.blocked) {
            self.note(Moved::Yes, || ChangedList::Account(owner));
        }
        Ok(())
    }

    /// Removes an account's entry with its tokens and its block; false if there is none.
    pub(crate) fn erase_account(
        &mut self,
        app: &AppKey,
        account: &Account,
    ) -> Result<bool, StoreFailure> {
        if self.account(app, account)?.is_none() {
            return Ok(false);
        }
        self.put_account(app, account, &AccountEntry::default())?;
        self.accounts.open_mut()?.remove(tables::account_key(app, account).as_slice())?;
        Ok(true)
    }

    /// Puts a team's entry.
    pub(crate) fn put_team(
        &mut self,
        app: &AppKey,
        team: &Team,
        entry: &TeamEntry,
    ) -> Result<(), StoreFailure> {
        let key = tables::head_key(app, team.kind(), team.id().as_str());
        self.teams.open_mut()?.insert(key.as_slice(), row::encode_team(&key, entry).as_slice())?;
        self.wrote = true;
        Ok(())
    }
}

//! One MVCC snapshot of the store, and what is read from it without a list in memory.

use huihua_core::SessionId;
use huihua_event::{Owner, Team};
use huihua_store::{InspectedSession, SessionJson};
use redb::ReadTransaction;

use crate::{
    failure::StoreFailure,
    lookup::{self, ListTables, number, session_id},
    tables,
};

/// A table of a snapshot.
pub(crate) type SnapshotTable = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

/// One snapshot of the store.
pub(crate) struct Snapshot<'e> {
    /// For the tables that only few reads need.
    pub(crate) tx: &'e ReadTransaction,
    pub(crate) sessions: SnapshotTable,
    pub(crate) heads: SnapshotTable,
}

impl<'e> Snapshot<'e> {
    pub(crate) fn new(tx: &'e ReadTransaction) -> Result<Self, StoreFailure> {
        let sessions = tx.open_table(tables::SESSIONS)?;
        let heads = tx.open_table(tables::HEADS)?;
        Ok(Self { tx, sessions, heads })
    }

    /// Reads the version of the last write.
    pub(crate) fn last(&self) -> Result<u64, StoreFailure> {
        number(&self.tx.open_table(tables::META)?, tables::META_VERSION)
    }

    /// Reads the oldest version that cursors may start from.
    pub(crate) fn horizon(&self) -> Result<u64, StoreFailure> {
        number(&self.tx.open_table(tables::META)?, tables::META_HORIZON)
    }

    /// Reads the version at which this owner was erased last; 0 if it never was.
    pub(crate) fn erased_at(&self, owner: &Owner) -> Result<u64, StoreFailure> {
        let meta = self.tx.open_table(tables::META)?;
        let version = lookup::numbers(&meta, &tables::erased_name(owner))?;
        Ok(version.and_then(|version| version.first().copied()).unwrap_or(0))
    }

    /// The tables of the lists.
    pub(crate) fn lists(&self) -> ListTables<'_, SnapshotTable, SnapshotTable> {
        ListTables { sessions: &self.sessions, heads: &self.heads }
    }

    /// Reads one session, and the version of its view.
    pub(crate) fn get(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> Result<(Option<SessionJson>, u64), StoreFailure> {
        self.lists().session(owner, id, |row, view| {
            Ok((lookup::session_json(id.kind(), id.peer(), row.ext, view)?, view.version))
        })
    }

    /// Reads one session with every register behind it.
    pub(crate) fn inspect(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> Result<InspectedSession, StoreFailure> {
        self.lists().registers(owner, id, |row, head| {
            let view = row.view(id.kind(), head);
            let shown = lookup::session_json(id.kind(), id.peer(), row.ext, &view)?;
            Ok(InspectedSession::new(id, row, head, shown))
        })
    }

    pub(crate) fn teams_of(&self, owner: &Owner) -> Result<Vec<Team>, StoreFailure> {
        let mut teams = Vec::new();
        self.lists().scan(owner, |kind, peer, view| {
            if view.in_since.is_some() {
                teams.extend(Team::of(&session_id(kind, peer)?));
            }
            Ok(())
        })?;
        Ok(teams)
    }
}

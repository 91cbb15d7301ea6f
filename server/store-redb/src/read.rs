//! Reading: each answer comes from one MVCC snapshot.

use huihua_core::{Page, QueryMySessionOption, RecentSession, SessionChange, SessionId, SyncPage};
use huihua_event::{Owner, Team};
use huihua_store::{
    Error, SyncFrom, SyncRequest,
    cursor::{Cursor, PageToken},
    order::{self, Bounds, Changed, Cut, Position},
};
use redb::ReadTransaction;

use crate::{
    failure::StoreFailure,
    history::History,
    lookup::{ListTables, number, recent_session, session_id},
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
    last: u64,
    horizon: u64,
    history: &'e History,
}

impl<'e> Snapshot<'e> {
    pub(crate) fn new(tx: &'e ReadTransaction, history: &'e History) -> Result<Self, StoreFailure> {
        let meta = tx.open_table(tables::META)?;
        let last = number(&meta, tables::META_VERSION)?;
        let horizon = number(&meta, tables::META_HORIZON)?;
        let sessions = tx.open_table(tables::SESSIONS)?;
        let heads = tx.open_table(tables::HEADS)?;
        Ok(Self { tx, sessions, heads, last, horizon, history })
    }

    /// The tables of the lists.
    pub(crate) fn lists(&self) -> ListTables<'_, SnapshotTable, SnapshotTable> {
        ListTables { sessions: &self.sessions, heads: &self.heads }
    }

    pub(crate) fn get(
        &self,
        owner: &Owner,
        id: &SessionId,
        need_last_msg: bool,
    ) -> Result<Option<RecentSession>, StoreFailure> {
        self.lists()
            .session(owner, id, |row, view| recent_session(id, row.ext, view, need_last_msg))
    }

    pub(crate) fn list(
        &self,
        owner: &Owner,
        option: &QueryMySessionOption,
    ) -> Result<Page, StoreFailure> {
        let (limit, sealer) = (option.limit as usize, &self.history.sealer);
        let token = option.page_token.as_deref();
        let walk = token.map(|text| self.page_token(owner, text)).transpose()?;
        let cursor =
            walk.as_ref().map_or_else(|| self.cursor(owner, self.last, self.last), |w| w.cursor);
        let bounds = walk.as_ref().map_or_else(|| Bounds::of(option), |w| w.bounds);
        let rows = self.positions(owner, bounds, walk.as_ref())?;
        let Cut { rows, has_more } = match walk {
            Some(_) => order::next_page(rows, limit),
            None => order::first_page(rows, bounds, limit),
        };
        let next = rows.last().filter(|_| has_more);
        let next_page_token =
            next.map(|after| PageToken { cursor, bounds, after: after.clone() }.encode(sealer));
        let session_list = rows
            .iter()
            .filter_map(|row| self.get(owner, &row.id, option.need_last_msg).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Page { session_list, has_more, next_page_token, sync_cursor: cursor.encode(sealer) })
    }

    fn page_token(&self, owner: &Owner, text: &str) -> Result<PageToken, StoreFailure> {
        PageToken::decode(text, &self.history.sealer)
            .filter(|token| self.knows(&token.cursor, owner))
            .ok_or(StoreFailure::Refused(Error::StalePageToken))
    }

    /// The rows that a page is cut from. A later page leaves out what changed since the first one:
    /// the sync from the walk's cursor brings it, and no row comes twice.
    fn positions(
        &self,
        owner: &Owner,
        bounds: Bounds,
        walk: Option<&PageToken>,
    ) -> Result<Vec<Position>, StoreFailure> {
        let mut rows = Vec::new();
        self.lists().scan(owner, |kind, peer, view| {
            let Some(update_time) = view.update_time.filter(|time| bounds.holds(*time)) else {
                return Ok(());
            };
            let row = Position { update_time, id: session_id(kind, peer)? };
            let wanted = |walk: &PageToken| row > walk.after && view.version <= walk.cursor.version;
            if walk.is_none_or(wanted) {
                rows.push(row);
            }
            Ok(())
        })?;
        Ok(rows)
    }

    pub(crate) fn sync(
        &self,
        owner: &Owner,
        request: &SyncRequest,
    ) -> Result<SyncPage, StoreFailure> {
        let sealer = &self.history.sealer;
        let now = self.cursor(owner, self.last, self.last).encode(sealer);
        let nothing =
            |reset| SyncPage { changes: Vec::new(), cursor: now.clone(), has_more: false, reset };
        let (since, start) = match &request.from {
            SyncFrom::Latest => return Ok(nothing(false)),
            SyncFrom::Beginning => (0, self.last),
            SyncFrom::Cursor(text) => match Cursor::decode(text, sealer) {
                Some(cursor) if self.knows(&cursor, owner) => (cursor.version, cursor.start),
                Some(_) | None => return Ok(nothing(true)),
            },
        };
        let mut changed = Vec::new();
        self.lists().scan(owner, |kind, peer, view| {
            let counts = view.update_time.is_some() || view.version > start;
            if view.version > since && counts {
                changed.push(Changed { version: view.version, id: session_id(kind, peer)? });
            }
            Ok(())
        })?;
        let (changed, has_more) = order::oldest_changes(changed, request.limit as usize);
        let cursor = match changed.last().filter(|_| has_more) {
            Some(change) => self.cursor(owner, change.version, start).encode(sealer),
            None => now,
        };
        let changes = changed
            .into_iter()
            .map(|change| {
                let session = self.get(owner, &change.id, request.need_last_msg)?;
                Ok(session.map_or(SessionChange::Deleted(change.id), SessionChange::Session))
            })
            .collect::<Result<_, StoreFailure>>()?;
        Ok(SyncPage { changes, cursor, has_more, reset: false })
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

    fn cursor(&self, owner: &Owner, version: u64, start: u64) -> Cursor {
        self.history.cursor(owner, version, start)
    }

    fn knows(&self, cursor: &Cursor, owner: &Owner) -> bool {
        self.history.knows(cursor, owner, self.last, self.horizon)
    }
}

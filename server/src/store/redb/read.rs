//! Reading: one MVCC snapshot for each answer, one function that sees a session, one that scans
//! an account. Hot accounts kept in memory would slot in behind these two.

use huihua_core::{
    LastMsg, LastMsgType, Page, QueryMySessionOption, RecentSession, SessionId, SessionKind,
};
use redb::{ReadTransaction, ReadableTable};

use super::super::{
    Change, Changes, Error, SyncFrom, SyncOption,
    cursor::{Cursor, Era, PageToken, owner_hash},
    order::{self, Bounds, Changed, Cut, Position},
    rules::{Head, Row, View},
};
use super::{row, tables};
use crate::event::{Owner, Team};

/// A table of bytes, in a snapshot or in a write.
pub(super) trait Bytes: ReadableTable<&'static [u8], &'static [u8]> {}
impl<T: ReadableTable<&'static [u8], &'static [u8]>> Bytes for T {}

/// Calls `see` with the registers and the view of one session; an unknown one is all empty.
pub(super) fn see<T>(
    (sessions, heads): (&impl Bytes, &impl Bytes),
    owner: &Owner,
    id: &SessionId,
    see: impl FnOnce(&Row<'_>, &View<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
    let value = sessions.get(key.as_slice())?;
    let registers = match &value {
        Some(value) => row::decode_row(&key, value.value())?,
        None => Row::default(),
    };
    with_head(heads, owner, id.kind(), id.peer(), |head| {
        see(&registers, &registers.view(id.kind(), head))
    })
}

/// Calls `each` with the registers and the view of every session of the owner.
pub(super) fn scan(
    (sessions, heads): (&impl Bytes, &impl Bytes),
    owner: &Owner,
    mut each: impl FnMut(SessionKind, &str, &View<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let range = tables::owner_range(owner);
    for item in sessions.range::<&[u8]>(range.start.as_slice()..range.end.as_slice())? {
        let (key, value) = item?;
        let (kind, peer) =
            tables::peer_of(&range, key.value()).ok_or_else(|| row::damaged("key", key.value()))?;
        let registers = row::decode_row(key.value(), value.value())?;
        with_head(heads, owner, kind, peer, |head| each(kind, peer, &registers.view(kind, head)))?;
    }
    Ok(())
}

/// Calls `see` with the registers of the session's team.
pub(super) fn with_head<T>(
    heads: &impl Bytes,
    owner: &Owner,
    kind: SessionKind,
    peer: &str,
    see: impl FnOnce(Option<&Head<'_>>) -> Result<T, Error>,
) -> Result<T, Error> {
    if kind == SessionKind::P2p {
        return see(None);
    }
    let key = tables::head_key(&owner.app, kind, peer);
    match heads.get(key.as_slice())? {
        Some(value) => see(Some(&row::decode_head(&key, value.value())?)),
        None => see(None),
    }
}

/// The session as it travels; `None` when it is not visible.
pub(super) fn session(
    id: &SessionId,
    ext: &str,
    view: &View<'_>,
    need_last_msg: bool,
) -> Result<Option<RecentSession>, Error> {
    let Some(update_time) = view.update_time else { return Ok(None) };
    let last_msg = match view.last.filter(|_| need_last_msg) {
        Some(body) => Some(
            LastMsg::new(body.text.to_owned())
                .map_err(|_| Error::Damaged { what: format!("last message of {id} is no JSON") })?,
        ),
        None => None,
    };
    let is_recall = view.last.is_some_and(|body| body.is_recall());
    Ok(Some(RecentSession {
        session_id: id.clone(),
        update_time,
        ext: ext.to_owned(),
        last_msg_type: if is_recall { LastMsgType::Recall } else { LastMsgType::Message },
        last_msg,
    }))
}

/// The numbers under this name; `None` when nothing is there.
pub(super) fn numbers(meta: &impl Bytes, name: &[u8]) -> Result<Option<Vec<u64>>, Error> {
    let value = meta.get(name)?;
    value.map(|value| row::decode_numbers(name, value.value())).transpose()
}

/// The number that every store has under this name from its first opening on: without it versions
/// would begin anew, and every cursor would be wrong.
pub(super) fn number(meta: &impl Bytes, name: &[u8]) -> Result<u64, Error> {
    let numbers = numbers(meta, name)?;
    numbers.and_then(|numbers| numbers.first().copied()).ok_or_else(|| row::damaged("number", name))
}

/// One snapshot of the store.
pub(super) struct Snapshot<'e> {
    /// For the tables that only few reads need.
    pub(super) tx: &'e ReadTransaction,
    pub(super) sessions: redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(super) heads: redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
    last: u64,
    horizon: u64,
    eras: &'e [Era],
}

impl<'e> Snapshot<'e> {
    pub(super) fn new(tx: &'e ReadTransaction, eras: &'e [Era]) -> Result<Self, Error> {
        let meta = tx.open_table(tables::META)?;
        let last = number(&meta, tables::META_VERSION)?;
        let horizon = number(&meta, tables::META_HORIZON)?;
        let sessions = tx.open_table(tables::SESSIONS)?;
        let heads = tx.open_table(tables::HEADS)?;
        Ok(Self { tx, sessions, heads, last, horizon, eras })
    }

    pub(super) fn get(
        &self,
        owner: &Owner,
        id: &SessionId,
        need_last_msg: bool,
    ) -> Result<Option<RecentSession>, Error> {
        see((&self.sessions, &self.heads), owner, id, |row, view| {
            session(id, row.ext, view, need_last_msg)
        })
    }

    pub(super) fn list(&self, owner: &Owner, option: &QueryMySessionOption) -> Result<Page, Error> {
        let limit = option.limit as usize;
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
            next.map(|after| PageToken { cursor, bounds, after: after.clone() }.encode());
        let session_list = rows
            .iter()
            .filter_map(|row| self.get(owner, &row.id, option.need_last_msg).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Page { session_list, has_more, next_page_token, sync_cursor: cursor.encode() })
    }

    fn page_token(&self, owner: &Owner, text: &str) -> Result<PageToken, Error> {
        PageToken::decode(text)
            .filter(|token| self.knows(&token.cursor, owner))
            .ok_or(Error::StalePageToken)
    }

    /// The rows that a page is cut from. A later page leaves out what changed since the first one:
    /// the sync from the walk's cursor brings it, and no row comes twice.
    fn positions(
        &self,
        owner: &Owner,
        bounds: Bounds,
        walk: Option<&PageToken>,
    ) -> Result<Vec<Position>, Error> {
        let mut rows = Vec::new();
        scan((&self.sessions, &self.heads), owner, |kind, peer, view| {
            let Some(update_time) = view.update_time.filter(|time| bounds.holds(*time)) else {
                return Ok(());
            };
            let row = Position { update_time, id: parse_id(kind, peer)? };
            let wanted = |walk: &PageToken| row > walk.after && view.version <= walk.cursor.version;
            if walk.is_none_or(wanted) {
                rows.push(row);
            }
            Ok(())
        })?;
        Ok(rows)
    }

    pub(super) fn sync(&self, owner: &Owner, option: &SyncOption) -> Result<Changes, Error> {
        let now = self.cursor(owner, self.last, self.last).encode();
        let nothing =
            |reset| Changes { changes: Vec::new(), cursor: now.clone(), has_more: false, reset };
        let (since, start) = match &option.from {
            SyncFrom::Latest => return Ok(nothing(false)),
            SyncFrom::Beginning => (0, self.last),
            SyncFrom::Cursor(text) => match Cursor::decode(text) {
                Some(cursor) if self.knows(&cursor, owner) => (cursor.version, cursor.start),
                Some(_) | None => return Ok(nothing(true)),
            },
        };
        let mut changed = Vec::new();
        scan((&self.sessions, &self.heads), owner, |kind, peer, view| {
            let news = view.update_time.is_some() || view.version > start;
            if view.version > since && news {
                changed.push(Changed { version: view.version, id: parse_id(kind, peer)? });
            }
            Ok(())
        })?;
        let (changed, has_more) = order::oldest_changes(changed, option.limit as usize);
        let cursor = match changed.last().filter(|_| has_more) {
            Some(change) => self.cursor(owner, change.version, start).encode(),
            None => now,
        };
        let changes = changed
            .into_iter()
            .map(|change| {
                let session = self.get(owner, &change.id, option.need_last_msg)?;
                Ok(session.map_or(Change::Deleted(change.id), Change::Session))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Changes { changes, cursor, has_more, reset: false })
    }

    pub(super) fn teams_of(&self, owner: &Owner) -> Result<Vec<Team>, Error> {
        let mut teams = Vec::new();
        scan((&self.sessions, &self.heads), owner, |kind, peer, view| {
            if view.is_in {
                teams.extend(Team::of(&parse_id(kind, peer)?));
            }
            Ok(())
        })?;
        Ok(teams)
    }

    fn cursor(&self, owner: &Owner, version: u64, start: u64) -> Cursor {
        // A version written before this opening is known by the era in which it was written.
        let era = self.eras.iter().rfind(|era| era.base <= version).map_or(0, |era| era.era);
        Cursor { owner: owner_hash(owner), era, version, start }
    }

    fn knows(&self, cursor: &Cursor, owner: &Owner) -> bool {
        cursor.is_known(owner, self.eras, self.last, self.horizon)
    }
}

fn parse_id(kind: SessionKind, peer: &str) -> Result<SessionId, Error> {
    SessionId::new(kind, peer)
        .map_err(|error| Error::Damaged { what: format!("key of a {kind} session: {error}") })
}

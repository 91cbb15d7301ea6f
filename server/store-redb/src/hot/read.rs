//! Answers from one account's list in memory: a page, the changes since a cursor, one session, the
//! teams.

use std::collections::HashMap;

use huihua_core::QueryMySessionOption;
use huihua_event::{Owner, Team};
use huihua_store::{
    AnswerRoom, Error, PageJson, SessionJson, SyncPageJson, SyncRequest,
    answers::{self, Change, SyncStart},
    cursor::{Cursor, PageToken},
    order::{self, Bounds, Cut, Position},
};

use super::list::AccountList;
use crate::{failure::StoreFailure, history::History, lookup};

/// The state of the store in which a list is read.
#[derive(Clone, Copy)]
pub(crate) struct ReadAt<'r> {
    pub(crate) owner: &'r Owner,
    pub(crate) history: &'r History,
    /// The version of the last write.
    pub(crate) last: u64,
    /// The oldest version that a cursor may start from.
    pub(crate) horizon: u64,
    /// How many heads were written so far.
    pub(crate) head_writes: u64,
    /// What was read of sessions whose JSON is not in memory.
    pub(crate) read: &'r ReadSessions,
}

/// Sessions read from the engine, by their ids: each with the version that it had.
pub(crate) type ReadSessions = HashMap<Box<[u8]>, (u64, SessionJson)>;

/// Sessions whose JSON is not in memory, in the order of the answer.
pub(crate) struct MissingSessions {
    pub(crate) ids: Vec<Box<[u8]>>,
    /// Whether the answer shows their last messages.
    pub(crate) need_last_msg: bool,
}

/// Why there is no answer from memory.
pub(crate) enum NotRead {
    /// The JSON of these sessions must be read from the engine first.
    Missing(MissingSessions),
    Failure(StoreFailure),
}

impl From<StoreFailure> for NotRead {
    fn from(failure: StoreFailure) -> Self {
        Self::Failure(failure)
    }
}

impl ReadAt<'_> {
    fn cursor(&self, list: &AccountList, version: u64, start: u64) -> Cursor {
        self.history.cursor(list.owner_hash, version, start)
    }

    fn knows(&self, list: &AccountList, cursor: &Cursor) -> bool {
        let horizon = self.horizon.max(list.erased_at);
        self.history.knows(cursor, self.owner, self.last, horizon)
    }

    fn page_token(&self, list: &AccountList, text: &str) -> Result<PageToken, StoreFailure> {
        PageToken::decode(text, &self.history.sealer)
            .filter(|token| self.knows(list, &token.cursor))
            .ok_or(StoreFailure::Refused(Error::StalePageToken))
    }
}

/// Answers one page.
pub(crate) fn page(
    list: &mut AccountList,
    at: &ReadAt<'_>,
    option: &QueryMySessionOption,
) -> Result<PageJson, NotRead> {
    list.refresh(at.head_writes)?;
    let limit = option.limit as usize;
    let walk = option.page_token.as_deref().map(|text| at.page_token(list, text)).transpose()?;
    let (cursor, Cut { rows, has_more }, bounds) = match walk {
        None => {
            let bounds = Bounds::of(option);
            let rows = within(list, bounds, 0);
            let cut = order::first_page(
                rows.map(|(slot, time)| (*slot, time)),
                |row| row.1,
                bounds,
                limit,
            );
            (at.cursor(list, at.last, at.last), cut, bounds)
        }
        Some(PageToken { cursor, bounds, after }) => {
            let from = after_position(list, &after);
            // What changed since the first page comes by the sync from the walk's cursor, and no
            // row comes twice.
            let rows = within(list, bounds, from);
            let old = rows.filter(|(slot, _)| list.place(**slot).version <= cursor.version);
            (cursor, order::front(old.map(|(slot, time)| (*slot, time)), limit), bounds)
        }
    };
    let need_last_msg = option.need_last_msg;
    let texts = texts(list, at, rows.iter().map(|(slot, _)| *slot), need_last_msg)?;
    let last = |(slot, update_time): &(u32, u64)| {
        let id = lookup::session_id_of(list.id(*slot))?;
        Ok::<_, StoreFailure>(Position { update_time: *update_time, id })
    };
    let (rows, sessions) = ((rows.as_slice(), has_more), texts.sessions(list));
    let how = (&at.history.sealer, need_last_msg);
    let page = answers::write_page((cursor, bounds), rows, sessions, last, how)?;
    texts.keep_in(list);
    Ok(page)
}

/// The sessions within these bounds from this place of the list on, each with its time.
fn within(list: &AccountList, bounds: Bounds, from: usize) -> impl Iterator<Item = (&u32, u64)> {
    let from = if bounds.max == 0 { from } else { from.max(list.position_of(bounds.max, &[])) };
    list.order()[from..]
        .iter()
        .map_while(|slot| Some((slot, list.place(*slot).update_time?)))
        .take_while(move |(_, time)| bounds.holds(*time))
}

/// The place in the list after this position, whose session may have moved away.
fn after_position(list: &AccountList, after: &Position) -> usize {
    let id = lookup::id_bytes(&after.id);
    let place = list.position_of(after.update_time, &id);
    let is_there = list.order().get(place).is_some_and(|slot| {
        list.place(*slot).update_time == Some(after.update_time) && list.id(*slot) == id
    });
    place + usize::from(is_there)
}

/// Answers the changes since a cursor.
pub(crate) fn changes(
    list: &mut AccountList,
    at: &ReadAt<'_>,
    request: &SyncRequest,
) -> Result<SyncPageJson, NotRead> {
    let sealer = &at.history.sealer;
    let now = at.cursor(list, at.last, at.last);
    let (since, start) = match SyncStart::of(request, &now, sealer, |one| at.knows(list, one)) {
        SyncStart::Answer(answer) => return Ok(answer),
        SyncStart::After { since, start } => (since, start),
    };
    list.refresh(at.head_writes)?;
    let counts = |slot: &u32| {
        let place = list.place(*slot);
        answers::is_announced(place.update_time.is_some(), place.version, start)
    };
    let changed = list.changed_after(since).iter().copied().filter(counts);
    let Cut { rows, has_more } = order::front(changed, request.limit as usize);
    let texts = texts(list, at, rows.iter().copied(), request.need_last_msg)?;
    let bytes = texts.sent_bytes(list, request.need_last_msg);
    let versions: Vec<u64> = rows.iter().map(|slot| list.place(*slot).version).collect();
    let changes = texts.rows(list).map(|(slot, session)| match session {
        Some(session) => Ok::<_, StoreFailure>(Change::Session(session)),
        None => {
            let (kind, peer) = lookup::session_of(list.id(slot))?;
            Ok(Change::Deleted(kind, peer))
        }
    });
    let (versions, how) = ((versions.as_slice(), has_more), (sealer, request.need_last_msg));
    let answer = answers::write_changes((now, start), versions, bytes, changes, how)?;
    texts.keep_in(list);
    Ok(answer)
}

/// Answers one session; `None` when it is not visible.
pub(crate) fn session(
    list: &mut AccountList,
    at: &ReadAt<'_>,
    id: &[u8],
) -> Result<Option<SessionJson>, NotRead> {
    let Ok(slot) = list.find(id) else { return Ok(None) };
    list.refresh(at.head_writes)?;
    let texts = texts(list, at, [slot].into_iter(), true)?;
    let session = texts.sessions(list).next().cloned();
    texts.keep_in(list);
    Ok(session)
}

/// Answers the teams that the account is in, in the order of their ids.
pub(crate) fn teams(list: &mut AccountList, at: &ReadAt<'_>) -> Result<Vec<Team>, NotRead> {
    list.refresh(at.head_writes)?;
    let mut teams = Vec::new();
    for slot in list.teams_in() {
        teams.extend(Team::of(&lookup::session_id_of(list.id(slot))?));
    }
    Ok(teams)
}

/// The JSON of rows, where the list does not keep it; of a row that is not visible there is none.
struct Texts(Vec<(u32, Option<SessionJson>)>);

/// Finds the JSON of these rows, each in the list, by its team's registers, or among what was read:
/// as far as they fit into an answer, so that no read holds more.
fn texts(
    list: &mut AccountList,
    at: &ReadAt<'_>,
    rows: impl ExactSizeIterator<Item = u32>,
    need_last_msg: bool,
) -> Result<Texts, NotRead> {
    let (mut texts, mut ids) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut room = AnswerRoom::new();
    for slot in rows {
        let place = list.place(slot);
        let kept = list.json(slot).map(|json| json.sent_bytes(need_last_msg));
        if place.update_time.is_none() || kept.is_some() {
            if kept.is_some_and(|bytes| !room.take(bytes)) {
                break;
            }
            texts.push((slot, None));
            continue;
        }
        let of_team = list.team_json(slot)?;
        let read = || at.read.get(list.id(slot)).filter(|(version, _)| *version == place.version);
        match of_team.or_else(|| read().map(|(_, json)| json.clone())) {
            Some(json) if room.take(json.sent_bytes(need_last_msg)) => {
                texts.push((slot, Some(json)));
            }
            Some(_) => break,
            None => ids.push(list.id(slot).into()),
        }
    }
    if !ids.is_empty() {
        return Err(NotRead::Missing(MissingSessions { ids, need_last_msg }));
    }
    Ok(Texts(texts))
}

impl Texts {
    fn rows<'t>(
        &'t self,
        list: &'t AccountList,
    ) -> impl Iterator<Item = (u32, Option<&'t SessionJson>)> + Clone {
        self.0.iter().map(|(slot, json)| (*slot, json.as_ref().or_else(|| list.json(*slot))))
    }

    fn sent_bytes(&self, list: &AccountList, need_last_msg: bool) -> usize {
        self.sessions(list).map(|session| session.sent_bytes(need_last_msg)).sum()
    }

    fn sessions<'t>(
        &'t self,
        list: &'t AccountList,
    ) -> impl Iterator<Item = &'t SessionJson> + Clone {
        self.rows(list).filter_map(|(_, session)| session)
    }

    /// Gives the list what it did not have. Only when the answer is written: others may go for it.
    fn keep_in(self, list: &mut AccountList) {
        for (slot, json) in self.0 {
            if let Some(json) = json {
                list.keep_read(slot, json);
            }
        }
    }
}

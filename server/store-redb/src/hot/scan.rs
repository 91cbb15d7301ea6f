//! Reading a list that is not in memory: one scan of the account's rows in a snapshot, then the
//! texts of the newest.

use std::sync::Arc;

use huihua_event::Owner;
use huihua_store::{AnswerRoom, SessionJson};

use super::{
    heads::SharedHead,
    list::{AccountList, Place, READY_ROWS, is_p2p},
    read::{MissingSessions, NotRead, ReadAt, ReadSessions},
};
use crate::{failure::StoreFailure, history::History, lookup, read::Snapshot, row, tables};

/// Rows of a scan that are held until it is known which are the newest: those of a list of usual
/// length are read once. A held row costs its share of a page that is in redb's cache anyway.
const HELD_ROWS_MAX: usize = 1_000;

/// Reads the whole list.
pub(crate) fn scan(snapshot: &Snapshot<'_>, owner: &Owner) -> Result<AccountList, StoreFailure> {
    let mut list = AccountList::new(owner);
    // By their slots.
    let mut held = Vec::new();
    list.erased_at = snapshot.erased_at(owner)?;
    let range = tables::owner_range(owner);
    let rows = range.start.as_slice()..range.end.as_slice();
    for item in snapshot.sessions.range::<&[u8]>(rows)? {
        let row = item?;
        let (key, value) = (row.0.value(), row.1.value());
        let damaged = || row::damaged("key", key);
        let id = key.get(range.start.len()..).ok_or_else(damaged)?;
        let (kind, peer) = lookup::session_of(id).map_err(|_| damaged())?;
        let registers = row::decode_row(key, value)?;
        if is_p2p(id) {
            list.push_p2p(id, Place::of(&registers.view(kind, None)));
        } else {
            let head_key = tables::head_key(&owner.app, kind, peer);
            let head = snapshot.heads.get(head_key.as_slice())?;
            let head: Option<Arc<[u8]>> = head.map(|head| head.value().into());
            let decoded = head.as_deref().map(|head| row::decode_head(&head_key, head));
            let decoded = decoded.transpose()?;
            let view = registers.view(kind, decoded.as_ref());
            let shared = SharedHead::new(head_key.into(), head.clone());
            list.push_team(id, &view, value, Arc::new(shared));
        }
        if held.len() < HELD_ROWS_MAX {
            held.push(row);
        }
    }
    list.sort();
    let newest: Vec<u32> = list.order().iter().copied().take(READY_ROWS).collect();
    for slot in newest {
        if !is_p2p(list.id(slot)) {
            list.team_json(slot)?;
            continue;
        }
        let session = match held.get(slot as usize) {
            Some((key, value)) => session_of_row(key.value(), value.value(), list.id(slot))?,
            None => session(snapshot, &list.prefix, list.id(slot))?,
        };
        if let Some((_, json)) = session {
            list.keep_read(slot, json);
        }
    }
    Ok(list)
}

/// Reads a p2p session by what its key consists of; `None` when it is not visible.
fn session(
    snapshot: &Snapshot<'_>,
    prefix: &[u8],
    id: &[u8],
) -> Result<Option<(u64, SessionJson)>, StoreFailure> {
    let key = [prefix, id].concat();
    let Some(value) = snapshot.sessions.get(key.as_slice())? else { return Ok(None) };
    session_of_row(&key, value.value(), id)
}

/// Makes a p2p session of its row, with the version that it has; `None` when it is not visible.
fn session_of_row(
    key: &[u8],
    value: &[u8],
    id: &[u8],
) -> Result<Option<(u64, SessionJson)>, StoreFailure> {
    let registers = row::decode_row(key, value)?;
    let (kind, peer) = lookup::session_of(id)?;
    let view = registers.view(kind, None);
    let json = lookup::session_json(kind, peer, registers.ext, &view)?;
    Ok(json.map(|json| (view.version, json)))
}

/// Reads p2p sessions whose JSON is not in memory, up to the first that does not fit into an answer
/// with those before it: the answer ends before that one.
pub(crate) fn sessions(
    snapshot: &Snapshot<'_>,
    owner: &Owner,
    missing: MissingSessions,
) -> Result<ReadSessions, StoreFailure> {
    let prefix = tables::owner_range(owner).start;
    let mut read = ReadSessions::with_capacity(missing.ids.len());
    let mut room = AnswerRoom::new();
    for id in missing.ids {
        if let Some((version, json)) = session(snapshot, &prefix, &id)? {
            let fits = room.take(json.sent_bytes(missing.need_last_msg));
            read.insert(id, (version, json));
            if !fits {
                break;
            }
        }
    }
    Ok(read)
}

/// Answers from a list that was read from this snapshot.
pub(crate) fn answer<T>(
    snapshot: &Snapshot<'_>,
    owner: &Owner,
    history: &History,
    list: &mut AccountList,
    read: impl Fn(&mut AccountList, &ReadAt<'_>) -> Result<T, NotRead>,
) -> Result<T, StoreFailure> {
    let (last, horizon) = (snapshot.last()?, snapshot.horizon()?);
    let nothing = ReadSessions::default();
    let at = ReadAt { owner, history, last, horizon, head_writes: 0, read: &nothing };
    let missing = match read(list, &at) {
        Ok(answer) => return Ok(answer),
        Err(NotRead::Failure(failure)) => return Err(failure),
        Err(NotRead::Missing(missing)) => missing,
    };
    let sessions = sessions(snapshot, owner, missing)?;
    match read(list, &ReadAt { read: &sessions, ..at }) {
        Ok(answer) => Ok(answer),
        Err(NotRead::Failure(failure)) => Err(failure),
        Err(NotRead::Missing(missing)) => {
            let id = missing.ids.first();
            let key = id.map(|id| [&list.prefix, &**id].concat()).unwrap_or_default();
            Err(row::damaged("session just scanned", &key))
        }
    }
}

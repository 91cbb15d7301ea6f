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

/// Reads the whole list.
pub(crate) fn scan(snapshot: &Snapshot<'_>, owner: &Owner) -> Result<AccountList, StoreFailure> {
    let mut list = AccountList::new(owner);
    let range = tables::owner_range(owner);
    let rows = range.start.as_slice()..range.end.as_slice();
    for item in snapshot.sessions.range::<&[u8]>(rows)? {
        let (key, value) = item?;
        let (key, value) = (key.value(), value.value());
        let damaged = || row::damaged("key", key);
        let id = key.get(range.start.len()..).ok_or_else(damaged)?;
        let (kind, peer) = lookup::session_of(id).map_err(|_| damaged())?;
        let registers = row::decode_row(key, value)?;
        if is_p2p(id) {
            list.push_p2p(id, Place::of(&registers.view(kind, None)));
            continue;
        }
        let head_key = tables::head_key(&owner.app, kind, peer);
        let head = snapshot.heads.get(head_key.as_slice())?;
        let head: Option<Arc<[u8]>> = head.map(|head| head.value().into());
        let decoded = head.as_deref().map(|head| row::decode_head(&head_key, head)).transpose()?;
        let view = registers.view(kind, decoded.as_ref());
        let shared = SharedHead::new(head_key.into(), head.clone());
        list.push_team(id, &view, value, Arc::new(shared));
    }
    list.sort();
    let newest: Vec<u32> = list.order().iter().copied().take(READY_ROWS).collect();
    for slot in newest {
        if is_p2p(list.id(slot)) {
            if let Some((_, json)) = session(snapshot, &list.prefix, list.id(slot))? {
                list.offer(slot, &json);
            }
        } else {
            list.team_json(slot)?;
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
    let registers = row::decode_row(&key, value.value())?;
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

//! Looking things up, in a snapshot or inside a write: one session with its team, all sessions of
//! an account, the store's own numbers.

use huihua_core::{Account, RecentSession, SessionId, SessionKind};
use huihua_event::Owner;
use huihua_store::{
    SessionJson,
    kind::{kind_byte, kind_of},
    rules::{Head, Row, View},
    shown,
};
use redb::ReadableTable;

use crate::{failure::StoreFailure, row, tables};

/// A table of bytes, in a snapshot or in a write.
pub(crate) trait BytesTable: ReadableTable<&'static [u8], &'static [u8]> {}
impl<T: ReadableTable<&'static [u8], &'static [u8]>> BytesTable for T {}

/// The tables that a list is read from.
#[derive(Clone, Copy)]
pub(crate) struct ListTables<'t, S: BytesTable, H: BytesTable> {
    pub(crate) sessions: &'t S,
    pub(crate) heads: &'t H,
}

/// The tables that a team is read from.
#[derive(Clone, Copy)]
pub(crate) struct TeamTables<'t, S: BytesTable, H: BytesTable, T: BytesTable> {
    pub(crate) lists: ListTables<'t, S, H>,
    pub(crate) teams: &'t T,
    pub(crate) members: &'t T,
}

impl<S: BytesTable, H: BytesTable> ListTables<'_, S, H> {
    /// Calls `read` with the registers and the view of one session; an unknown one is empty.
    pub(crate) fn session<T>(
        &self,
        owner: &Owner,
        id: &SessionId,
        read: impl FnOnce(&Row<'_>, &View<'_>) -> Result<T, StoreFailure>,
    ) -> Result<T, StoreFailure> {
        self.registers(owner, id, |row, head| read(row, &row.view(id.kind(), head)))
    }

    /// Calls `read` with the registers of one session and of its team; unknown ones are empty.
    pub(crate) fn registers<T>(
        &self,
        owner: &Owner,
        id: &SessionId,
        read: impl FnOnce(&Row<'_>, Option<&Head<'_>>) -> Result<T, StoreFailure>,
    ) -> Result<T, StoreFailure> {
        let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
        let value = self.sessions.get(key.as_slice())?;
        let registers = match &value {
            Some(value) => row::decode_row(&key, value.value())?,
            None => Row::default(),
        };
        self.with_head(owner, id.kind(), id.peer(), |head| read(&registers, head))
    }

    /// Calls `each` with the view of every session of the owner.
    pub(crate) fn scan(
        &self,
        owner: &Owner,
        mut each: impl FnMut(SessionKind, &str, &View<'_>) -> Result<(), StoreFailure>,
    ) -> Result<(), StoreFailure> {
        let range = tables::owner_range(owner);
        let rows = range.start.as_slice()..range.end.as_slice();
        for item in self.sessions.range::<&[u8]>(rows)? {
            let (key, value) = item?;
            let (kind, peer) = tables::peer_of(&range, key.value())
                .ok_or_else(|| row::damaged("key", key.value()))?;
            let registers = row::decode_row(key.value(), value.value())?;
            self.with_head(owner, kind, peer, |head| {
                each(kind, peer, &registers.view(kind, head))
            })?;
        }
        Ok(())
    }

    /// Calls `read` with the registers of the session's team.
    pub(crate) fn with_head<T>(
        &self,
        owner: &Owner,
        kind: SessionKind,
        peer: &str,
        read: impl FnOnce(Option<&Head<'_>>) -> Result<T, StoreFailure>,
    ) -> Result<T, StoreFailure> {
        if kind == SessionKind::P2p {
            return read(None);
        }
        let key = tables::head_key(&owner.app, kind, peer);
        match self.heads.get(key.as_slice())? {
            Some(value) => read(Some(&row::decode_head(&key, value.value())?)),
            None => read(None),
        }
    }
}

/// Makes the session as it travels; `None` when it is not visible.
pub(crate) fn recent_session(
    id: &SessionId,
    ext: &str,
    view: &View<'_>,
) -> Result<Option<RecentSession>, StoreFailure> {
    Ok(shown::recent_session(id, ext, view)?)
}

/// Makes the JSON of a session as it travels; `None` when it is not visible.
pub(crate) fn session_json(
    kind: SessionKind,
    peer: &str,
    ext: &str,
    view: &View<'_>,
) -> Result<Option<SessionJson>, StoreFailure> {
    Ok(shown::session_json(kind, peer, ext, view)?)
}

/// Kind and peer of a session from what its key ends with: kind byte and peer.
pub(crate) fn session_of(id: &[u8]) -> Result<(SessionKind, &str), StoreFailure> {
    let parts = id
        .split_first()
        .and_then(|(kind, peer)| Some((kind_of(*kind)?, std::str::from_utf8(peer).ok()?)));
    parts.ok_or_else(|| row::damaged("key", id))
}

/// What the key of a session ends with: kind byte and peer.
pub(crate) fn id_bytes(id: &SessionId) -> Vec<u8> {
    [&[kind_byte(id.kind())], id.peer().as_bytes()].concat()
}

/// Makes the id of a session from what its key ends with.
pub(crate) fn session_id_of(id: &[u8]) -> Result<SessionId, StoreFailure> {
    let (kind, peer) = session_of(id)?;
    session_id(kind, peer)
}

/// Makes the id of a session from its key.
pub(crate) fn session_id(kind: SessionKind, peer: &str) -> Result<SessionId, StoreFailure> {
    SessionId::new(kind, peer).map_err(|error| StoreFailure::Damaged {
        what: format!("key of a {kind} session: {error}"),
    })
}

/// Reads the numbers under this name; `None` when nothing is there.
pub(crate) fn numbers(
    meta: &impl BytesTable,
    name: &[u8],
) -> Result<Option<Vec<u64>>, StoreFailure> {
    let value = meta.get(name)?;
    value.map(|value| row::decode_numbers(name, value.value())).transpose()
}

/// Reads the number that every store has under this name from its first opening on: without it
/// versions would begin anew, and every cursor would be wrong.
pub(crate) fn number(meta: &impl BytesTable, name: &[u8]) -> Result<u64, StoreFailure> {
    let numbers = numbers(meta, name)?;
    numbers.and_then(|numbers| numbers.first().copied()).ok_or_else(|| row::damaged("number", name))
}

/// Calls `each` with the accounts that are marked behind this prefix, in the order of their bytes,
/// until it says no.
pub(crate) fn marked_accounts(
    table: &impl BytesTable,
    prefix: &[u8],
    after: Option<&Account>,
    mut each: impl FnMut(Account) -> Result<bool, StoreFailure>,
) -> Result<(), StoreFailure> {
    let mut from = prefix.to_vec();
    if let Some(account) = after {
        from.extend(account.as_str().as_bytes());
        // The least key that is greater: no account holds a control character.
        from.push(0);
    }
    for item in table.range::<&[u8]>(from.as_slice()..)? {
        let (key, value) = item?;
        if !key.value().starts_with(prefix) {
            break;
        }
        row::decode_mark(key.value(), value.value())?;
        let account = tables::account_after(prefix, key.value());
        if !each(account.ok_or_else(|| row::damaged("mark", key.value()))?)? {
            break;
        }
    }
    Ok(())
}

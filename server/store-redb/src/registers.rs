//! The registers of lists inside a write: how an event or a client's write moves them.

use huihua_core::{Account, AppKey, RecentSession, SessionId, SessionKind};
use huihua_event::{Event, Owner};
use huihua_store::{
    ChangedList, Error, Outcome, StoredSession,
    key::MessageBody,
    latest::LastChange,
    rules::{self, EXT_ONLY_SESSIONS_MAX, Head, Membership, Moved, Row, Write},
};

use crate::{failure::StoreFailure, lookup::recent_session, row, tables, transaction::Tx};

/// Applies an event that the clock allows; the outcome of one that it does not is to reject it.
pub(crate) fn ingest(
    tx: &mut Tx<'_>,
    app: &AppKey,
    event: &Event,
    now: u64,
) -> Result<Outcome, StoreFailure> {
    if event.is_too_far_ahead(now) { Ok(Outcome::TooFarAhead) } else { apply(tx, app, event) }
}

/// Applies an event, whatever the clock says.
pub(crate) fn apply(tx: &mut Tx<'_>, app: &AppKey, event: &Event) -> Result<Outcome, StoreFailure> {
    let (mut any, mut moved) = (false, false);
    rules::apply(event, |write| {
        any = true;
        moved |= put(tx, app, write)? == Moved::Yes;
        Ok::<_, StoreFailure>(())
    })?;
    Ok(match (any, moved) {
        (false, _) => Outcome::Ignored,
        (true, false) => Outcome::Stale,
        (true, true) => Outcome::Applied,
    })
}

/// Writes one register.
pub(crate) fn put(tx: &mut Tx<'_>, app: &AppKey, write: Write<'_>) -> Result<Moved, StoreFailure> {
    let account_list = |account: &Account| {
        ChangedList::Account(Owner { app: app.clone(), account: account.clone() })
    };
    match write {
        Write::Last { account, peer, change } => {
            let (kind, peer) = (SessionKind::P2p, peer.as_str());
            let key = tables::session_key(app, account.as_str(), kind, peer);
            let moved = tx.take_last(key, change)?;
            tx.note(moved, || account_list(account));
            Ok(moved)
        }
        Write::Member { account, team, membership } => {
            let (kind, id) = (team.kind(), team.id().as_str());
            let key = tables::session_key(app, account.as_str(), kind, id);
            let member = tables::member_key(app, team, account);
            let moved = put_membership(tx, key, &member, membership)?;
            tx.note(moved, || account_list(account));
            Ok(moved)
        }
        Write::Head { team, change } => {
            let key = tables::head_key(app, team.kind(), team.id().as_str());
            let moved = change_head(tx, key, HeadChange::Last(change))?;
            tx.note(moved, || ChangedList::Team(app.clone(), team.clone()));
            Ok(moved)
        }
        Write::Dissolve { team, body } => {
            let key = tables::head_key(app, team.kind(), team.id().as_str());
            let moved = change_head(tx, key, HeadChange::Dissolution(body))?;
            tx.note(moved, || ChangedList::Team(app.clone(), team.clone()));
            Ok(moved)
        }
    }
}

/// Takes what an account did to a session in another store.
pub(crate) fn take_own_state(tx: &mut Tx<'_>, of: &StoredSession) -> Result<(), StoreFailure> {
    if !of.has_own_state() {
        return Ok(());
    }
    let (owner, id) = (&of.owner, &of.id);
    let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
    let old = tx.row_bytes(&key)?;
    let mut row = decode_or_new(&key, old.as_deref())?;
    let moved = row.take_own_state(of);
    tx.put_row(key, row, moved)?;
    tx.note(moved, || ChangedList::Account(owner.clone()));
    Ok(())
}

/// The first that is known of an account in a team goes into the team's index too.
fn put_membership(
    tx: &mut Tx<'_>,
    key: Vec<u8>,
    member: &[u8],
    membership: Membership<'_>,
) -> Result<Moved, StoreFailure> {
    let old = tx.row_bytes(&key)?;
    let mut row = decode_or_new(&key, old.as_deref())?;
    let is_first = !row.has_membership();
    let moved = row.take_membership(membership);
    tx.put_row(key, row, moved)?;
    if is_first && moved != Moved::No {
        tx.put_member(member)?;
    }
    Ok(moved)
}

/// What changes a team's registers.
enum HeadChange<'a> {
    Last(LastChange<'a>),
    Dissolution(MessageBody<'a>),
}

fn change_head(
    tx: &mut Tx<'_>,
    key: Vec<u8>,
    change: HeadChange<'_>,
) -> Result<Moved, StoreFailure> {
    let old = tx.head_bytes(&key)?;
    let mut head = old.as_deref().map_or(Ok(Head::default()), |old| row::decode_head(&key, old))?;
    let moved = match change {
        HeadChange::Last(change) => head.take_last(change),
        HeadChange::Dissolution(body) => head.take_dissolution(body),
    };
    tx.put_head(key, head, moved)?;
    Ok(moved)
}

fn decode_or_new<'a>(key: &[u8], old: Option<&'a [u8]>) -> Result<Row<'a>, StoreFailure> {
    old.map_or(Ok(Row::default()), |old| row::decode_row(key, old))
}

/// Sets the ext of a session, and returns the session.
pub(crate) fn update(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &SessionId,
    ext: &str,
    now: u64,
) -> Result<RecentSession, StoreFailure> {
    let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
    let old = tx.row_bytes(&key)?;
    let mut row = decode_or_new(&key, old.as_deref())?;
    let (head_key, head) = head_of(tx, owner, id)?;
    let head = head.as_deref().map(|head| row::decode_head(&head_key, head)).transpose()?;
    let view = row.view(id.kind(), head.as_ref());
    if row.created.is_none()
        && view.last.is_none()
        && view.update_time.is_none()
        && ext_only_sessions(tx, owner)? >= EXT_ONLY_SESSIONS_MAX
    {
        let max = EXT_ONLY_SESSIONS_MAX;
        return Err(StoreFailure::Refused(Error::TooManySessions { max }));
    }
    let moved = row.take_ext(ext, now);
    let session = recent_session(id, row.ext, &row.view(id.kind(), head.as_ref()))?;
    let session = session.ok_or_else(|| row::damaged("session just updated", &key))?;
    tx.put_row(key, row, moved)?;
    tx.note(moved, || ChangedList::Account(owner.clone()));
    Ok(session)
}

/// Copies the value of the session's team, and its key; `None` without one.
fn head_of(
    tx: &Tx<'_>,
    owner: &Owner,
    id: &SessionId,
) -> Result<(Vec<u8>, Option<Vec<u8>>), StoreFailure> {
    let key = tables::head_key(&owner.app, id.kind(), id.peer());
    let head = match id.kind() {
        SessionKind::P2p => None,
        SessionKind::Team | SessionKind::SuperTeam => tx.head_bytes(&key)?,
    };
    Ok((key, head))
}

fn ext_only_sessions(tx: &Tx<'_>, owner: &Owner) -> Result<usize, StoreFailure> {
    let mut count = 0;
    tx.lists().scan(owner, |_, _, view| {
        count += usize::from(view.last.is_none() && view.update_time.is_some());
        Ok(())
    })?;
    Ok(count)
}

/// Hides a session up to its last message.
pub(crate) fn delete(tx: &mut Tx<'_>, owner: &Owner, id: &SessionId) -> Result<(), StoreFailure> {
    let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
    let Some(old) = tx.row_bytes(&key)? else { return Ok(()) };
    let mut row = row::decode_row(&key, &old)?;
    let (head_key, head) = head_of(tx, owner, id)?;
    let head = head.as_deref().map(|head| row::decode_head(&head_key, head)).transpose()?;
    let moved = row.delete(&row.view(id.kind(), head.as_ref()));
    tx.put_row(key, row, moved)?;
    tx.note(moved, || ChangedList::Account(owner.clone()));
    Ok(())
}

//! Events as blind writes: no read before a write, no order between them, safe to send again.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use huihua_core::{Account, AppKey, SessionId, SessionKind};
use huihua_event::{Event, Owner, Team};
use huihua_store::{
    ChangedList, Error, Outcome,
    key::MessageBody,
    latest::LastChange,
    rules::{self, Membership, Write},
};

use crate::{
    cells::{LastCells, MemCell, body_bytes, stamp},
    failure::damaged,
    names::Names,
    statements::Cql,
};

/// Writes of one call that are on their way at once.
const WRITES_AT_ONCE: usize = 64;

/// One blind write.
enum Put {
    Last { uid: String, sid: String, cells: LastCells },
    Head { tid: String, cells: LastCells },
    Dissolve { tid: String, stamp: i64, body: Vec<u8> },
    Mem { uid: String, sid: String, cell: MemCell },
    Member { tid: String, account: String, cell: MemCell },
}

/// What the events of a call write, and which lists they may change.
#[derive(Default)]
pub(crate) struct Puts {
    writes: Vec<Put>,
    pub(crate) changed: Vec<ChangedList>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Puts {
    /// Takes an event that the clock allows; the outcome of one that it does not is to reject it.
    pub(crate) fn take(
        &mut self,
        names: &Names,
        app: &AppKey,
        event: &Event,
        now: u64,
    ) -> Result<(), Error> {
        if event.is_too_far_ahead(now) {
            self.outcomes.push(Outcome::TooFarAhead);
            return Ok(());
        }
        let before = self.writes.len();
        rules::apply(event, |write| self.put(names, app, write))?;
        // Whether it changed anything, a blind write does not know.
        let is_nothing = self.writes.len() == before;
        self.outcomes.push(if is_nothing { Outcome::Ignored } else { Outcome::Applied });
        Ok(())
    }

    /// Takes one register.
    pub(crate) fn put(
        &mut self,
        names: &Names,
        app: &AppKey,
        write: Write<'_>,
    ) -> Result<(), Error> {
        match write {
            Write::Last { account, peer, change } => {
                self.note_account(app, account);
                let (uid, sid) = (names.uid(app, account), p2p(peer)?.to_string());
                self.writes.push(Put::Last { uid, sid, cells: LastCells::of(change) });
            }
            Write::Head { team, change } => self.put_head(names, (app, team), change),
            Write::Dissolve { team, body } => self.dissolve(names, (app, team), body),
            Write::Member { account, team, membership } => {
                self.note_account(app, account);
                self.put_member(names, (app, team), account, membership);
            }
        }
        Ok(())
    }

    fn put_head(&mut self, names: &Names, (app, team): (&AppKey, &Team), change: LastChange<'_>) {
        self.note(ChangedList::Team(app.clone(), team.clone()));
        let (tid, cells) = (names.tid(app, team), LastCells::of(change));
        self.writes.push(Put::Head { tid, cells });
    }

    fn dissolve(&mut self, names: &Names, (app, team): (&AppKey, &Team), body: MessageBody<'_>) {
        self.note(ChangedList::Team(app.clone(), team.clone()));
        let (stamp, tid) = (stamp(body.key.time), names.tid(app, team));
        self.writes.push(Put::Dissolve { tid, stamp, body: body_bytes(body) });
    }

    fn put_member(
        &mut self,
        names: &Names,
        (app, team): (&AppKey, &Team),
        account: &Account,
        membership: Membership<'_>,
    ) {
        let (uid, sid) = (names.uid(app, account), team.session_id().to_string());
        let (tid, account) = (names.tid(app, team), account.as_str().to_owned());
        for cell in MemCell::of(membership) {
            let MemCell { stamp, key, value } = &cell;
            let copy = MemCell { stamp: *stamp, key: key.clone(), value: value.clone() };
            let (tid, account) = (tid.clone(), account.clone());
            self.writes.push(Put::Member { tid, account, cell: copy });
            self.writes.push(Put::Mem { uid: uid.clone(), sid: sid.clone(), cell });
        }
    }

    fn note_account(&mut self, app: &AppKey, account: &Account) {
        self.note(ChangedList::Account(Owner { app: app.clone(), account: account.clone() }));
    }

    fn note(&mut self, list: ChangedList) {
        if self.changed.last() != Some(&list) {
            self.changed.push(list);
        }
    }

    /// Sends everything; all of it is durable when this ends well.
    pub(crate) async fn send(&mut self, cql: &Cql) -> Result<(), Error> {
        let writes = std::mem::take(&mut self.writes);
        let sent = stream::iter(writes).map(|write| send(cql, write));
        sent.buffer_unordered(WRITES_AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }
}

pub(crate) fn p2p(peer: &Account) -> Result<SessionId, Error> {
    SessionId::new(SessionKind::P2p, peer.as_str()).map_err(|_| damaged("peer", peer.as_str()))
}

async fn send(cql: &Cql, write: Put) -> Result<(), Error> {
    let of = &cql.statements;
    match write {
        Put::Last { uid, sid, cells } => match cells {
            LastCells::Message { stamp, key, body } => {
                cql.put(&of.put_message, (stamp, key, body, uid, sid)).await
            }
            LastCells::Recall { stamp, id, value } => {
                cql.put(&of.put_recall, (stamp, id, value, uid, sid)).await
            }
            LastCells::Edit { stamp, id, value } => {
                cql.put(&of.put_edit, (stamp, id, value, uid, sid)).await
            }
        },
        Put::Head { tid, cells } => match cells {
            LastCells::Message { stamp, key, body } => {
                cql.put(&of.put_head, (stamp, key, body, tid)).await
            }
            LastCells::Recall { stamp, id, value } => {
                cql.put(&of.put_head_recall, (stamp, id, value, tid)).await
            }
            LastCells::Edit { stamp, id, value } => {
                cql.put(&of.put_head_edit, (stamp, id, value, tid)).await
            }
        },
        Put::Dissolve { tid, stamp, body } => cql.put(&of.put_dissolved, (stamp, body, tid)).await,
        Put::Mem { uid, sid, cell } => {
            cql.put(&of.put_mem, (cell.stamp, cell.key, cell.value, uid, sid)).await
        }
        Put::Member { tid, account, cell } => {
            cql.put(&of.put_member, (cell.stamp, cell.key, cell.value, tid, account)).await
        }
    }
}

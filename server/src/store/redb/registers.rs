//! The registers on the disk: one transaction's tables, and how an event or a client's write moves
//! them.

use huihua_core::{AppKey, SessionId, SessionKind};
use redb::{ReadableTable as _, Table, WriteTransaction};

use super::super::{
    Error, Outcome, Touched,
    key::Body,
    rules::{self, EXT_ONLY_SESSIONS_MAX, Head, Membership, Moved, Row, Write},
};
use super::{read, row, tables, write::Answer};
use crate::event::{Event, Owner};

pub(super) type BytesTable<'t> = Table<'t, &'static [u8], &'static [u8]>;

/// The tables of one transaction, and the versions it hands out.
pub(super) struct Writer<'t> {
    pub(super) sessions: BytesTable<'t>,
    pub(super) heads: BytesTable<'t>,
    pub(super) results: BytesTable<'t>,
    pub(super) accounts: BytesTable<'t>,
    pub(super) tokens: BytesTable<'t>,
    pub(super) teams: BytesTable<'t>,
    pub(super) members: BytesTable<'t>,
    pub(super) meta: BytesTable<'t>,
    pub(super) version: u64,
    pub(super) wrote: bool,
    /// What moved; `None` while nobody listens.
    pub(super) touched: Option<Vec<Touched>>,
}

/// A copy of a value, so that its table can be written while it is read.
pub(super) fn bytes_of(table: &BytesTable<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    Ok(table.get(key)?.map(|value| value.value().to_vec()))
}

impl<'t> Writer<'t> {
    pub(super) fn new(tx: &'t WriteTransaction) -> Result<Self, Error> {
        let meta = tx.open_table(tables::META)?;
        let version = read::number(&meta, tables::META_VERSION)?;
        Ok(Self {
            sessions: tx.open_table(tables::SESSIONS)?,
            heads: tx.open_table(tables::HEADS)?,
            results: tx.open_table(tables::RESULTS)?,
            accounts: tx.open_table(tables::ACCOUNTS)?,
            tokens: tx.open_table(tables::TOKENS)?,
            teams: tx.open_table(tables::TEAMS)?,
            members: tx.open_table(tables::MEMBERS)?,
            meta,
            version,
            wrote: false,
            touched: None,
        })
    }

    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let value = row::encode_numbers(tables::META_VERSION, [self.version]);
        self.meta.insert(tables::META_VERSION, value.as_slice())?;
        Ok(())
    }

    pub(super) fn ingest(
        &mut self,
        app: &AppKey,
        event: &Event,
        now: u64,
    ) -> Result<Outcome, Error> {
        if rules::is_too_far_ahead(event, now) {
            return Ok(Outcome::TooFarAhead);
        }
        let (mut any, mut moved) = (false, false);
        rules::apply(event, |write| {
            any = true;
            moved |= self.write(app, write)? != Moved::No;
            Ok::<_, Error>(())
        })?;
        Ok(match (any, moved) {
            (false, _) => Outcome::Ignored,
            (true, false) => Outcome::Stale,
            (true, true) => Outcome::Applied,
        })
    }

    fn write(&mut self, app: &AppKey, write: Write<'_>) -> Result<Moved, Error> {
        let (moved, touched) = match write {
            Write::Last { account, peer, body } => {
                let (kind, peer) = (SessionKind::P2p, peer.as_str());
                let key = tables::session_key(app, account.as_str(), kind, peer);
                (self.write_last(&key, body)?, Ok(account))
            }
            Write::Member { account, team, membership } => {
                let (kind, id) = (team.kind(), team.id().as_str());
                let key = tables::session_key(app, account.as_str(), kind, id);
                let member = tables::member_key(app, team, account);
                (self.write_member(&key, &member, membership)?, Ok(account))
            }
            Write::Head { team, .. } | Write::Dissolve { team, .. } => {
                let key = tables::head_key(app, team.kind(), team.id().as_str());
                (self.write_head(&key, write)?, Err(team))
            }
        };
        self.touch(moved, || match touched {
            Ok(account) => Touched::Account(Owner { app: app.clone(), account: account.clone() }),
            Err(team) => Touched::Team(app.clone(), team.clone()),
        });
        Ok(moved)
    }

    /// Notes whose list may have moved, if anybody listens.
    pub(super) fn touch(&mut self, moved: Moved, whose: impl FnOnce() -> Touched) {
        if moved == Moved::Yes
            && let Some(all) = &mut self.touched
        {
            all.push(whose());
        }
    }

    fn write_last(&mut self, key: &[u8], body: Body<'_>) -> Result<Moved, Error> {
        let old = bytes_of(&self.sessions, key)?;
        let mut row = old.as_deref().map_or(Ok(Row::default()), |old| row::decode_row(key, old))?;
        let moved = row.take_last(body);
        self.put_row(key, row, moved)?;
        Ok(moved)
    }

    /// The first that is known of an account in a team goes into the team's index too.
    fn write_member(
        &mut self,
        key: &[u8],
        member: &[u8],
        membership: Membership<'_>,
    ) -> Result<Moved, Error> {
        let old = bytes_of(&self.sessions, key)?;
        let mut row = old.as_deref().map_or(Ok(Row::default()), |old| row::decode_row(key, old))?;
        let is_first = !row.has_membership();
        let moved = row.take_membership(membership);
        self.put_row(key, row, moved)?;
        if is_first && moved != Moved::No {
            self.members.insert(member, row::encode_mark(member).as_slice())?;
        }
        Ok(moved)
    }

    pub(super) fn put_row(
        &mut self,
        key: &[u8],
        mut row: Row<'_>,
        moved: Moved,
    ) -> Result<(), Error> {
        match moved {
            Moved::No => return Ok(()),
            Moved::Silently => {}
            Moved::Yes => {
                self.version += 1;
                row.version = self.version;
            }
        }
        self.sessions.insert(key, row::encode_row(key, &row).as_slice())?;
        self.wrote = true;
        Ok(())
    }

    fn write_head(&mut self, key: &[u8], write: Write<'_>) -> Result<Moved, Error> {
        let old = bytes_of(&self.heads, key)?;
        let mut head =
            old.as_deref().map_or(Ok(Head::default()), |old| row::decode_head(key, old))?;
        let moved = match write {
            Write::Head { body, .. } => head.take_last(body),
            Write::Dissolve { body, .. } => head.take_dissolution(body),
            Write::Last { .. } | Write::Member { .. } => Moved::No,
        };
        if moved != Moved::No {
            self.version += 1;
            head.set_version(self.version);
            self.heads.insert(key, row::encode_head(key, &head).as_slice())?;
            self.wrote = true;
        }
        Ok(moved)
    }

    pub(super) fn update(
        &mut self,
        owner: &Owner,
        id: &SessionId,
        ext: &str,
        now: u64,
    ) -> Result<Answer, Error> {
        let seen = read::see((&self.sessions, &self.heads), owner, id, |row, view| {
            Ok((row.created.is_none() && view.last.is_none(), view.update_time.is_none()))
        })?;
        if seen == (true, true) && self.ext_only_sessions(owner)? >= EXT_ONLY_SESSIONS_MAX {
            return Ok(Answer::Refused(Error::TooManySessions { max: EXT_ONLY_SESSIONS_MAX }));
        }
        let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
        let old = bytes_of(&self.sessions, &key)?;
        let mut row =
            old.as_deref().map_or(Ok(Row::default()), |old| row::decode_row(&key, old))?;
        let moved = row.take_ext(ext, now);
        self.put_row(&key, row, moved)?;
        self.touch(moved, || Touched::Account(owner.clone()));
        let session = read::see((&self.sessions, &self.heads), owner, id, |row, view| {
            read::session(id, row.ext, view, true)
        })?;
        let session = session.ok_or_else(|| row::damaged("session just updated", &key))?;
        Ok(Answer::Session(Box::new(session)))
    }

    fn ext_only_sessions(&self, owner: &Owner) -> Result<usize, Error> {
        let mut count = 0;
        read::scan((&self.sessions, &self.heads), owner, |_, _, view| {
            count += usize::from(view.last.is_none() && view.update_time.is_some());
            Ok(())
        })?;
        Ok(count)
    }

    pub(super) fn delete(&mut self, owner: &Owner, id: &SessionId) -> Result<(), Error> {
        let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
        let Some(old) = bytes_of(&self.sessions, &key)? else { return Ok(()) };
        let mut row = row::decode_row(&key, &old)?;
        let head_key = tables::head_key(&owner.app, id.kind(), id.peer());
        let head = match id.kind() {
            SessionKind::P2p => None,
            SessionKind::Team | SessionKind::SuperTeam => bytes_of(&self.heads, &head_key)?,
        };
        let head = head.as_deref().map(|head| row::decode_head(&head_key, head)).transpose()?;
        let moved = row.delete(&row.view(id.kind(), head.as_ref()));
        self.put_row(&key, row, moved)?;
        self.touch(moved, || Touched::Account(owner.clone()));
        Ok(())
    }
}

//! The directory on the disk: its book inside a write, and what is read of it. Which action is
//! allowed, `store::directory` says.

use std::ops::Range;

use huihua_core::{Account, AppKey, SessionKind};
use redb::ReadableTable as _;

use super::super::{
    Error, Touched,
    directory::{
        AccountEntry, Action, Book, JoinedTeam, TeamEntry, TokenHash, act, next_ids, teams_of_id,
    },
    key::Body,
    rules::Moved,
};
use super::{
    read::{self, Bytes, Snapshot},
    registers::Writer,
    row, tables,
    write::Answer,
};
use crate::event::{Event, Owner, Place, Team, TeamKind};

impl Writer<'_> {
    /// Does the action, or refuses it before anything is written.
    pub(super) fn act(&mut self, app: &AppKey, action: &Action, now: u64) -> Result<Answer, Error> {
        match act(&mut Pages { writer: self, app, now }, action, now) {
            Ok(done) => Ok(Answer::Acted(done)),
            Err(refused @ Error::Refused(_)) => Ok(Answer::Refused(refused)),
            Err(error) => Err(error),
        }
    }

    fn ids(&mut self, name: &[u8], count: u64, floor: u64) -> Result<Range<u64>, Error> {
        let last = read::numbers(&self.meta, name)?.and_then(|ids| ids.first().copied());
        let ids = next_ids(last.unwrap_or(0), count, floor);
        let value = row::encode_numbers(name, [ids.end.saturating_sub(1)]);
        self.meta.insert(name, value.as_slice())?;
        self.wrote = true;
        Ok(ids)
    }
}

/// The book of one app in one transaction.
struct Pages<'w, 't> {
    writer: &'w mut Writer<'t>,
    app: &'w AppKey,
    now: u64,
}

impl Book for Pages<'_, '_> {
    fn account(&self, account: &Account) -> Result<Option<AccountEntry>, Error> {
        let key = tables::account_key(self.app, account);
        let value = self.writer.accounts.get(key.as_slice())?;
        value.map(|value| row::decode_account(&key, value.value())).transpose()
    }

    fn put_account(&mut self, account: &Account, entry: &AccountEntry) -> Result<(), Error> {
        let old = self.account(account)?.and_then(|entry| entry.token);
        let (app, writer) = (self.app, &mut *self.writer);
        if let Some(token) = old {
            writer.tokens.remove(tables::token_key(app, &token, account).as_slice())?;
        }
        if let Some(token) = &entry.token {
            let key = tables::token_key(app, token, account);
            writer.tokens.insert(key.as_slice(), row::encode_mark(&key).as_slice())?;
        }
        let key = tables::account_key(app, account);
        writer.accounts.insert(key.as_slice(), row::encode_account(&key, entry).as_slice())?;
        writer.wrote = true;
        if old != entry.token {
            let owner = Owner { app: app.clone(), account: account.clone() };
            writer.touch(Moved::Yes, || Touched::Account(owner));
        }
        Ok(())
    }

    fn team(&self, team: &Team) -> Result<Option<TeamEntry>, Error> {
        let entry = entry(&self.writer.teams, self.app, team)?;
        let key = tables::head_key(self.app, team.kind(), team.id().as_str());
        if let Some(value) = self.writer.heads.get(key.as_slice())? {
            let is_there = row::decode_head(&key, value.value())?.dissolved.is_none();
            return Ok(is_there.then(|| entry.unwrap_or_default()));
        }
        let told_of = entry.is_some() || has_members(&self.writer.members, self.app, team)?;
        Ok(told_of.then(|| entry.unwrap_or_default()))
    }

    fn newest(&self, place: &Place) -> Result<u64, Error> {
        let newest = |last: Option<Body<'_>>| last.map_or(0, |body| body.key.time);
        match place {
            Place::P2p { from, to } => {
                let (kind, peer) = (SessionKind::P2p, to.as_str());
                let key = tables::session_key(self.app, from.as_str(), kind, peer);
                let Some(value) = self.writer.sessions.get(key.as_slice())? else { return Ok(0) };
                Ok(newest(row::decode_row(&key, value.value())?.last))
            }
            Place::Team(team) => {
                let key = tables::head_key(self.app, team.kind(), team.id().as_str());
                let Some(value) = self.writer.heads.get(key.as_slice())? else { return Ok(0) };
                Ok(newest(row::decode_head(&key, value.value())?.last))
            }
        }
    }

    fn put_team(&mut self, team: &Team, entry: &TeamEntry) -> Result<(), Error> {
        let key = tables::head_key(self.app, team.kind(), team.id().as_str());
        self.writer.teams.insert(key.as_slice(), row::encode_team(&key, entry).as_slice())?;
        self.writer.wrote = true;
        Ok(())
    }

    fn is_in(&self, team: &Team, account: &Account) -> Result<bool, Error> {
        let owner = Owner { app: self.app.clone(), account: account.clone() };
        is_in((&self.writer.sessions, &self.writer.heads), &owner, team)
    }

    fn message_ids(&mut self, count: u64, floor: u64) -> Result<Range<u64>, Error> {
        self.writer.ids(tables::META_MESSAGE_ID, count, floor)
    }

    fn team_id(&mut self, floor: u64) -> Result<u64, Error> {
        loop {
            let id = self.writer.ids(tables::META_TEAM_ID, 1, floor)?.start;
            // A team that NIM made may have any id.
            let mut told_of = false;
            for team in &teams_of_id(id) {
                let key = tables::head_key(self.app, team.kind(), team.id().as_str());
                told_of |= self.writer.heads.get(key.as_slice())?.is_some()
                    || self.writer.teams.get(key.as_slice())?.is_some()
                    || has_members(&self.writer.members, self.app, team)?;
            }
            if !told_of {
                return Ok(id);
            }
        }
    }

    fn tell(&mut self, event: &Event) -> Result<(), Error> {
        // Its times are this server's own, or a recalled message's, which its door has looked at.
        self.writer.ingest(self.app, event, self.now).map(drop)
    }
}

fn is_in(tables: (&impl Bytes, &impl Bytes), owner: &Owner, team: &Team) -> Result<bool, Error> {
    read::see(tables, owner, &team.session_id(), |_, view| Ok(view.is_in))
}

fn entry(teams: &impl Bytes, app: &AppKey, team: &Team) -> Result<Option<TeamEntry>, Error> {
    let key = tables::head_key(app, team.kind(), team.id().as_str());
    let value = teams.get(key.as_slice())?;
    value.map(|value| row::decode_team(&key, value.value())).transpose()
}

fn has_members(members: &impl Bytes, app: &AppKey, team: &Team) -> Result<bool, Error> {
    let prefix = tables::members_prefix(app, team);
    let mut from = members.range::<&[u8]>(prefix.as_slice()..)?;
    Ok(from.next().transpose()?.is_some_and(|(key, _)| key.value().starts_with(&prefix)))
}

impl Snapshot<'_> {
    /// Whose token this is, if it is one account's.
    pub(super) fn account_of(
        &self,
        app: &AppKey,
        token: &TokenHash,
    ) -> Result<Option<Account>, Error> {
        let mut accounts =
            self.accounts_after(tables::TOKENS, &tables::token_prefix(app, token), 2)?;
        Ok(if accounts.len() == 1 { accounts.pop() } else { None })
    }

    /// The teams of this kind that the owner is in.
    pub(super) fn joined(&self, owner: &Owner, kind: TeamKind) -> Result<Vec<JoinedTeam>, Error> {
        let teams = self.tx.open_table(tables::TEAMS)?;
        let mut joined = Vec::new();
        let of_kind = |team: &Team| team.kind() == kind.session_kind();
        for team in self.teams_of(owner)?.into_iter().filter(of_kind) {
            let prefix = tables::members_prefix(&owner.app, &team);
            let mut size = 0;
            for account in self.accounts_after(tables::MEMBERS, &prefix, usize::MAX)? {
                let member = Owner { app: owner.app.clone(), account };
                size += usize::from(is_in((&self.sessions, &self.heads), &member, &team)?);
            }
            let entry = entry(&teams, &owner.app, &team)?.unwrap_or_default();
            joined.push(JoinedTeam { team, entry, size });
        }
        Ok(joined)
    }

    /// The accounts that are marked behind this prefix, at most so many.
    fn accounts_after(
        &self,
        table: tables::Definition,
        prefix: &[u8],
        max: usize,
    ) -> Result<Vec<Account>, Error> {
        let table = self.tx.open_table(table)?;
        let mut accounts = Vec::new();
        for item in table.range::<&[u8]>(prefix..)?.take(max) {
            let (key, value) = item?;
            if !key.value().starts_with(prefix) {
                break;
            }
            row::decode_mark(key.value(), value.value())?;
            let account = tables::account_after(prefix, key.value());
            accounts.push(account.ok_or_else(|| row::damaged("mark", key.value()))?);
        }
        Ok(accounts)
    }
}

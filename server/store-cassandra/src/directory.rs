//! Reading the directory: entries of accounts and teams, the account of a token, the members of a
//! team. Marks (tokens, owned teams) only say where to look: the entries have the last word.

use huihua_core::{Account, AppKey, SessionId};
use huihua_event::{Member, Owner, Team, TeamEntry, TokenHash};
use huihua_store::{Error, directory::AccountEntry, rules::Head};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    cells::{Entries, HeadCells, member_row},
    failure::{damaged, unavailable},
    scan::Scanner,
};

/// An entry as it is stored, with the attempt that made it, so that a retry knows its own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stored<T> {
    pub(crate) entry: T,
    pub(crate) by: [u8; 8],
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("it has string keys only")
}

fn decode<T: DeserializeOwned>(bytes: &[u8], of: &str) -> Result<T, Error> {
    // The parser's message would show parts of the value.
    serde_json::from_slice(bytes).map_err(|_| damaged("entry", of))
}

/// Bytes as they are stored, and what they say.
pub(crate) struct Entry<T> {
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) value: Option<T>,
}

impl<T: DeserializeOwned> Entry<T> {
    pub(crate) fn of(bytes: Option<Vec<u8>>, of: &str) -> Result<Self, Error> {
        let value = bytes.as_deref().map(|bytes| decode::<Stored<T>>(bytes, of)).transpose()?;
        Ok(Self { bytes, value: value.map(|stored| stored.entry) })
    }
}

/// Reads the directory.
pub(crate) struct Directory<'s> {
    pub(crate) scanner: &'s Scanner,
}

impl Directory<'_> {
    /// Reads an account's entry as an action decides over it.
    pub(crate) async fn account(
        &self,
        app: &AppKey,
        account: &Account,
    ) -> Result<Entry<AccountEntry>, Error> {
        let uid = self.scanner.names.uid(app, account);
        let statement = &self.scanner.cql.statements.account;
        let row = self.scanner.cql.read_one::<(Option<Vec<u8>>,)>(statement, (&uid,)).await?;
        Entry::of(row.and_then(|row| row.0), &uid)
    }

    /// Reads a team's entry as an action decides over it.
    pub(crate) async fn team_entry(
        &self,
        app: &AppKey,
        team: &Team,
    ) -> Result<Entry<TeamEntry>, Error> {
        let tid = self.scanner.names.tid(app, team);
        let statement = &self.scanner.cql.statements.team;
        let row = self.scanner.cql.read_one::<(Option<Vec<u8>>,)>(statement, (&tid,)).await?;
        Entry::of(row.and_then(|row| row.0), &tid)
    }

    /// Returns the account that has this token, if one alone has it.
    pub(crate) async fn account_of(
        &self,
        app: &AppKey,
        token: &TokenHash,
    ) -> Result<Option<Account>, Error> {
        let name = self.scanner.names.token(app, token);
        let cql = &self.scanner.cql;
        let rows = cql.read(&cql.statements.tokens, (&name,)).await?;
        let mut found = None;
        for row in rows.rows::<(String,)>().map_err(unavailable)? {
            let (account,) = row.map_err(unavailable)?;
            let account: Account = account.parse().map_err(|_| damaged("account", "a token"))?;
            let uid = self.scanner.names.uid(app, &account);
            let row = cql.read_one::<(Option<Vec<u8>>,)>(&cql.statements.account_read, (&uid,));
            let entry = Entry::<AccountEntry>::of(row.await?.and_then(|row| row.0), &uid)?.value;
            if !entry.is_some_and(|entry| entry.known_tokens().any(|known| known == *token)) {
                continue;
            }
            if found.replace(account).is_some() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    /// Reads a team's registers.
    pub(crate) async fn head(&self, app: &AppKey, team: &Team) -> Result<HeadCells, Error> {
        let sid = team.session_id().to_string();
        let of = Owner { app: app.clone(), account: nobody()? };
        let mut heads = self.scanner.heads(&of, std::slice::from_ref(&sid), false).await?;
        Ok(heads.remove(&sid).unwrap_or_default())
    }

    /// Tells since when each of these accounts is in the team; those that are not are left out.
    pub(crate) async fn some_members(
        &self,
        app: &AppKey,
        team: &Team,
        accounts: &[&Account],
    ) -> Result<Vec<Member>, Error> {
        let cells = self.head(app, team).await?;
        let head = cells.head("a team")?;
        let tid = self.scanner.names.tid(app, team);
        let mut members = Vec::new();
        for part in accounts.chunks(100) {
            let names: Vec<&str> = part.iter().map(|account| account.as_str()).collect();
            let cql = &self.scanner.cql;
            let rows = cql.read(&cql.statements.some_members, (&tid, names)).await?;
            for row in rows.rows::<MemberRow>().map_err(unavailable)? {
                members.extend(member(row.map_err(unavailable)?, team, &head)?);
            }
        }
        Ok(members)
    }

    /// Returns the accounts that are in the team, after this one, at most so many.
    pub(crate) async fn members(
        &self,
        app: &AppKey,
        team: &Team,
        after: Option<&Account>,
        limit: usize,
    ) -> Result<Vec<Member>, Error> {
        let tid = self.scanner.names.tid(app, team);
        let after = after.map_or("", Account::as_str);
        let cql = &self.scanner.cql;
        // The members first, then their team: as a list is read.
        let rows = cql.read(&cql.statements.members, (&tid, after)).await?;
        let cells = self.head(app, team).await?;
        let head = cells.head("a team")?;
        let mut members = Vec::new();
        for row in rows.rows::<MemberRow>().map_err(unavailable)? {
            if members.len() == limit {
                break;
            }
            members.extend(member(row.map_err(unavailable)?, team, &head)?);
        }
        Ok(members)
    }

    /// Reads the entry of a team that is there. One that was only ever named by messages or notices
    /// has an empty entry. One that was dissolved is there again once somebody came in after its
    /// end.
    pub(crate) async fn team_there(
        &self,
        app: &AppKey,
        team: &Team,
    ) -> Result<Option<TeamEntry>, Error> {
        let entry = self.team_entry(app, team).await?.value;
        let cells = self.head(app, team).await?;
        let head = cells.head("a team")?;
        let is_there = if head.dissolved.is_some() {
            !self.members(app, team, None, 1).await?.is_empty()
        } else {
            // An edit alone names no team: it waits for its message.
            head.latest.shown().is_some() || entry.is_some() || self.has_members(app, team).await?
        };
        Ok(is_there.then(|| entry.unwrap_or_default()))
    }

    /// Tells whether anything names the team.
    pub(crate) async fn is_named(&self, app: &AppKey, team: &Team) -> Result<bool, Error> {
        let cells = self.head(app, team).await?;
        Ok(cells.latest.key.is_some()
            || !cells.latest.recalls.is_empty()
            || !cells.latest.edits.is_empty()
            || cells.dissolved.is_some()
            || self.team_entry(app, team).await?.value.is_some()
            || self.has_members(app, team).await?)
    }

    async fn has_members(&self, app: &AppKey, team: &Team) -> Result<bool, Error> {
        let tid = self.scanner.names.tid(app, team);
        let statement = &self.scanner.cql.statements.any_member;
        let row = self.scanner.cql.read_one::<(String,)>(statement, (tid,)).await?;
        Ok(row.is_some())
    }

    /// Reads the time of the newest message of a session, ms since 1970; 0 without one.
    pub(crate) async fn newest(&self, owner: &Owner, id: &SessionId) -> Result<u64, Error> {
        let read = self.scanner.sessions(owner, &[id.to_string()]).await?;
        let Some(cells) = read.sessions.first() else { return Ok(0) };
        Ok(cells.row()?.latest.shown().map_or(0, |shown| shown.body.key.time))
    }

    /// The same of a team.
    pub(crate) async fn newest_of_team(&self, app: &AppKey, team: &Team) -> Result<u64, Error> {
        let cells = self.head(app, team).await?;
        Ok(cells.head("a team")?.latest.shown().map_or(0, |shown| shown.body.key.time))
    }

    /// The teams that an account owns, each with its entry.
    pub(crate) async fn owned(
        &self,
        owner: &Owner,
    ) -> Result<Vec<(Team, Entry<TeamEntry>)>, Error> {
        let uid = self.scanner.names.uid_of(owner);
        let cql = &self.scanner.cql;
        let rows = cql.read(&cql.statements.owned, (&uid,)).await?;
        let mut teams = Vec::new();
        for row in rows.rows::<(String,)>().map_err(unavailable)? {
            let (tid,) = row.map_err(unavailable)?;
            let team = self.scanner.names.team_of(&owner.app, &tid);
            let team = team.ok_or_else(|| damaged("key", &tid))?;
            let entry = self.team_entry(&owner.app, &team).await?;
            let of = entry.value.as_ref().and_then(|entry| entry.owner.as_ref());
            if of == Some(&owner.account) {
                teams.push((team, entry));
            }
        }
        Ok(teams)
    }
}

type MemberRow = (String, Option<Entries<Vec<u8>>>);

fn member(
    (account, mem): MemberRow,
    team: &Team,
    head: &Head<'_>,
) -> Result<Option<Member>, Error> {
    let mem = mem.unwrap_or_default();
    let view = member_row(&mem, &account)?.view(team.kind(), Some(head));
    let Some(since) = view.in_since else { return Ok(None) };
    let account = account.parse().map_err(|_| damaged("account", "a member"))?;
    Ok(Some(Member { since, account }))
}

/// An account for reads that only need an app.
fn nobody() -> Result<Account, Error> {
    "-".parse().map_err(|_| damaged("name", "-"))
}

/// The owner in a team's entry, if it can be read.
pub(crate) fn owner_in(bytes: Option<Vec<u8>>) -> Option<Account> {
    let stored: Stored<TeamEntry> = serde_json::from_slice(&bytes?).ok()?;
    stored.entry.owner
}

//! Reading everything item by item, and taking the items of another store.

use std::collections::BTreeMap;

use huihua_event::{Owner, TeamEntry};
use huihua_store::{
    Error, ItemBatch, StoredHead, StoredItem, StoredSession, directory::AccountEntry,
};
use scylla::{deserialize::row::DeserializeRow, statement::prepared::PreparedStatement};

use crate::{
    act::Actor,
    cells::{Meta, ext_digest, floor_bytes},
    directory::Entry,
    failure::{damaged, unavailable},
    hand_out::{contended, next_version, pause},
    ingest::Puts,
    run::{Outcome, blob, text},
    scan::Scanner,
    values::Values,
};

/// Sessions of one account read or written in one request.
const SESSIONS_AT_ONCE: usize = 50;
/// How often a batch is sent again.
const TRIES_MAX: u32 = 50;
/// The parts of the keyspace, in the order in which they are read: what lists are made of last.
const HEADS: usize = 1;
const TEAMS: usize = 2;
const ACCOUNTS: usize = 3;
const SESSIONS: usize = 4;
/// Where everything was read.
const END: usize = 5;
/// Of the way through everything, what each part but the sessions is taken for.
const PART_SHARE: f64 = 0.01;

/// Where a batch begins: items before it, part, token of the last partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    done: u64,
    part: usize,
    token: i64,
}

impl Position {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (done, part, token) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            done: done.parse().ok()?,
            part: part.parse().ok()?,
            token: token.parse().ok()?,
        })
    }

    fn text(&self) -> String {
        format!("{}:{}:{}", self.done, self.part, self.token)
    }

    /// How many items there are in all, by how far the tokens went.
    fn all(&self) -> u64 {
        let passed = (self.token as f64 - i64::MIN as f64) / (u64::MAX as f64);
        let parts = self.part.saturating_sub(1) as f64;
        let share = match self.part {
            END => 1.0,
            SESSIONS => parts * PART_SHARE + passed * (1.0 - parts * PART_SHARE),
            _ => (parts + passed) * PART_SHARE,
        };
        let all = self.done as f64 / share.max(f64::EPSILON);
        (all as u64).max(self.done)
    }
}

/// Reads and takes items.
pub(crate) struct Items<'s> {
    pub(crate) scanner: &'s Scanner,
    pub(crate) values: &'s Values,
}

/// A key and its token.
type Key = (String, i64);
/// A key, what the directory has there, and the token.
type KeyedEntry = (String, Option<Vec<u8>>, i64);

impl Items<'_> {
    /// Reads a batch. Several partitions with one token, one pair in 10^19, could be cut apart.
    pub(crate) async fn batch(
        &self,
        after: Option<&str>,
        count: usize,
    ) -> Result<ItemBatch, Error> {
        let start = Position { done: 0, part: 0, token: i64::MIN };
        let mut at = match after {
            None => start,
            Some(text) => Position::of(text).ok_or_else(|| {
                unavailable("a copy cannot go on there: it is no position of this store")
            })?,
        };
        let items = match at.part {
            0 => {
                at.part = HEADS;
                self.values.items().await?
            }
            HEADS => self.heads(&mut at, count).await?,
            TEAMS => self.teams(&mut at, count).await?,
            ACCOUNTS => self.accounts(&mut at, count).await?,
            _ => self.sessions(&mut at, count).await?,
        };
        at.done += items.len() as u64;
        let next = (at.part != END).then(|| at.text());
        Ok(ItemBatch { items, next, done: at.done, all: at.all() })
    }

    /// Notes the last partition; fewer than were asked for are the last ones of their part.
    fn advance(at: &mut Position, tokens: impl Iterator<Item = i64>, count: usize) {
        let mut rows = 0;
        for token in tokens {
            (at.token, rows) = (token, rows + 1);
        }
        if rows < count {
            (at.part, at.token) = (at.part + 1, i64::MIN);
        }
    }

    /// Reads the next rows of a part.
    async fn rows<R: for<'f> DeserializeRow<'f, 'f>>(
        &self,
        statement: &PreparedStatement,
        at: &mut Position,
        count: usize,
        token: impl Fn(&R) -> i64,
    ) -> Result<Vec<R>, Error> {
        let limit = i32::try_from(count).unwrap_or(i32::MAX);
        let rows = self.scanner.cql.read(statement, (at.token, limit)).await?;
        let rows = rows.rows::<R>().map_err(unavailable)?;
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(unavailable)?;
        Self::advance(at, rows.iter().map(token), count);
        Ok(rows)
    }

    async fn heads(&self, at: &mut Position, count: usize) -> Result<Vec<StoredItem>, Error> {
        let statement = &self.scanner.cql.statements.some_tids;
        let tids = self.rows(statement, at, count, |(_, token): &Key| *token).await?;
        let tids: Vec<String> = tids.into_iter().map(|(tid, _)| tid).collect();
        let mut items = Vec::new();
        for part in tids.chunks(SESSIONS_AT_ONCE) {
            for (tid, cells) in self.scanner.some_heads(part, true).await? {
                let Some((app, team)) = self.scanner.names.app_and_team_of(&tid) else { continue };
                items.push(StoredItem::Head(StoredHead::of(app, team, &cells.head(&tid)?)));
            }
        }
        Ok(items)
    }

    async fn teams(&self, at: &mut Position, count: usize) -> Result<Vec<StoredItem>, Error> {
        let statement = &self.scanner.cql.statements.some_teams;
        let rows = self.rows(statement, at, count, |row: &KeyedEntry| row.2).await?;
        let mut items = Vec::new();
        for (tid, bytes, _) in rows {
            let Some((app, team)) = self.scanner.names.app_and_team_of(&tid) else { continue };
            let entry = Entry::<TeamEntry>::of(bytes, &tid)?.value;
            items.extend(entry.map(|entry| StoredItem::Team(app, team, entry)));
        }
        Ok(items)
    }

    async fn accounts(&self, at: &mut Position, count: usize) -> Result<Vec<StoredItem>, Error> {
        let statement = &self.scanner.cql.statements.some_accounts;
        let rows = self.rows(statement, at, count, |row: &KeyedEntry| row.2).await?;
        let mut items = Vec::new();
        for (uid, bytes, _) in rows {
            let Some(owner) = self.scanner.names.owner_of(&uid) else { continue };
            let entry = Entry::<AccountEntry>::of(bytes, &uid)?.value;
            items.extend(entry.map(|entry| StoredItem::Account(owner, entry)));
        }
        Ok(items)
    }

    /// Whole accounts, so that a batch may have more items than were asked for.
    async fn sessions(&self, at: &mut Position, count: usize) -> Result<Vec<StoredItem>, Error> {
        // An account has some sessions: fewer partitions than items.
        let accounts = count.div_ceil(SESSIONS_AT_ONCE).max(2);
        let statement = &self.scanner.cql.statements.some_uids;
        let uids = self.rows(statement, at, accounts, |(_, token): &Key| *token).await?;
        let mut items = Vec::new();
        for (uid, _) in uids {
            let Some(owner) = self.scanner.names.owner_of(&uid) else { continue };
            let scanned = self.scanner.scan(&owner, false, 0).await?;
            let sids: Vec<String> = scanned.sessions.into_iter().map(|one| one.sid).collect();
            for part in sids.chunks(SESSIONS_AT_ONCE) {
                for cells in self.scanner.sessions(&owner, part).await?.sessions {
                    let id = cells.sid.parse().map_err(|_| damaged("id", &cells.sid))?;
                    let session = StoredSession::of(owner.clone(), id, &cells.row()?);
                    let session = session.ok_or_else(|| damaged("id", &cells.sid))?;
                    items.push(StoredItem::Session(session));
                }
            }
        }
        Ok(items)
    }

    /// Takes items of another store: what events make blindly, what accounts did by
    /// compare-and-set.
    pub(crate) async fn put(
        &self,
        actor: &Actor<'_>,
        items: &[StoredItem],
        now: u64,
    ) -> Result<(), Error> {
        let mut puts = Puts::default();
        let mut own: BTreeMap<String, (&Owner, Vec<&StoredSession>)> = BTreeMap::new();
        let names = &self.scanner.names;
        for item in items {
            match item {
                StoredItem::Head(head) => {
                    for write in head.writes() {
                        puts.put(names, &head.app, write)?;
                    }
                }
                StoredItem::Session(session) => {
                    for write in session.writes() {
                        puts.put(names, &session.owner.app, write)?;
                    }
                    if session.has_own_state() {
                        let uid = names.uid_of(&session.owner);
                        own.entry(uid).or_insert((&session.owner, Vec::new())).1.push(session);
                    }
                }
                StoredItem::AccountForm(app, form) => self.values.put_form(app, *form).await?,
                StoredItem::LastIds { message, team } => {
                    self.values.raise_ids(*message, *team).await?;
                }
                StoredItem::Account(owner, entry) => actor.put_copied_account(owner, entry).await?,
                StoredItem::Team(app, team, entry) => {
                    actor.put_copied_team(app, team, entry).await?;
                }
            }
        }
        puts.send(&self.scanner.cql).await?;
        for (owner, sessions) in own.into_values() {
            for part in sessions.chunks(SESSIONS_AT_ONCE) {
                self.put_own_state(owner, part, now).await?;
            }
        }
        Ok(())
    }

    async fn put_own_state(
        &self,
        owner: &Owner,
        sessions: &[&StoredSession],
        now: u64,
    ) -> Result<(), Error> {
        let uid = self.scanner.names.uid_of(owner);
        for tries in 0..TRIES_MAX {
            // A repeated one finds its own effect, and changes nothing.
            let scanned = self.scanner.scan(owner, true, 0).await?;
            let version = scanned.version;
            let mut batch = next_version(self.scanner, &uid, version, version + 1);
            for session in sessions {
                let sid = session.id.to_string();
                let here = scanned.sessions.iter().find(|one| one.sid == sid);
                let mut row = here.map(|cells| cells.row()).transpose()?.unwrap_or_default();
                row.take_own_state(session);
                let meta = Meta {
                    floor: floor_bytes(row.floor),
                    created: row.created,
                    // When it was deleted, nobody noted: its texts go 30 days from now.
                    deleted: row.floor.map(|_| now),
                    ext: ext_digest(row.ext),
                    ..here.map(|cells| cells.meta.clone()).unwrap_or_default()
                };
                let ext = Some(row.ext).filter(|ext| !ext.is_empty());
                let values =
                    vec![blob(meta.to_bytes()), ext.and_then(text), text(&uid), text(&sid)];
                batch.push(&self.scanner.cql.statements.put_ext, values);
            }
            if self.scanner.cql.set_all_if(batch).await == Outcome::Applied {
                return Ok(());
            }
            pause(tries).await;
        }
        Err(contended())
    }
}

impl Values {
    /// The store's own values that another store must know.
    async fn items(&self) -> Result<Vec<StoredItem>, Error> {
        let (message, team) = self.last_ids().await?;
        let mut items = vec![StoredItem::LastIds { message, team }];
        for (app, form) in self.forms().await? {
            items.push(StoredItem::AccountForm(app, form));
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back_and_says_how_far_it_is() {
        let at = Position { done: 50, part: SESSIONS, token: 0 };
        assert_eq!(Position::of(&at.text()), Some(at));
        assert!((95..=105).contains(&at.all()), "{}", at.all());
        assert_eq!(Position { part: END, ..at }.all(), 50);
        for text in ["", "7", "7:4", "x:4:0", "7:4:00ff"] {
            assert_eq!(Position::of(text), None, "{text}");
        }
    }
}

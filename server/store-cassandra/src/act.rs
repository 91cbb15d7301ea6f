//! Actions of an app's own server: facts are read, `decide` decides, the plan is remembered under
//! the action's key, and then carried out. Carrying a plan out twice is harmless, so whoever finds
//! one that is not done does it.

use huihua_core::{Account, AppKey};
use huihua_event::{Action, Done, Owner, Place, Team, TeamEntry};
use huihua_store::{
    Attempt, ChangedList, Error, Refusal,
    decide::{Facts, Plan, WantedFacts, decide},
    directory::{AccountEntry, message_id_floor, team_id_floor, teams_of_id},
};
use serde::{Deserialize, Serialize};

use crate::{
    blocked::BlockedAccounts,
    directory::{Directory, Stored, encode},
    failure::{damaged, unavailable},
    hand_out::{contended, pause},
    ingest::Puts,
    list::random,
    results::is_fresh,
    run::Outcome,
    scan::Scanner,
    values::{Ids, MESSAGE_IDS, TEAM_IDS, Values},
};

/// How often an action is decided anew because others changed what it decided over.
const TRIES_MAX: u32 = 50;
/// How long a plan is kept, in s: a little longer than it is given again.
const PLAN_TTL_S: i32 = 720;

/// Ids of one lease. Message ids follow the clock, 1,000 a millisecond: a block of less than some
/// seconds is behind it before it is used. Team ids are few, and each lease looks for a free one.
const MESSAGE_IDS_LEASED: u64 = 10_000_000;

/// Ids of both kinds.
pub(crate) struct ActionIds {
    messages: Ids,
    teams: Ids,
}

impl Default for ActionIds {
    fn default() -> Self {
        let messages = Ids::new(MESSAGE_IDS, MESSAGE_IDS_LEASED);
        Self { messages, teams: Ids::new(TEAM_IDS, 1) }
    }
}

/// A plan as it is remembered.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    /// When it was decided, ms since 1970.
    time: u64,
    /// The entries that it was decided over, as they are stored.
    account_before: Option<Vec<u8>>,
    team_before: Option<Vec<u8>>,
    /// The attempt that decided: its entries carry it.
    by: [u8; 8],
    /// What is to be done; once it was, empty but for the answer.
    plan: Plan,
    is_done: bool,
    /// It was given up before anything was done: others had changed what it was decided over.
    is_void: bool,
}

/// Whether a plan was carried out.
enum Carried {
    Out(Done),
    /// An entry is another than the plan was decided over.
    Void,
}

/// Does actions.
pub(crate) struct Actor<'s> {
    pub(crate) scanner: &'s Scanner,
    pub(crate) values: &'s Values,
    pub(crate) ids: &'s ActionIds,
    pub(crate) blocked: &'s BlockedAccounts,
}

impl Actor<'_> {
    fn directory(&self) -> Directory<'_> {
        Directory { scanner: self.scanner }
    }

    /// Does the action, or refuses it before anything is written. Returns which lists may have
    /// changed, too.
    pub(crate) async fn act(
        &self,
        app: &AppKey,
        action: &Action,
        attempt: &Attempt,
    ) -> Result<Result<(Done, Vec<ChangedList>), Refusal>, Error> {
        let key = attempt.key.as_ref().map(|key| self.scanner.names.once(app, key));
        for tries in 0..TRIES_MAX {
            let stored = match &key {
                Some(key) => self.stored(key).await?,
                None => None,
            };
            let valid = stored
                .as_ref()
                .filter(|(_, first)| !first.is_void && is_fresh(first.time, attempt.now));
            if let Some((_, first)) = valid.filter(|(_, first)| first.is_done) {
                return Ok(Ok((first.plan.done.clone(), Vec::new())));
            }
            let (bytes, remembered) = match (valid, &stored) {
                (Some(_), Some((bytes, _))) => (bytes.clone(), parse(bytes, "a plan")?),
                _ => match self.decide(app, action, attempt.now).await? {
                    Err(refusal) => return Ok(Err(refusal)),
                    Ok(new) => {
                        let bytes = encode(&new);
                        let before = stored.map(|(bytes, _)| bytes);
                        if !self.remember(key.as_deref(), before, &bytes).await? {
                            pause(tries).await;
                            continue;
                        }
                        (bytes, new)
                    }
                },
            };
            let mut changed = Vec::new();
            let carried = self.carry_out(app, action, &remembered, &mut changed).await?;
            let (is_void, done) = match carried {
                Carried::Out(done) => (false, Some(done)),
                Carried::Void => (true, None),
            };
            if let Some(key) = &key {
                self.end(key, &bytes, remembered, is_void).await?;
            }
            if let Some(done) = done {
                return Ok(Ok((done, changed)));
            }
            pause(tries).await;
        }
        Err(contended())
    }

    async fn stored(&self, key: &str) -> Result<Option<(Vec<u8>, Remembered)>, Error> {
        let statement = &self.scanner.cql.statements.plan;
        let row = self.scanner.cql.read_one::<(Option<Vec<u8>>,)>(statement, (key,)).await?;
        let Some(bytes) = row.and_then(|row| row.0) else { return Ok(None) };
        let first = parse(&bytes, "a plan")?;
        Ok(Some((bytes, first)))
    }

    /// Remembers a plan under its key; false when another attempt may have been before: read again,
    /// and take the winner's.
    async fn remember(
        &self,
        key: Option<&str>,
        before: Option<Vec<u8>>,
        bytes: &[u8],
    ) -> Result<bool, Error> {
        let Some(key) = key else { return Ok(true) };
        let (cql, of) = (&self.scanner.cql, &self.scanner.cql.statements);
        let outcome = match before {
            None => cql.set_if(&of.put_plan, (key, bytes, PLAN_TTL_S)).await,
            Some(before) => cql.set_if(&of.replace_plan, (PLAN_TTL_S, bytes, key, before)).await,
        };
        Ok(outcome == Outcome::Applied)
    }

    /// Notes that a plan was carried out, or given up. If nobody knows whether that was noted, the
    /// next attempt carries the same plan out again.
    async fn end(
        &self,
        key: &str,
        bytes: &[u8],
        remembered: Remembered,
        is_void: bool,
    ) -> Result<(), Error> {
        let plan = Plan { done: remembered.plan.done, ..Plan::default() };
        let ended = Remembered { plan, is_done: !is_void, is_void, ..remembered };
        let values = (PLAN_TTL_S, encode(&ended), key, bytes);
        let of = &self.scanner.cql.statements;
        match self.scanner.cql.set_if(&of.replace_plan, values).await {
            Outcome::Applied | Outcome::Lost => Ok(()),
            Outcome::Unknown => Err(unavailable("Cassandra did not say whether an action is done")),
        }
    }

    async fn decide(
        &self,
        app: &AppKey,
        action: &Action,
        now: u64,
    ) -> Result<Result<Remembered, Refusal>, Error> {
        let wanted = WantedFacts::of(action);
        let directory = self.directory();
        let (mut account, mut account_before) = (None, None);
        if let Some(of) = wanted.account {
            let entry = directory.account(app, of).await?;
            (account, account_before) = (entry.value, entry.bytes);
        }
        let mut team_before = None;
        let mut teams = Vec::new();
        for team in &wanted.teams {
            team_before = directory.team_entry(app, team).await?.bytes;
            teams.push(directory.team_there(app, team).await?);
        }
        let message_ids =
            self.ids.messages.next(self.values, wanted.message_ids, message_id_floor(now)).await?;
        let facts = Facts {
            account,
            teams,
            members: self.are_members(app, &wanted).await?,
            newest: self.newest(app, &wanted.newest).await?,
            message_ids,
            team_id: if wanted.team_id { self.free_team_id(app, now).await? } else { 0 },
        };
        Ok(match decide(action, facts, now) {
            Err(refusal) => Err(refusal),
            Ok(plan) => Ok(Remembered {
                time: now,
                account_before,
                team_before,
                by: random()?,
                plan,
                is_done: false,
                is_void: false,
            }),
        })
    }

    async fn are_members(
        &self,
        app: &AppKey,
        wanted: &WantedFacts<'_>,
    ) -> Result<Vec<bool>, Error> {
        let Some((team, _)) = wanted.members.first() else { return Ok(Vec::new()) };
        let accounts: Vec<&Account> = wanted.members.iter().map(|(_, account)| *account).collect();
        let are_in = self.directory().some_members(app, team, &accounts).await?;
        let is_in = |account: &&Account| are_in.iter().any(|one| one.account == **account);
        Ok(accounts.iter().map(is_in).collect())
    }

    async fn newest(&self, app: &AppKey, places: &[Place]) -> Result<u64, Error> {
        let (directory, mut newest) = (self.directory(), 0);
        for place in places {
            let time = match place {
                Place::P2p { from, to } | Place::Undelivered { from, to } => {
                    let owner = Owner { app: app.clone(), account: from.clone() };
                    directory.newest(&owner, &crate::ingest::p2p(to)?).await?
                }
                Place::Team(team) => directory.newest_of_team(app, team).await?,
            };
            newest = newest.max(time);
        }
        Ok(newest)
    }

    /// Chooses a team id that nothing ever named, of either kind: a team that NIM made may have any
    /// id.
    async fn free_team_id(&self, app: &AppKey, now: u64) -> Result<u64, Error> {
        loop {
            let id = self.ids.teams.next(self.values, 1, team_id_floor(now)).await?.start;
            let mut is_named = false;
            for team in &teams_of_id(id) {
                is_named |= self.directory().is_named(app, team).await?;
            }
            if !is_named {
                return Ok(id);
            }
        }
    }

    async fn carry_out(
        &self,
        app: &AppKey,
        action: &Action,
        remembered: &Remembered,
        changed: &mut Vec<ChangedList>,
    ) -> Result<Carried, Error> {
        let plan = &remembered.plan;
        if let Some((account, entry)) = &plan.account
            && !self.put_account(app, account, entry, remembered, changed).await?
        {
            return Ok(Carried::Void);
        }
        if let Some(account) = WantedFacts::of(action).account {
            self.mark_blocked(app, account).await?;
        }
        if let Some((team, entry)) = &plan.team
            && !self.put_team(app, team, entry, remembered).await?
        {
            return Ok(Carried::Void);
        }
        let mut puts = Puts::default();
        for event in &plan.events {
            // The plan's events are within the clock: there is no outcome that could be dropped.
            puts.take(&self.scanner.names, app, event, u64::MAX)?;
        }
        puts.send(&self.scanner.cql).await?;
        changed.extend(puts.changed);
        Ok(Carried::Out(plan.done.clone()))
    }

    /// Puts an account's entry; false when it is another than was decided over.
    async fn put_account(
        &self,
        app: &AppKey,
        account: &Account,
        entry: &AccountEntry,
        remembered: &Remembered,
        changed: &mut Vec<ChangedList>,
    ) -> Result<bool, Error> {
        let (cql, of) = (&self.scanner.cql, &self.scanner.cql.statements);
        let names = &self.scanner.names;
        let uid = names.uid(app, account);
        // Before the entry: a token of an entry must be found.
        for token in entry.known_tokens() {
            let mark = (names.token(app, &token), account.as_str());
            cql.set_surely(&of.put_token, mark).await?;
        }
        let after = encode(&Stored { entry: entry.clone(), by: remembered.by });
        let before = remembered.account_before.as_deref();
        let put = cql.set_if(&of.put_account, (&after, &uid, before)).await;
        if put != Outcome::Applied
            && self.directory().account(app, account).await?.bytes.as_deref() != Some(&after)
        {
            return Ok(false);
        }
        let old: Option<Stored<AccountEntry>> =
            before.map(|before| parse(before, &uid)).transpose()?;
        let old = old.map(|old| old.entry).unwrap_or_default();
        for token in old.known_tokens() {
            if !entry.known_tokens().any(|known| known == token) {
                let mark = (names.token(app, &token), account.as_str());
                cql.set_surely(&of.drop_token, mark).await?;
            }
        }
        if (old.token, old.blocked) != (entry.token, entry.blocked) {
            let owner = Owner { app: app.clone(), account: account.clone() };
            changed.push(ChangedList::Account(owner));
        }
        Ok(true)
    }

    /// Puts a team's entry; false when it is another than was decided over.
    async fn put_team(
        &self,
        app: &AppKey,
        team: &Team,
        entry: &TeamEntry,
        remembered: &Remembered,
    ) -> Result<bool, Error> {
        let (cql, of) = (&self.scanner.cql, &self.scanner.cql.statements);
        let names = &self.scanner.names;
        let tid = names.tid(app, team);
        // Before the entry: a team that somebody owns must be found.
        if let Some(owner) = &entry.owner {
            cql.set_surely(&of.put_owned, (names.uid(app, owner), &tid)).await?;
        }
        let after = encode(&Stored { entry: entry.clone(), by: remembered.by });
        let before = remembered.team_before.as_deref();
        let put = cql.set_if(&of.put_team, (&after, &tid, before)).await;
        if put != Outcome::Applied
            && self.directory().team_entry(app, team).await?.bytes.as_deref() != Some(&after)
        {
            return Ok(false);
        }
        let old: Option<Stored<TeamEntry>> =
            before.map(|before| parse(before, &tid)).transpose()?;
        let old_owner = old.and_then(|old| old.entry.owner);
        if let Some(owner) = old_owner.filter(|owner| Some(owner) != entry.owner.as_ref()) {
            cql.set_surely(&of.drop_owned, (names.uid(app, &owner), &tid)).await?;
        }
        Ok(true)
    }

    /// Puts the entry of an account of another store, over whatever is there.
    pub(crate) async fn put_copied_account(
        &self,
        owner: &Owner,
        entry: &AccountEntry,
    ) -> Result<(), Error> {
        let (app, account) = (&owner.app, &owner.account);
        for tries in 0..TRIES_MAX {
            let before = self.directory().account(app, account).await?;
            if before.value.as_ref() == Some(entry) {
                return self.mark_blocked(app, account).await;
            }
            let remembered = Remembered { account_before: before.bytes, ..copied()? };
            if self.put_account(app, account, entry, &remembered, &mut Vec::new()).await? {
                return self.mark_blocked(app, account).await;
            }
            pause(tries).await;
        }
        Err(contended())
    }

    /// The same for a team.
    pub(crate) async fn put_copied_team(
        &self,
        app: &AppKey,
        team: &Team,
        entry: &TeamEntry,
    ) -> Result<(), Error> {
        for tries in 0..TRIES_MAX {
            let before = self.directory().team_entry(app, team).await?;
            if before.value.as_ref() == Some(entry) {
                return Ok(());
            }
            let remembered = Remembered { team_before: before.bytes, ..copied()? };
            if self.put_team(app, team, entry, &remembered).await? {
                return Ok(());
            }
            pause(tries).await;
        }
        Err(contended())
    }

    /// Makes the list of blocked accounts say what the entry says, whatever an attempt before left.
    async fn mark_blocked(&self, app: &AppKey, account: &Account) -> Result<(), Error> {
        let entry = self.directory().account(app, account).await?.value;
        let is_blocked = entry.is_some_and(|entry| entry.blocked.is_some());
        let (cql, of) = (&self.scanner.cql, &self.scanner.cql.statements);
        let (uid, realm) = (self.scanner.names.uid(app, account), self.scanner.names.realm());
        if is_blocked {
            cql.set_surely(&of.put_blocked, (realm, &uid)).await?;
        } else if self.blocked.contains(&uid) {
            cql.set_surely(&of.drop_blocked, (realm, &uid)).await?;
        }
        self.blocked.change(&uid, is_blocked);
        Ok(())
    }
}

/// What a copy decides: nothing, but who put an entry.
fn copied() -> Result<Remembered, Error> {
    Ok(Remembered {
        time: 0,
        account_before: None,
        team_before: None,
        by: random()?,
        plan: Plan::default(),
        is_done: false,
        is_void: false,
    })
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8], of: &str) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|_| damaged("value", of))
}

//! Actions of an app's own server inside a write: the facts are read, `decide` decides, the plan is
//! carried out, all in one transaction.

use huihua_core::{Account, AppKey, SessionKind};
use huihua_event::{Action, Done, Owner, Place, Team, TeamEntry};
use huihua_store::{
    Refusal,
    decide::{Facts, Plan, WantedFacts, decide},
    directory::{message_id_floor, team_id_floor, teams_of_id},
    latest::Latest,
};
use redb::ReadableTable as _;

use crate::{
    failure::StoreFailure,
    lookup::{BytesTable, ListTables, TeamTables, marked_accounts},
    registers, row, tables,
    transaction::Tx,
};

/// Does the action, or refuses it before anything is written.
pub(crate) fn act(
    tx: &mut Tx<'_>,
    app: &AppKey,
    action: &Action,
    now: u64,
) -> Result<Result<Done, Refusal>, StoreFailure> {
    let facts = facts(tx, app, &WantedFacts::of(action), now)?;
    match decide(action, facts, now) {
        Ok(plan) => carry_out(tx, app, plan).map(Ok),
        Err(refusal) => Ok(Err(refusal)),
    }
}

fn facts(
    tx: &Tx<'_>,
    app: &AppKey,
    wanted: &WantedFacts<'_>,
    now: u64,
) -> Result<Facts, StoreFailure> {
    let account = wanted.account.map(|account| tx.account(app, account)).transpose()?.flatten();
    let teams = wanted.teams.iter().map(|team| team_there(tx.team_tables()?, app, team));
    let is_member = |(team, account): &(&Team, &Account)| {
        let owner = Owner { app: app.clone(), account: (*account).clone() };
        Ok::<_, StoreFailure>(in_since(&tx.lists(), &owner, team)?.is_some())
    };
    let mut newest_time = 0;
    for place in &wanted.newest {
        newest_time = newest(tx, app, place)?.max(newest_time);
    }
    Ok(Facts {
        account,
        teams: teams.collect::<Result<_, _>>()?,
        members: wanted.members.iter().map(is_member).collect::<Result<_, _>>()?,
        newest: newest_time,
        message_ids: tx.next_ids(
            tables::META_MESSAGE_ID,
            wanted.message_ids,
            message_id_floor(now),
        )?,
        team_id: if wanted.team_id { free_team_id(tx, app, now)? } else { 0 },
    })
}

fn carry_out(tx: &mut Tx<'_>, app: &AppKey, plan: Plan) -> Result<Done, StoreFailure> {
    if let Some((account, entry)) = &plan.account {
        tx.put_account(app, account, entry)?;
    }
    if let Some((team, entry)) = &plan.team {
        tx.put_team(app, team, entry)?;
    }
    if let Some(ids) = &plan.message_ids {
        tx.put_numbers(tables::META_MESSAGE_ID, [ids.end.saturating_sub(1)])?;
    }
    if let Some(id) = plan.team_id {
        tx.put_numbers(tables::META_TEAM_ID, [id])?;
    }
    for event in &plan.events {
        // The plan's events are within the clock: there is no outcome that could be dropped.
        registers::apply(tx, app, event)?;
    }
    Ok(plan.done)
}

/// Reads the entry of a team that is there. One that was only ever named by messages or notices has
/// an empty entry. One that was dissolved is there again once somebody came in after its end.
pub(crate) fn team_there<S: BytesTable, H: BytesTable, T: BytesTable>(
    tables: TeamTables<'_, S, H, T>,
    app: &AppKey,
    team: &Team,
) -> Result<Option<TeamEntry>, StoreFailure> {
    let entry = team_entry(tables.teams, app, team)?;
    let key = tables::head_key(app, team.kind(), team.id().as_str());
    let is_named =
        || Ok::<_, StoreFailure>(entry.is_some() || has_members(tables.members, app, team)?);
    let is_there = match tables.lists.heads.get(key.as_slice())? {
        Some(value) => {
            let head = row::decode_head(&key, value.value())?;
            match head.dissolved {
                Some(_) => has_anybody_in(&tables, app, team)?,
                // An edit alone names no team: it waits for its message.
                None => head.latest.shown().is_some() || is_named()?,
            }
        }
        None => is_named()?,
    };
    Ok(is_there.then(|| entry.unwrap_or_default()))
}

fn has_anybody_in<S: BytesTable, H: BytesTable, T: BytesTable>(
    tables: &TeamTables<'_, S, H, T>,
    app: &AppKey,
    team: &Team,
) -> Result<bool, StoreFailure> {
    let mut is_anybody_in = false;
    let prefix = tables::members_prefix(app, team);
    marked_accounts(tables.members, &prefix, None, |account| {
        let owner = Owner { app: app.clone(), account };
        is_anybody_in = in_since(&tables.lists, &owner, team)?.is_some();
        Ok(!is_anybody_in)
    })?;
    Ok(is_anybody_in)
}

/// Reads the time of the newest message of a conversation, ms since 1970; 0 without one.
fn newest(tx: &Tx<'_>, app: &AppKey, place: &Place) -> Result<u64, StoreFailure> {
    let time = |latest: &Latest<'_>| latest.shown().map_or(0, |shown| shown.body.key.time);
    match place {
        Place::P2p { from, to } | Place::Undelivered { from, to } => {
            let key = tables::session_key(app, from.as_str(), SessionKind::P2p, to.as_str());
            let Some(value) = tx.sessions.get(key.as_slice())? else { return Ok(0) };
            Ok(time(&row::decode_row(&key, value.value())?.latest))
        }
        Place::Team(team) => {
            let key = tables::head_key(app, team.kind(), team.id().as_str());
            let Some(value) = tx.heads.get(key.as_slice())? else { return Ok(0) };
            Ok(time(&row::decode_head(&key, value.value())?.latest))
        }
    }
}

/// Chooses a team id that nothing ever named, of either kind: a team that NIM made may have any id.
fn free_team_id(tx: &Tx<'_>, app: &AppKey, now: u64) -> Result<u64, StoreFailure> {
    let mut id = tx.next_ids(tables::META_TEAM_ID, 1, team_id_floor(now))?.start;
    loop {
        let mut is_named = false;
        for team in &teams_of_id(id) {
            let key = tables::head_key(app, team.kind(), team.id().as_str());
            is_named |= tx.heads.get(key.as_slice())?.is_some()
                || tx.teams.open()?.get(key.as_slice())?.is_some()
                || has_members(tx.members.open()?, app, team)?;
        }
        if !is_named {
            return Ok(id);
        }
        id += 1;
    }
}

fn has_members(members: &impl BytesTable, app: &AppKey, team: &Team) -> Result<bool, StoreFailure> {
    let prefix = tables::members_prefix(app, team);
    let mut from = members.range::<&[u8]>(prefix.as_slice()..)?;
    Ok(from.next().transpose()?.is_some_and(|(key, _)| key.value().starts_with(&prefix)))
}

/// Tells since when the owner is in the team; `None` when it is not in now.
pub(crate) fn in_since<S: BytesTable, H: BytesTable>(
    lists: &ListTables<'_, S, H>,
    owner: &Owner,
    team: &Team,
) -> Result<Option<u64>, StoreFailure> {
    lists.session(owner, &team.session_id(), |_, view| Ok(view.in_since))
}

/// Reads a team's entry.
pub(crate) fn team_entry(
    teams: &impl BytesTable,
    app: &AppKey,
    team: &Team,
) -> Result<Option<TeamEntry>, StoreFailure> {
    let key = tables::head_key(app, team.kind(), team.id().as_str());
    let value = teams.get(key.as_slice())?;
    value.map(|value| row::decode_team(&key, value.value())).transpose()
}

//! The first step: who is in which team since when.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use huihua_core::{Account, SessionKind, TeamId};
use huihua_event::Team;
use huihua_http::events_json::EventStatus;

use super::{
    context::ImportContext,
    error::Error,
    events,
    input::TeamLine,
    nim_api::NimError,
    state::Record,
    teams::{self, TeamMembers},
    workers::each,
};
/// Most accounts of one join.
const JOINS_MAX: usize = 4_000;

/// Both kinds of team.
pub(super) const KINDS: [SessionKind; 2] = [SessionKind::Team, SessionKind::SuperTeam];

/// Writes the members of the accounts' teams and of the given ones.
pub(super) async fn import(
    context: &Arc<ImportContext>,
    accounts: &[Account],
    given: Vec<TeamLine>,
) -> Result<(), Error> {
    find_teams(context, accounts).await?;
    let mut wanted = BTreeSet::new();
    let mut either = Vec::new();
    for line in given {
        match line {
            TeamLine::Team(team) => {
                wanted.insert(team);
            }
            TeamLine::Either(id) => either.push(id),
        }
    }
    {
        let done = context.state.done();
        let of_accounts = accounts.iter().filter_map(|account| done.joined.get(account));
        wanted.extend(of_accounts.flatten().cloned());
        wanted.retain(|team| !done.teams.contains(team));
        either.retain(|id| {
            let known = |kind| done.teams.contains(&teams::team(kind, id.clone()));
            !KINDS.into_iter().any(known)
        });
    }
    each(context, "teams", wanted.into_iter().collect(), async |context, team: Team| {
        match write_members(&context, &team).await? {
            Ok(()) => Ok(()),
            Err(error) => context.fail(team.session_id(), "members of a team", error),
        }
    })
    .await?;
    each(context, "team ids of the file", either, async |context, id| {
        write_either(&context, &id).await
    })
    .await
}

/// Asks for the teams of each account.
async fn find_teams(context: &Arc<ImportContext>, accounts: &[Account]) -> Result<(), Error> {
    let accounts: Vec<Account> = {
        let done = context.state.done();
        accounts.iter().filter(|account| !done.joined.contains_key(account)).cloned().collect()
    };
    each(context, "accounts asked for teams", accounts, async |context, account: Account| {
        match teams_of(&context, &account).await {
            Ok(teams) => {
                let teams = teams.iter().map(Team::session_id).collect();
                context.state.add(Record::Joined { account, teams })
            }
            Err(error) => context.fail(&account, "teams of an account", error),
        }
    })
    .await
}

/// Writes the members of the team, the super team, or both that have this id.
async fn write_either(context: &ImportContext, id: &TeamId) -> Result<(), Error> {
    let (mut found, mut refusal) = (false, None);
    for kind in KINDS {
        match write_members(context, &teams::team(kind, id.clone())).await? {
            Ok(()) => found = true,
            Err(error @ (NimError::Fatal(_) | NimError::GaveUp { .. })) => {
                return context.fail(id, "members of a team", error);
            }
            Err(error) => refusal = Some(error),
        }
    }
    match refusal.filter(|_| !found) {
        Some(refusal) => context.fail(id, "neither a team nor a super team", refusal),
        None => Ok(()),
    }
}

/// Returns the teams that the account is in.
pub(super) async fn teams_of(
    context: &ImportContext,
    account: &Account,
) -> Result<Vec<Team>, NimError> {
    let mut all = Vec::new();
    for kind in KINDS {
        let off = context.teams_off(kind);
        if off.load(Ordering::Relaxed) {
            continue;
        }
        match teams::joined(&context.nim, kind, account).await {
            Ok(teams) => all.extend(teams),
            Err(NimError::FeatureOff) => {
                context.note_off(off, &format!("the accounts' {kind}s"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Writes the members of a team.
async fn write_members(
    context: &ImportContext,
    team: &Team,
) -> Result<Result<(), NimError>, Error> {
    let members = match teams::members(&context.nim, team).await {
        Ok(members) => members,
        Err(error) => return Ok(Err(error)),
    };
    let TeamMembers { by_time, count, unreadable, unlisted } = members;
    let id = team.session_id();
    let joins: Vec<_> = by_time
        .iter()
        .flat_map(|(time, accounts)| accounts.chunks(JOINS_MAX).map(move |part| (time, part)))
        .map(|(time, accounts)| events::join(team.kind(), team.id().as_str(), accounts, *time))
        .collect();
    let mut written = true;
    for result in context.target.send(&joins).await? {
        written &= context.count(result, &id) != EventStatus::Rejected;
    }
    {
        let mut summary = context.summary();
        summary.teams += 1;
        summary.memberships += count;
        if unreadable > 0 {
            summary.not_carried.add("members whose ids cannot be read, in the team", &id);
        }
        if unlisted > 0 {
            let reason = "super teams of which NIM does not list all members (an account of \
                          --accounts joins when its list is read)";
            summary.not_carried.add(reason, &id);
        }
    }
    if written {
        context.state.add(Record::Team(id))?;
    }
    Ok(Ok(()))
}

//! Questions about teams and super teams: their facts, and who is in them since when.

use axum::response::Response;
use huihua_event::{JoinedTeam, Member, Owner, Team, TeamKind};
use huihua_nim::rest::{
    RequestFault,
    team_facts::{self, TeamFacts},
};
use huihua_store::Refusal;

use super::{answers::whole_list, call::SignedCall, error::CallError};

/// Most members that are read for one answer: some 10 MiB, of which an answer may show 4. NIM's
/// largest team has a tenth.
const MEMBERS_MAX: usize = 100_000;

pub(super) async fn query(call: SignedCall) -> Result<Response, CallError> {
    let (asked, with_members) = team_facts::query(&call.form)?;
    let teams = known(&call, asked, "tids").await?;
    whole_list(team_facts::query_answer(&teams, with_members))
}

pub(super) async fn query_detail(call: SignedCall) -> Result<Response, CallError> {
    let asked = call.form.team("tid", TeamKind::Normal)?;
    let team = one(&call, asked).await?;
    whole_list(team_facts::detail_answer(&team))
}

pub(super) async fn super_teams(call: SignedCall) -> Result<Response, CallError> {
    let teams = known(&call, team_facts::super_teams(&call.form)?, "tids").await?;
    let teams = teams.into_iter().map(|TeamFacts { team, entry, members }| JoinedTeam {
        team,
        entry,
        size: members.len(),
    });
    whole_list(team_facts::super_teams_answer(&teams.collect::<Vec<_>>()))
}

pub(super) async fn super_team_members(call: SignedCall) -> Result<Response, CallError> {
    let query = team_facts::members_query(&call.form)?;
    let team = one(&call, query.team.clone()).await?;
    whole_list(team_facts::members_answer(&query, &team))
}

pub(super) async fn joined_super_teams(call: SignedCall) -> Result<Response, CallError> {
    let owner = Owner { app: call.app_key.clone(), account: call.form.account("accid")? };
    let teams = call.context.store.joined(&owner, TeamKind::Super).await?;
    whole_list(team_facts::super_teams_answer(&teams))
}

async fn one(call: &SignedCall, team: Team) -> Result<TeamFacts, CallError> {
    let mut known = known(call, vec![team], "tid").await?;
    Ok(known.remove(0))
}

/// Reads the teams that are there, at least one; those that are not are left out.
async fn known(
    call: &SignedCall,
    asked: Vec<Team>,
    parameter: &'static str,
) -> Result<Vec<TeamFacts>, CallError> {
    let mut teams = Vec::with_capacity(asked.len());
    let mut members_left = MEMBERS_MAX;
    for team in asked {
        let store = &call.context.store;
        let Some(entry) = store.team(&call.app_key, &team).await? else { continue };
        let limit = members_left + 1;
        let members: Vec<Member> = store.members(&call.app_key, &team, None, limit).await?;
        members_left = members_left.checked_sub(members.len()).ok_or_else(|| {
            let reason = format_args!("has more than {MEMBERS_MAX} members: too many to answer");
            RequestFault::new(parameter, reason)
        })?;
        teams.push(TeamFacts { team, entry, members });
    }
    if teams.is_empty() { Err(call.refused(Refusal::NoSuchTeam)) } else { Ok(teams) }
}

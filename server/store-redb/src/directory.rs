//! Reading the directory from a snapshot: the account of a token, the teams of an account, the
//! members of a team.

use huihua_core::{Account, AppKey};
use huihua_event::{JoinedTeam, Member, Owner, Team, TeamEntry, TeamKind, TokenHash};

use crate::{
    act::{in_since, team_entry, team_there},
    failure::StoreFailure,
    lookup::{TeamTables, marked_accounts},
    read::Snapshot,
    tables,
};

/// Returns the account that has this token, if one alone has it.
pub(crate) fn account_of(
    snapshot: &Snapshot<'_>,
    app: &AppKey,
    token: &TokenHash,
) -> Result<Option<Account>, StoreFailure> {
    let mut accounts = Vec::new();
    let tokens = snapshot.tx.open_table(tables::TOKENS)?;
    marked_accounts(&tokens, &tables::token_prefix(app, token), None, |one| {
        accounts.push(one);
        Ok(accounts.len() < 2)
    })?;
    Ok(if accounts.len() == 1 { accounts.pop() } else { None })
}

/// Returns the teams of this kind that the owner is in.
pub(crate) fn joined(
    snapshot: &Snapshot<'_>,
    owner: &Owner,
    kind: TeamKind,
) -> Result<Vec<JoinedTeam>, StoreFailure> {
    let entries = snapshot.tx.open_table(tables::TEAMS)?;
    let mut joined = Vec::new();
    let of_kind = |team: &Team| team.kind() == kind.session_kind();
    for team in snapshot.teams_of(owner)?.into_iter().filter(of_kind) {
        let size = members(snapshot, &owner.app, &team, None, usize::MAX)?.len();
        let entry = team_entry(&entries, &owner.app, &team)?.unwrap_or_default();
        joined.push(JoinedTeam { team, entry, size });
    }
    Ok(joined)
}

/// Returns the entry of a team that is there.
pub(crate) fn team(
    snapshot: &Snapshot<'_>,
    app: &AppKey,
    team: &Team,
) -> Result<Option<TeamEntry>, StoreFailure> {
    let teams = snapshot.tx.open_table(tables::TEAMS)?;
    let members = snapshot.tx.open_table(tables::MEMBERS)?;
    let tables = TeamTables { lists: snapshot.lists(), teams: &teams, members: &members };
    team_there(tables, app, team)
}

/// Returns the accounts that are in the team, after this one, at most so many.
pub(crate) fn members(
    snapshot: &Snapshot<'_>,
    app: &AppKey,
    team: &Team,
    after: Option<&Account>,
    limit: usize,
) -> Result<Vec<Member>, StoreFailure> {
    let mut members = Vec::new();
    let prefix = tables::members_prefix(app, team);
    let marks = snapshot.tx.open_table(tables::MEMBERS)?;
    marked_accounts(&marks, &prefix, after, |account| {
        if members.len() == limit {
            return Ok(false);
        }
        let owner = Owner { app: app.clone(), account };
        if let Some(since) = in_since(&snapshot.lists(), &owner, team)? {
            members.push(Member { since, account: owner.account });
        }
        Ok(true)
    })?;
    Ok(members)
}

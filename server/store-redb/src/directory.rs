//! Reading the directory from a snapshot: the account of a token, the teams of an account, the
//! members of a team.

use huihua_core::{Account, AppKey};
use huihua_event::{JoinedTeam, Owner, Team, TeamKind, TokenHash};

use crate::{
    act::{is_in, team_entry},
    failure::StoreFailure,
    read::Snapshot,
    row, tables,
};

/// Returns the account that has this token, if one alone has it.
pub(crate) fn account_of(
    snapshot: &Snapshot<'_>,
    app: &AppKey,
    token: &TokenHash,
) -> Result<Option<Account>, StoreFailure> {
    let mut accounts = Vec::new();
    marked_accounts(snapshot, tables::TOKENS, &tables::token_prefix(app, token), None, |one| {
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

/// Returns the accounts that are in the team, after this one, at most so many.
pub(crate) fn members(
    snapshot: &Snapshot<'_>,
    app: &AppKey,
    team: &Team,
    after: Option<&Account>,
    limit: usize,
) -> Result<Vec<Account>, StoreFailure> {
    let mut members = Vec::new();
    let prefix = tables::members_prefix(app, team);
    marked_accounts(snapshot, tables::MEMBERS, &prefix, after, |account| {
        if members.len() == limit {
            return Ok(false);
        }
        let owner = Owner { app: app.clone(), account };
        if is_in(snapshot.lists(), &owner, team)? {
            members.push(owner.account);
        }
        Ok(true)
    })?;
    Ok(members)
}

/// Calls `each` with the accounts that are marked behind this prefix, in the order of their bytes,
/// until it says no.
fn marked_accounts(
    snapshot: &Snapshot<'_>,
    table: tables::Definition,
    prefix: &[u8],
    after: Option<&Account>,
    mut each: impl FnMut(Account) -> Result<bool, StoreFailure>,
) -> Result<(), StoreFailure> {
    let table = snapshot.tx.open_table(table)?;
    let mut from = prefix.to_vec();
    if let Some(account) = after {
        from.extend(account.as_str().as_bytes());
        // The least key that is greater: no account holds a control character.
        from.push(0);
    }
    for item in table.range::<&[u8]>(from.as_slice()..)? {
        let (key, value) = item?;
        if !key.value().starts_with(prefix) {
            break;
        }
        row::decode_mark(key.value(), value.value())?;
        let account = tables::account_after(prefix, key.value());
        if !each(account.ok_or_else(|| row::damaged("mark", key.value()))?)? {
            break;
        }
    }
    Ok(())
}

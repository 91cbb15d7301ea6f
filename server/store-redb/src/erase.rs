//! Erasing an account inside a write, in steps. Its entry and tokens go first, so that nobody comes
//! in by them meanwhile.

use huihua_event::{Owner, Team};
use huihua_store::Erased;
use redb::ReadableTable as _;

use crate::{failure::StoreFailure, lookup, row, tables, transaction::Tx};

/// Rows looked at in one step: about a millisecond of the writer's time.
pub(crate) const STEP_ROWS_MAX: usize = 256;

/// Where an erasure goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErasePosition {
    Entry,
    Sessions,
    FirstResults,
    /// Among the entries of teams, at this key.
    Teams(Vec<u8>),
    End,
}

/// Does one step; returns what it took away, and where the next one goes on.
pub(crate) fn step(
    tx: &mut Tx<'_>,
    owner: &Owner,
    at: &ErasePosition,
) -> Result<(Erased, ErasePosition), StoreFailure> {
    let mut erased = Erased::default();
    let next = match at {
        ErasePosition::Entry => {
            erased.entries = tx.erase_account(&owner.app, &owner.account)?.into();
            ErasePosition::Sessions
        }
        ErasePosition::Sessions => {
            erased.sessions = erase_sessions(tx, owner)?;
            if erased.sessions == 0 { ErasePosition::FirstResults } else { at.clone() }
        }
        ErasePosition::FirstResults => {
            erased.first_results = erase_first_results(tx, owner)?;
            let teams = || ErasePosition::Teams(tables::app_prefix(&owner.app));
            if erased.first_results == 0 { teams() } else { at.clone() }
        }
        ErasePosition::Teams(from) => {
            let (count, next) = leave_owned_teams(tx, owner, from)?;
            erased.owned_teams = count;
            next.map_or(ErasePosition::End, ErasePosition::Teams)
        }
        ErasePosition::End => ErasePosition::End,
    };
    if erased.entries + erased.sessions > 0 {
        tx.note_erased(owner)?;
    }
    Ok((erased, next))
}

/// Removes the next sessions, whatever is in them: a damaged one goes too.
fn erase_sessions(tx: &mut Tx<'_>, owner: &Owner) -> Result<u64, StoreFailure> {
    let range = tables::owner_range(owner);
    let mut keys = Vec::new();
    for item in tx.sessions.range::<&[u8]>(range.start.as_slice()..range.end.as_slice())? {
        if keys.len() == STEP_ROWS_MAX {
            break;
        }
        keys.push(item?.0.value().to_vec());
    }
    for key in &keys {
        let team = tables::peer_of(&range, key)
            .and_then(|(kind, peer)| Team::of(&lookup::session_id(kind, peer).ok()?));
        let member = team.map(|team| tables::member_key(&owner.app, &team, &owner.account));
        tx.erase_row(key, member.as_deref())?;
    }
    Ok(keys.len() as u64)
}

fn erase_first_results(tx: &mut Tx<'_>, owner: &Owner) -> Result<u64, StoreFailure> {
    let range = tables::owner_range(owner);
    let mut keys = Vec::new();
    for item in tx.results.open()?.range::<&[u8]>(range.start.as_slice()..range.end.as_slice())? {
        if keys.len() == STEP_ROWS_MAX {
            break;
        }
        keys.push(item?.0.value().to_vec());
    }
    keys.iter().try_for_each(|key| tx.remove_first_result(key))?;
    Ok(keys.len() as u64)
}

/// Takes the owner away from its teams among the next ones. Returns how many, and where to go on.
fn leave_owned_teams(
    tx: &mut Tx<'_>,
    owner: &Owner,
    from: &[u8],
) -> Result<(u64, Option<Vec<u8>>), StoreFailure> {
    let end = tables::app_range(&owner.app).end;
    let (mut owned, mut count, mut last) = (Vec::new(), 0, None);
    for item in tx.teams.open()?.range::<&[u8]>(from..end.as_slice())?.take(STEP_ROWS_MAX) {
        let (key, value) = item?;
        let entry = row::decode_team(key.value(), value.value())?;
        if entry.owner.as_ref() == Some(&owner.account) {
            let team = tables::team_of_key(&owner.app, key.value())
                .ok_or_else(|| row::damaged("key", key.value()))?;
            owned.push((team, entry));
        }
        count += 1;
        last = Some(key.value().to_vec());
    }
    let teams = owned.len() as u64;
    for (team, mut entry) in owned {
        entry.owner = None;
        tx.put_team(&owner.app, &team, &entry)?;
    }
    let next = last.filter(|_| count == STEP_ROWS_MAX).map(|mut key| {
        // The least key that is greater.
        key.push(0);
        key
    });
    Ok((teams, next))
}

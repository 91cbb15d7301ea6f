//! Reading everything of one account from a snapshot.

use huihua_event::Owner;
use huihua_store::{
    TakeRecord,
    account_data::{
        account_record, end_record, first_result_record, owned_team_record, session_record,
    },
};

use crate::{
    failure::StoreFailure,
    lookup::{self, session_json},
    read::Snapshot,
    row, tables,
};

/// Gives every record of the owner, until nobody takes them. Returns how many.
pub(crate) fn export(
    snapshot: &Snapshot<'_>,
    owner: &Owner,
    mut take: TakeRecord,
) -> Result<u64, StoreFailure> {
    let mut records = 0;
    let mut give = |record| {
        records += 1;
        if take(record) { Ok(()) } else { Err(StoreFailure::file(&"nobody takes the records")) }
    };
    let key = tables::account_key(&owner.app, &owner.account);
    let accounts = snapshot.tx.open_table(tables::ACCOUNTS)?;
    let entry = accounts.get(key.as_slice())?;
    let entry = entry.map(|entry| row::decode_account(&key, entry.value())).transpose()?;
    give(account_record(owner, entry.as_ref()))?;
    let range = tables::owner_range(owner);
    let rows = range.start.as_slice()..range.end.as_slice();
    for item in snapshot.sessions.range::<&[u8]>(rows.clone())? {
        let (key, value) = item?;
        let (kind, peer) =
            tables::peer_of(&range, key.value()).ok_or_else(|| row::damaged("key", key.value()))?;
        let registers = row::decode_row(key.value(), value.value())?;
        let shown = snapshot.lists().with_head(owner, kind, peer, |head| {
            session_json(kind, peer, registers.ext, &registers.view(kind, head))
        })?;
        give(session_record(&lookup::session_id(kind, peer)?, &registers, shown))?;
    }
    let teams = tables::app_range(&owner.app);
    let teams = teams.start.as_slice()..teams.end.as_slice();
    for item in snapshot.tx.open_table(tables::TEAMS)?.range::<&[u8]>(teams)? {
        let (key, value) = item?;
        let team = tables::team_of_key(&owner.app, key.value())
            .ok_or_else(|| row::damaged("key", key.value()))?;
        let entry = row::decode_team(key.value(), value.value())?;
        if entry.owner.as_ref() == Some(&owner.account) {
            give(owned_team_record(&team, &entry))?;
        }
    }
    for item in snapshot.tx.open_table(tables::RESULTS)?.range::<&[u8]>(rows)? {
        let (key, value) = item?;
        let first = row::decode_first_result(key.value(), value.value())?;
        let name = key.value().get(range.start.len()..).unwrap_or_default();
        give(first_result_record(&String::from_utf8_lossy(name), first.time))?;
    }
    let all = records;
    take(end_record(all));
    Ok(all)
}

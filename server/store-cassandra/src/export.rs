//! Reading everything of one account, and walking over all values.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use huihua_core::{AppKey, SessionKind};
use huihua_event::Owner;
use huihua_store::{
    CAPITALS_COUNTED_MAX, CapitalAccounts, Error, TakeRecord,
    account_data::{
        account_record, end_record, first_result_record, owned_team_record, session_record,
    },
    shown,
};

use crate::{
    cells::kind_and_peer,
    directory::Directory,
    failure::{damaged, unavailable},
    scan::Scanner,
};

/// Gives every record of the owner, until nobody takes them. Returns how many.
pub(crate) async fn export(
    scanner: &Scanner,
    owner: &Owner,
    mut take: TakeRecord,
) -> Result<u64, Error> {
    let mut records = 0;
    let mut give = |record| {
        records += 1;
        if take(record) { Ok(()) } else { Err(unavailable("nobody takes the records")) }
    };
    let directory = Directory { scanner };
    let entry = directory.account(&owner.app, &owner.account).await?.value;
    give(account_record(owner, entry.as_ref()))?;
    let scanned = scanner.scan(owner, true, 0).await?;
    let sids: Vec<String> = scanned.sessions.iter().map(|one| one.sid.clone()).collect();
    for part in sids.chunks(100) {
        let read = scanner.sessions(owner, part).await?;
        for cells in &read.sessions {
            let (kind, peer) = cells.kind()?;
            let row = cells.row()?;
            let shown =
                read.view(cells, |view| shown::session_json(kind, peer, row.ext, view))??;
            let id = cells.sid.parse().map_err(|_| damaged("id", &cells.sid))?;
            give(session_record(&id, &row, shown))?;
        }
    }
    for (team, entry) in directory.owned(owner).await? {
        if let Some(entry) = entry.value {
            give(owned_team_record(&team, &entry))?;
        }
    }
    for (key, first) in &scanned.results.0 {
        give(first_result_record(key, first.time))?;
    }
    let all = records;
    take(end_record(all));
    Ok(all)
}

/// Finds the account ids of the app with an ASCII capital.
pub(crate) async fn find_capitals(
    scanner: &Scanner,
    app: &AppKey,
) -> Result<Option<CapitalAccounts>, Error> {
    let names = &scanner.names;
    let mut found = BTreeSet::new();
    let mut note = |id: &str| {
        if found.len() < CAPITALS_COUNTED_MAX && id.bytes().any(|byte| byte.is_ascii_uppercase()) {
            found.extend(id.parse());
        }
    };
    let (session, of) = (&scanner.cql.session, &scanner.cql.statements);
    let rows = session.execute_iter(of.all_sids.clone(), ()).await.map_err(unavailable)?;
    let mut rows = rows.rows_stream::<(String, Option<String>)>().map_err(unavailable)?;
    while let Some((uid, sid)) = rows.try_next().await.map_err(unavailable)? {
        let Some(account) = names.account_of(app, &uid) else { continue };
        note(account);
        if let Some(Ok((SessionKind::P2p, peer))) = sid.as_deref().map(kind_and_peer) {
            note(peer);
        }
    }
    let rows = session.execute_iter(of.all_accounts.clone(), ()).await.map_err(unavailable)?;
    let mut rows = rows.rows_stream::<(String, Option<Vec<u8>>)>().map_err(unavailable)?;
    while let Some((uid, _)) = rows.try_next().await.map_err(unavailable)? {
        names.account_of(app, &uid).into_iter().for_each(&mut note);
    }
    let rows = session.execute_iter(of.all_teams.clone(), ()).await.map_err(unavailable)?;
    let mut rows = rows.rows_stream::<(String, Option<Vec<u8>>)>().map_err(unavailable)?;
    while let Some((tid, bytes)) = rows.try_next().await.map_err(unavailable)? {
        if names.team_of(app, &tid).is_some()
            && let Some(owner) = crate::directory::owner_in(bytes)
        {
            note(owner.as_str());
        }
    }
    let count = found.len();
    Ok(found.pop_first().map(|example| CapitalAccounts { count, example }))
}

/// Reads every account's list with its texts and its entry; the first damaged value is the error.
/// Returns how many values there are.
pub(crate) async fn verify(
    scanner: &Scanner,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<u64, Error> {
    let (session, of) = (&scanner.cql.session, &scanner.cql.statements);
    let rows = session.execute_iter(of.all_uids.clone(), ()).await.map_err(unavailable)?;
    let mut rows = rows.rows_stream::<(String,)>().map_err(unavailable)?;
    let mut values = 0;
    while let Some((uid,)) = rows.try_next().await.map_err(unavailable)? {
        let Some(owner) = scanner.names.owner_of(&uid) else { continue };
        let scanned = scanner.scan(&owner, false, 0).await?;
        let sids: Vec<String> = scanned.sessions.iter().map(|one| one.sid.clone()).collect();
        for part in sids.chunks(100) {
            let read = scanner.sessions(&owner, part).await?;
            for cells in &read.sessions {
                let (kind, peer) = cells.kind()?;
                let ext = cells.ext.as_deref().unwrap_or_default();
                read.view(cells, |view| shown::session_json(kind, peer, ext, view).map(drop))??;
                values += 1;
            }
        }
        Directory { scanner }.account(&owner.app, &owner.account).await?;
        // How many there are in all, nobody knows.
        progress(values, values);
    }
    Ok(values)
}

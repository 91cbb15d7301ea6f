//! Drops the texts of sessions that were deleted more than 30 days ago: a body without a text
//! outranks the same body with it, so nothing is deleted and nothing newer is touched. Rows with
//! registers of events stay, some 100 bytes each; those that were there by their ext alone go, and
//! with them the cursors from before. First results that are given no more go too.

use huihua_event::Owner;
use huihua_store::{
    Error, SweepState, TOMBSTONE_MS,
    key::MessageBody,
    rules::{Moved, Notice},
};

use crate::{
    cells::{MemCell, Meta, SessionCells, body_bytes, stamp},
    failure::unavailable,
    hand_out::next_version,
    locks::AccountLocks,
    names::RESULTS_SID,
    run::{Outcome, blob, number, text},
    scan::Scanner,
};

/// Accounts looked at in one request.
const STEP_ACCOUNTS_MAX: usize = 500;

/// Rows of an account swept in one batch.
const STEP_ROWS_MAX: usize = 50;

/// Sweeps accounts after this token, as many as have about `rows_max` rows. Returns where the next
/// call goes on; `None` at the end of a pass.
pub(crate) async fn sweep(
    scanner: &Scanner,
    locks: &AccountLocks,
    now: u64,
    mut at: i64,
    rows_max: usize,
) -> Result<(SweepState, i64), Error> {
    let mut rows_left = rows_max;
    loop {
        let (cql, of) = (&scanner.cql, &scanner.cql.statements);
        let limit = i32::try_from(STEP_ACCOUNTS_MAX).unwrap_or(i32::MAX);
        let rows = cql.read(&of.some_uids, (at, limit)).await?;
        let mut count = 0;
        for row in rows.rows::<(String, i64)>().map_err(unavailable)? {
            let (uid, token) = row.map_err(unavailable)?;
            (at, count) = (token, count + 1);
            rows_left = rows_left.saturating_sub(1);
            if let Some(owner) = scanner.names.owner_of(&uid) {
                rows_left = rows_left.saturating_sub(account(scanner, locks, &owner, now).await?);
            }
        }
        if count < STEP_ACCOUNTS_MAX {
            return Ok((SweepState::Complete, i64::MIN));
        }
        if rows_left == 0 {
            return Ok((SweepState::Unfinished, at));
        }
    }
}

/// Sweeps one account; returns how many rows it has.
async fn account(
    scanner: &Scanner,
    locks: &AccountLocks,
    owner: &Owner,
    now: u64,
) -> Result<usize, Error> {
    let scanned = scanner.scan(owner, false, 0).await?;
    let is_due = |cells: &&SessionCells| {
        cells.meta.deleted.is_some_and(|deleted| now.saturating_sub(deleted) >= TOMBSTONE_MS)
    };
    let due: Vec<&SessionCells> = scanned.sessions.iter().filter(is_due).collect();
    let are_stale = scanned.results.are_stale(now);
    if due.is_empty() && !are_stale {
        return Ok(scanned.sessions.len());
    }
    let _lock = locks.lock(owner).await;
    let uid = scanner.names.uid_of(owner);
    // Nothing that is seen changes, so the version stays: it is the condition alone.
    let version = scanned.version;
    let mut batch = next_version(scanner, &uid, version, version);
    let mut horizon = scanned.horizon;
    for cells in due.into_iter().take(STEP_ROWS_MAX) {
        if cells.row()?.is_empty() {
            // It was there by its ext alone. Cursors that know of its deletion stay good.
            horizon = horizon.max(cells.meta.version);
            batch.push(&scanner.cql.statements.drop_meta, vec![text(&uid), text(&cells.sid)]);
            continue;
        }
        drop_texts(scanner, owner, cells).await?;
        let meta = Meta { deleted: None, ..cells.meta.clone() };
        let values = vec![blob(meta.to_bytes()), text(&uid), text(&cells.sid)];
        batch.push(&scanner.cql.statements.put_meta, values);
    }
    if horizon > scanned.horizon {
        batch.push(&scanner.cql.statements.put_horizon, vec![number(horizon), text(&uid)]);
    }
    if are_stale {
        batch.push(&scanner.cql.statements.drop_meta, vec![text(&uid), text(RESULTS_SID)]);
    }
    // Who lost leaves it to the next pass: the texts are gone all the same.
    if scanner.cql.set_all_if(batch).await == Outcome::Unknown {
        tracing::debug!("whether a sweep noted what it did is unknown");
    }
    Ok(scanned.sessions.len())
}

async fn drop_texts(scanner: &Scanner, owner: &Owner, cells: &SessionCells) -> Result<(), Error> {
    let (cql, of) = (&scanner.cql, &scanner.cql.statements);
    let (uid, sid) = (scanner.names.uid_of(owner), cells.sid.as_str());
    let mut row = cells.row()?;
    let Some(floor) = row.floor else { return Ok(()) };
    // A scan reads no text: that of a message below the floor goes, whether it is there or not.
    if let Some(message) = row.latest.message.filter(|message| message.key <= floor) {
        let without = body_bytes(MessageBody { text: "", ..message });
        cql.put(&of.put_body, (stamp(message.key.time), without, &uid, sid)).await?;
    }
    if row.sweep() == Moved::No {
        return Ok(());
    }
    let tid = scanner.names.tid_of_session(&owner.app, sid);
    for notice in row.notices {
        let Notice::Out(MessageBody { text: "", .. }) = notice else { continue };
        for MemCell { stamp, key, value } in MemCell::of_notice(notice) {
            let account = owner.account.as_str();
            cql.put(&of.put_member, (stamp, &key, &value, &tid, account)).await?;
            cql.put(&of.put_mem, (stamp, key, value, &uid, sid)).await?;
        }
    }
    Ok(())
}

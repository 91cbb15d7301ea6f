//! Sweeping: what is announced no more gives up its texts, and cursors from before it their right.
//! First results that are given no more go by the minute, the rest by the hour.
//! Versions carry no time; an hourly pair of clock and version shows which are old enough.

use huihua_store::{TOMBSTONE_MS, rules::Moved};

use crate::{failure::StoreFailure, lookup, once::is_fresh, row, tables, transaction::Tx};

/// Rows looked at in one step: about a millisecond of the writer's time.
pub(crate) const STEP_ROWS_MAX: usize = 256;
/// Between two pairs of clock and version, in ms.
const CLOCK_STEP_MS: u64 = 60 * 60 * 1000;

/// Where a pass goes on: at this key of a table or after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SweepPosition {
    /// Among the first results of clients' writes.
    Results(Vec<u8>),
    /// Among the sessions.
    Sessions(Vec<u8>),
    /// After the last row.
    End,
}

impl SweepPosition {
    pub(crate) const START: SweepPosition = SweepPosition::Results(Vec::new());
}

/// Between two passes over the sessions, in ms; first results go with every call.
const SESSIONS_EVERY_MS: u64 = 60 * 60 * 1000;

/// Tells whether a pass may end before the sessions: they were swept a short while ago.
pub(crate) fn is_enough(next: &SweepPosition, now: u64, sessions_swept: u64) -> bool {
    let is_before_sessions = *next == SweepPosition::Sessions(Vec::new());
    is_before_sessions && sessions_swept != 0 && now.abs_diff(sessions_swept) < SESSIONS_EVERY_MS
}

/// Does one step of a pass, and returns where the next one goes on.
pub(crate) fn step(
    tx: &mut Tx<'_>,
    now: u64,
    at: &SweepPosition,
) -> Result<SweepPosition, StoreFailure> {
    match at {
        SweepPosition::Results(from) => {
            let next = sweep_results(tx, now, from)?;
            Ok(next.map_or(SweepPosition::Sessions(Vec::new()), SweepPosition::Results))
        }
        SweepPosition::Sessions(from) => {
            // The first step moves the horizon.
            let horizon = if from.is_empty() {
                move_horizon(tx, now)?
            } else {
                tx.number(tables::META_HORIZON)?
            };
            let next = sweep_sessions(tx, from, horizon)?;
            Ok(next.map_or(SweepPosition::End, SweepPosition::Sessions))
        }
        SweepPosition::End => Ok(SweepPosition::End),
    }
}

/// Calls `read` with the next rows from this key on. Returns where to go on; `None` at the end.
fn next_rows(
    table: &impl lookup::BytesTable,
    from: &[u8],
    mut read: impl FnMut(&[u8], &[u8]),
) -> Result<Option<Vec<u8>>, StoreFailure> {
    let (mut last, mut count) = (None, 0);
    for item in table.range::<&[u8]>(from..)?.take(STEP_ROWS_MAX) {
        let (key, value) = item?;
        read(key.value(), value.value());
        count += 1;
        last = Some(key.value().to_vec());
    }
    let more = last.filter(|_| count == STEP_ROWS_MAX);
    Ok(more.map(|mut key| {
        // The least key that is greater.
        key.push(0);
        key
    }))
}

/// Forgets the results among the next rows that are given no more.
fn sweep_results(tx: &mut Tx<'_>, now: u64, from: &[u8]) -> Result<Option<Vec<u8>>, StoreFailure> {
    let mut stale = Vec::new();
    let next = next_rows(tx.results.open()?, from, |key, value| {
        let first = row::decode_first_result(key, value);
        if first.is_ok_and(|first| !is_fresh(first.time, now)) {
            stale.push(key.to_vec());
        }
    })?;
    stale.iter().try_for_each(|key| tx.remove_first_result(key))?;
    Ok(next)
}

/// Notes clock and version, and moves the horizon to the newest version that is old enough. A clock
/// that jumps back is waited for: pairs only rise.
fn move_horizon(tx: &mut Tx<'_>, now: u64) -> Result<u64, StoreFailure> {
    let numbers = tx.numbers(tables::META_CLOCK)?.unwrap_or_default();
    let mut pairs: Vec<(u64, u64)> =
        numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    if pairs.last().is_none_or(|(time, _)| time.saturating_add(CLOCK_STEP_MS) <= now) {
        pairs.push((now, tx.version()));
    }
    let is_old = |(time, _): &&(u64, u64)| time.saturating_add(TOMBSTONE_MS) <= now;
    let horizon = pairs.iter().filter(is_old).map(|(_, version)| *version).max();
    let horizon = horizon.unwrap_or(0).max(tx.number(tables::META_HORIZON)?);
    pairs.retain(|(_, version)| *version >= horizon);
    let numbers = pairs.into_iter().flat_map(|(time, version)| [time, version]);
    tx.put_numbers(tables::META_CLOCK, numbers)?;
    tx.put_horizon(horizon)?;
    tx.forget_erasures(horizon)?;
    Ok(horizon)
}

/// Drops the texts of deleted sessions at or below the horizon among the next rows, and the rows
/// that have nothing left to say: of sessions that had nothing but an ext.
///
/// A damaged row is left to its next reader: it must not end the pass.
fn sweep_sessions(
    tx: &mut Tx<'_>,
    from: &[u8],
    horizon: u64,
) -> Result<Option<Vec<u8>>, StoreFailure> {
    let mut old = Vec::new();
    let next = next_rows(&tx.sessions, from, |key, value| {
        let Some((owner, kind, peer)) = tables::session_of(key) else { return };
        let Ok(registers) = row::decode_row(key, value) else { return };
        let gone = tx.lists().with_head(&owner, kind, peer, |head| {
            let view = registers.view(kind, head);
            Ok(view.update_time.is_none() && view.version <= horizon)
        });
        if gone.unwrap_or(false) && (registers.is_empty() || registers.clone().sweep() != Moved::No)
        {
            old.push(key.to_vec());
        }
    })?;
    for key in old {
        let Some(value) = tx.row_bytes(&key)? else { continue };
        let mut registers = row::decode_row(&key, &value)?;
        if registers.is_empty() {
            tx.remove_row(&key)?;
            continue;
        }
        let moved = registers.sweep();
        tx.put_row(key, registers, moved)?;
    }
    Ok(next)
}

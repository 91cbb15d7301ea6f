//! Sweeping: what is announced no more gives up its texts, and cursors from before it their right.
//! Versions carry no time; an hourly pair of clock and version tells which are old enough.

use super::super::{Error, TOMBSTONE_MS, rules::Moved};
use super::{
    read,
    registers::{Writer, bytes_of},
    row, tables,
};

/// Rows looked at in one step: about a millisecond of the writer's time.
pub(super) const ROWS_MAX: usize = 256;
/// Between two pairs of clock and version, in ms.
const CLOCK_STEP_MS: u64 = 60 * 60 * 1000;

/// Where a pass stands: at this key of a table or after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Among the first results of clients' writes.
    Results(Vec<u8>),
    /// Among the sessions.
    Sessions(Vec<u8>),
    /// After the last row.
    End,
}

impl Place {
    pub(super) const START: Place = Place::Results(Vec::new());
}

/// Calls `see` with the next rows from this key on. Returns where to go on; `None` at the end.
pub(super) fn next_rows(
    table: &impl read::Bytes,
    from: &[u8],
    mut see: impl FnMut(&[u8], &[u8]),
) -> Result<Option<Vec<u8>>, Error> {
    let (mut last, mut count) = (None, 0);
    for item in table.range::<&[u8]>(from..)?.take(ROWS_MAX) {
        let (key, value) = item?;
        see(key.value(), value.value());
        count += 1;
        last = Some(key.value().to_vec());
    }
    let more = last.filter(|_| count == ROWS_MAX);
    Ok(more.map(|mut key| {
        // The least key that is greater.
        key.push(0);
        key
    }))
}

impl Writer<'_> {
    /// One step of a pass.
    pub(super) fn sweep(&mut self, now: u64, at: &Place) -> Result<Place, Error> {
        match at {
            Place::Results(from) => {
                let next = self.sweep_results(now, from)?;
                Ok(next.map_or(Place::Sessions(Vec::new()), Place::Results))
            }
            Place::Sessions(from) => {
                // The first step moves the horizon.
                let horizon =
                    if from.is_empty() { self.move_horizon(now)? } else { self.horizon()? };
                let next = self.sweep_sessions(from, horizon)?;
                Ok(next.map_or(Place::End, Place::Sessions))
            }
            Place::End => Ok(Place::End),
        }
    }

    fn horizon(&self) -> Result<u64, Error> {
        read::number(&self.meta, tables::META_HORIZON)
    }

    /// Notes clock and version, and moves the horizon to the newest version that is old enough. A
    /// clock that jumps back is waited for: pairs only rise.
    fn move_horizon(&mut self, now: u64) -> Result<u64, Error> {
        let numbers = read::numbers(&self.meta, tables::META_CLOCK)?.unwrap_or_default();
        let mut pairs: Vec<(u64, u64)> =
            numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        if pairs.last().is_none_or(|(time, _)| time.saturating_add(CLOCK_STEP_MS) <= now) {
            pairs.push((now, self.version));
        }
        let is_old = |(time, _): &&(u64, u64)| time.saturating_add(TOMBSTONE_MS) <= now;
        let horizon = pairs.iter().filter(is_old).map(|(_, version)| *version).max();
        let horizon = horizon.unwrap_or(0).max(self.horizon()?);
        pairs.retain(|(_, version)| *version >= horizon);
        let numbers = pairs.into_iter().flat_map(|(time, version)| [time, version]);
        let clock = row::encode_numbers(tables::META_CLOCK, numbers);
        self.meta.insert(tables::META_CLOCK, clock.as_slice())?;
        let value = row::encode_numbers(tables::META_HORIZON, [horizon]);
        self.meta.insert(tables::META_HORIZON, value.as_slice())?;
        self.wrote = true;
        Ok(horizon)
    }

    /// Drops the texts of deleted sessions at or below the horizon among the next rows. A damaged
    /// row is left to whoever reads it: it must not end the pass.
    fn sweep_sessions(&mut self, from: &[u8], horizon: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut old = Vec::new();
        let next = next_rows(&self.sessions, from, |key, value| {
            let Some((owner, kind, peer)) = tables::session_of(key) else { return };
            let Ok(registers) = row::decode_row(key, value) else { return };
            let gone = read::with_head(&self.heads, &owner, kind, peer, |head| {
                let view = registers.view(kind, head);
                Ok(view.update_time.is_none() && view.version <= horizon)
            });
            if gone.unwrap_or(false) && registers.clone().sweep() != Moved::No {
                old.push(key.to_vec());
            }
        })?;
        for key in old {
            let Some(value) = bytes_of(&self.sessions, &key)? else { continue };
            let mut registers = row::decode_row(&key, &value)?;
            let moved = registers.sweep();
            self.put_row(&key, registers, moved)?;
        }
        Ok(next)
    }
}

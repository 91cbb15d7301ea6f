//! The history that cursors name: the eras of the store, this opening's among them, and the seal of
//! its cursors.

use std::sync::atomic::{AtomicBool, Ordering};

use huihua_event::Owner;
use huihua_store::cursor::{Cursor, Era, Sealer};

use crate::{failure::StoreFailure, row, tables, transaction::Tx};

/// What one opening of the store knows of its past.
pub(crate) struct History {
    /// In the order of the openings; this one's is the last.
    eras: Vec<Era>,
    /// Whether this opening's era is on the disk.
    is_recorded: AtomicBool,
    pub(crate) sealer: Sealer,
}

impl History {
    /// A store that was made now: its first era is on the disk.
    pub(crate) fn of_new_store(eras: Vec<Era>, sealer: Sealer) -> Self {
        Self { eras, is_recorded: AtomicBool::new(true), sealer }
    }

    /// A store that had eras before this opening's.
    pub(crate) fn with_era(mut eras: Vec<Era>, own: Era, sealer: Sealer) -> Self {
        eras.push(own);
        Self { eras, is_recorded: AtomicBool::new(false), sealer }
    }

    /// Puts this opening's era into the transaction of its first version. An opening that writes
    /// none leaves no trace: any number of failed starts forgets no cursor.
    pub(crate) fn record(&self, tx: &mut Tx<'_>) -> Result<(), StoreFailure> {
        if self.is_recorded.load(Ordering::Relaxed) || !tx.has_new_version() {
            return Ok(());
        }
        let name = tables::META_ERAS;
        let mut pairs = tx.numbers(name)?.ok_or_else(|| row::damaged("eras", name))?;
        let own = self.own();
        // A commit whose outcome nobody knew may have put it already.
        if !pairs.ends_with(&own) {
            pairs.extend(own);
            let forgotten = pairs.len().saturating_sub(2 * tables::ERAS_MAX);
            tx.put_numbers(name, pairs.into_iter().skip(forgotten))?;
        }
        Ok(())
    }

    /// Notes that a transaction is durable. `had_new_version`: whether the era was in it.
    pub(crate) fn note_durable(&self, had_new_version: bool) {
        if had_new_version {
            self.is_recorded.store(true, Ordering::Relaxed);
        }
    }

    fn own(&self) -> [u64; 2] {
        self.eras.last().map_or([0, 0], |era| [era.era, era.base])
    }

    /// Makes a cursor of the owner with this hash that names this version.
    pub(crate) fn cursor(&self, owner: [u8; 8], version: u64, start: u64) -> Cursor {
        // A version belongs to the era in which it was written, which is on the disk with it. The
        // version that an opening finds is not its own: its era may never be recorded.
        let written_in = self.eras.iter().rfind(|era| era.base < version);
        let first = || self.eras.first().filter(|era| era.base <= version);
        let era = written_in.or_else(first).map_or(0, |era| era.era);
        Cursor { owner, era, version, start }
    }

    /// Tells whether the cursor belongs to this owner and this history.
    pub(crate) fn knows(&self, cursor: &Cursor, owner: &Owner, last: u64, horizon: u64) -> bool {
        cursor.is_known(owner, &self.eras, last, horizon)
    }
}

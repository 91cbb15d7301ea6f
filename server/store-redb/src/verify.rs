//! Checking every stored value of one snapshot, while other work goes on.

use huihua_store::Progress;
use redb::{ReadTransaction, ReadableTableMetadata as _};

use crate::{failure::StoreFailure, row, tables};

/// Rows between two reports of progress.
const REPORT_ROWS: u64 = 10_000;

/// Checks every value, and that each table holds as many rows as it says. Returns their number.
pub(crate) fn verify(
    tx: &ReadTransaction,
    tables: &[tables::Definition],
    progress: &Progress,
) -> Result<u64, StoreFailure> {
    let mut all = 0;
    for table in tables {
        all += tx.open_table(*table)?.len()?;
    }
    let mut done = 0;
    for table in tables {
        for item in tx.open_table(*table)?.range::<&[u8]>(..)? {
            let (key, value) = item?;
            row::verify(key.value(), value.value())?;
            done += 1;
            if done % REPORT_ROWS == 0 {
                progress(done, all);
            }
        }
    }
    progress(done, all);
    check_count(done, all)?;
    Ok(done)
}

/// Fails when the tree above the rows is damaged: redb does not check it as it reads.
pub(crate) fn check_count(found: u64, written: u64) -> Result<(), StoreFailure> {
    if found == written {
        return Ok(());
    }
    let what = format!("{found} rows are found where {written} were written");
    Err(StoreFailure::Damaged { what })
}

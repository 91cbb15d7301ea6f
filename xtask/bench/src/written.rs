//! Bytes that reach the disk for a message, with everything that a contestant does later by itself.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    field::Field,
    kinds::{KINDS, RunLength, writes_to_disk},
    load::Contestant,
    proc_files,
    results::WrittenRow,
    work::Work,
};

/// How often a contestant that settles is looked at.
const POLL: Duration = Duration::from_millis(200);
/// Who writes on and on is counted as it is after so long.
const SETTLING_MAX: Duration = Duration::from_secs(20);

/// Each contestant writes for a while, then all settle, then what each wrote is read.
///
/// A round before that is not counted: after each checkpoint PostgreSQL writes every page into its
/// log once more, which in operation is one message in many.
///
/// # Errors
/// When any call fails.
pub(crate) async fn measure(field: &Field, length: &RunLength) -> Result<Vec<WrittenRow>> {
    println!("bench: bytes written for a message");
    let mut contestants = field.contestants();
    contestants.retain(|it| writes_to_disk(it.name));
    // What earlier work left to be done is not these messages'.
    field.write_back().await?;
    settle(&contestants, length.quiet).await?;
    let mut rows = Vec::new();
    for kind in &KINDS {
        let Work::Ingest { events } = kind.work else { continue };
        let (callers, mut before) = (kind.callers(&field.numbers), Vec::new());
        for contestant in &contestants {
            contestant.measure(&callers, length.round).await?;
            let bytes = proc_files::written_bytes(&contestant.pids)?;
            let sample = contestant.measure(&callers, length.written).await?;
            // Each caller made one call before the round.
            let calls = sample.latencies.len() + kind.connections as u64;
            before.push((bytes, calls * events));
        }
        field.write_back().await?;
        settle(&contestants, length.quiet).await?;
        let mut cells = Vec::new();
        for (contestant, (bytes, messages)) in contestants.iter().zip(before) {
            let written = proc_files::written_bytes(&contestant.pids)?.saturating_sub(bytes);
            cells.push((contestant.name, written as f64 / messages as f64));
        }
        rows.push(WrittenRow { label: kind.label, cells });
    }
    Ok(rows)
}

/// Waits until none of them has written for so long.
pub(crate) async fn settle(contestants: &[Contestant], quiet: Duration) -> Result<()> {
    let pids: Vec<u32> = contestants.iter().flat_map(|it| it.pids.clone()).collect();
    let (began, mut since) = (Instant::now(), Instant::now());
    let mut bytes = proc_files::written_bytes(&pids)?;
    while since.elapsed() < quiet && began.elapsed() < SETTLING_MAX {
        tokio::time::sleep(POLL).await;
        let now = proc_files::written_bytes(&pids)?;
        if now != bytes {
            (bytes, since) = (now, Instant::now());
        }
    }
    Ok(())
}

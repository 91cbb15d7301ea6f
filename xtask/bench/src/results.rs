//! What `bench server` found, before it is written down. Pure.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::{
    figures::{Cell, ratio},
    kinds::Kind,
    work::Work,
};

/// One kind of work, measured on its contestants.
pub(crate) struct WorkTable {
    pub(crate) kind: &'static Kind,
    /// By contestant; the first is ours.
    pub(crate) cells: Vec<(&'static str, Cell)>,
}

/// Latencies by the length of a list or the size of a team.
pub(crate) struct GrowthTable {
    pub(crate) title: &'static str,
    pub(crate) contestants: Vec<&'static str>,
    /// By size; the first is the base of the ratios.
    pub(crate) rows: Vec<(u64, Vec<Cell>)>,
}

/// Bytes for a message, by contestant.
pub(crate) struct WrittenRow {
    pub(crate) label: &'static str,
    pub(crate) cells: Vec<(&'static str, f64)>,
}

/// What was measured on the big store.
pub(crate) struct BigStore {
    pub(crate) rows: u64,
    /// From the start of the process to its first ready answer, one a round.
    pub(crate) starts: Vec<Duration>,
    /// Latencies of first pages since the start, in nanoseconds, by the sessions of the account.
    pub(crate) cold: Vec<(u64, Histogram<u64>)>,
    /// Memory, and when it was looked at.
    pub(crate) memory: Vec<(&'static str, u64)>,
    /// The last of them: every list read, messages written.
    pub(crate) filled_bytes: u64,
}

/// Everything that `bench server` found.
pub(crate) struct Figures {
    pub(crate) tables: Vec<WorkTable>,
    pub(crate) pages: GrowthTable,
    pub(crate) syncs: GrowthTable,
    pub(crate) teams: GrowthTable,
    /// Bytes of a page of 100 as it is sent, by its content coding.
    pub(crate) page_bytes: Vec<(&'static str, usize)>,
    pub(crate) written: Vec<WrittenRow>,
    pub(crate) big_store: BigStore,
    pub(crate) waiting_bytes: Option<u64>,
    pub(crate) resting_bytes: u64,
}

impl WorkTable {
    /// Ours.
    pub(crate) fn ours(&self) -> &Cell {
        &self.cells[0].1
    }

    /// Ours divided by another's, where it was measured.
    pub(crate) fn ratio_to(&self, name: &str) -> Option<f64> {
        let (_, theirs) = self.cells.iter().find(|(other, _)| *other == name)?;
        ratio(&self.ours().rates, &theirs.rates)
    }
}

impl GrowthTable {
    /// How much more the largest takes than the smallest on ours: its p50, and CPU.
    pub(crate) fn factors(&self) -> Option<[f64; 2]> {
        let ours = |row: Option<&(u64, Vec<Cell>)>| {
            let cell = row?.1.first()?;
            Some([cell.quantile(0.5), cell.cpu_per_call()].map(|time| time.as_secs_f64()))
        };
        let ([p50, cpu], [base_p50, base_cpu]) =
            (ours(self.rows.last())?, ours(self.rows.first())?);
        Some([p50 / base_p50, cpu / base_cpu])
    }
}

impl Figures {
    /// The table of a kind of work.
    pub(crate) fn table(&self, work: Work, connections: usize) -> Option<&WorkTable> {
        let is_it = |it: &&WorkTable| it.kind.work == work && it.kind.connections == connections;
        self.tables.iter().find(is_it)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        field::{LIMIT, OURS},
        figures::{self, Sample},
        kinds::KINDS,
    };

    pub(crate) fn cell(calls: u64) -> Cell {
        let mut cell = Cell::new();
        let mut latencies = figures::latencies();
        latencies.record_n(1_000_000_000 / calls, calls).unwrap();
        let cpu = Duration::from_millis(100);
        cell.add(&Sample { latencies, elapsed: Duration::from_secs(1), cpu });
        cell
    }

    pub(crate) fn growth(title: &'static str) -> GrowthTable {
        let rows = vec![(500, vec![cell(1_000)]), (5_000, vec![cell(125)])];
        GrowthTable { title, contestants: vec![OURS], rows }
    }

    /// Figures without peers, as on a machine that has none: a call a second, minutes to start.
    pub(crate) fn bad_figures() -> Figures {
        let table = |kind| WorkTable { kind, cells: vec![(OURS, cell(1)), (LIMIT, cell(1_000))] };
        let mut latencies = figures::latencies();
        latencies.record(3_600_000_000_000).unwrap();
        Figures {
            tables: KINDS.iter().map(table).collect(),
            pages: growth("Pages"),
            syncs: growth("Syncs"),
            teams: growth("Teams"),
            page_bytes: vec![("identity", 1 << 30), ("zstd", 1 << 29)],
            written: vec![WrittenRow { label: "message", cells: vec![(OURS, 1e9)] }],
            big_store: BigStore {
                rows: 1_010_000,
                starts: vec![Duration::from_secs(600)],
                cold: vec![(500, latencies)],
                memory: vec![("full", 1 << 40)],
                filled_bytes: 1 << 40,
            },
            waiting_bytes: None,
            resting_bytes: 1 << 34,
        }
    }
}

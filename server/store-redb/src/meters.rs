//! What the writer counts for the operator.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use huihua_store::Distribution;

/// Upper limits of the classes of batches, in jobs.
const JOBS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Upper limits of the classes of commits, in microseconds.
const MICROS: [u64; 10] =
    [500, 1_000, 2_000, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_000_000];

/// The counters of one writer.
#[derive(Debug)]
pub(crate) struct Meters {
    batch_jobs: Classes<{ JOBS.len() }>,
    commit_micros: Classes<{ MICROS.len() }>,
}

impl Default for Meters {
    fn default() -> Self {
        Self { batch_jobs: Classes::new(JOBS), commit_micros: Classes::new(MICROS) }
    }
}

impl Meters {
    /// Counts a transaction that is durable.
    pub(crate) fn count_commit(&self, jobs: usize, took: Duration) {
        self.batch_jobs.count(jobs as u64);
        self.commit_micros.count(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn batch_jobs(&self) -> Distribution {
        self.batch_jobs.read(1.0)
    }

    pub(crate) fn commit_seconds(&self) -> Distribution {
        self.commit_micros.read(1e-6)
    }
}

/// Whole numbers counted in classes; the last one has no limit.
#[derive(Debug)]
struct Classes<const N: usize> {
    limits: [u64; N],
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Classes<N> {
    fn new(limits: [u64; N]) -> Self {
        let counts = limits.map(|_| AtomicU64::new(0));
        Self { limits, counts, above: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    fn count(&self, value: u64) {
        let class = self.limits.iter().position(|limit| value <= *limit);
        let count = class.map_or(&self.above, |class| &self.counts[class]);
        count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// `unit`: what one counted unit is in the unit of the report.
    fn read(&self, unit: f64) -> Distribution {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let limited = self.limits.iter().zip(&self.counts);
        let limited = limited.map(|(limit, counted)| (*limit as f64 * unit, count(counted)));
        let classes = limited.chain([(f64::MAX, count(&self.above))]).collect();
        Distribution { classes, sum: count(&self.sum) as f64 * unit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_class_that_holds_it() {
        let meters = Meters::default();
        for (jobs, micros) in [(1, 500), (3, 501), (257, 9_999_999)] {
            meters.count_commit(jobs, Duration::from_micros(micros));
        }
        let counted = |of: Distribution| {
            let classes = of.classes.iter().filter(|(_, count)| *count > 0);
            (classes.map(|(limit, _)| *limit).collect::<Vec<_>>(), of.sum)
        };
        assert_eq!(counted(meters.batch_jobs()), (vec![1.0, 4.0, f64::MAX], 261.0));
        let (limits, sum) = counted(meters.commit_seconds());
        assert_eq!(limits, [0.0005, 0.001, f64::MAX]);
        assert!((sum - 10.001).abs() < 0.001, "{sum}");
    }
}

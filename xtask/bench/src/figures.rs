//! Figures of measurements: medians, ratios, spread, and how they are written. Pure.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Significant digits of latencies.
const DIGITS: u8 = 3;

/// What callers saw in one round.
pub(crate) struct Sample {
    /// In nanoseconds, one a call.
    pub(crate) latencies: Histogram<u64>,
    pub(crate) elapsed: Duration,
    /// Of the server and of what is behind it.
    pub(crate) cpu: Duration,
}

/// All rounds of one contestant at one kind of work.
pub(crate) struct Cell {
    /// Calls a second, round by round.
    pub(crate) rates: Vec<f64>,
    latencies: Histogram<u64>,
    cpu: Duration,
}

/// An empty histogram.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("3 digits are within the library's limits")
}

impl Cell {
    /// Without any round.
    pub(crate) fn new() -> Self {
        Self { rates: Vec::new(), latencies: latencies(), cpu: Duration::ZERO }
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, sample: &Sample) {
        self.rates.push(sample.latencies.len() as f64 / sample.elapsed.as_secs_f64());
        self.cpu += sample.cpu;
        self.latencies.add(&sample.latencies).expect("a histogram that resizes takes any other");
    }

    /// Calls a second: the median of the rounds.
    pub(crate) fn rate(&self) -> f64 {
        median(&self.rates).unwrap_or_default()
    }

    /// How far the best round is above the worst, as a part of the median.
    pub(crate) fn spread(&self) -> f64 {
        let best = self.rates.iter().copied().fold(0.0, f64::max);
        let worst = self.rates.iter().copied().fold(f64::INFINITY, f64::min);
        if self.rate() > 0.0 { (best - worst) / self.rate() } else { 0.0 }
    }

    /// The latency that this part of all calls did not exceed.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_quantile(part))
    }

    /// CPU of the server, and of what is behind it, for one call.
    pub(crate) fn cpu_per_call(&self) -> Duration {
        self.cpu.div_f64(self.latencies.len().max(1) as f64)
    }
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(f64::midpoint(sorted[low], sorted[high]))
}

/// The median of the ratios of each round: what changes on the machine between rounds falls out.
pub(crate) fn ratio(ours: &[f64], theirs: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(our, their)| our / their).collect();
    median(&ratios)
}

/// With two digits that count: `0.08 ×`, `1.3 ×`, `27 ×`.
pub(crate) fn ratio_text(ratio: f64) -> String {
    match ratio {
        _ if ratio < 1.0 => format!("{ratio:.2} ×"),
        _ if ratio < 10.0 => format!("{ratio:.1} ×"),
        _ => format!("{ratio:.0} ×"),
    }
}

/// `870 µs`, `1.24 ms`, `31.0 ms`, `1.54 s`.
pub(crate) fn duration_text(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        _ if micros < 100.0 => format!("{micros:.1} µs"),
        _ if micros < 1_000.0 => format!("{micros:.0} µs"),
        _ if micros < 10_000.0 => format!("{:.2} ms", micros / 1e3),
        _ if micros < 1e6 => format!("{:.1} ms", micros / 1e3),
        _ if micros < 1e7 => format!("{:.2} s", micros / 1e6),
        _ => format!("{:.0} s", micros / 1e6),
    }
}

/// `856 B`, `4.3 kB`, `39 kB`: of 1,000 bytes, as disks count.
pub(crate) fn kilobytes_text(bytes: f64) -> String {
    match bytes {
        _ if bytes < 1_000.0 => format!("{bytes:.0} B"),
        _ if bytes < 10_000.0 => format!("{:.1} kB", bytes / 1e3),
        _ => format!("{} kB", count_text(bytes / 1e3)),
    }
}

/// `167 MiB`, as memory and files are counted.
pub(crate) fn mebibytes_text(bytes: u64) -> String {
    format!("{} MiB", count_text((bytes as f64 / f64::from(1 << 20)).round()))
}

/// `17,213`.
pub(crate) fn count_text(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(calls: u64, latency_us: u64) -> Sample {
        let mut latencies = latencies();
        latencies.record_n(latency_us * 1_000, calls).unwrap();
        let cpu = Duration::from_micros(10 * calls);
        Sample { latencies, elapsed: Duration::from_secs(2), cpu }
    }

    #[test]
    fn rounds_become_a_median_a_spread_and_latencies_of_all() {
        let mut cell = Cell::new();
        for (calls, latency_us) in [(200, 10), (100, 20), (400, 40)] {
            cell.add(&sample(calls, latency_us));
        }
        assert_eq!((cell.rate(), cell.spread()), (100.0, 1.5));
        assert_eq!(cell.cpu_per_call(), Duration::from_micros(10));
        for (part, expected_us) in [(0.2, 10), (0.4, 20), (0.5, 40), (0.999, 40)] {
            let found = cell.quantile(part).as_secs_f64() * 1e6;
            assert!((found - f64::from(expected_us)).abs() < 0.1, "{part}: {found}");
        }
        assert_eq!((Cell::new().rate(), Cell::new().spread()), (0.0, 0.0));
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        // A machine that is ten times slower in one round changes no ratio.
        assert_eq!(ratio(&[10.0, 1.0, 12.0], &[20.0, 2.0, 24.0]), Some(0.5));
        assert_eq!(ratio(&[], &[]), None);
        for (values, expected) in [(&[3.0, 1.0, 2.0][..], 2.0), (&[4.0, 1.0], 2.5), (&[7.0], 7.0)] {
            assert_eq!(median(values), Some(expected));
        }
    }

    #[test]
    fn figures_are_short() {
        for (ratio, expected) in [(0.078, "0.08 ×"), (1.26, "1.3 ×"), (27.4, "27 ×")] {
            assert_eq!(ratio_text(ratio), expected);
        }
        for (micros, expected) in [
            (36, "36.0 µs"),
            (870, "870 µs"),
            (1_238, "1.24 ms"),
            (31_040, "31.0 ms"),
            (1_540_000, "1.54 s"),
        ] {
            assert_eq!(duration_text(Duration::from_micros(micros)), expected);
        }
        for (count, expected) in [(0.0, "0"), (999.4, "999"), (1_000.0, "1,000")] {
            assert_eq!(count_text(count), expected);
        }
        assert_eq!(count_text(1_234_567.0), "1,234,567");
        for (bytes, expected) in [(856.0, "856 B"), (4_310.0, "4.3 kB"), (39_499.0, "39 kB")] {
            assert_eq!(kilobytes_text(bytes), expected);
        }
        assert_eq!(mebibytes_text((533 << 20) + 1), "533 MiB");
    }
}

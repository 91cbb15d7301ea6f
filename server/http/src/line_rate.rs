//! Lines of the log that anybody could cause without end: one a second for each reason, with a
//! count of what it stands for.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Shortest time between two lines of one reason, in ms.
const LINE_INTERVAL_MS: u64 = 1_000;
/// Most reasons that are told apart, of some 100 bytes each; further ones share one.
const REASONS_MAX: usize = 256;
/// The reason that they share.
const OTHERS: &str = "others";

/// Counts what happened, by its reason, and tells when a line is due.
#[derive(Debug, Default)]
pub(crate) struct LineRate {
    /// By the text of the reason, made of our own words.
    reasons: Mutex<BTreeMap<String, CountedReason>>,
}

#[derive(Debug)]
struct CountedReason {
    line_at_ms: u64,
    /// What happened since that line.
    count: u64,
}

impl LineRate {
    pub(crate) const fn new() -> Self {
        Self { reasons: Mutex::new(BTreeMap::new()) }
    }

    /// Counts one more; returns how many a line that is due stands for. `now` in ms since 1970.
    pub(crate) fn count(&self, reason: &str, now: u64) -> Option<u64> {
        // A panic while the lock was held leaves the counts intact.
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !reasons.contains_key(reason);
        let reason = if is_new && reasons.len() >= REASONS_MAX { OTHERS } else { reason };
        let Some(known) = reasons.get_mut(reason) else {
            reasons.insert(reason.to_owned(), CountedReason { line_at_ms: now, count: 0 });
            return Some(1);
        };
        known.count += 1;
        // A clock that was set back does not silence the log.
        if known.line_at_ms.abs_diff(now) < LINE_INTERVAL_MS {
            return None;
        }
        known.line_at_ms = now;
        Some(std::mem::take(&mut known.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_one_line_a_second_with_the_count_since_the_last() {
        let lines = LineRate::default();
        for (reason, now, line) in [
            ("a", 5_000, Some(1)),
            ("a", 5_001, None),
            ("b", 5_001, Some(1)),
            ("a", 5_999, None),
            ("a", 6_000, Some(3)),
            ("a", 6_999, None),
            ("b", 6_001, Some(1)),
            ("a", 5_000, Some(2)),
            ("a", 5_001, None),
        ] {
            assert_eq!(lines.count(reason, now), line, "{reason} at {now}");
        }
    }

    #[test]
    fn reasons_without_end_share_one_line_in_the_end() {
        let lines = LineRate::default();
        let due = (0..1_000).filter(|n| lines.count(&format!("reason {n}"), 1).is_some()).count();
        assert_eq!(due, REASONS_MAX + 1);
        assert_eq!(
            lines.count("reason 0", 1_001),
            Some(1),
            "those that were first are still known"
        );
    }
}

//! Why copies are refused, and the log of it. An operator who sets the wrong secret in the console
//! sees the reason here; NIM's console does not show answers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use axum::http::StatusCode;
use huihua_nim::copy;

/// Shortest time between two lines of one reason, in ms: NIM sends a refused copy again and again.
const LINE_INTERVAL_MS: u64 = 1_000;

/// Why a copy is refused. The text names headers and fields, never what they hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyRefusal {
    #[error("unknown app key: AppKey must be there once and name an app of this server")]
    UnknownAppKey,
    #[error("no CurTime: it must be there once, as digits")]
    NoCurTime,
    #[error("wrong sum: CheckSum must be there once and come of the app's secret")]
    WrongSum,
    #[error("malformed: {0}")]
    Malformed(copy::Malformed),
    #[error("too large: a copy has at most {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
}

impl CopyRefusal {
    /// Names the reason for the counters.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownAppKey => "copy of unknown app",
            Self::NoCurTime => "copy without CurTime",
            Self::WrongSum => "copy with wrong sum",
            Self::Malformed(_) => "malformed copy",
            Self::TooLarge { .. } => "copy too large",
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::UnknownAppKey | Self::NoCurTime | Self::WrongSum => StatusCode::FORBIDDEN,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// Logs refused copies, one line a second and reason at most.
#[derive(Debug, Default)]
pub(crate) struct RefusedCopies {
    /// By the text of the reason: texts are made of our words and NIM's names of fields, so there
    /// are less than a hundred.
    reasons: Mutex<BTreeMap<String, RefusedReason>>,
}

#[derive(Debug)]
struct RefusedReason {
    line_at_ms: u64,
    /// Copies refused since that line.
    count: u64,
}

impl RefusedCopies {
    /// Counts a refused copy, and writes the line that is due. `now` in ms since 1970.
    pub(super) fn log(&self, refusal: &CopyRefusal, app_key: Option<&str>, now: u64) {
        let reason = refusal.to_string();
        let Some(count) = self.count(&reason, now) else { return };
        let app_key = app_key.unwrap_or("");
        tracing::warn!(app_key, reason, count, "message copies were refused");
    }

    /// Returns how many copies a line that is due stands for.
    fn count(&self, reason: &str, now: u64) -> Option<u64> {
        // A panic while the lock was held leaves the counts intact.
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = reasons.get_mut(reason) else {
            reasons.insert(reason.to_owned(), RefusedReason { line_at_ms: now, count: 0 });
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
        let copies = RefusedCopies::default();
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
            assert_eq!(copies.count(reason, now), line, "{reason} at {now}");
        }
    }
}

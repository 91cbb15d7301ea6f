//! When to try again, and how long to wait: pure, with time and randomness passed in.

use std::time::Duration;

use super::answer::Failure;

/// First ceiling of the backoff.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// Highest ceiling of the backoff.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// The retries of one call.
#[derive(Debug)]
pub(super) struct Retries {
    attempts_left: u32,
    ceiling: Duration,
}

impl Retries {
    /// For a call of at most `attempts_max` attempts, the first included.
    pub(super) fn new(attempts_max: u32) -> Self {
        Self { attempts_left: attempts_max.saturating_sub(1), ceiling: BACKOFF_FIRST }
    }

    /// How long to wait before the next attempt; `None` when there is none: the failure is final,
    /// the attempts are used up, or the wait would end past the deadline, `remaining` from now.
    ///
    /// `random` is spread evenly over all of `u32`.
    pub(super) fn next(
        &mut self,
        failure: &Failure,
        remaining: Duration,
        random: u32,
    ) -> Option<Duration> {
        if !failure.retryable || self.attempts_left == 0 {
            return None;
        }
        // Jitter comes on top of the server's wish: all who were told the same number would
        // otherwise come back together.
        let wait = failure.retry_after.unwrap_or_default() + full_jitter(self.ceiling, random);
        if wait >= remaining {
            return None;
        }
        self.attempts_left -= 1;
        self.ceiling = (self.ceiling * 2).min(BACKOFF_MAX);
        Some(wait)
    }
}

/// Evenly between nothing and the ceiling.
fn full_jitter(ceiling: Duration, random: u32) -> Duration {
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

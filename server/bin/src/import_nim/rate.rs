//! The pace of the calls to NIM: one after the other at a fixed interval, for all workers together.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Gives each call its time. There are no bursts: no second has more calls than it may.
pub(super) struct CallRate {
    interval: Duration,
    /// The time of the next call.
    next: Mutex<Instant>,
}

impl CallRate {
    #[expect(clippy::disallowed_methods, reason = "the first call may go now")]
    pub(super) fn new(calls_per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / calls_per_second.max(1);
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Waits until one more call may go.
    pub(super) async fn wait(&self) {
        tokio::time::sleep_until(self.take()).await;
    }

    #[expect(clippy::disallowed_methods, reason = "time that passed without calls is not saved up")]
    fn take(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = (*next).max(Instant::now());
        *next = slot + self.interval;
        slot
    }

    /// Lets no call go for a while: NIM said that there were too many.
    #[expect(clippy::disallowed_methods, reason = "the pause begins here")]
    pub(super) fn hold(&self, pause: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_are_spread_over_the_second_and_wait_out_a_pause() {
        let rate = CallRate::new(100);
        let times: Vec<Instant> = (0..5).map(|_| rate.take()).collect();
        for pair in times.windows(2) {
            assert_eq!(pair[1] - pair[0], Duration::from_millis(10));
        }
        rate.hold(Duration::from_secs(60));
        assert!(rate.take() - times[4] > Duration::from_secs(59));
    }
}

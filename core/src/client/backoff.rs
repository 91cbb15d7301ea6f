//! The pauses between attempts: full jitter under a doubling ceiling, the server's `Retry-After`,
//! the deadline. Pure: time and randomness are arguments. Which failure is retried is
//! [`super::Error::retryable`]'s decision.

use std::time::Duration;

/// First ceiling of every backoff.
const CEILING_FIRST: Duration = Duration::from_millis(200);

/// Computes the pauses between the attempts of one call or one watch.
///
/// Each pause is the server's `Retry-After`, if there is one, plus a jitter between zero and a
/// ceiling ("full jitter"), so that clients with the same `Retry-After` do not return together. The
/// ceiling starts at 200 ms and doubles with each pause up to the maximum.
///
/// The service's own calls and watches use it, and so can any other HTTP client:
///
/// ```
/// use std::time::Duration;
///
/// use huihua_core::client::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(10));
/// let pause = backoff.next_pause(None, u32::MAX);
/// assert_eq!(pause, Duration::from_millis(200));
/// let retry_after = Some(Duration::from_secs(3));
/// assert_eq!(backoff.next_pause(retry_after, 0), Duration::from_secs(3));
/// let time_left = Duration::from_secs(2);
/// assert_eq!(backoff.next_pause_within(time_left, retry_after, Backoff::random()), None);
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    ceiling: Duration,
    ceiling_max: Duration,
}

impl Backoff {
    /// Starts at a ceiling of 200 ms, which doubles up to `ceiling_max`.
    pub const fn new(ceiling_max: Duration) -> Self {
        Self { ceiling: CEILING_FIRST, ceiling_max }
    }

    /// Returns the pause before the next attempt and doubles the ceiling.
    ///
    /// `retry_after` is added in full: a caller that does not trust the server caps it first.
    /// `random` is spread evenly over all of `u32`: see [`Self::random`].
    pub fn next_pause(&mut self, retry_after: Option<Duration>, random: u32) -> Duration {
        let jitter = self.ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX));
        self.ceiling = (self.ceiling * 2).min(self.ceiling_max);
        retry_after.unwrap_or_default() + jitter
    }

    /// Returns the pause before the next attempt, or `None` if it would reach the deadline.
    ///
    /// `time_left` is the time from now to the deadline; the pause must be shorter, so that some
    /// time remains for the attempt. The other arguments are those of [`Self::next_pause`].
    pub fn next_pause_within(
        &mut self,
        time_left: Duration,
        retry_after: Option<Duration>,
        random: u32,
    ) -> Option<Duration> {
        let pause = self.next_pause(retry_after, random);
        (pause < time_left).then_some(pause)
    }

    /// Returns a random number of the operating system, for the jitter of one pause.
    ///
    /// Returns `u32::MAX`, which gives the longest pause, if the system has no random numbers.
    pub fn random() -> u32 {
        getrandom::u32().unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first pauses, in ms.
    fn pauses(ceiling_max_ms: u64, retry_after_ms: Option<u64>, random: u32) -> [u128; 6] {
        let mut backoff = Backoff::new(Duration::from_millis(ceiling_max_ms));
        let retry_after = retry_after_ms.map(Duration::from_millis);
        [(); 6].map(|()| backoff.next_pause(retry_after, random).as_millis())
    }

    #[test]
    fn the_ceiling_doubles_up_to_its_maximum() {
        assert_eq!(pauses(2_000, None, u32::MAX), [200, 400, 800, 1_600, 2_000, 2_000]);
        assert_eq!(pauses(700, None, u32::MAX), [200, 400, 700, 700, 700, 700]);
    }

    #[test]
    fn the_jitter_covers_the_whole_range_from_zero_to_the_ceiling() {
        assert_eq!(pauses(2_000, None, 0), [0; 6]);
        assert_eq!(pauses(700, None, u32::MAX / 2), [100, 200, 350, 350, 350, 350]);
    }

    #[test]
    fn the_jitter_is_added_to_retry_after() {
        assert_eq!(pauses(400, Some(3_000), 0), [3_000; 6]);
        assert_eq!(pauses(400, Some(3_000), u32::MAX)[..3], [3_200, 3_400, 3_400]);
    }

    #[test]
    fn a_pause_that_reaches_the_deadline_is_not_taken() {
        let pause = |time_left_ms: u64| {
            let retry_after = Some(Duration::from_millis(3_000));
            Backoff::new(Duration::from_secs(2))
                .next_pause_within(Duration::from_millis(time_left_ms), retry_after, 0)
                .map(|pause| pause.as_millis())
        };
        assert_eq!([pause(0), pause(3_000), pause(3_001)], [None, None, Some(3_000)]);
    }
}

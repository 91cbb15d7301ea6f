//! One call of several attempts: its deadline, its token, and when to try again. The last is pure,
//! with time and randomness passed in.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Error, Options,
    answer::{Failure, judge},
    token::Tokens,
    transport::{Request, Transport},
};
use crate::Code;

/// First ceiling of the backoff.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// Highest ceiling of the backoff.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Makes the calls of one service.
pub(super) struct Caller {
    transport: Transport,
    tokens: Tokens,
    call_timeout: Duration,
    attempts_max: u32,
}

impl Caller {
    pub(super) fn new(options: Options) -> Result<Self, Error> {
        options.validate()?;
        let call_timeout = Duration::from_millis(options.call_timeout_ms);
        Ok(Self {
            transport: Transport::new(&options)?,
            call_timeout,
            attempts_max: options.attempts_max,
            tokens: Tokens::new(options.token_provider, call_timeout),
        })
    }

    /// One call: attempts until one succeeds, one fails for good, or the deadline passes. Gives the
    /// body of the success.
    pub(super) async fn call(&self, request: &Request) -> Result<Vec<u8>, Error> {
        let timeout = self.call_timeout + request.wait;
        let deadline = Instant::now() + timeout;
        let mut may_have_applied = false;
        let attempts = self.attempts(request, deadline, &mut may_have_applied);
        let outcome = tokio::time::timeout_at(deadline, attempts).await.unwrap_or_else(|_| {
            let ms = timeout.as_millis();
            Err(Error::local(Code::Timeout, format!("no answer within {ms} ms")))
        });
        outcome.map_err(|error| error.of_call(may_have_applied))
    }

    /// `may_have_applied` is right at every moment, for the deadline may strike at any.
    async fn attempts(
        &self,
        request: &Request,
        deadline: Instant,
        may_have_applied: &mut bool,
    ) -> Result<Vec<u8>, Error> {
        let mut retries = Retries::new(self.attempts_max);
        let mut bearer = self.tokens.current().await?;
        let mut refreshed = false;
        let start = Instant::now();
        let mut wait = request.wait;
        loop {
            let before = *may_have_applied;
            *may_have_applied |= request.writes();
            let answer = self.transport.attempt(request, wait, &bearer.header).await;
            let failure = match answer.and_then(|answer| judge(answer, request.success)) {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            *may_have_applied = before || (request.writes() && failure.may_have_applied);
            // Not counted as an attempt: a refused token keeps the server from trying at all.
            if failure.token_refused && !refreshed {
                refreshed = true;
                bearer = self.tokens.replace(&bearer).await?;
                continue;
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            // Without randomness the longest wait is taken.
            let random = getrandom::u32().unwrap_or(u32::MAX);
            match retries.next(&failure, remaining, random) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure.error),
            }
            // What the caller would wait is for the whole call, not for each attempt.
            wait = request.wait.saturating_sub(start.elapsed());
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn failure(code: Code, retry_after_ms: Option<u64>) -> Failure {
        let retry_after = retry_after_ms.map(Duration::from_millis);
        Failure { retry_after, ..Failure::local(code, "") }
    }

    /// The waits of a call that always fails so, in ms.
    fn waits(attempts_max: u32, failure: &Failure, remaining: Duration, random: u32) -> Vec<u128> {
        let mut retries = Retries::new(attempts_max);
        std::iter::from_fn(|| retries.next(failure, remaining, random))
            .map(|wait| wait.as_millis())
            .take(20)
            .collect()
    }

    #[test]
    fn the_ceiling_doubles_to_two_seconds() {
        let failure = failure(Code::Connection, None);
        let ceilings = [200, 400, 800, 1_600, 2_000, 2_000];
        assert_eq!(waits(7, &failure, HOUR, u32::MAX), ceilings);
        assert_eq!(waits(3, &failure, HOUR, u32::MAX), ceilings[..2]);
    }

    #[test]
    fn jitter_is_full() {
        let failure = failure(Code::Timeout, None);
        assert_eq!(waits(4, &failure, HOUR, 0), [0, 0, 0]);
        assert_eq!(waits(4, &failure, HOUR, u32::MAX / 2), [100, 200, 400]);
    }

    #[test]
    fn one_attempt_is_no_retry() {
        let failure = failure(Code::Connection, None);
        for attempts_max in [0, 1] {
            assert_eq!(waits(attempts_max, &failure, HOUR, 0), []);
        }
    }

    #[test]
    fn what_the_table_calls_final_is_final() {
        for code in Code::ALL {
            let retried = !waits(2, &failure(code, Some(0)), HOUR, 0).is_empty();
            assert_eq!(retried, code.row().retryable, "{code:?}");
        }
    }

    #[test]
    fn the_servers_wish_is_the_least_wait_within_the_deadline() {
        let wish = failure(Code::Unavailable, Some(3_000));
        assert_eq!(waits(3, &wish, HOUR, 0), [3_000, 3_000]);
        assert_eq!(waits(3, &wish, HOUR, u32::MAX), [3_200, 3_400]);
        assert_eq!(waits(3, &wish, Duration::from_millis(3_000), 0), []);
        assert_eq!(waits(3, &wish, Duration::from_millis(3_001), 0), [3_000, 3_000]);
        assert_eq!(waits(3, &failure(Code::Timeout, None), Duration::ZERO, 0), []);
    }
}

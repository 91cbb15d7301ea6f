//! One call of several attempts: its deadline, its token, its server, and when to try again. The
//! last is pure, with time and randomness passed in.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Error, LogLevel, Options,
    answer::{Failure, judge},
    log::{Log, cause},
    token::Tokens,
    transport::{Request, Transport},
};
use crate::Code;

/// First ceiling of the backoff.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// Highest ceiling of a call's backoff.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Makes the calls of one service.
pub(super) struct Caller {
    transport: Transport,
    tokens: Tokens,
    call_timeout: Duration,
    attempts_max: u32,
    pub(super) log: Log,
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
            log: Log(options.logger),
        })
    }

    /// How many servers there are to try.
    pub(super) fn servers(&self) -> usize {
        self.transport.servers.urls().len()
    }

    /// [`Self::carry_out`], and a line if it failed.
    pub(super) async fn call(&self, request: &Request) -> Result<Vec<u8>, Error> {
        let outcome = self.carry_out(request).await;
        if let Err(error) = &outcome {
            self.log.line(LogLevel::Warn, || format!("{}: failed: {}", request.call, cause(error)));
        }
        outcome
    }

    /// One call: attempts until one succeeds, one fails for good, or the deadline passes. Gives the
    /// body of the success.
    pub(super) async fn carry_out(&self, request: &Request) -> Result<Vec<u8>, Error> {
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
        let mut retries = Retries::new(request.attempts_max.unwrap_or(self.attempts_max));
        let client = self.transport.client().await?;
        let mut bearer = self.tokens.current().await?;
        let (mut refreshed, mut servers_left) = (false, self.servers());
        let start = Instant::now();
        let mut wait = request.wait;
        loop {
            let before = *may_have_applied;
            *may_have_applied |= request.writes();
            let server = self.transport.servers.current();
            let base = &self.transport.servers.urls()[server];
            let sent = Instant::now();
            let answer = self.transport.attempt(client, base, request, wait, &bearer.header).await;
            let outcome = answer.and_then(|answer| judge(answer, request.success));
            self.tell(request, server, sent, &outcome);
            let mut failure = match outcome {
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
            if failure.is_of_the_server() {
                self.transport.servers.move_on(server);
                servers_left = servers_left.saturating_sub(1);
                // What one server wishes is no reason to let another wait that was not asked yet.
                failure.retry_after = failure.retry_after.filter(|_| servers_left == 0);
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            match retries.next(&failure, remaining, random()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure.error),
            }
            // What the caller would wait is for the whole call, not for each attempt.
            wait = request.wait.saturating_sub(start.elapsed());
        }
    }

    /// One line for one attempt.
    fn tell(
        &self,
        request: &Request,
        server: usize,
        sent: Instant,
        outcome: &Result<Vec<u8>, Failure>,
    ) {
        let (level, what) = match outcome {
            Ok(_) => (LogLevel::Debug, "answered".to_owned()),
            Err(failure) => (LogLevel::Info, cause(&failure.error)),
        };
        self.log.line(level, || {
            let ms = sent.elapsed().as_millis();
            let (server, count) = (server + 1, self.servers());
            format!("{}: {what} by server {server} of {count} after {ms} ms", request.call)
        });
    }
}

/// Spread evenly over all of `u32`. Without randomness the longest wait is taken.
pub(super) fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}

/// The retries of one call.
#[derive(Debug)]
pub(super) struct Retries {
    attempts_left: u32,
    backoff: Backoff,
}

impl Retries {
    /// For a call of at most `attempts_max` attempts, the first included.
    pub(super) fn new(attempts_max: u32) -> Self {
        Self { attempts_left: attempts_max.saturating_sub(1), backoff: Backoff::new(BACKOFF_MAX) }
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
        if !failure.error.retryable() || self.attempts_left == 0 {
            return None;
        }
        self.attempts_left -= 1;
        let wait = self.backoff.next(failure.retry_after, random);
        (wait < remaining).then_some(wait)
    }
}

/// Waits between failures: evenly between nothing and a ceiling, which begins at 200 ms and
/// doubles.
#[derive(Debug)]
pub(super) struct Backoff {
    ceiling: Duration,
    max: Duration,
}

impl Backoff {
    pub(super) fn new(max: Duration) -> Self {
        Self { ceiling: BACKOFF_FIRST, max }
    }

    /// The next wait. Jitter comes on top of the server's wish: all who were told the same number
    /// would otherwise come back together.
    pub(super) fn next(&mut self, retry_after: Option<Duration>, random: u32) -> Duration {
        let jitter = self.ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX));
        self.ceiling = (self.ceiling * 2).min(self.max);
        retry_after.unwrap_or_default() + jitter
    }
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
    fn a_watch_backs_off_to_its_own_ceiling() {
        let mut backoff = Backoff::new(Duration::from_millis(700));
        let waits: Vec<_> = (0..4).map(|_| backoff.next(None, u32::MAX).as_millis()).collect();
        assert_eq!(waits, [200, 400, 700, 700]);
        assert_eq!(backoff.next(Some(Duration::from_secs(3)), 0).as_millis(), 3_000);
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

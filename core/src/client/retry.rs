//! Makes one call of several attempts: deadline, token, server, retries. The decision to retry is
//! pure: time and randomness are arguments.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Error, LogLevel, Options,
    backoff::Backoff,
    http_answer::AttemptFailure,
    log::{Log, cause},
    token::Tokens,
    transport::{CallRequest, Transport},
};
use crate::Code;

/// Highest ceiling of a call's backoff.
const BACKOFF_CEILING_MAX: Duration = Duration::from_secs(2);

/// Makes the calls of one service.
pub(super) struct RetryingClient {
    transport: Transport,
    tokens: Tokens,
    call_timeout: Duration,
    attempts_max: u32,
    pub(super) log: Log,
}

impl RetryingClient {
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

    /// Returns the preferred server's URL, in the one form in which it is compared.
    pub(super) fn first_url(&self) -> String {
        self.transport.servers.urls()[0].to_string()
    }

    /// Returns the number of servers.
    pub(super) fn server_count(&self) -> usize {
        self.transport.servers.urls().len()
    }

    /// Does [`Self::call_unlogged`] and logs its failure.
    pub(super) async fn call(&self, request: &CallRequest) -> Result<Vec<u8>, Error> {
        let outcome = self.call_unlogged(request).await;
        if let Err(error) = &outcome {
            let is_missing = matches!(error, Error::Failed { code: Code::NotFound, .. });
            let is_expected = is_missing && request.may_be_missing;
            let level = if is_expected { LogLevel::Debug } else { LogLevel::Warn };
            self.log.line(level, || format!("{}: failed: {}", request.call, cause(error)));
        }
        outcome
    }

    /// Makes attempts until one succeeds or fails finally, or the deadline passes.
    ///
    /// Returns the body of the success.
    #[expect(clippy::disallowed_methods, reason = "a call's deadline counts from its start")]
    pub(super) async fn call_unlogged(&self, request: &CallRequest) -> Result<Vec<u8>, Error> {
        let timeout = self.call_timeout + request.wait;
        let deadline = Instant::now() + timeout;
        let mut may_have_applied = false;
        let attempts = self.attempts(request, deadline, &mut may_have_applied);
        let outcome = tokio::time::timeout_at(deadline, attempts).await.unwrap_or_else(|_| {
            let ms = timeout.as_millis();
            Err(Error::local(Code::Timeout, format!("no answer within {ms} ms")))
        });
        outcome.map_err(|error| error.with_may_have_applied(may_have_applied))
    }

    /// Makes the attempts. `may_have_applied` is correct at every await: the deadline may cut any.
    #[expect(clippy::disallowed_methods, reason = "what is left until the deadline, per attempt")]
    async fn attempts(
        &self,
        request: &CallRequest,
        deadline: Instant,
        may_have_applied: &mut bool,
    ) -> Result<Vec<u8>, Error> {
        let mut retries = Retries::new(request.attempts_max.unwrap_or(self.attempts_max));
        let client = self.transport.client().await?;
        let mut bearer = self.tokens.current().await?;
        let (mut refreshed, mut servers_left) = (false, self.server_count());
        let start = Instant::now();
        let mut wait = request.wait;
        loop {
            let before = *may_have_applied;
            *may_have_applied |= request.writes();
            let server = self.transport.servers.current();
            let base = &self.transport.servers.urls()[server];
            let sent = Instant::now();
            let answer = self.transport.attempt(client, base, request, wait, &bearer.header).await;
            let outcome = answer.and_then(|answer| answer.into_body(request.success));
            self.log_attempt(request, server, sent, &outcome);
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
            if failure.suggests_another_server() {
                self.transport.servers.switch_from(server);
                servers_left = servers_left.saturating_sub(1);
                // One server's Retry-After does not delay the first attempt at another server.
                failure.retry_after = failure.retry_after.filter(|_| servers_left == 0);
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            match retries.next_pause(&failure, remaining, Backoff::random()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure.error),
            }
            // The request's wait is for the whole call, not for each attempt.
            wait = request.wait.saturating_sub(start.elapsed());
        }
    }

    /// Logs the outcome of one attempt.
    fn log_attempt(
        &self,
        request: &CallRequest,
        server: usize,
        sent: Instant,
        outcome: &Result<Vec<u8>, AttemptFailure>,
    ) {
        let (level, what) = match outcome {
            Ok(_) => (LogLevel::Debug, "answered".to_owned()),
            Err(failure) => (LogLevel::Info, cause(&failure.error)),
        };
        self.log.line(level, || {
            let ms = sent.elapsed().as_millis();
            let (server, count) = (server + 1, self.server_count());
            format!("{}: {what} by server {server} of {count} after {ms} ms", request.call)
        });
    }
}

/// Counts the retries of one call.
#[derive(Debug)]
pub(super) struct Retries {
    attempts_left: u32,
    backoff: Backoff,
}

impl Retries {
    /// Allows `attempts_max` attempts, the first included.
    pub(super) fn new(attempts_max: u32) -> Self {
        Self {
            attempts_left: attempts_max.saturating_sub(1),
            backoff: Backoff::new(BACKOFF_CEILING_MAX),
        }
    }

    /// Returns the pause before the next attempt, or `None` if there is none.
    ///
    /// There is none if the failure is final, no attempt is left, or the pause would reach the
    /// deadline, which is `remaining` from now. `random` is spread evenly over all of `u32`.
    pub(super) fn next_pause(
        &mut self,
        failure: &AttemptFailure,
        remaining: Duration,
        random: u32,
    ) -> Option<Duration> {
        if !failure.error.retryable() || self.attempts_left == 0 {
            return None;
        }
        self.attempts_left -= 1;
        self.backoff.next_pause_within(remaining, failure.retry_after, random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn failure(code: Code, retry_after_ms: Option<u64>) -> AttemptFailure {
        let retry_after = retry_after_ms.map(Duration::from_millis);
        AttemptFailure { retry_after, ..AttemptFailure::local(code, "") }
    }

    /// The pauses of a call whose attempts all fail in this way, in ms.
    fn pauses(
        attempts_max: u32,
        failure: &AttemptFailure,
        remaining: Duration,
        random: u32,
    ) -> Vec<u128> {
        let mut retries = Retries::new(attempts_max);
        std::iter::from_fn(|| retries.next_pause(failure, remaining, random))
            .map(|pause| pause.as_millis())
            .take(20)
            .collect()
    }

    #[test]
    fn a_calls_ceiling_doubles_up_to_two_seconds() {
        let failure = failure(Code::Connection, None);
        let ceilings = [200, 400, 800, 1_600, 2_000, 2_000];
        assert_eq!(pauses(7, &failure, HOUR, u32::MAX), ceilings);
        assert_eq!(pauses(3, &failure, HOUR, u32::MAX), ceilings[..2]);
    }

    #[test]
    fn a_call_pauses_with_full_jitter() {
        let failure = failure(Code::Timeout, None);
        assert_eq!(pauses(4, &failure, HOUR, 0), [0, 0, 0]);
        assert_eq!(pauses(4, &failure, HOUR, u32::MAX / 2), [100, 200, 400]);
    }

    #[test]
    fn a_call_of_one_attempt_is_not_retried() {
        let failure = failure(Code::Connection, None);
        for attempts_max in [0, 1] {
            assert_eq!(pauses(attempts_max, &failure, HOUR, 0), []);
        }
    }

    #[test]
    fn only_the_retryable_codes_of_the_table_are_retried() {
        for code in Code::ALL {
            let retried = !pauses(2, &failure(code, Some(0)), HOUR, 0).is_empty();
            assert_eq!(retried, code.row().retryable, "{code:?}");
        }
    }

    #[test]
    fn retry_after_is_the_shortest_pause_within_the_deadline() {
        let refusal = failure(Code::Unavailable, Some(3_000));
        assert_eq!(pauses(3, &refusal, HOUR, 0), [3_000, 3_000]);
        assert_eq!(pauses(3, &refusal, HOUR, u32::MAX), [3_200, 3_400]);
        assert_eq!(pauses(3, &refusal, Duration::from_millis(3_000), 0), []);
        assert_eq!(pauses(3, &refusal, Duration::from_millis(3_001), 0), [3_000, 3_000]);
        assert_eq!(pauses(3, &failure(Code::Timeout, None), Duration::ZERO, 0), []);
    }
}

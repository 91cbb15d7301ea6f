//! How many requests a second an app, an account and an address may send: governor's buckets, each
//! for ten seconds of its rate. What is remembered of callers is bounded in bytes. No rule about
//! what comes after a refusal.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference as _},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use huihua_core::AppKey;
use huihua_event::Owner;

use crate::{error::Error, limits::RateLimits};

/// Seconds of a rate that may come at once: a device that was offline for long asks for much.
const BURST_S: u32 = 10;
/// What a caller costs, in bytes: its hash and its bucket, in a table that is half empty at worst.
const CALLER_BYTES: usize = 48;
/// Checks after which the table is looked at: so many callers more it may hold meanwhile.
const CHECKS_A_LOOK: usize = 256;

/// The rates of one server.
pub(crate) struct Rates {
    hasher: RandomState,
    accounts: KeyedRate<DefaultClock>,
    apps: KeyedRate<DefaultClock>,
    events: KeyedRate<DefaultClock>,
    copies: KeyedRate<DefaultClock>,
    nim_calls: KeyedRate<DefaultClock>,
    wrong_credentials: KeyedRate<DefaultClock>,
}

/// A caller sends too often; how long it should wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFrequent {
    pub(crate) retry_after: Duration,
}

impl Rates {
    pub(crate) fn new(limits: RateLimits) -> Self {
        let callers_max = limits.bytes_max / CALLER_BYTES;
        // Apps are those of the configuration: a few.
        let rate = |per_s, callers_max| KeyedRate::new(per_s, callers_max, DefaultClock::default());
        Self {
            hasher: RandomState::new(),
            accounts: rate(limits.account_requests_per_s, callers_max / 4 * 3),
            apps: rate(limits.app_requests_per_s, usize::MAX),
            events: rate(limits.events_requests_per_s, usize::MAX),
            copies: rate(limits.copies_per_s, usize::MAX),
            nim_calls: rate(limits.nim_calls_per_s, usize::MAX),
            wrong_credentials: rate(limits.wrong_credentials_per_s, callers_max / 4),
        }
    }

    /// Counts a client's request.
    ///
    /// # Errors
    /// [`Error::TooFrequent`]: of its account, or of all accounts of the app.
    pub(crate) fn count_request(&self, owner: &Owner) -> Result<(), Error> {
        let of = |what| move |TooFrequent { retry_after }| Error::TooFrequent { what, retry_after };
        // First the account: one that is over its own rate takes nothing of the app's.
        let key = self.hash(&(owner.app.as_str(), owner.account.as_str()));
        self.accounts.check(key).map_err(of("requests of this account"))?;
        self.apps.check(self.hash(&owner.app.as_str())).map_err(of("requests of this app"))
    }

    /// Counts a request with events.
    ///
    /// # Errors
    /// [`Error::TooFrequent`].
    pub(crate) fn count_events(&self, app: &AppKey) -> Result<(), Error> {
        self.events.check(self.hash(&app.as_str())).map_err(|TooFrequent { retry_after }| {
            Error::TooFrequent { what: "requests with events of this app", retry_after }
        })
    }

    /// Counts a message copy whose sum is right.
    pub(crate) fn count_copy(&self, app: &AppKey) -> Result<(), TooFrequent> {
        self.copies.check(self.hash(&app.as_str()))
    }

    /// Counts a call of NIM's API whose signature is right.
    pub(crate) fn count_nim_call(&self, app: &AppKey) -> Result<(), TooFrequent> {
        self.nim_calls.check(self.hash(&app.as_str()))
    }

    /// Counts a request with a wrong token or key. Right ones of the same address are served
    /// whatever comes of it: a network of many users may share one.
    ///
    /// # Errors
    /// [`Error::WrongTooOften`].
    pub(crate) fn count_wrong_credentials(&self, address: IpAddr) -> Result<(), Error> {
        self.wrong_credentials
            .check(self.hash(&address))
            .map_err(|TooFrequent { retry_after }| Error::WrongTooOften { retry_after })
    }

    /// Callers are kept as hashes, so that each costs the same. The hash is keyed: nobody can
    /// choose two accounts that share one.
    fn hash(&self, caller: &impl Hash) -> u64 {
        self.hasher.hash_one(caller)
    }
}

type Buckets<C> =
    RateLimiter<u64, HashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One rate, for each of many callers.
struct KeyedRate<C: Clock> {
    quota: Quota,
    callers_max: usize,
    clock: C,
    buckets: ArcSwap<Buckets<C>>,
    checks: AtomicUsize,
}

impl<C: Clock + Clone> KeyedRate<C> {
    fn new(per_s: NonZeroU32, callers_max: usize, clock: C) -> Self {
        let burst = per_s.saturating_mul(NonZeroU32::new(BURST_S).unwrap_or(NonZeroU32::MIN));
        let quota = Quota::per_second(per_s).allow_burst(burst);
        let buckets = RateLimiter::hashmap_with_clock(quota, clock.clone());
        let buckets = ArcSwap::from_pointee(buckets);
        Self { quota, callers_max, clock, buckets, checks: 0.into() }
    }

    fn check(&self, caller: u64) -> Result<(), TooFrequent> {
        let checked = self.buckets.load().check_key(&caller);
        if self.checks.fetch_add(1, Relaxed).is_multiple_of(CHECKS_A_LOOK) {
            self.forget_some();
        }
        checked.map_err(|not_until| {
            let now = self.clock.now();
            TooFrequent { retry_after: not_until.earliest_possible().duration_since(now).into() }
        })
    }

    /// Keeps the table within its bytes. Callers whose buckets are full again go first: nothing is
    /// lost with them. If the others are too many still, all go: each may then send its burst once
    /// more, and the rates of their apps hold.
    fn forget_some(&self) {
        let buckets = self.buckets.load();
        if buckets.len() <= self.callers_max {
            return;
        }
        buckets.retain_recent();
        if buckets.len() > self.callers_max / 4 * 3 {
            let new = RateLimiter::hashmap_with_clock(self.quota, self.clock.clone());
            self.buckets.store(Arc::new(new));
        } else {
            buckets.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate(per_s: u32, callers_max: usize) -> (KeyedRate<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (KeyedRate::new(NonZeroU32::new(per_s).unwrap(), callers_max, clock.clone()), clock)
    }

    #[test]
    fn ten_seconds_of_a_rate_come_at_once_and_then_the_rate_holds() {
        let (rate, clock) = rate(5, 1_000);
        let count = |caller| (0..99).take_while(|_| rate.check(caller).is_ok()).count();
        assert_eq!(count(1), 50);
        assert_eq!(count(2), 50, "each caller has its own");
        let TooFrequent { retry_after } = rate.check(1).unwrap_err();
        assert_eq!(retry_after, Duration::from_millis(200));
        clock.advance(Duration::from_secs(1));
        assert_eq!(count(1), 5);
        clock.advance(Duration::from_secs(60));
        assert_eq!(count(1), 50);
    }

    /// An app can sign tokens for as many accounts as it likes.
    #[test]
    fn what_is_kept_of_made_up_callers_has_a_limit_and_those_who_are_quiet_go_first() {
        let (rate, clock) = rate(1, 4_096);
        let max = 4_096 + CHECKS_A_LOOK;
        while rate.check(u64::MAX).is_ok() {}
        let mut served = 0;
        for caller in 0..100_000 {
            assert!(rate.check(caller).is_ok());
            // They are forgotten a second after their one request: then they have all again.
            clock.advance(Duration::from_millis(1));
            let kept = rate.buckets.load().len();
            assert!(kept <= max, "{kept}");
            served += u32::from(rate.check(u64::MAX).is_ok());
        }
        assert!((95..=101).contains(&served), "{served} in 100 s: a busy one is not forgotten");
        for caller in 0..100_000 {
            assert!(rate.check(caller).is_ok(), "and the clock stands still");
            assert!(rate.buckets.load().len() <= max);
        }
    }
}

//! The server's clock: the one place that reads it. Rules and engines get the time as an argument.

use std::{fmt, time::SystemTime};

/// Returns the time of the machine's clock, ms since 1970.
///
/// Before 1970 it is 0: then every event is too far ahead, and is refused with a log line that
/// names the clock.
#[expect(clippy::disallowed_methods, reason = "the server's one clock")]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Tells whether the machine's clock is before 1970, which no date of HTTP can say.
#[expect(clippy::disallowed_methods, reason = "the server's one clock")]
pub(crate) fn is_before_1970() -> bool {
    SystemTime::now() < SystemTime::UNIX_EPOCH
}

/// Gives one server the time: the machine's clock, or another one in a test.
#[derive(Clone, Copy)]
pub struct Clock(fn() -> u64);

impl Clock {
    /// Wraps a function that returns ms since 1970.
    pub const fn new(now_ms: fn() -> u64) -> Self {
        Self(now_ms)
    }

    /// Returns the time, ms since 1970.
    pub fn now_ms(self) -> u64 {
        (self.0)()
    }

    /// Returns the time, seconds since 1970.
    pub(crate) fn now_s(self) -> u64 {
        self.now_ms() / 1_000
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(now_ms)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

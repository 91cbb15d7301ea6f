//! The limits of the top table: peers and callers. Those of a store are in `store`.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use huihua_http::server::{Limits, RateLimits};

use super::{
    reader::{Fields, Found, Reader},
    setting::{Setting, by_default, number, setting},
};

/// Most connections that the file may allow; beyond, the memory of one machine is the limit.
pub(crate) const CONNECTIONS_MAX: usize = 1_000_000;

/// Longest wait that the file may choose, in seconds: an hour.
pub(super) const SECONDS_MAX: usize = 3_600;
/// Most requests at once that the file may allow an HTTP/2 connection: more are a flood.
const STREAMS_MAX: usize = 10_000;
/// Most MiB of bodies, and of answers, that the file may allow: 1 TiB.
const BODIES_MB_MAX: usize = 1 << 20;
/// Most requests a second that the file may allow: more than one machine answers, so no limit.
const PER_S_MAX: usize = 1_000_000;
/// Most MiB for what is remembered of callers' rates: 1 GiB.
const RATES_MB_MAX: usize = 1_024;
/// A caller that waits longer takes its attempt for failed.
const DELAY_MS_MAX: usize = 5_000;

/// The limits as they are read, and as they are printed.
pub(super) struct ReadLimits {
    /// Of peers and callers; its own `connections_max` counts for nothing.
    pub(super) limits: Limits,
    pub(super) settings: Vec<Setting>,
}

/// Reads all limits; a wrong one is a fault, and counts as its default.
pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> ReadLimits {
    let mut settings = Vec::new();
    let mut count = |reader: &mut Reader<'_>, name, range, default: usize| {
        number_of(fields, &mut settings, reader, (name, range, default))
    };
    let default = Limits::default();
    let mut seconds = |reader: &mut Reader<'_>, name, default: Duration| {
        let default = usize::try_from(default.as_secs()).unwrap_or(SECONDS_MAX);
        Duration::from_secs(count(reader, name, 1..=SECONDS_MAX, default).value as u64)
    };
    let handshake_wait = seconds(reader, "tls_handshake_wait_s", default.handshake_wait);
    let head_wait = seconds(reader, "head_wait_s", default.head_wait);
    let body_wait = seconds(reader, "body_wait_s", default.body_wait);
    let answer_wait = seconds(reader, "answer_wait_s", default.answer_wait);
    let streams = default.streams_per_connection as usize;
    let streams = count(reader, "streams_per_connection", 1..=STREAMS_MAX, streams).value;
    let bodies_default = default.body_bytes_max >> 20;
    let bodies_mb = count(reader, "bodies_mb", 1..=BODIES_MB_MAX, bodies_default).value;
    let answers_default = default.answer_bytes_max >> 20;
    let answers_mb = count(reader, "answers_mb", 1..=BODIES_MB_MAX, answers_default).value;
    let waits = 1..=CONNECTIONS_MAX;
    let waits = count(reader, "waits_per_account", waits, default.waits_per_account).value;
    let rates = read_rates(reader, &mut count, default.rates);
    // Each is a part of another limit unless it is given, so it has no default to print.
    let mut part = |reader: &mut Reader<'_>, name, range| {
        let Found { value, place } = fields.count(reader, name, range)?;
        settings.push(Setting { name, value: number(&value), place });
        Some(value)
    };
    let connections = part(reader, "connections_per_address", 1..=CONNECTIONS_MAX);
    let bodies = part(reader, "bodies_per_address_mb", 1..=BODIES_MB_MAX);
    let flags = [("compression", default.compresses), ("api_docs", default.describes_api)];
    let [compresses, describes_api] =
        flags.map(|(name, default)| read_flag(reader, fields, (name, default), &mut settings));
    let limits = Limits {
        rates,
        compresses,
        describes_api,
        connections_per_address: connections,
        handshake_wait,
        streams_per_connection: u32::try_from(streams).unwrap_or(default.streams_per_connection),
        head_wait,
        body_wait,
        answer_wait,
        body_bytes_max: bodies_mb << 20,
        body_bytes_per_address: bodies.map(|mb| mb << 20),
        answer_bytes_max: answers_mb << 20,
        waits_per_account: waits,
        ..default
    };
    ReadLimits { limits, settings }
}

/// Takes a number by its name, its range and its default, and notes it for printing.
pub(super) fn number_of(
    fields: &mut Fields<'_>,
    settings: &mut Vec<Setting>,
    reader: &mut Reader<'_>,
    (name, range, default): (&'static str, RangeInclusive<usize>, usize),
) -> Found<usize> {
    let found = fields.count(reader, name, range).unwrap_or_else(|| by_default(default));
    settings.push(setting(name, &found, number));
    found
}

/// Reads whether something is on; its default otherwise.
fn read_flag(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    (name, default): (&'static str, bool),
    settings: &mut Vec<Setting>,
) -> bool {
    let found = fields.flag(reader, name).unwrap_or_else(|| by_default(default));
    settings.push(setting(name, &found, |is_on| (*is_on).into()));
    found.value
}

/// Reads one number in a range, with its default.
type Count<'c> =
    dyn FnMut(&mut Reader<'_>, &'static str, RangeInclusive<usize>, usize) -> Found<usize> + 'c;

/// Reads the rates of callers; `count` reads one number.
fn read_rates(reader: &mut Reader<'_>, count: &mut Count<'_>, default: RateLimits) -> RateLimits {
    let bytes = default.bytes_max >> 20;
    let bytes_max = count(reader, "rates_mb", 1..=RATES_MB_MAX, bytes).value << 20;
    let delay = usize::try_from(default.refusal_delay.as_millis()).unwrap_or(DELAY_MS_MAX);
    let delay = count(reader, "refusal_delay_ms", 0..=DELAY_MS_MAX, delay).value;
    let mut per_s = |name, default: NonZeroU32| {
        let default = usize::try_from(default.get()).unwrap_or(PER_S_MAX);
        let number = count(reader, name, 1..=PER_S_MAX, default).value;
        u32::try_from(number).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
    };
    RateLimits {
        account_requests_per_s: per_s("account_requests_per_s", default.account_requests_per_s),
        app_requests_per_s: per_s("app_requests_per_s", default.app_requests_per_s),
        events_requests_per_s: per_s("events_requests_per_s", default.events_requests_per_s),
        copies_per_s: per_s("copies_per_s", default.copies_per_s),
        nim_calls_per_s: per_s("nim_calls_per_s", default.nim_calls_per_s),
        wrong_credentials_per_s: per_s("wrong_credentials_per_s", default.wrong_credentials_per_s),
        refusal_delay: Duration::from_millis(delay as u64),
        bytes_max,
    }
}

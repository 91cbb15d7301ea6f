//! The limits that protect the server from slow, many and greedy peers, with their defaults.
//! `server/config.default.toml` gives each one's reason to operators.

use std::{num::NonZeroU32, time::Duration};

/// The limits of one server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections at once. Of further ones, [`LOBBY_CONNECTIONS_MAX`] may wait for a place.
    pub connections_max: usize,
    /// Most connections of one address. `None`: a quarter of them all, and all of them for this
    /// machine's own, where a proxy may be.
    pub connections_per_address: Option<usize>,
    /// Longest wait for a peer to shake hands for TLS.
    pub handshake_wait: Duration,
    /// Most requests at once of one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// Longest wait for the head of a request, also after the request before it.
    pub head_wait: Duration,
    /// Longest wait for the rest of a request, after its head.
    pub body_wait: Duration,
    /// Longest time in which a peer takes a whole answer.
    pub answer_wait: Duration,
    /// Longest wait for requests in flight while the server stops.
    pub drain: Duration,
    /// Bytes of all bodies in memory, until their requests are answered.
    pub body_bytes_max: usize,
    /// The same of one address. `None`: half of them all, and all of them for this machine's own.
    pub body_bytes_per_address: Option<usize>,
    /// Bytes of all answers over 16 KiB in memory, until their peers have taken them. One address
    /// may have half of it, and this machine's own all.
    pub answer_bytes_max: usize,
    /// Most waiting syncs of one account: more than one has devices.
    pub waits_per_account: usize,
    /// How often callers may call.
    pub rates: RateLimits,
    /// Whether answers are compressed for clients that ask.
    pub compresses: bool,
    /// Whether the API is described to anybody who asks.
    pub describes_api: bool,
}

/// How often callers may call: requests a second, of which ten seconds' worth may come at once.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Requests of one account.
    pub account_requests_per_s: NonZeroU32,
    /// Requests of all accounts of one app.
    pub app_requests_per_s: NonZeroU32,
    /// Requests with events of one app.
    pub events_requests_per_s: NonZeroU32,
    /// Message copies of one app.
    pub copies_per_s: NonZeroU32,
    /// Calls of NIM's server API of one app.
    pub nim_calls_per_s: NonZeroU32,
    /// Requests with a wrong token or key of one address. Of this machine's own, where a proxy may
    /// be, they are not counted.
    pub wrong_credentials_per_s: NonZeroU32,
    /// How long the refusal of a caller over its rate is held back. Who calls again at once would
    /// otherwise cost as much as who is served.
    pub refusal_delay: Duration,
    /// What is remembered of all callers, in bytes.
    pub bytes_max: usize,
}

impl Default for RateLimits {
    fn default() -> Self {
        let per_s = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            account_requests_per_s: per_s(1_000),
            app_requests_per_s: per_s(20_000),
            events_requests_per_s: per_s(10_000),
            copies_per_s: per_s(10_000),
            nim_calls_per_s: per_s(5_000),
            wrong_credentials_per_s: per_s(100),
            // Half of the least `Retry-After`: who heeds it loses nothing.
            refusal_delay: Duration::from_millis(500),
            bytes_max: 8 << 20,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_DEFAULT,
            connections_per_address: None,
            handshake_wait: Duration::from_secs(10),
            streams_per_connection: 100,
            head_wait: Duration::from_secs(30),
            body_wait: Duration::from_secs(30),
            // A client gives an attempt 15 s and a call 30 s: what comes later, nobody reads.
            answer_wait: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            body_bytes_max: 64 << 20,
            body_bytes_per_address: None,
            answer_bytes_max: 64 << 20,
            waits_per_account: 32,
            rates: RateLimits::default(),
            compresses: true,
            describes_api: true,
        }
    }
}

/// Default of [`Limits::connections_max`].
pub const CONNECTIONS_DEFAULT: usize = 20_000;
/// Connections that have not sent a request yet, while all places are taken; the oldest goes.
pub(crate) const SILENT_MAX: usize = 128;
/// Requests that wait for a place; further ones are refused at once.
pub(crate) const PLACE_REQUESTS_MAX: usize = 128;
/// Connections beside [`Limits::connections_max`], for open files.
pub const LOBBY_CONNECTIONS_MAX: usize = SILENT_MAX + PLACE_REQUESTS_MAX;
/// Longest wait of a request for a place: less than a client gives an attempt.
pub(crate) const PLACE_WAIT: Duration = Duration::from_secs(5);
/// Bytes of bodies that an HTTP/2 connection buffers before a handler reads them: the least that
/// the protocol allows.
pub(crate) const WINDOW_BYTES: u32 = 65_535;
/// Requests that an HTTP/2 peer may reset before they are looked at; beyond, the connection ends.
/// Each costs us what it does not cost the peer (CVE-2023-44487).
pub(crate) const PENDING_RESETS_MAX: usize = 20;
/// Resets that an HTTP/2 peer may cause by its errors; beyond, the connection ends
/// (RUSTSEC-2024-0003).
pub(crate) const ERROR_RESETS_MAX: usize = 100;
/// Time that an HTTP/2 peer has for its goodbye, once all its requests are answered.
pub(crate) const GOODBYE_WAIT: Duration = Duration::from_secs(1);
/// Requests that an HTTP/2 peer may take back before their answers, if it lets no more of them be
/// answered; beyond, the connection ends.
pub(crate) const TAKEN_BACK_MAX: u32 = 100;
/// Shorter answers are not counted: errors, and what fits into a connection's buffers anyway.
pub(crate) const ANSWER_BYTES_COUNTED: usize = 16 * 1024;
/// Largest head of a request, and the most that is read of a connection at a time: 4 times the
/// longest token and page token together.
pub(crate) const READ_BUFFER_BYTES: usize = 16 * 1024;

//! Retried writes: the key that names a write, and the attempt that carries it.

/// How long the first result of a write is given again, in ms: 10 minutes.
pub const IDEMPOTENCY_MS: u64 = 10 * 60 * 1000;

/// Names one write, the same on each of its attempts. 1..=64 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses a key; `None` when the text is no key.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One attempt of a write. For 10 minutes, across restarts, a further attempt under the same key
/// gets the first one's result and does nothing: a retried delete never hides a message that came
/// in between. Refusals are not remembered: they did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The server's clock, ms since 1970.
    pub now: u64,
    /// `None`: every attempt is a write of its own.
    pub key: Option<IdempotencyKey>,
}

//! What an answer carries in its extensions for the counters and the log; no peer sees it.

/// Why an answer is no success, for the counters; in the answer's extensions.
#[derive(Debug, Clone)]
pub(crate) struct RefusalReason(pub(crate) String);

/// The answer goes out late, because its caller is over a rate; in the answer's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldBack;

/// The id under which an answer is found in the log; in the answer's extensions.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    pub(crate) fn draw() -> Self {
        let mut bytes = [0; 8];
        // An id only finds a log line: without randomness it is zeros, and the answer still goes
        // out.
        let _ = getrandom::fill(&mut bytes);
        Self(hex::encode(bytes))
    }
}

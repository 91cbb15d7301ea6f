//! How a call of the store fails.

/// Why a call of the store fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The page token belongs to another account or an unknown era, or the store has forgotten it.
    #[error("pageToken is stale: list again from the first page")]
    StalePageToken,
    /// The account already has as many sessions by ext alone as it may.
    #[error("an account may have at most {max} sessions without a message: delete some")]
    TooManySessions {
        /// The limit.
        max: usize,
    },
    /// The idempotency key was used for another write within the last 10 minutes.
    #[error("Idempotency-Key was used for another call: take a new one for each call")]
    KeyReused,
    /// Not durable, and perhaps not done: disk full, I/O error, queue full, closing. Send again.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// For the operator.
        reason: String,
    },
    /// A stored value fails its checksum or its format: never an answer.
    #[error("damaged: {what}. Restore the store from a backup")]
    Damaged {
        /// Which value, and in which table.
        what: String,
    },
}

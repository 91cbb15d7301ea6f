//! Counts of answers, and what was wrong with those that were not right.

use anyhow::Result;
use hyper::StatusCode;
use tokio::task::JoinSet;

use super::sent::Sent;
use crate::connection::Answer;

/// Wrong answers that one caller keeps.
const WRONG_MAX: usize = 3;

/// Everybody who works in a scene.
pub(super) type Tasks = JoinSet<Result<Tally>>;

/// What callers were answered.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) served: u64,
    /// With 429 or 503 and `Retry-After`.
    pub(super) refused: u64,
    pub(super) wrong: Vec<String>,
    sent: Vec<Sent>,
}

impl Tally {
    /// Adds what another caller counted.
    pub(super) fn add(&mut self, other: Self) {
        self.served += other.served;
        self.refused += other.refused;
        self.wrong.extend(other.wrong);
        self.sent.extend(other.sent);
    }

    /// Counts an answer. Tells whether the call was served.
    pub(super) fn count(&mut self, what: &str, answer: &Answer) -> bool {
        match answer.status {
            StatusCode::OK => {
                self.served += 1;
                return true;
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                if answer.has_retry_after =>
            {
                self.refused += 1;
            }
            other => self.note(format!("{what} was answered {other}")),
        }
        false
    }

    /// Keeps what was wrong, as long as there is little of it.
    pub(super) fn note(&mut self, what: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(what);
        }
    }

    /// Keeps what a sender was told is stored.
    pub(super) fn keep_sent(&mut self, sent: Sent) {
        self.sent.push(sent);
    }

    /// Gives away what senders were told.
    pub(super) fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }
}

//! A write under its idempotency key: done once, its first result given again. The result is stored
//! in the transaction of its effect.

use huihua_core::{AppKey, SessionId};
use redb::ReadableTable as _;
use sha2::{Digest as _, Sha256};

use super::super::{Attempt, Error, IDEMPOTENCY_MS};
use super::{
    registers::Writer,
    row::{self, FirstResult},
    sweep, tables,
    write::Answer,
};
use crate::event::Owner;

/// Whose keys they are.
pub(super) enum Caller<'a> {
    /// A client's.
    Client(&'a Owner),
    /// The app's own server's.
    Server(&'a AppKey),
}

/// What was asked, to tell a further try from another call under the same key.
pub(super) enum Request<'a> {
    Update {
        id: &'a SessionId,
        ext: &'a str,
    },
    Delete {
        ids: &'a [SessionId],
    },
    /// An action's key names all of it.
    Act,
}

impl Request<'_> {
    fn digest(&self) -> [u8; 8] {
        let mut hash = Sha256::new();
        match self {
            Self::Update { id, ext } => hash.update(format!("update\n{id}\n{ext}")),
            Self::Delete { ids } => {
                hash.update("delete");
                // No id holds a line break.
                ids.iter().for_each(|id| hash.update(format!("\n{id}")));
            }
            Self::Act => hash.update("act"),
        }
        hash.finalize()[..8].try_into().expect("SHA-256 has more than 8 bytes")
    }

    fn answer(&self, json: &str, key: &[u8]) -> Result<Answer, Error> {
        let answer = match self {
            Self::Update { .. } => serde_json::from_str(json).map(Answer::Session),
            Self::Delete { .. } => Ok(Answer::Deleted),
            Self::Act => serde_json::from_str(json).map(Answer::Acted),
        };
        answer.map_err(|_| row::damaged("first result", key))
    }
}

/// Whether a result of `time` is still given again. A clock that jumped back does not make it new.
fn is_fresh(time: u64, now: u64) -> bool {
    time.abs_diff(now) <= IDEMPOTENCY_MS
}

impl Writer<'_> {
    /// Does the write, unless it was done under its key already.
    pub(super) fn once(
        &mut self,
        caller: Caller<'_>,
        attempt: &Attempt,
        request: &Request<'_>,
        write: impl FnOnce(&mut Self) -> Result<Answer, Error>,
    ) -> Result<Answer, Error> {
        let Some(key) = &attempt.key else { return write(self) };
        let key = match caller {
            Caller::Client(owner) => tables::result_key(&owner.app, owner.account.as_str(), key),
            // No account is empty.
            Caller::Server(app) => tables::result_key(app, "", key),
        };
        let digest = request.digest();
        if let Some(value) = self.results.get(key.as_slice())? {
            let first = row::decode_first_result(&key, value.value())?;
            if is_fresh(first.time, attempt.now) {
                if first.request != digest {
                    return Ok(Answer::Refused(Error::KeyReused));
                }
                return request.answer(first.answer, &key);
            }
        }
        let answer = write(self)?;
        let json = match &answer {
            Answer::Session(session) => {
                serde_json::to_string(session).expect("a session has string keys only")
            }
            Answer::Deleted => String::new(),
            Answer::Acted(done) => serde_json::to_string(done).expect("it has string keys only"),
            Answer::Refused(_) | Answer::Outcomes(_) | Answer::Swept(_) => return Ok(answer),
        };
        let first = FirstResult { time: attempt.now, request: digest, answer: &json };
        let value = row::encode_first_result(&key, &first);
        self.results.insert(key.as_slice(), value.as_slice())?;
        self.wrote = true;
        Ok(answer)
    }

    /// Forgets the results among the next rows that are given no more.
    pub(super) fn sweep_results(
        &mut self,
        now: u64,
        from: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut stale = Vec::new();
        let next = sweep::next_rows(&self.results, from, |key, value| {
            let first = row::decode_first_result(key, value);
            if first.is_ok_and(|first| !is_fresh(first.time, now)) {
                stale.push(key.to_vec());
            }
        })?;
        for key in stale {
            self.results.remove(key.as_slice())?;
            self.wrote = true;
        }
        Ok(next)
    }
}

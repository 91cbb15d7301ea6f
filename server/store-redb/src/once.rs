//! A write under its idempotency key: done once, its first result given again. The result is stored
//! in the transaction of its effect.

use huihua_core::{AppKey, RecentSession, SessionId};
use huihua_event::{Done, Owner};
use huihua_store::{Attempt, Error, IDEMPOTENCY_MS, IdempotencyKey};
use redb::ReadableTable as _;
use sha2::{Digest as _, Sha256};

use crate::{
    failure::StoreFailure,
    row::{self, FirstResult},
    tables,
    transaction::Tx,
};

/// The owner of an idempotency key.
#[derive(Clone, Copy)]
pub(crate) enum KeyOwner<'a> {
    /// A client.
    Client(&'a Owner),
    /// The app's own server.
    Server(&'a AppKey),
}

impl KeyOwner<'_> {
    fn result_key(self, key: &IdempotencyKey) -> Vec<u8> {
        match self {
            Self::Client(owner) => tables::result_key(&owner.app, owner.account.as_str(), key),
            // No account is empty.
            Self::Server(app) => tables::result_key(app, "", key),
        }
    }
}

/// The request of a write, which distinguishes a further attempt from another call under its key.
pub(crate) enum WriteRequest<'a> {
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

impl WriteRequest<'_> {
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
}

/// A result that is stored and given again.
pub(crate) trait StoredResult: Sized {
    /// Writes the result as text; empty for one without a body.
    fn to_text(&self) -> String;
    /// Reads it back.
    fn from_text(text: &str) -> Option<Self>;
}

impl StoredResult for () {
    fn to_text(&self) -> String {
        String::new()
    }
    fn from_text(_: &str) -> Option<Self> {
        Some(())
    }
}

impl StoredResult for RecentSession {
    fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a session has string keys only")
    }
    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl StoredResult for Done {
    fn to_text(&self) -> String {
        serde_json::to_string(self).expect("it has string keys only")
    }
    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Does the write, unless it was done under its key already. A refusal `R` is not stored: nothing
/// was done.
pub(crate) fn once<T: StoredResult, R>(
    tx: &mut Tx<'_>,
    owner: KeyOwner<'_>,
    attempt: &Attempt,
    request: &WriteRequest<'_>,
    write: impl FnOnce(&mut Tx<'_>) -> Result<Result<T, R>, StoreFailure>,
) -> Result<Result<T, R>, StoreFailure> {
    let Some(key) = &attempt.key else { return write(tx) };
    let (key, digest) = (owner.result_key(key), request.digest());
    if let Some(value) = tx.results.get(key.as_slice())? {
        let first = row::decode_first_result(&key, value.value())?;
        if is_fresh(first.time, attempt.now) {
            if first.request != digest {
                return Err(StoreFailure::Refused(Error::KeyReused));
            }
            let result = T::from_text(first.answer);
            return result.map(Ok).ok_or_else(|| row::damaged("first result", &key));
        }
    }
    let result = match write(tx)? {
        Ok(result) => result,
        refused @ Err(_) => return Ok(refused),
    };
    let answer = result.to_text();
    let first = FirstResult { time: attempt.now, request: digest, answer: &answer };
    tx.put_first_result(&key, &first)?;
    Ok(Ok(result))
}

/// Tells whether a result of `time` is still given again. A clock that jumped back does not make it
/// new.
pub(crate) fn is_fresh(time: u64, now: u64) -> bool {
    time.abs_diff(now) <= IDEMPOTENCY_MS
}

//! A write under its idempotency key: done once, its first result given again. That it was done is
//! stored in the transaction of its effect. Of an app's own server the result is stored too; a
//! client's is made again, so that no text is kept.

use huihua_core::{AppKey, RecentSession, SessionId};
use huihua_event::{Done, Owner};
use huihua_store::{Attempt, Error, IDEMPOTENCY_MS, IdempotencyKey, rules::View};
use redb::ReadableTable as _;
use sha2::{Digest as _, Sha256};

use crate::{
    failure::StoreFailure,
    lookup::recent_session,
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

/// First results kept of one account: 100 KiB. Beyond, the oldest go.
const RESULTS_MAX: usize = 1_000;
/// How many go at once, so that not every write looks for them.
const RESULTS_DROPPED: usize = 100;

/// A result that is given again.
pub(crate) trait StoredResult: Sized {
    /// Writes as text what is stored of the result; empty if it is made again.
    fn to_text(&self) -> String;
    /// Gives the result again.
    fn again(
        tx: &Tx<'_>,
        owner: KeyOwner<'_>,
        request: &WriteRequest<'_>,
        first: &FirstResult<'_>,
    ) -> Result<Option<Self>, StoreFailure>;
}

impl StoredResult for () {
    fn to_text(&self) -> String {
        String::new()
    }
    fn again(
        _: &Tx<'_>,
        _: KeyOwner<'_>,
        _: &WriteRequest<'_>,
        _: &FirstResult<'_>,
    ) -> Result<Option<Self>, StoreFailure> {
        Ok(Some(()))
    }
}

impl StoredResult for RecentSession {
    fn to_text(&self) -> String {
        String::new()
    }
    /// The session with the ext that the call gave it, and its last message of now: it is the one
    /// of then unless one came since, or the session was deleted since.
    fn again(
        tx: &Tx<'_>,
        owner: KeyOwner<'_>,
        request: &WriteRequest<'_>,
        first: &FirstResult<'_>,
    ) -> Result<Option<Self>, StoreFailure> {
        if !first.answer.is_empty() {
            // Stored by an earlier version of the server, less than 10 minutes ago.
            return Ok(serde_json::from_str(first.answer).ok());
        }
        let (KeyOwner::Client(owner), WriteRequest::Update { id, ext }) = (owner, request) else {
            return Ok(None);
        };
        let now = tx.lists().session(owner, id, |_, view| recent_session(id, ext, view))?;
        let as_left = || {
            let update_time = Some(first.time);
            let view = View { last: None, edit: None, update_time, version: 0, in_since: None };
            recent_session(id, ext, &view)
        };
        now.map_or_else(as_left, |session| Ok(Some(session)))
    }
}

impl StoredResult for Done {
    fn to_text(&self) -> String {
        serde_json::to_string(self).expect("it has string keys only")
    }
    fn again(
        _: &Tx<'_>,
        _: KeyOwner<'_>,
        _: &WriteRequest<'_>,
        first: &FirstResult<'_>,
    ) -> Result<Option<Self>, StoreFailure> {
        Ok(serde_json::from_str(first.answer).ok())
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
    let value = tx.results.open()?.get(key.as_slice())?.map(|value| value.value().to_vec());
    if let Some(value) = value {
        let first = row::decode_first_result(&key, &value)?;
        if is_fresh(first.time, attempt.now) {
            if first.request != digest {
                return Err(StoreFailure::Refused(Error::KeyReused));
            }
            let result = T::again(tx, owner, request, &first)?;
            return result.map(Ok).ok_or_else(|| row::damaged("first result", &key));
        }
    }
    let result = match write(tx)? {
        Ok(result) => result,
        refused @ Err(_) => return Ok(refused),
    };
    if let KeyOwner::Client(owner) = owner {
        make_room(tx, owner)?;
    }
    let answer = result.to_text();
    let first = FirstResult { time: attempt.now, request: digest, answer: &answer };
    tx.put_first_result(&key, &first)?;
    Ok(Ok(result))
}

/// Drops the oldest results of an account that has as many as it may.
fn make_room(tx: &mut Tx<'_>, owner: &Owner) -> Result<(), StoreFailure> {
    let range = tables::owner_range(owner);
    if tx.result_counts.count(&range.start).is_some_and(|count| count < RESULTS_MAX) {
        return Ok(());
    }
    let mut times = Vec::new();
    for item in tx.results.open()?.range::<&[u8]>(range.start.as_slice()..range.end.as_slice())? {
        let (key, value) = item?;
        // One that is damaged goes first.
        let first = row::decode_first_result(key.value(), value.value());
        times.push((first.map_or(0, |first| first.time), key.value().to_vec()));
    }
    let dropped = if times.len() < RESULTS_MAX { 0 } else { RESULTS_DROPPED };
    // With the one that is written now.
    tx.result_counts.put(range.start, times.len() - dropped + 1);
    if dropped == 0 {
        return Ok(());
    }
    times.sort();
    times.iter().take(dropped).try_for_each(|(_, key)| tx.remove_first_result(key))
}

/// Tells whether a result of `time` is still given again. A clock that jumped back does not make it
/// new.
pub(crate) fn is_fresh(time: u64, now: u64) -> bool {
    time.abs_diff(now) <= IDEMPOTENCY_MS
}

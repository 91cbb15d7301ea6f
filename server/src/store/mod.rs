//! The list on a disk: the trait that every engine serves, its contract, its errors.
//! Who wins is `rules`, order and pages are `order`, what an app's own server may do is
//! `directory`; engines move bytes.

pub mod cursor;
pub mod directory;
pub mod key;
pub mod order;
#[cfg(feature = "redb")]
pub mod redb;
pub mod rules;
#[cfg(test)]
pub(crate) mod suite;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use huihua_core::{Account, AppKey, Page, QueryMySessionOption, RecentSession, SessionId};
use tokio::sync::broadcast;

use self::directory::{Action, Done, JoinedTeam, Refusal, TokenHash};
use crate::event::{Event, Owner, Team, TeamKind};

/// How long the result of a client's write is given again, in ms: 10 minutes.
pub const IDEMPOTENCY_MS: u64 = 10 * 60 * 1000;

/// Names one write of a client, the same on each of its tries. 1..=64 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key in this text; `None` when it is none.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One try of a client's write. For 10 minutes, across restarts, a further try under the same key
/// gets the first one's result and does nothing: a retried delete never hides a message that came
/// in between. Refusals are not remembered: they did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The server's clock, ms since 1970.
    pub now: u64,
    /// `None`: every try is a write of its own.
    pub key: Option<IdempotencyKey>,
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It moved at least one register. An engine that does not know says so for `Stale` too.
    Applied,
    /// Repeated or outranked: nothing changed.
    Stale,
    /// It is of a kind that moves nothing.
    Ignored,
    /// Refused: a time in it is too far ahead of the clock.
    TooFarAhead,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The page token is of another account, an unknown era, or older than the store remembers.
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
    /// The directory does not allow the action: nothing was changed.
    #[error("{0}")]
    Refused(Refusal),
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

/// One engine. Every method may be called from any task; every method is cancel safe: a write
/// whose caller went away is done whole or not at all.
///
/// Times are ms since 1970 and come in from the caller: the store reads no clock.
#[async_trait]
pub trait Store: Send + Sync {
    /// Applies the events in order, all durable before the answer or none acknowledged.
    /// Idempotent and commutative: any order and any repetition gives the same lists.
    async fn ingest(
        &self,
        app: &AppKey,
        events: Vec<Event>,
        now: u64,
    ) -> Result<Vec<Outcome>, Error>;

    /// One page of the owner's list, from one snapshot. The option is already validated.
    async fn list(&self, owner: &Owner, option: &QueryMySessionOption) -> Result<Page, Error>;

    /// One session, or `None` when it is not visible.
    async fn get(&self, owner: &Owner, id: &SessionId) -> Result<Option<RecentSession>, Error>;

    /// Sets the ext, durable before the answer; makes the session visible.
    async fn update(
        &self,
        owner: &Owner,
        id: &SessionId,
        ext: String,
        attempt: &Attempt,
    ) -> Result<RecentSession, Error>;

    /// Hides the sessions up to their last messages, all or none, durable before the answer.
    async fn delete(
        &self,
        owner: &Owner,
        ids: Vec<SessionId>,
        attempt: &Attempt,
    ) -> Result<(), Error>;

    /// Does what an app's own server asks: ids, directory and lists in one transaction, all durable
    /// before the answer or none of it done. The attempt's key must name the whole action: under
    /// one key the first result is given again, whatever the further try asks.
    async fn act(
        &self,
        app: &AppKey,
        action: Arc<Action>,
        attempt: &Attempt,
    ) -> Result<Done, Error>;

    /// Whose token this is now. `None` when nobody's, or when two accounts have it: then it tells
    /// neither.
    async fn account_of(&self, app: &AppKey, token: &TokenHash) -> Result<Option<Account>, Error>;

    /// What is known of the teams of this kind that the owner is in now, from one snapshot, in the
    /// order of their ids. Costs a read for each member of each.
    async fn joined(&self, owner: &Owner, kind: TeamKind) -> Result<Vec<JoinedTeam>, Error>;

    /// Every session changed since the cursor, once each, in change order, deletions included.
    async fn sync(&self, owner: &Owner, option: &SyncOption) -> Result<Changes, Error>;

    /// The teams that the owner is in now: their messages move its list.
    async fn teams_of(&self, owner: &Owner) -> Result<Vec<Team>, Error>;

    /// Tells what moved, after it is durable. A receiver that lags loses hints: a hint only saves
    /// waiting, a sync finds every change without it.
    fn hints(&self) -> broadcast::Receiver<Hint>;

    /// Forgets what is announced no more: the texts of sessions deleted over 30 days ago, and the
    /// right of older cursors. Works in small steps between which other writes go on; safe to drop
    /// and to repeat. Meant to be called once an hour.
    async fn sweep(&self, now: u64) -> Result<(), Error>;

    /// Copies one snapshot into a new file, every value checked, while other work goes on. Nothing
    /// is there under the file's name before all of it is.
    async fn backup(&self, to: &Path, progress: Progress) -> Result<(), Error>;

    /// Answers when the store can read and write.
    async fn health(&self) -> Result<(), Error>;

    /// Finishes what was accepted and refuses what comes after.
    async fn close(&self);
}

/// Is told now and then how many rows are done, and of how many.
pub type Progress = Box<dyn Fn(u64, u64) + Send + Sync>;

/// What a batch of writes moved.
pub type Hint = Arc<[Touched]>;

/// Whose list may have moved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Touched {
    /// This account's; or its token did.
    Account(Owner),
    /// The list of everybody who is in this team of this app.
    Team(AppKey, Team),
}

/// How long a deleted session is announced to other devices, in ms: 30 days.
pub const TOMBSTONE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Where a sync starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncFrom {
    /// From the beginning: every session of the list.
    Beginning,
    /// From now: no changes, only a cursor.
    Latest,
    /// After what this cursor covers.
    Cursor(String),
}

/// What a sync asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOption {
    /// Where it starts.
    pub from: SyncFrom,
    /// Changes wanted, 1..=500.
    pub limit: u32,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
}

/// One change of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The session in its latest state.
    Session(RecentSession),
    /// The session is not visible any more.
    Deleted(SessionId),
}

/// What changed since a cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// In the order of the changes, each session once.
    pub changes: Vec<Change>,
    /// Covers everything that came with this answer and before it.
    pub cursor: String,
    /// Whether the next sync has something at once.
    pub has_more: bool,
    /// The cursor was not of this store any more: list again.
    pub reset: bool,
}

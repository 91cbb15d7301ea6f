//! The two traits that an engine implements, each method with its contract: when is it durable, may
//! it be repeated, what does it cost.

use std::sync::Arc;

use async_trait::async_trait;
use huihua_core::{
    Account, AccountForm, AppKey, Page, QueryMySessionOption, RecentSession, SessionId, SyncPage,
};
use huihua_event::{
    Action, Done, Event, JoinedTeam, Member, Owner, Team, TeamEntry, TeamKind, TokenHash,
};
use tokio::sync::broadcast;

use crate::{
    AccountFormRefusal, Attempt, Erased, Error, InspectedSession, ItemBatch, PageJson, Refusal,
    SessionJson, StoredItem, SyncPageJson, TakeRecord,
};

/// How long a deleted session is announced to other devices, in ms: 30 days.
pub const TOMBSTONE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The lists and the directory of all apps.
///
/// Every method may be called from any task; every method is cancel safe: a write whose caller goes
/// away is done whole or not at all. Times are ms since 1970 and come in from the caller: the store
/// reads no clock. Cursors and page tokens are each engine's own, opaque to everybody else.
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

    /// Returns one page of the owner's list, from one snapshot. The option is already validated.
    async fn list(&self, owner: &Owner, option: &QueryMySessionOption) -> Result<PageJson, Error>;

    /// Returns one session; `None` when it is not visible.
    async fn get(&self, owner: &Owner, id: &SessionId) -> Result<Option<SessionJson>, Error>;

    /// Returns every session changed since the cursor, once each, in the order of the changes,
    /// deletions included.
    async fn sync(&self, owner: &Owner, request: &SyncRequest) -> Result<SyncPageJson, Error>;

    /// [`Self::list`] as values, for who writes another form of it.
    async fn list_page(&self, owner: &Owner, option: &QueryMySessionOption) -> Result<Page, Error> {
        self.list(owner, option).await?.into_page()
    }

    /// [`Self::get`] as a value.
    async fn get_session(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> Result<Option<RecentSession>, Error> {
        self.get(owner, id).await?.map(SessionJson::into_session).transpose()
    }

    /// [`Self::sync`] as values.
    async fn sync_page(&self, owner: &Owner, request: &SyncRequest) -> Result<SyncPage, Error> {
        self.sync(owner, request).await?.into_sync_page()
    }

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

    /// Carries out what [`crate::decide::decide`] allows, durable before the answer, or changes
    /// nothing. The attempt's key must name the whole action: under one key the first result is
    /// given again, whatever a further attempt asks.
    async fn act(
        &self,
        app: &AppKey,
        action: Arc<Action>,
        attempt: &Attempt,
    ) -> Result<Result<Done, Refusal>, Error>;

    /// Returns the account that has this token now, or had it when it was blocked; `None` when no
    /// account has it, or several.
    async fn account_of(&self, app: &AppKey, token: &TokenHash) -> Result<Option<Account>, Error>;

    /// Tells whether the account is blocked: then nothing opens its list. Asked at every request,
    /// so it costs almost nothing.
    async fn is_blocked(&self, owner: &Owner) -> Result<bool, Error>;

    /// Returns the teams of this kind that the owner is in now with their entries, from one
    /// snapshot, in the order of their ids. Costs a read for each member of each team.
    async fn joined(&self, owner: &Owner, kind: TeamKind) -> Result<Vec<JoinedTeam>, Error>;

    /// Returns the teams that the owner is in now: their messages move its list.
    async fn teams_of(&self, owner: &Owner) -> Result<Vec<Team>, Error>;

    /// Returns the team's entry, empty for one that only events named; `None` when nothing ever
    /// named the team, or it was dissolved and nobody is in.
    async fn team(&self, app: &AppKey, team: &Team) -> Result<Option<TeamEntry>, Error>;

    /// Returns the accounts that are in the team now, at most `limit`, in the order of their bytes,
    /// after the account `after`. Costs a read for each account that ever was in.
    async fn members(
        &self,
        app: &AppKey,
        team: &Team,
        after: Option<&Account>,
        limit: usize,
    ) -> Result<Vec<Member>, Error>;

    /// Subscribes to the lists that change. A hint comes after its change is durable. A receiver
    /// that lags loses hints: a hint only saves waiting, a sync finds every change without it.
    fn hints(&self) -> broadcast::Receiver<ChangeHint>;
}

/// One engine: the store, and what the process around it needs.
#[async_trait]
pub trait Engine: Store {
    /// Remembers how each app writes its account ids, durable before the answer: all of them, or
    /// none if [`crate::check_account_form`] refuses one. Called before anything else is served:
    /// may cost a look at every row of an app whose form is not remembered yet.
    async fn remember_account_forms(
        &self,
        forms: &[(AppKey, AccountForm)],
    ) -> Result<Result<(), AccountFormRefusal>, Error>;

    /// Writes and reads, so that a full disk is no health. Changes no list.
    async fn health(&self) -> Result<(), Error>;

    /// Drops the texts of sessions deleted more than 30 days ago and expires older cursors and
    /// first results. Looks at about `rows_max` rows in small steps between which other writes go
    /// on; the next call goes on where this one ended. Safe to drop and to repeat; meant to come to
    /// its end once an hour.
    async fn sweep(&self, now: u64, rows_max: usize) -> Result<SweepState, Error>;

    /// Checks every stored value while other work goes on, and returns how many there are.
    ///
    /// The first damaged value is the error.
    async fn verify(&self, progress: Progress) -> Result<u64, Error>;

    /// Gives every record of the owner, from one snapshot, while other work goes on: that of the
    /// account, of each session, of each team that it owns, of each first result, and the last one.
    /// Returns how many there were before the last one.
    async fn export(&self, owner: &Owner, take: TakeRecord) -> Result<u64, Error>;

    /// Reads one session with every register behind it, its team's too, from one state of the
    /// store; one that nothing is known of has empty ones. For the operator: changes nothing, and
    /// costs as much as [`Store::get`] without a list in memory.
    ///
    /// `None` from an engine that cannot: then it does so for every session.
    async fn inspect(
        &self,
        _owner: &Owner,
        _id: &SessionId,
    ) -> Result<Option<InspectedSession>, Error> {
        Ok(None)
    }

    /// Erases the owner: sessions, memberships, first results, entry, tokens, and its name as the
    /// owner of teams. Lists of others and teams keep its messages. Its cursors and page tokens of
    /// before are reset, and the next message that concerns it begins a new list.
    ///
    /// Durable before the answer. Goes in small steps between which other writes go on: one that
    /// ended in the middle is ended by the next. What is written of the owner meanwhile goes or
    /// stays.
    async fn erase(&self, owner: &Owner) -> Result<Erased, Error>;

    /// Reads some of everything that is stored, about `count` items after where `after` says
    /// (`None`: from the beginning), in an order of the engine's own. Nobody writes meanwhile.
    async fn items(&self, after: Option<&str>, count: usize) -> Result<ItemBatch, Error>;

    /// Takes items of another store, durable before the answer. Repeating them changes nothing, and
    /// a store that is empty shows the same lists in the end. Nobody else writes meanwhile.
    async fn put_items(&self, items: Vec<StoredItem>, now: u64) -> Result<(), Error>;

    /// Tells whether it reads what it writes over. Then a repeated event is [`Outcome::Stale`], and
    /// no list is hinted at that did not change. An engine that writes blindly says `Applied` of
    /// what it does not know, and hints at lists that may have changed.
    fn knows_what_moved(&self) -> bool {
        true
    }

    /// Returns what it counts, for the operator. Costs almost nothing.
    fn report(&self) -> EngineReport {
        EngineReport::default()
    }

    /// Finishes what was accepted and refuses what comes after.
    async fn close(&self);
}

/// What an engine counts, since it was opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineReport {
    /// Writes that wait for the writer now.
    pub queue_jobs: u64,
    /// Writes of each transaction.
    pub batch_jobs: Distribution,
    /// Seconds of each commit, with its sync to the disk.
    pub commit_seconds: Distribution,
    /// Size of the store's files now, in bytes.
    pub store_bytes: u64,
}

/// Values in classes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// The upper limit of each class, ascending to infinity, and how many values are in it.
    pub classes: Vec<(f64, u64)>,
    /// The sum of all values.
    pub sum: f64,
}

/// Gets now and then how many rows are done, and of how many.
pub type Progress = Box<dyn Fn(u64, u64) + Send + Sync>;

/// The outcome of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It changed what is seen. An engine that does not know says so for `Stale` too.
    Applied,
    /// Repeated, outranked, or waiting for its message: nothing that is seen changed.
    Stale,
    /// Its kind moves nothing.
    Ignored,
    /// Rejected: a time in it is too far ahead of the clock.
    TooFarAhead,
}

/// Whether a sweep came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepState {
    /// The pass is complete; the next call begins a new one.
    Complete,
    /// There are rows left.
    Unfinished,
}

/// The lists that one batch of writes changed.
pub type ChangeHint = Arc<[ChangedList]>;

/// A list that may have changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChangedList {
    /// This account's; or its token changed, or it was blocked or unblocked.
    Account(Owner),
    /// That of every account that is in this team of this app.
    Team(AppKey, Team),
}

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

/// One sync, parsed by its door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRequest {
    /// Where it starts.
    pub from: SyncFrom,
    /// Changes wanted, 1..=500.
    pub limit: u32,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
}

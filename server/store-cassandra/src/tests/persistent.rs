//! An engine whose callers do not give up: what a call answers as unavailable is called again, as
//! NIM's servers and the SDK do. So the suite runs while nodes die; nothing but this is forgiven.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use huihua_core::{Account, AccountForm, AppKey, QueryMySessionOption, RecentSession, SessionId};
use huihua_event::{
    Action, Done, Event, JoinedTeam, Member, Owner, Team, TeamEntry, TeamKind, TokenHash,
};
use huihua_store::{
    AccountFormRefusal, Attempt, ChangeHint, Engine, Erased, Error, InspectedSession, ItemBatch,
    Outcome, PageJson, Progress, Refusal, SessionJson, Store, StoredItem, SweepState, SyncPageJson,
    SyncRequest, TakeRecord,
};
use tokio::sync::broadcast;

/// Between two calls of one caller.
const PAUSE: Duration = Duration::from_millis(100);
/// A minute of a ring that does not come back is a fault.
const TRIES_MAX: u32 = 600;

/// Calls of all stores.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) lists: AtomicU64,
    pub(super) syncs: AtomicU64,
    pub(super) writes: AtomicU64,
    /// Calls that were answered as unavailable, and called again.
    pub(super) again: AtomicU64,
}

/// The engine, and what was counted.
pub(super) struct Persistent {
    pub(super) engine: Box<dyn Engine>,
    pub(super) calls: Arc<Calls>,
}

impl Persistent {
    async fn call<T, F: Future<Output = Result<T, Error>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<T, Error> {
        for _ in 1..TRIES_MAX {
            match call().await {
                Err(Error::Unavailable { .. }) => {
                    self.calls.again.fetch_add(1, Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                answer => return answer,
            }
        }
        call().await
    }
}

#[async_trait]
impl Store for Persistent {
    async fn ingest(
        &self,
        app: &AppKey,
        events: Vec<Event>,
        now: u64,
    ) -> Result<Vec<Outcome>, Error> {
        self.calls.writes.fetch_add(1, Relaxed);
        self.call(|| self.engine.ingest(app, events.clone(), now)).await
    }

    async fn list(&self, owner: &Owner, option: &QueryMySessionOption) -> Result<PageJson, Error> {
        self.calls.lists.fetch_add(1, Relaxed);
        self.call(|| self.engine.list(owner, option)).await
    }

    async fn get(&self, owner: &Owner, id: &SessionId) -> Result<Option<SessionJson>, Error> {
        self.call(|| self.engine.get(owner, id)).await
    }

    async fn sync(&self, owner: &Owner, request: &SyncRequest) -> Result<SyncPageJson, Error> {
        self.calls.syncs.fetch_add(1, Relaxed);
        self.call(|| self.engine.sync(owner, request)).await
    }

    async fn update(
        &self,
        owner: &Owner,
        id: &SessionId,
        ext: String,
        attempt: &Attempt,
    ) -> Result<RecentSession, Error> {
        self.calls.writes.fetch_add(1, Relaxed);
        self.call(|| self.engine.update(owner, id, ext.clone(), attempt)).await
    }

    async fn delete(
        &self,
        owner: &Owner,
        ids: Vec<SessionId>,
        attempt: &Attempt,
    ) -> Result<(), Error> {
        self.calls.writes.fetch_add(1, Relaxed);
        self.call(|| self.engine.delete(owner, ids.clone(), attempt)).await
    }

    async fn act(
        &self,
        app: &AppKey,
        action: Arc<Action>,
        attempt: &Attempt,
    ) -> Result<Result<Done, Refusal>, Error> {
        self.calls.writes.fetch_add(1, Relaxed);
        self.call(|| self.engine.act(app, Arc::clone(&action), attempt)).await
    }

    async fn account_of(&self, app: &AppKey, token: &TokenHash) -> Result<Option<Account>, Error> {
        self.call(|| self.engine.account_of(app, token)).await
    }

    async fn is_blocked(&self, owner: &Owner) -> Result<bool, Error> {
        self.engine.is_blocked(owner).await
    }

    async fn joined(&self, owner: &Owner, kind: TeamKind) -> Result<Vec<JoinedTeam>, Error> {
        self.call(|| self.engine.joined(owner, kind)).await
    }

    async fn teams_of(&self, owner: &Owner) -> Result<Vec<Team>, Error> {
        self.call(|| self.engine.teams_of(owner)).await
    }

    async fn team(&self, app: &AppKey, team: &Team) -> Result<Option<TeamEntry>, Error> {
        self.call(|| self.engine.team(app, team)).await
    }

    async fn members(
        &self,
        app: &AppKey,
        team: &Team,
        after: Option<&Account>,
        limit: usize,
    ) -> Result<Vec<Member>, Error> {
        self.call(|| self.engine.members(app, team, after, limit)).await
    }

    fn hints(&self) -> broadcast::Receiver<ChangeHint> {
        self.engine.hints()
    }
}

#[async_trait]
impl Engine for Persistent {
    async fn remember_account_forms(
        &self,
        forms: &[(AppKey, AccountForm)],
    ) -> Result<Result<(), AccountFormRefusal>, Error> {
        self.call(|| self.engine.remember_account_forms(forms)).await
    }

    async fn health(&self) -> Result<(), Error> {
        self.engine.health().await
    }

    async fn sweep(&self, now: u64, rows_max: usize) -> Result<SweepState, Error> {
        self.call(|| self.engine.sweep(now, rows_max)).await
    }

    async fn verify(&self, progress: Progress) -> Result<u64, Error> {
        self.engine.verify(progress).await
    }

    async fn export(&self, owner: &Owner, take: TakeRecord) -> Result<u64, Error> {
        self.engine.export(owner, take).await
    }

    async fn erase(&self, owner: &Owner) -> Result<Erased, Error> {
        self.call(|| self.engine.erase(owner)).await
    }

    async fn inspect(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> Result<Option<InspectedSession>, Error> {
        self.call(|| self.engine.inspect(owner, id)).await
    }

    async fn items(&self, after: Option<&str>, count: usize) -> Result<ItemBatch, Error> {
        self.call(|| self.engine.items(after, count)).await
    }

    async fn put_items(&self, items: Vec<StoredItem>, now: u64) -> Result<(), Error> {
        self.call(|| self.engine.put_items(items.clone(), now)).await
    }

    fn knows_what_moved(&self) -> bool {
        self.engine.knows_what_moved()
    }

    async fn close(&self) {
        self.engine.close().await;
    }
}

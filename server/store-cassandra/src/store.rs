//! The store over one keyspace: every call as a task of its own, so that a caller that goes away
//! leaves nothing half done, and so that closing waits for what was accepted.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use huihua_core::{Account, AccountForm, AppKey, QueryMySessionOption, RecentSession, SessionId};
use huihua_event::{
    Action, Done, Event, JoinedTeam, Member, Owner, Team, TeamEntry, TeamKind, TokenHash,
};
use huihua_store::{
    AccountFormRefusal, Attempt, ChangeHint, ChangedList, Engine, Erased, Error, InspectedSession,
    ItemBatch, Outcome, PageJson, Progress, Refusal, SessionJson, Store, StoredItem, SweepState,
    SyncPageJson, SyncRequest, TakeRecord,
};
use scylla::client::session::Session;
use tokio::{
    sync::{RwLock, broadcast},
    task::JoinHandle,
};

use crate::{
    act::{ActionIds, Actor},
    blocked::BlockedAccounts,
    directory::Directory,
    erase::Eraser,
    export,
    failure::unavailable,
    head_cache::HeadCache,
    ingest::Puts,
    items::Items,
    list::{History, Reader},
    locks::AccountLocks,
    names::Names,
    scan::Scanner,
    schema,
    servers::{Servers, forget},
    statements::{Cql, Statements},
    sweep,
    values::Values,
    write::Writer,
};

/// Hints that wait for a receiver: one that lags more loses some.
const HINTS_MAX: usize = 1_024;
/// How often blocked accounts are read: a block at another server counts here so soon.
const BLOCKED_EVERY: Duration = Duration::from_secs(1);

/// What all calls share.
pub(crate) struct Inner {
    scanner: Scanner,
    values: Values,
    history: History,
    locks: AccountLocks,
    ids: ActionIds,
    blocked: BlockedAccounts,
    hints: broadcast::Sender<ChangeHint>,
    servers: Arc<Servers>,
    /// The token up to which the running pass of the sweep came.
    swept_to: tokio::sync::Mutex<i64>,
    /// Whether it is closed. Held for reading by every call.
    closed: RwLock<bool>,
}

/// The list of all apps in a keyspace of Cassandra.
pub struct CassandraStore {
    inner: Arc<Inner>,
    /// What is done now and then, until it is closed.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl CassandraStore {
    /// Opens the store in a keyspace that has its schema. Keeps teams in memory for `head_cache`, a
    /// second at most; zero: not at all.
    ///
    /// With it lists may lack what was said in a team through another server in that time; a sync
    /// after it brings it, and no version goes back. Saves the read of each team whose account saw
    /// all of it already.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Cassandra does not answer or has another schema.
    pub async fn open(
        session: Arc<Session>,
        keyspace: &str,
        head_cache: Duration,
    ) -> Result<Self, Error> {
        schema::check(&session, keyspace).await?;
        let statements = Statements::prepare(&session, keyspace).await?;
        let cache = (!head_cache.is_zero()).then(|| Arc::new(HeadCache::new(head_cache)));
        Self::with(Cql::new(session, statements), Names::default(), cache).await
    }

    /// Opens one of the stores that share a keyspace.
    pub(crate) async fn with(
        cql: Cql,
        names: Names,
        head_cache: Option<Arc<HeadCache>>,
    ) -> Result<Self, Error> {
        let values = Values { cql: cql.clone(), names: names.clone() };
        let inner = Arc::new(Inner {
            history: values.history().await?,
            values,
            locks: AccountLocks::default(),
            ids: ActionIds::default(),
            blocked: BlockedAccounts::default(),
            hints: broadcast::channel(HINTS_MAX).0,
            servers: Arc::new(Servers::new(cql.clone(), names.clone())?),
            swept_to: tokio::sync::Mutex::new(i64::MIN),
            closed: RwLock::new(false),
            scanner: Scanner::new(cql.clone(), names.clone(), head_cache.clone()),
        });
        inner.blocked.refresh(&cql, &names).await?;
        let of = Arc::clone(&inner);
        let refreshes = tokio::spawn(async move {
            loop {
                tokio::time::sleep(BLOCKED_EVERY).await;
                if let Err(error) = of.blocked.refresh(&cql, &names).await {
                    tracing::warn!(%error, "blocked accounts not read");
                }
            }
        });
        let servers = Arc::clone(&inner.servers).run(inner.hints.clone(), head_cache);
        Ok(Self { inner, tasks: Mutex::new(vec![refreshes, servers]) })
    }

    /// Does a call as a task of its own.
    async fn run<T: Send + 'static, F: Future<Output = Result<T, Error>> + Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Inner>) -> F + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move {
            let of = Arc::clone(&inner);
            let closed = inner.closed.read().await;
            if *closed {
                return Err(unavailable("the store is closed"));
            }
            work(of).await
        });
        task.await.map_err(unavailable)?
    }

    fn stop_tasks(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.abort();
        }
    }
}

impl Drop for CassandraStore {
    fn drop(&mut self) {
        self.stop_tasks();
    }
}

impl Inner {
    fn reader(&self) -> Reader<'_> {
        Reader { scanner: &self.scanner, locks: &self.locks, history: &self.history }
    }

    fn writer(&self) -> Writer<'_> {
        Writer { scanner: &self.scanner, locks: &self.locks }
    }

    fn directory(&self) -> Directory<'_> {
        Directory { scanner: &self.scanner }
    }

    /// Tells who listens. Nobody listening is no fault.
    fn hint(&self, changed: Vec<ChangedList>) {
        if !changed.is_empty() {
            if let Some(cache) = &self.scanner.head_cache {
                forget(cache, &self.scanner.names, &changed);
            }
            self.servers.tell(&changed);
            let _ = self.hints.send(changed.into());
        }
    }

    fn hint_owner(&self, owner: &Owner) {
        self.hint(vec![ChangedList::Account(owner.clone())]);
    }
}

#[async_trait]
impl Store for CassandraStore {
    async fn ingest(
        &self,
        app: &AppKey,
        events: Vec<Event>,
        now: u64,
    ) -> Result<Vec<Outcome>, Error> {
        let app = app.clone();
        self.run(async move |inner| {
            let mut puts = Puts::default();
            for event in &events {
                puts.take(&inner.scanner.names, &app, event, now)?;
            }
            puts.send(&inner.scanner.cql).await?;
            inner.hint(std::mem::take(&mut puts.changed));
            Ok(puts.outcomes)
        })
        .await
    }

    async fn list(&self, owner: &Owner, option: &QueryMySessionOption) -> Result<PageJson, Error> {
        let (owner, option) = (owner.clone(), option.clone());
        self.run(async move |inner| inner.reader().page(&owner, &option).await).await
    }

    async fn get(&self, owner: &Owner, id: &SessionId) -> Result<Option<SessionJson>, Error> {
        let (owner, id) = (owner.clone(), id.clone());
        self.run(async move |inner| inner.reader().session(&owner, &id).await).await
    }

    async fn sync(&self, owner: &Owner, request: &SyncRequest) -> Result<SyncPageJson, Error> {
        let (owner, request) = (owner.clone(), request.clone());
        self.run(async move |inner| inner.reader().changes(&owner, &request).await).await
    }

    async fn update(
        &self,
        owner: &Owner,
        id: &SessionId,
        ext: String,
        attempt: &Attempt,
    ) -> Result<RecentSession, Error> {
        let (owner, id, attempt) = (owner.clone(), id.clone(), attempt.clone());
        self.run(async move |inner| {
            let session = inner.writer().update(&owner, &id, &ext, &attempt).await?;
            inner.hint_owner(&owner);
            Ok(session)
        })
        .await
    }

    async fn delete(
        &self,
        owner: &Owner,
        ids: Vec<SessionId>,
        attempt: &Attempt,
    ) -> Result<(), Error> {
        let (owner, attempt) = (owner.clone(), attempt.clone());
        self.run(async move |inner| {
            inner.writer().delete(&owner, &ids, &attempt).await?;
            inner.hint_owner(&owner);
            Ok(())
        })
        .await
    }

    async fn act(
        &self,
        app: &AppKey,
        action: Arc<Action>,
        attempt: &Attempt,
    ) -> Result<Result<Done, Refusal>, Error> {
        let (app, attempt) = (app.clone(), attempt.clone());
        self.run(async move |inner| {
            let Inner { scanner, values, ids, blocked, .. } = &*inner;
            let actor = Actor { scanner, values, ids, blocked };
            Ok(actor.act(&app, &action, &attempt).await?.map(|(done, changed)| {
                inner.hint(changed);
                done
            }))
        })
        .await
    }

    async fn account_of(&self, app: &AppKey, token: &TokenHash) -> Result<Option<Account>, Error> {
        let (app, token) = (app.clone(), *token);
        self.run(async move |inner| inner.directory().account_of(&app, &token).await).await
    }

    async fn is_blocked(&self, owner: &Owner) -> Result<bool, Error> {
        Ok(self.inner.blocked.contains(&self.inner.scanner.names.uid_of(owner)))
    }

    async fn joined(&self, owner: &Owner, kind: TeamKind) -> Result<Vec<JoinedTeam>, Error> {
        let owner = owner.clone();
        self.run(async move |inner| {
            let (directory, mut joined) = (inner.directory(), Vec::new());
            let of_kind = |team: &Team| team.kind() == kind.session_kind();
            for team in inner.reader().teams(&owner).await?.into_iter().filter(of_kind) {
                let members = directory.members(&owner.app, &team, None, usize::MAX).await?;
                let entry = directory.team_entry(&owner.app, &team).await?.value;
                let (entry, size) = (entry.unwrap_or_default(), members.len());
                joined.push(JoinedTeam { team, entry, size });
            }
            Ok(joined)
        })
        .await
    }

    async fn teams_of(&self, owner: &Owner) -> Result<Vec<Team>, Error> {
        let owner = owner.clone();
        self.run(async move |inner| inner.reader().teams(&owner).await).await
    }

    async fn team(&self, app: &AppKey, team: &Team) -> Result<Option<TeamEntry>, Error> {
        let (app, team) = (app.clone(), team.clone());
        self.run(async move |inner| inner.directory().team_there(&app, &team).await).await
    }

    async fn members(
        &self,
        app: &AppKey,
        team: &Team,
        after: Option<&Account>,
        limit: usize,
    ) -> Result<Vec<Member>, Error> {
        let (app, team, after) = (app.clone(), team.clone(), after.cloned());
        self.run(async move |inner| {
            inner.directory().members(&app, &team, after.as_ref(), limit).await
        })
        .await
    }

    fn hints(&self) -> broadcast::Receiver<ChangeHint> {
        self.inner.hints.subscribe()
    }
}

#[async_trait]
impl Engine for CassandraStore {
    async fn remember_account_forms(
        &self,
        forms: &[(AppKey, AccountForm)],
    ) -> Result<Result<(), AccountFormRefusal>, Error> {
        let forms = forms.to_vec();
        self.run(async move |inner| {
            for (app, form) in &forms {
                let capitals = async || export::find_capitals(&inner.scanner, app).await;
                if let Err(refusal) = inner.values.check_form(app, *form, capitals).await? {
                    return Ok(Err(refusal));
                }
            }
            for (app, form) in &forms {
                inner.values.put_form(app, *form).await?;
            }
            Ok(Ok(()))
        })
        .await
    }

    async fn health(&self) -> Result<(), Error> {
        self.run(async move |inner| inner.values.health().await).await
    }

    async fn sweep(&self, now: u64, rows_max: usize) -> Result<SweepState, Error> {
        self.run(async move |inner| {
            let mut at = inner.swept_to.lock().await;
            let (state, next) =
                sweep::sweep(&inner.scanner, &inner.locks, now, *at, rows_max).await?;
            *at = next;
            Ok(state)
        })
        .await
    }

    async fn verify(&self, progress: Progress) -> Result<u64, Error> {
        self.run(async move |inner| export::verify(&inner.scanner, &*progress).await).await
    }

    async fn export(&self, owner: &Owner, take: TakeRecord) -> Result<u64, Error> {
        let owner = owner.clone();
        self.run(async move |inner| export::export(&inner.scanner, &owner, take).await).await
    }

    async fn inspect(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> Result<Option<InspectedSession>, Error> {
        let (owner, id) = (owner.clone(), id.clone());
        self.run(async move |inner| inner.reader().inspect(&owner, &id).await.map(Some)).await
    }

    async fn erase(&self, owner: &Owner) -> Result<Erased, Error> {
        let owner = owner.clone();
        self.run(async move |inner| {
            let Inner { scanner, locks, blocked, .. } = &*inner;
            let erased = Eraser { scanner, locks, blocked }.erase(&owner).await?;
            inner.hint_owner(&owner);
            Ok(erased)
        })
        .await
    }

    async fn items(&self, after: Option<&str>, count: usize) -> Result<ItemBatch, Error> {
        let after = after.map(str::to_owned);
        self.run(async move |inner| {
            let items = Items { scanner: &inner.scanner, values: &inner.values };
            items.batch(after.as_deref(), count).await
        })
        .await
    }

    async fn put_items(&self, items: Vec<StoredItem>, now: u64) -> Result<(), Error> {
        self.run(async move |inner| {
            let Inner { scanner, values, ids, blocked, .. } = &*inner;
            let actor = Actor { scanner, values, ids, blocked };
            Items { scanner, values }.put(&actor, &items, now).await
        })
        .await
    }

    fn knows_what_moved(&self) -> bool {
        false
    }

    async fn close(&self) {
        self.stop_tasks();
        *self.inner.closed.write().await = true;
        self.inner.servers.leave().await;
    }
}

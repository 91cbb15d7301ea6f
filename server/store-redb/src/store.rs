//! The store itself: each method of the two traits as a read of a snapshot or a job of the writer.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use async_trait::async_trait;
use huihua_core::{Account, AccountForm, AppKey, QueryMySessionOption, RecentSession, SessionId};
use huihua_event::{
    Action, Done, Event, JoinedTeam, Member, Owner, Team, TeamEntry, TeamKind, TokenHash,
};
use huihua_store::{
    AccountFormRefusal, Attempt, ChangeHint, Engine, EngineReport, Erased, Error, InspectedSession,
    ItemBatch, Outcome, PageJson, Progress, Refusal, SessionJson, Store, StoredItem, SweepState,
    SyncPageJson, SyncRequest, TakeRecord,
};
use redb::ReadableDatabase as _;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, broadcast, oneshot},
};

use crate::{
    Memory, account_forms, act, backup,
    blocked::BlockedAccounts,
    contained::contain,
    directory,
    erase::{self, ErasePosition},
    export,
    failure::{StoreFailure, unavailable},
    file::{DatabaseOpener, StoreFile},
    history::History,
    hot::{self, AccountList, HotLists, NotRead, ReadAt, ReadSessions},
    items::{self, ITEM_BYTES},
    job::Job,
    lookup,
    meters::Meters,
    once::{KeyOwner, WriteRequest, once},
    opening::{self, OpenedStore},
    parts::{Part, action_bytes, event_bytes, parts},
    queue::{JobQueue, JobSize, QueueLimits},
    read::Snapshot,
    registers,
    result_counts::ResultCounts,
    sweep::{self, SweepPosition},
    tables,
    transaction::Tx,
    verify,
    write::Writer,
};

/// Bytes of a file of which every page is checked at an opening: a fraction of a second.
const CHECK_BYTES_MAX: u64 = 32 << 20;
/// Reads at one time: they are short and bound by CPU.
const READS_MAX: usize = 16;
/// Batches whose hints a slow listener may leave waiting before it loses the oldest.
const HINTS_MAX: usize = 1_024;
/// Between two steps of a sweep or an erasure: traffic goes first.
const STEP_PAUSE: Duration = Duration::from_millis(20);

/// The store in one redb file.
pub struct RedbStore {
    file: Arc<StoreFile>,
    pub(crate) history: Arc<History>,
    meters: Arc<Meters>,
    /// Of the store's file; `None` for one that is no file.
    path: Option<PathBuf>,
    blocked: Arc<BlockedAccounts>,
    pub(crate) lists: Arc<HotLists>,
    hints: broadcast::Sender<ChangeHint>,
    jobs: Arc<JobQueue>,
    writer: Mutex<Option<JoinHandle<()>>>,
    reads: Arc<Semaphore>,
    swept_to: Mutex<SweepPosition>,
    /// When a pass over the sessions ended, ms since 1970; 0 before the first.
    sessions_swept: AtomicU64,
}

impl RedbStore {
    /// Opens the store in this folder, which is made when it is missing, in a folder that is there,
    /// to use this memory. Only the owner can enter it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when another process holds it, or it cannot be read or written;
    /// [`Error::Damaged`] when the file is not one of ours, or of a newer format.
    pub fn open(folder: &Path, memory: Memory) -> Result<Self, Error> {
        Self::open_with(folder, memory, QueueLimits::DEFAULT, CHECK_BYTES_MAX)
    }

    /// Opens the store with limits of its own for the writes that wait, and for the size of a file
    /// of which every page is checked first.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with(
        folder: &Path,
        memory: Memory,
        limits: QueueLimits,
        check_bytes_max: u64,
    ) -> Result<Self, Error> {
        opening::make_folder(folder)?;
        let (folder, path) = (folder.to_owned(), folder.join(tables::FILE_NAME));
        let open = move || opening::open_file(&folder, memory, check_bytes_max);
        let mut store = Self::with_opener(Box::new(open), memory.lists_bytes(), limits)?;
        store.path = Some(path);
        Ok(store)
    }

    #[expect(clippy::disallowed_methods, reason = "the one writer, owned and joined by the store")]
    pub(crate) fn with_opener(
        open: Box<DatabaseOpener>,
        lists_bytes_max: usize,
        limits: QueueLimits,
    ) -> Result<Self, Error> {
        let OpenedStore { file, history, blocked, lists } = opening::first(open, lists_bytes_max)?;
        let (file, history) = (Arc::new(file), Arc::new(history));
        let (blocked, lists) = (Arc::new(blocked), Arc::new(lists));
        let hints = broadcast::Sender::new(HINTS_MAX);
        let jobs = JobQueue::new(limits);
        let meters = Arc::new(Meters::default());
        let writer = Writer {
            file: Arc::clone(&file),
            hints: hints.clone(),
            blocked: Arc::clone(&blocked),
            history: Arc::clone(&history),
            meters: Arc::clone(&meters),
            lists: Arc::clone(&lists),
            queue: Arc::clone(&jobs),
            result_counts: ResultCounts::default(),
            runtime: Handle::try_current().ok(),
        };
        let writer = std::thread::Builder::new()
            .name("huihua-writer".into())
            .spawn(move || writer.run())
            .map_err(unavailable)?;
        Ok(Self {
            file,
            history,
            meters,
            path: None,
            blocked,
            lists,
            hints,
            jobs,
            writer: Mutex::new(Some(writer)),
            reads: Arc::new(Semaphore::new(READS_MAX)),
            swept_to: Mutex::new(SweepPosition::START),
            sessions_swept: AtomicU64::new(0),
        })
    }

    /// Backs one snapshot up into a new file, every value checked, while other work goes on.
    ///
    /// Nothing is there under the file's name before all of it is.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the file is there already or cannot be written;
    /// [`Error::Damaged`] when a value of the store fails its checksum.
    pub async fn backup(&self, to: &Path, progress: Progress) -> Result<(), Error> {
        let (file, to) = (Arc::clone(&self.file), to.to_owned());
        let task = tokio::task::spawn_blocking(move || {
            contain("is backed up", || {
                let tx = file.with(|db| db.begin_read())?.map_err(StoreFailure::from)?;
                backup::copy(&tx, &tables::ALL, &to, &progress)
            })
            .flatten()
        });
        task.await.map_err(unavailable)?
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreFailure> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.reads).acquire_owned().await.map_err(unavailable)?;
        let file = Arc::clone(&self.file);
        let task = tokio::task::spawn_blocking(move || {
            // A caller that goes away does not end the work: its permit is given back after it.
            let _permit = permit;
            let answer = contain("reads", || {
                file.with(|db| {
                    let tx = db.begin_read()?;
                    read(&Snapshot::new(&tx)?)
                })
            });
            Ok(answer.flatten()??)
        });
        task.await.map_err(unavailable)?
    }

    /// Reads from the owner's list in memory, with a look at the engine for the texts that are not
    /// there. `None` when the list is not in memory.
    async fn read_in_memory<T>(
        &self,
        owner: &Owner,
        read: impl Fn(&mut AccountList, &ReadAt<'_>) -> Result<T, NotRead> + Send,
    ) -> Result<Option<T>, Error> {
        let missing = match self.lists.read(owner, &self.history, &ReadSessions::default(), &read) {
            Some(Ok(answer)) => return Ok(Some(answer)),
            Some(Err(NotRead::Failure(failure))) => return Err(failure.into()),
            Some(Err(NotRead::Missing(missing))) => missing,
            None => return Ok(None),
        };
        let of = owner.clone();
        let sessions = self.read(move |snapshot| hot::sessions(snapshot, &of, missing)).await?;
        match self.lists.read(owner, &self.history, &sessions, &read) {
            Some(Ok(answer)) => Ok(Some(answer)),
            Some(Err(NotRead::Failure(failure))) => Err(failure.into()),
            // It moved in between, or went.
            Some(Err(NotRead::Missing(_))) | None => Ok(None),
        }
    }

    /// Reads from the owner's list: from memory if it is there, else from a scan, which puts it
    /// there.
    async fn read_list<T: Send + 'static>(
        &self,
        owner: &Owner,
        read: impl Fn(&mut AccountList, &ReadAt<'_>) -> Result<T, NotRead> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        if let Some(answer) = self.read_in_memory(owner, &read).await? {
            return Ok(answer);
        }
        let load = self.lists.begin_load(owner);
        let (owner, history) = (owner.clone(), Arc::clone(&self.history));
        let scanned = self.read(move |snapshot| {
            let mut list = hot::scan(snapshot, &owner)?;
            let answer = hot::answer(snapshot, &owner, &history, &mut list, read);
            Ok((answer, list, snapshot.last()?))
        });
        let (answer, list, last) = scanned.await?;
        self.lists.catch_up(last).await;
        if let Some(load) = load {
            load.keep(list);
        }
        Ok(answer?)
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        app: Option<&AppKey>,
        size: JobSize,
        work: impl Fn(&mut Tx<'_>) -> Result<T, StoreFailure> + Send + 'static,
    ) -> Result<T, Error> {
        let (job, result) = Job::new(work);
        // Kept until the result is there: a caller that goes away takes its job out of the queue.
        let place = self.jobs.push(app.cloned(), vec![(size, job)])?;
        let result = answer(result).await;
        place.answered();
        result
    }

    /// Writes events in jobs that wait together, and puts the outcome of each at its place.
    async fn write_parts(
        &self,
        app: &AppKey,
        parts: Vec<Part>,
        now: u64,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Error> {
        let (mut jobs, mut results) = (Vec::new(), Vec::new());
        for part in parts {
            let (events, places): (Vec<_>, Vec<_>) = part.into_iter().unzip();
            let size = JobSize {
                registers: events.iter().map(Event::registers).sum(),
                bytes: events.iter().map(event_bytes).sum(),
            };
            let app = app.clone();
            let (job, result) = Job::new(move |tx| {
                let outcomes = events.iter().map(|event| registers::ingest(tx, &app, event, now));
                outcomes.collect::<Result<Vec<_>, _>>()
            });
            jobs.push((size, job));
            results.push((result, places));
        }
        let place = self.jobs.push(Some(app.clone()), jobs)?;
        for (result, places) in results {
            for (outcome, at) in answer(result).await?.into_iter().zip(places) {
                match outcomes.get_mut(at) {
                    Some(Outcome::Stale) => outcomes[at] = outcome,
                    Some(_) => {}
                    None => outcomes.push(outcome),
                }
            }
        }
        place.answered();
        Ok(())
    }
}

/// Waits for the writer's answer to a job.
async fn answer<T>(result: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    result.await.unwrap_or_else(|_| Err(unavailable("the write was given up (see the log)")))
}

/// The size of a write of the store itself.
fn of_store(registers: usize) -> JobSize {
    JobSize { registers, bytes: 0 }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        // The writer ends; a store that was closed has none.
        self.jobs.close();
    }
}

/// Nothing under these locks panics half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Unwraps a write that only the store itself can refuse.
fn unrefused<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(result) => result,
        Err(never) => match never {},
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn ingest(
        &self,
        app: &AppKey,
        events: Vec<Event>,
        now: u64,
    ) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = Vec::with_capacity(events.len());
        for parts in parts(events) {
            self.write_parts(app, parts, now, &mut outcomes).await?;
        }
        Ok(outcomes)
    }

    async fn list(&self, owner: &Owner, option: &QueryMySessionOption) -> Result<PageJson, Error> {
        let option = option.clone();
        self.read_list(owner, move |list, at| hot::page(list, at, &option)).await
    }

    async fn get(&self, owner: &Owner, id: &SessionId) -> Result<Option<SessionJson>, Error> {
        let key = lookup::id_bytes(id);
        let in_memory = self.read_in_memory(owner, |list, at| hot::session(list, at, &key)).await?;
        if let Some(session) = in_memory {
            return Ok(session);
        }
        // One row is no reason to read a list.
        let (owner, id) = (owner.clone(), id.clone());
        let (session, version) = self.read(move |snapshot| snapshot.get(&owner, &id)).await?;
        self.lists.catch_up(version).await;
        Ok(session)
    }

    async fn sync(&self, owner: &Owner, request: &SyncRequest) -> Result<SyncPageJson, Error> {
        let request = request.clone();
        self.read_list(owner, move |list, at| hot::changes(list, at, &request)).await
    }

    async fn update(
        &self,
        owner: &Owner,
        id: &SessionId,
        ext: String,
        attempt: &Attempt,
    ) -> Result<RecentSession, Error> {
        let (owner, id, attempt) = (owner.clone(), id.clone(), attempt.clone());
        let (app, size) = (owner.app.clone(), JobSize { registers: 1, bytes: ext.len() });
        let work = move |tx: &mut Tx<'_>| {
            let request = WriteRequest::Update { id: &id, ext: &ext };
            once(tx, KeyOwner::Client(&owner), &attempt, &request, |tx| {
                registers::update(tx, &owner, &id, &ext, attempt.now).map(Ok)
            })
        };
        self.write(Some(&app), size, work).await.map(unrefused)
    }

    async fn delete(
        &self,
        owner: &Owner,
        ids: Vec<SessionId>,
        attempt: &Attempt,
    ) -> Result<(), Error> {
        let (owner, attempt) = (owner.clone(), attempt.clone());
        let bytes = ids.iter().map(|id| id.peer().len()).sum();
        let (app, size) = (owner.app.clone(), JobSize { registers: ids.len(), bytes });
        let work = move |tx: &mut Tx<'_>| {
            let request = WriteRequest::Delete { ids: &ids };
            once(tx, KeyOwner::Client(&owner), &attempt, &request, |tx| {
                ids.iter().try_for_each(|id| registers::delete(tx, &owner, id)).map(Ok)
            })
        };
        self.write(Some(&app), size, work).await.map(unrefused)
    }

    async fn act(
        &self,
        app: &AppKey,
        action: Arc<Action>,
        attempt: &Attempt,
    ) -> Result<Result<Done, Refusal>, Error> {
        let (of, attempt) = (app.clone(), attempt.clone());
        let size = JobSize { registers: action.registers(), bytes: action_bytes(&action) };
        let work = move |tx: &mut Tx<'_>| {
            once(tx, KeyOwner::Server(&of), &attempt, &WriteRequest::Act, |tx| {
                act::act(tx, &of, &action, attempt.now)
            })
        };
        self.write(Some(app), size, work).await
    }

    async fn account_of(&self, app: &AppKey, token: &TokenHash) -> Result<Option<Account>, Error> {
        if !self.blocked.tokens.may_hold(token) {
            return Ok(None);
        }
        let (app, token) = (app.clone(), *token);
        self.read(move |snapshot| directory::account_of(snapshot, &app, &token)).await
    }

    async fn is_blocked(&self, owner: &Owner) -> Result<bool, Error> {
        Ok(self.blocked.contains(owner)?)
    }

    async fn joined(&self, owner: &Owner, kind: TeamKind) -> Result<Vec<JoinedTeam>, Error> {
        let owner = owner.clone();
        self.read(move |snapshot| directory::joined(snapshot, &owner, kind)).await
    }

    async fn teams_of(&self, owner: &Owner) -> Result<Vec<Team>, Error> {
        self.read_list(owner, hot::teams).await
    }

    async fn team(&self, app: &AppKey, team: &Team) -> Result<Option<TeamEntry>, Error> {
        let (app, team) = (app.clone(), team.clone());
        self.read(move |snapshot| directory::team(snapshot, &app, &team)).await
    }

    async fn members(
        &self,
        app: &AppKey,
        team: &Team,
        after: Option<&Account>,
        limit: usize,
    ) -> Result<Vec<Member>, Error> {
        let (app, team, after) = (app.clone(), team.clone(), after.cloned());
        self.read(move |snapshot| directory::members(snapshot, &app, &team, after.as_ref(), limit))
            .await
    }

    fn hints(&self) -> broadcast::Receiver<ChangeHint> {
        self.hints.subscribe()
    }
}

#[async_trait]
impl Engine for RedbStore {
    async fn remember_account_forms(
        &self,
        forms: &[(AppKey, AccountForm)],
    ) -> Result<Result<(), AccountFormRefusal>, Error> {
        let (forms, to_check) = (forms.to_vec(), forms.to_vec());
        let checked = self.read(move |snapshot| account_forms::check(snapshot, &to_check)).await?;
        if checked.is_ok() {
            self.write(None, of_store(1), move |tx| account_forms::put(tx, &forms)).await?;
        }
        Ok(checked)
    }

    async fn health(&self) -> Result<(), Error> {
        // The same number once more, durable: a full disk fails it, and the store stays the same.
        self.write(None, of_store(1), |tx| {
            tx.commit_anyway();
            Ok(())
        })
        .await?;
        self.read(|_| Ok(())).await
    }

    async fn sweep(&self, now: u64, rows_max: usize) -> Result<SweepState, Error> {
        let mut rows_left = rows_max;
        loop {
            let at = lock(&self.swept_to).clone();
            let next = self
                .write(None, of_store(sweep::STEP_ROWS_MAX), move |tx| sweep::step(tx, now, &at))
                .await?;
            let swept = self.sessions_swept.load(Ordering::Relaxed);
            let is_complete = next == SweepPosition::End || sweep::is_enough(&next, now, swept);
            if next == SweepPosition::End {
                self.sessions_swept.store(now, Ordering::Relaxed);
            }
            *lock(&self.swept_to) = if is_complete { SweepPosition::START } else { next };
            if is_complete {
                return Ok(SweepState::Complete);
            }
            rows_left = rows_left.saturating_sub(sweep::STEP_ROWS_MAX);
            if rows_left == 0 {
                return Ok(SweepState::Unfinished);
            }
            tokio::time::sleep(STEP_PAUSE).await;
        }
    }

    async fn verify(&self, progress: Progress) -> Result<u64, Error> {
        let file = Arc::clone(&self.file);
        let task = tokio::task::spawn_blocking(move || {
            let values = contain("is verified", || {
                let tx = file.with(|db| db.begin_read())?.map_err(StoreFailure::from)?;
                Ok::<_, Error>(verify::rows(&tx, &tables::ALL, &progress)?)
            });
            values.flatten()
        });
        task.await.map_err(unavailable)?
    }

    async fn export(&self, owner: &Owner, take: TakeRecord) -> Result<u64, Error> {
        let owner = owner.clone();
        self.read(move |snapshot| export::export(snapshot, &owner, take)).await
    }

    async fn inspect(
        &self,
        owner: &Owner,
        id: &SessionId,
    ) -> Result<Option<InspectedSession>, Error> {
        let (owner, id) = (owner.clone(), id.clone());
        self.read(move |snapshot| snapshot.inspect(&owner, &id)).await.map(Some)
    }

    async fn erase(&self, owner: &Owner) -> Result<Erased, Error> {
        let (mut all, mut at) = (Erased::default(), ErasePosition::Entry);
        loop {
            let owner = owner.clone();
            let work = move |tx: &mut Tx<'_>| erase::step(tx, &owner, &at);
            let (erased, next) = self.write(None, of_store(erase::STEP_ROWS_MAX), work).await?;
            all.add(erased);
            if next == ErasePosition::End {
                return Ok(all);
            }
            at = next;
            tokio::time::sleep(STEP_PAUSE).await;
        }
    }

    async fn items(&self, after: Option<&str>, count: usize) -> Result<ItemBatch, Error> {
        let after = after.map(str::to_owned);
        self.read(move |snapshot| items::batch(snapshot, after.as_deref(), count)).await
    }

    async fn put_items(&self, items: Vec<StoredItem>, _: u64) -> Result<(), Error> {
        let size = JobSize { registers: items.len(), bytes: items.len() * ITEM_BYTES };
        let put = move |tx: &mut Tx<'_>| items.iter().try_for_each(|item| items::put(tx, item));
        self.write(None, size, put).await
    }

    fn report(&self) -> EngineReport {
        let meta = self.path.as_ref().and_then(|path| std::fs::metadata(path).ok());
        EngineReport {
            queue_jobs: self.jobs.len() as u64,
            batch_jobs: self.meters.batch_jobs(),
            commit_seconds: self.meters.commit_seconds(),
            store_bytes: meta.map_or(0, |meta| meta.len()),
        }
    }

    async fn close(&self) {
        self.jobs.close();
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer {
            // It ends after the jobs that wait; a panic in it was logged where it happened.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        self.file.close();
        self.lists.expire();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use huihua_store::suite::support::{amy, message};

    use super::*;

    /// Issue 15: 52 threads read where 16 may, because their callers had gone away.
    #[tokio::test]
    async fn a_read_whose_caller_went_away_counts_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
        let (begun, begins) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let read = store.read(move |_| {
            begun.send(()).unwrap();
            // The other end is dropped at the end.
            let _ = ends.recv();
            Ok(())
        });
        let gone = tokio::time::timeout(Duration::from_millis(1), read).await;
        assert!(gone.is_err());
        begins.recv().unwrap();
        assert_eq!(store.reads.available_permits(), READS_MAX - 1);
        drop(end);
        let all = u32::try_from(READS_MAX).unwrap();
        drop(store.reads.acquire_many(all).await.unwrap());
        store.close().await;
    }

    /// A scan may see a commit that the lists in memory do not show yet. Answered at once, its
    /// cursor would be one that the next sync, from memory, does not know.
    #[test]
    fn what_the_file_shows_is_not_answered_before_memory_shows_it() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        // So that what is spawned after a read ends after it.
        let runtime = runtime.max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            not_answered_early(|store| {
                let id = "p2p|bob".parse().unwrap();
                Box::pin(async move { store.get(&amy(), &id).await.map(drop) })
            })
            .await;
            not_answered_early(|store| {
                Box::pin(async { store.list(&amy(), &Default::default()).await.map(drop) })
            })
            .await;
        });
    }

    type Answer<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

    async fn not_answered_early(call: impl Fn(&RedbStore) -> Answer<'_>) {
        let folder = tempfile::tempdir().unwrap();
        let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
        // Durable, as the writer makes it before it applies it.
        let committed = store.file.with(|db| {
            let (write, counts) = (db.begin_write().unwrap(), ResultCounts::default());
            let mut tx = Tx::open(&write, &counts, false).unwrap();
            registers::ingest(&mut tx, &amy().app, &message(10), 1_000).unwrap();
            tx.finish().unwrap();
            write.commit().unwrap();
        });
        committed.unwrap();
        let mut answer = pin!(call(&store));
        let mut context = Context::from_waker(Waker::noop());
        assert!(answer.as_mut().poll(&mut context).is_pending(), "read without the file");
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert!(answer.as_mut().poll(&mut context).is_pending(), "answered early");
        store.ingest(&amy().app, vec![message(11)], 1_000).await.unwrap();
        answer.await.unwrap();
        store.close().await;
    }
}

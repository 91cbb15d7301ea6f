//! The embedded engine: one redb file in a folder, one writer, MVCC readers. For one machine.

mod backup;
mod directory;
mod once;
mod opening;
mod read;
mod registers;
mod row;
mod sweep;
mod tables;
mod write;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::JoinHandle,
    time::Duration,
};

use async_trait::async_trait;
use huihua_core::{Account, AppKey, Page, QueryMySessionOption, RecentSession, SessionId};
use redb::{Database, ReadableDatabase as _};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};

pub use self::backup::restore;
use self::write::{Call, Job, Reply, unavailable};
use super::{
    Attempt, Changes, Error, Hint, Outcome, Progress, Store, SyncOption,
    cursor::Era,
    directory::{Action, Done, JoinedTeam, TokenHash},
};
use crate::event::{Event, Owner, Team, TeamKind};

/// Memory for cached pages, in bytes.
const CACHE_BYTES: usize = 256 * 1024 * 1024;
/// Reads at one time: they are short and bound by CPU.
const READS_MAX: usize = 16;
/// Longest wait for a place in the writer's queue.
const QUEUE_WAIT: Duration = Duration::from_secs(5);

/// Batches whose hints a slow listener may leave waiting before it loses the oldest.
const HINTS_MAX: usize = 1_024;
/// Register writes of one ingest that are one transaction; a larger one is done in parts, so that
/// other writers get their turn in between. 500 p2p messages fit.
const PART_REGISTERS_MAX: usize = 1_024;
/// Accounts that one part of a larger event names: a few milliseconds of the writer's time.
const PIECE_ACCOUNTS_MAX: usize = 256;
/// Between two steps of a sweep: traffic goes first.
const SWEEP_PAUSE: Duration = Duration::from_millis(20);

/// Opens the database file anew; called again after an I/O error, when redb refuses to go on.
type Opener = dyn Fn() -> Result<Database, Error> + Send + Sync;

/// The store in one redb file.
pub struct RedbStore {
    shared: Arc<Shared>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    reads: Semaphore,
}

/// What the writer thread and the readers share.
struct Shared {
    open: Box<Opener>,
    file: RwLock<File>,
    eras: Vec<Era>,
    hints: broadcast::Sender<Hint>,
}

/// The database file. A failed one is opened again by the next who needs it.
enum File {
    Open(Database),
    Failed,
    Closed,
}

impl RedbStore {
    /// Opens the store in this folder, which is made when it is missing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when another process holds it, or it cannot be read or written;
    /// [`Error::Damaged`] when the file is not one of ours, or of a newer format.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(|error| Error::Unavailable {
            reason: format!("make data folder {}: {error}", folder.display()),
        })?;
        let folder = folder.to_owned();
        Self::with_opener(Box::new(move || opening::open_file(&folder)))
    }

    fn with_opener(open: Box<Opener>) -> Result<Self, Error> {
        let (db, eras) = opening::first(&*open)?;
        let file = RwLock::new(File::Open(db));
        let hints = broadcast::Sender::new(HINTS_MAX);
        let shared = Arc::new(Shared { open, file, eras, hints });
        let (jobs, queue) = mpsc::channel(write::QUEUE_JOBS_MAX);
        let of_writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("huihua-writer".into())
            .spawn(move || write::run(&of_writer, queue))
            .map_err(|error| unavailable(&error))?;
        Ok(Self {
            shared,
            jobs: Mutex::new(Some(jobs)),
            writer: Mutex::new(Some(writer)),
            reads: Semaphore::new(READS_MAX),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&read::Snapshot<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _permit = self.reads.acquire().await.map_err(|error| unavailable(&error))?;
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || {
            shared.with(|db| {
                let tx = db.begin_read()?;
                read(&read::Snapshot::new(&tx, &shared.eras)?)
            })?
        });
        task.await.map_err(|error| unavailable(&error))?
    }

    async fn write<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(jobs) = jobs else {
            return Err(Error::Unavailable { reason: "the store is closing".into() });
        };
        let sent = tokio::time::timeout(QUEUE_WAIT, jobs.send(job(reply))).await;
        // Given back at once: the writer ends when the last sender is gone.
        drop(jobs);
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Error::Unavailable { reason: "the writer ended".into() }),
            Err(_) => return Err(Error::Unavailable { reason: "overloaded".into() }),
        }
        answer.await.unwrap_or_else(|error| Err(unavailable(&error)))
    }
}

impl Shared {
    /// Calls `work` with the open database, opening it again if the last error closed it.
    fn with<T>(&self, work: impl FnOnce(&Database) -> T) -> Result<T, Error> {
        {
            let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
            if let File::Open(db) = &*file {
                return Ok(work(db));
            }
        }
        self.reopen();
        match &*self.file.read().unwrap_or_else(PoisonError::into_inner) {
            File::Open(db) => Ok(work(db)),
            File::Failed => Err(Error::Unavailable {
                reason: "its file cannot be opened again yet (see the log)".into(),
            }),
            File::Closed => Err(Error::Unavailable { reason: "the store is closed".into() }),
        }
    }

    /// Drops the database and opens its file anew. The era goes on: no reader has seen a version
    /// that was not durable.
    fn reopen(&self) {
        let mut file = self.file.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*file, File::Closed) {
            return;
        }
        *file = File::Failed;
        match (self.open)() {
            Ok(db) => *file = File::Open(db),
            Err(error) => tracing::error!(%error, "store not opened again"),
        }
    }

    fn close(&self) {
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = File::Closed;
    }
}

/// Cuts events into parts, each event with its place among all. An event of very many accounts goes
/// in pieces, each a part of its own.
fn parts(events: Vec<Event>) -> Vec<Vec<(Event, usize)>> {
    let (mut parts, mut part, mut registers) = (Vec::new(), Vec::new(), 0);
    for (at, event) in events.into_iter().enumerate() {
        let pieces = event.pieces(PIECE_ACCOUNTS_MAX);
        let is_large = pieces.len() > 1;
        for piece in pieces {
            let weight = piece.registers();
            if !part.is_empty() && (is_large || registers + weight > PART_REGISTERS_MAX) {
                parts.push(std::mem::take(&mut part));
                registers = 0;
            }
            registers += weight;
            part.push((piece, at));
        }
        if is_large {
            parts.push(std::mem::take(&mut part));
            registers = 0;
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
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
        for part in parts(events) {
            let app = app.clone();
            let (events, of): (Vec<_>, Vec<_>) = part.into_iter().unzip();
            let done = self.write(|reply| Job::Ingest { app, events, now, reply }).await?;
            for (outcome, at) in done.into_iter().zip(of) {
                match outcomes.get_mut(at) {
                    Some(Outcome::Stale) => outcomes[at] = outcome,
                    Some(_) => {}
                    None => outcomes.push(outcome),
                }
            }
        }
        Ok(outcomes)
    }

    async fn list(&self, owner: &Owner, option: &QueryMySessionOption) -> Result<Page, Error> {
        let (owner, option) = (owner.clone(), option.clone());
        self.read(move |snapshot| snapshot.list(&owner, &option)).await
    }

    async fn get(&self, owner: &Owner, id: &SessionId) -> Result<Option<RecentSession>, Error> {
        let (owner, id) = (owner.clone(), id.clone());
        self.read(move |snapshot| snapshot.get(&owner, &id, true)).await
    }

    async fn update(
        &self,
        owner: &Owner,
        id: &SessionId,
        ext: String,
        attempt: &Attempt,
    ) -> Result<RecentSession, Error> {
        let call = Call { owner: owner.clone(), attempt: attempt.clone() };
        let id = id.clone();
        self.write(|reply| Job::Update { call, id, ext, reply }).await
    }

    async fn delete(
        &self,
        owner: &Owner,
        ids: Vec<SessionId>,
        attempt: &Attempt,
    ) -> Result<(), Error> {
        let call = Call { owner: owner.clone(), attempt: attempt.clone() };
        self.write(|reply| Job::Delete { call, ids, reply }).await
    }

    async fn act(
        &self,
        app: &AppKey,
        action: Arc<Action>,
        attempt: &Attempt,
    ) -> Result<Done, Error> {
        let (app, attempt) = (app.clone(), attempt.clone());
        self.write(|reply| Job::Act { app, action, attempt, reply }).await
    }

    async fn account_of(&self, app: &AppKey, token: &TokenHash) -> Result<Option<Account>, Error> {
        let (app, token) = (app.clone(), *token);
        self.read(move |snapshot| snapshot.account_of(&app, &token)).await
    }

    async fn joined(&self, owner: &Owner, kind: TeamKind) -> Result<Vec<JoinedTeam>, Error> {
        let owner = owner.clone();
        self.read(move |snapshot| snapshot.joined(&owner, kind)).await
    }

    async fn sync(&self, owner: &Owner, option: &SyncOption) -> Result<Changes, Error> {
        let (owner, option) = (owner.clone(), option.clone());
        self.read(move |snapshot| snapshot.sync(&owner, &option)).await
    }

    async fn teams_of(&self, owner: &Owner) -> Result<Vec<Team>, Error> {
        let owner = owner.clone();
        self.read(move |snapshot| snapshot.teams_of(&owner)).await
    }

    fn hints(&self) -> broadcast::Receiver<Hint> {
        self.shared.hints.subscribe()
    }

    async fn sweep(&self, now: u64) -> Result<(), Error> {
        let mut at = sweep::Place::START;
        loop {
            at = self.write(|reply| Job::Sweep { now, at, reply }).await?;
            if at == sweep::Place::End {
                return Ok(());
            }
            tokio::time::sleep(SWEEP_PAUSE).await;
        }
    }

    async fn backup(&self, to: &Path, progress: Progress) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let to = to.to_owned();
        let task = tokio::task::spawn_blocking(move || {
            let tx = shared.with(|db| db.begin_read())??;
            backup::copy(&tx, &tables::ALL, &to, &progress)
        });
        task.await.map_err(|error| unavailable(&error))?
    }

    async fn health(&self) -> Result<(), Error> {
        let ended = {
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.as_ref().is_none_or(JoinHandle::is_finished)
        };
        if ended {
            return Err(Error::Unavailable { reason: "the writer ended".into() });
        }
        self.read(|_| Ok(())).await
    }

    async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // It ends after the jobs already queued; a panic in it was logged where it happened.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        self.shared.close();
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                match redb::Error::from(error) {
                    redb::Error::Corrupted(what) => Self::Damaged { what },
                    other => unavailable(&other),
                }
            }
        }
    )*};
}
from_redb!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

#[cfg(test)]
mod tests;

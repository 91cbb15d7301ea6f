//! Writing: one thread takes batches of jobs from the queue, does each batch in one transaction,
//! syncs the file once, and only then answers. A job is done whole or not at all.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use huihua_store::{ChangeHint, Error};
use redb::{Durability, WriteTransaction};
use rustix::time::{ClockId, clock_gettime};
use tokio::{runtime::Handle, sync::broadcast};

use crate::{
    blocked::BlockedAccounts,
    contained::contain,
    failure::{StoreFailure, unavailable},
    file::StoreFile,
    history::History,
    hot::HotLists,
    job::Job,
    meters::Meters,
    queue::{BatchTime, JobQueue},
    result_counts::ResultCounts,
    transaction::{Finished, Tx},
};

/// Why a batch was not written.
enum BatchFailure {
    /// One job found a damaged value: it fails, the others are tried again without it.
    Job { at: usize, error: Error },
    /// The file failed: nothing of the batch is acknowledged.
    File(Error),
}

impl BatchFailure {
    fn file(failure: impl Into<StoreFailure>) -> Self {
        Self::File(failure.into().into())
    }
}

/// What the writer thread works on.
pub(crate) struct Writer {
    pub(crate) file: Arc<StoreFile>,
    pub(crate) hints: broadcast::Sender<ChangeHint>,
    pub(crate) blocked: Arc<BlockedAccounts>,
    pub(crate) history: Arc<History>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) lists: Arc<HotLists>,
    pub(crate) queue: Arc<JobQueue>,
    pub(crate) result_counts: ResultCounts,
    /// Where the callers are; `None`: nobody knows.
    pub(crate) runtime: Option<Handle>,
}

impl Writer {
    /// Writes until the queue is closed and empty.
    pub(crate) fn run(&self) {
        write_all(&self.queue, |batch| self.write_batch(batch), || self.reopen());
    }

    /// Opens the file anew after a write that may have been done or not.
    fn reopen(&self) {
        self.result_counts.clear();
        self.blocked.expire();
        self.lists.expire();
        self.file.reopen();
    }

    /// Writes a batch and answers it. Returns how long it waited for the disk.
    fn write_batch(&self, mut batch: Vec<Job>) -> Duration {
        while !batch.is_empty() {
            let written = self.file.with(|db| {
                self.blocked.refresh(db).map_err(BatchFailure::file)?;
                self.lists.refresh(db).map_err(BatchFailure::file)?;
                let tx = db.begin_write().map_err(BatchFailure::file)?;
                self.commit(tx, &mut batch)
            });
            match written {
                Ok(Ok(disk)) => {
                    self.reply(batch);
                    return disk;
                }
                Ok(Err(BatchFailure::Job { at, error })) => {
                    self.result_counts.clear();
                    batch.remove(at).fail(error);
                }
                Ok(Err(BatchFailure::File(error))) => {
                    // Perhaps it is durable all the same.
                    self.reopen();
                    fail_all(batch, &error);
                    break;
                }
                Err(error) => {
                    fail_all(batch, &error);
                    break;
                }
            }
        }
        Duration::ZERO
    }

    /// Answers every caller of a batch, in one task of their runtime: from outside of it, each
    /// answer would be a wake of its own.
    fn reply(&self, batch: Vec<Job>) {
        let reply = move || batch.into_iter().for_each(Job::reply);
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(async move { reply() })),
            None => reply(),
        }
    }

    /// Does every job in one transaction, makes it durable, and then announces what changed.
    /// Returns how long it waited for the disk.
    #[expect(clippy::disallowed_methods, reason = "how long a commit takes, for the operator")]
    fn commit(
        &self,
        mut write: WriteTransaction,
        batch: &mut [Job],
    ) -> Result<Duration, BatchFailure> {
        write.set_quick_repair(true);
        let durable = write.set_durability(Durability::Immediate);
        durable.map_err(|error| BatchFailure::file(StoreFailure::file(&error)))?;
        let notes_changes = self.hints.receiver_count() > 0;
        let mut tx =
            Tx::open(&write, &self.result_counts, notes_changes).map_err(BatchFailure::file)?;
        for (at, job) in batch.iter_mut().enumerate() {
            match job.run(&mut tx) {
                Ok(()) => {}
                Err(failure @ StoreFailure::Damaged { .. }) => {
                    return Err(BatchFailure::Job { at, error: failure.into() });
                }
                Err(failure) => return Err(BatchFailure::file(failure)),
            }
        }
        self.history.record(&mut tx).map_err(BatchFailure::file)?;
        let has_new_version = tx.has_new_version();
        let Some(finished) = tx.finish().map_err(BatchFailure::file)? else {
            return Ok(Duration::ZERO);
        };
        let Finished { changed, blocked: changed_accounts, new_tokens, lists } = finished;
        // Before the commit: a token that is there must never be taken for nobody's.
        new_tokens.iter().for_each(|token| self.blocked.tokens.add(token));
        let (since, cpu) = (Instant::now(), cpu_time());
        write.commit().map_err(BatchFailure::file)?;
        let took = since.elapsed();
        // redb does not say how long it syncs. What this thread does not work, it waits.
        let disk = took.saturating_sub(cpu_time().saturating_sub(cpu));
        self.meters.count_commit(batch.len(), took);
        self.history.note_durable(has_new_version);
        // Before anybody is answered or told: who reads then sees it.
        self.lists.apply(lists);
        // Before the hints: who is woken asks whether its account is blocked.
        self.blocked.change(changed_accounts);
        if !changed.is_empty() {
            // Nobody listening is no fault.
            let _ = self.hints.send(changed.into());
        }
        Ok(disk)
    }
}

/// CPU that this thread has used.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Takes batches until the queue is closed and empty.
///
/// redb may panic on a damaged file: then nothing of the batch is acknowledged (its callers see
/// their reply dropped), and the file is opened anew. If that panics too, it is tried again before
/// each batch, and no batch is written until it has come to its end.
#[expect(clippy::disallowed_methods, reason = "measures its own commits; no rule asks")]
fn write_all(queue: &JobQueue, write: impl Fn(Vec<Job>) -> Duration, reopen: impl Fn()) {
    let mut last = BatchTime::default();
    let mut is_sound = true;
    while let Some(batch) = queue.take(last) {
        let begun = Instant::now();
        let mut disk = Duration::ZERO;
        is_sound = is_sound || contain("opens it again", &reopen).is_ok();
        if !is_sound {
            drop(batch);
        } else {
            match contain("writes", || write(batch)) {
                Ok(waited) => disk = waited,
                Err(error) => {
                    tracing::error!(%error, "batch not written");
                    is_sound = contain("opens it again", &reopen).is_ok();
                }
            }
        }
        last = BatchTime { all: begun.elapsed(), disk };
    }
}

fn fail_all(batch: Vec<Job>, error: &Error) {
    tracing::error!(%error, jobs = batch.len(), "batch not written");
    for job in batch {
        job.fail(unavailable(error));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::queue::{JobSize, QueueLimits};

    /// Issue 15: a panic in `reopen` ended the writer for good.
    #[test]
    fn whatever_panics_the_writer_goes_on_and_writes_nothing_before_the_file_is_opened_anew() {
        let queue = JobQueue::new(QueueLimits::DEFAULT);
        let waiting = RefCell::new(Vec::new());
        let push = || {
            let (job, result) = Job::new(|_| Ok(()));
            let size = JobSize { registers: 1, bytes: 0 };
            let place = queue.push(None, vec![(size, job)]).unwrap();
            waiting.borrow_mut().push((place, result));
        };
        let (writes, opens) = (Cell::new(0), Cell::new(0));
        push();
        let write = |batch| {
            writes.set(writes.get() + 1);
            assert!(writes.get() > 1, "redb gives the file up");
            fail_all(batch, &unavailable("answered"));
            queue.close();
            Duration::ZERO
        };
        let reopen = || {
            opens.set(opens.get() + 1);
            if opens.get() < 3 {
                push();
                panic!("redb gives the file up again");
            }
        };
        write_all(&queue, write, reopen);
        assert_eq!((writes.get(), opens.get()), (2, 3));
        let mut waiting = waiting.into_inner();
        let answered = waiting.iter_mut().map(|(_, result)| result.try_recv().is_ok());
        assert_eq!(answered.collect::<Vec<_>>(), [false, false, true]);
    }
}

//! Writing: one thread takes batches of jobs from the queue, does each batch in one transaction,
//! syncs the file once, and only then answers. A job is done whole or not at all.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use huihua_store::{ChangeHint, Error};
use redb::{Durability, WriteTransaction};
use tokio::sync::broadcast;

use crate::{
    blocked::BlockedAccounts,
    contained::contain,
    failure::{StoreFailure, unavailable},
    file::StoreFile,
    history::History,
    hot::HotLists,
    job::Job,
    meters::Meters,
    queue::JobQueue,
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
}

impl Writer {
    /// Writes until the queue is closed and empty.
    #[expect(clippy::disallowed_methods, reason = "measures its own commits; no rule asks")]
    pub(crate) fn run(&self) {
        let mut commit_time = Duration::ZERO;
        while let Some(batch) = self.queue.take(commit_time) {
            let begun = Instant::now();
            // redb may panic on a damaged file: then nothing of the batch is acknowledged (its
            // callers see their reply dropped), the file is opened anew, and the next batch is
            // tried.
            if let Err(error) = contain("writes", || self.write_batch(batch)) {
                tracing::error!(%error, "batch not written");
                self.reopen();
            }
            commit_time = begun.elapsed();
        }
    }

    /// Opens the file anew after a write that may have been done or not.
    fn reopen(&self) {
        self.blocked.expire();
        self.lists.expire();
        self.file.reopen();
    }

    fn write_batch(&self, mut batch: Vec<Job>) {
        while !batch.is_empty() {
            let written = self.file.with(|db| {
                self.blocked.refresh(db).map_err(BatchFailure::file)?;
                self.lists.refresh(db).map_err(BatchFailure::file)?;
                let tx = db.begin_write().map_err(BatchFailure::file)?;
                self.commit(tx, &mut batch)
            });
            match written {
                Ok(Ok(())) => return batch.into_iter().for_each(|job| job.reply()),
                Ok(Err(BatchFailure::Job { at, error })) => batch.remove(at).fail(error),
                Ok(Err(BatchFailure::File(error))) => {
                    // Perhaps it is durable all the same.
                    self.reopen();
                    return fail_all(batch, &error);
                }
                Err(error) => return fail_all(batch, &error),
            }
        }
    }

    /// Does every job in one transaction, makes it durable, and then announces what changed.
    #[expect(clippy::disallowed_methods, reason = "how long a commit takes, for the operator")]
    fn commit(&self, mut write: WriteTransaction, batch: &mut [Job]) -> Result<(), BatchFailure> {
        write.set_quick_repair(true);
        let durable = write.set_durability(Durability::Immediate);
        durable.map_err(|error| BatchFailure::file(StoreFailure::file(&error)))?;
        let notes_changes = self.hints.receiver_count() > 0;
        let mut tx = Tx::open(&write, notes_changes).map_err(BatchFailure::file)?;
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
        let Some(finished) = tx.finish().map_err(BatchFailure::file)? else { return Ok(()) };
        let Finished { changed, blocked: changed_accounts, new_tokens, lists } = finished;
        // Before the commit: a token that is there must never be taken for nobody's.
        new_tokens.iter().for_each(|token| self.blocked.tokens.add(token));
        let since = Instant::now();
        write.commit().map_err(BatchFailure::file)?;
        self.meters.count_commit(batch.len(), since.elapsed());
        self.history.note_durable(has_new_version);
        // Before anybody is answered or told: who reads then sees it.
        self.lists.apply(lists);
        // Before the hints: who is woken asks whether its account is blocked.
        self.blocked.change(changed_accounts);
        if !changed.is_empty() {
            // Nobody listening is no fault.
            let _ = self.hints.send(changed.into());
        }
        Ok(())
    }
}

fn fail_all(batch: Vec<Job>, error: &Error) {
    tracing::error!(%error, jobs = batch.len(), "batch not written");
    for job in batch {
        job.fail(unavailable(error));
    }
}

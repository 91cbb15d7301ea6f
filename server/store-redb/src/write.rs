//! Writing: one thread takes jobs from a bounded channel, does as many as wait in one transaction,
//! syncs the file once, and only then answers. A job is done whole or not at all.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use huihua_store::{ChangeHint, Error};
use redb::{Durability, WriteTransaction};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::{
    blocked::BlockedAccounts,
    failure::{StoreFailure, unavailable},
    file::StoreFile,
    history::History,
    meters::Meters,
    transaction::{Finished, Tx},
};

/// Jobs that may wait; beyond that callers wait, and after a while are refused.
pub(crate) const QUEUE_JOBS_MAX: usize = 1_024;
/// Register writes in one transaction, so that the first job of a batch does not wait for ever.
const BATCH_REGISTERS_MAX: usize = 1_024;

/// One write that waits for its turn: its cost, its work, and the caller that waits for its result.
pub(crate) struct Job {
    registers: usize,
    work: Box<dyn Work>,
}

impl Job {
    /// Makes a job, and the end at which its caller waits. The work may be called again when the
    /// transaction of its first call was not written.
    pub(crate) fn new<T: Send + 'static>(
        registers: usize,
        work: impl Fn(&mut Tx<'_>) -> Result<T, StoreFailure> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (reply, waiting) = oneshot::channel();
        (Self { registers, work: Box::new(Pending { work, result: None, reply }) }, waiting)
    }
}

/// A job's work without the type of its result.
trait Work: Send {
    /// Does the work and keeps its result.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreFailure>;
    /// Gives the result to the caller; a caller that went away is no fault.
    fn reply(self: Box<Self>);
    /// Gives the caller an error instead.
    fn fail(self: Box<Self>, error: Error);
}

struct Pending<T, W> {
    work: W,
    result: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T, W> Work for Pending<T, W>
where
    T: Send,
    W: Fn(&mut Tx<'_>) -> Result<T, StoreFailure> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreFailure> {
        self.result = Some(match (self.work)(tx) {
            Ok(result) => Ok(result),
            Err(StoreFailure::Refused(error)) => Err(error),
            Err(failure @ (StoreFailure::Damaged { .. } | StoreFailure::File { .. })) => {
                return Err(failure);
            }
        });
        Ok(())
    }

    fn reply(self: Box<Self>) {
        let result = self.result.expect("a job is run before it is answered");
        let _ = self.reply.send(result);
    }

    fn fail(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error));
    }
}

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

/// The writer thread: ends when every sender is gone and the queue is empty.
pub(crate) fn run(
    file: &Arc<StoreFile>,
    hints: &broadcast::Sender<ChangeHint>,
    blocked: &BlockedAccounts,
    history: &History,
    meters: &Meters,
    mut queue: mpsc::Receiver<Job>,
) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        let mut registers = batch[0].registers;
        while registers < BATCH_REGISTERS_MAX
            && let Ok(job) = queue.try_recv()
        {
            registers += job.registers;
            batch.push(job);
        }
        // redb may panic on a damaged file: then nothing of the batch is acknowledged (its callers
        // see their reply dropped), the file is opened anew, and the next batch is tried.
        let written =
            AssertUnwindSafe(|| write_batch(file, hints, blocked, history, meters, batch));
        if std::panic::catch_unwind(written).is_err() {
            blocked.expire();
            file.reopen();
        }
    }
}

fn write_batch(
    file: &StoreFile,
    hints: &broadcast::Sender<ChangeHint>,
    blocked: &BlockedAccounts,
    history: &History,
    meters: &Meters,
    mut batch: Vec<Job>,
) {
    while !batch.is_empty() {
        let written = file.with(|db| {
            blocked.refresh(db).map_err(BatchFailure::file)?;
            let tx = db.begin_write().map_err(BatchFailure::file)?;
            commit(tx, &mut batch, hints, blocked, history, meters)
        });
        match written {
            Ok(Ok(())) => return batch.into_iter().for_each(|job| job.work.reply()),
            Ok(Err(BatchFailure::Job { at, error })) => batch.remove(at).work.fail(error),
            Ok(Err(BatchFailure::File(error))) => {
                // Perhaps it is durable all the same.
                blocked.expire();
                file.reopen();
                return fail_all(batch, &error);
            }
            Err(error) => return fail_all(batch, &error),
        }
    }
}

fn fail_all(batch: Vec<Job>, error: &Error) {
    tracing::error!(%error, jobs = batch.len(), "batch not written");
    for job in batch {
        job.work.fail(unavailable(error));
    }
}

/// Does every job in one transaction, makes it durable, and then announces what changed.
fn commit(
    mut write: WriteTransaction,
    batch: &mut [Job],
    hints: &broadcast::Sender<ChangeHint>,
    blocked: &BlockedAccounts,
    history: &History,
    meters: &Meters,
) -> Result<(), BatchFailure> {
    write.set_quick_repair(true);
    let durable = write.set_durability(Durability::Immediate);
    durable.map_err(|error| BatchFailure::file(StoreFailure::file(&error)))?;
    let mut tx = Tx::open(&write, hints.receiver_count() > 0).map_err(BatchFailure::file)?;
    for (at, job) in batch.iter_mut().enumerate() {
        match job.work.run(&mut tx) {
            Ok(()) => {}
            Err(failure @ StoreFailure::Damaged { .. }) => {
                return Err(BatchFailure::Job { at, error: failure.into() });
            }
            Err(failure) => return Err(BatchFailure::file(failure)),
        }
    }
    history.record(&mut tx).map_err(BatchFailure::file)?;
    let has_new_version = tx.has_new_version();
    let Some(finished) = tx.finish().map_err(BatchFailure::file)? else { return Ok(()) };
    let Finished { changed, blocked: changed_accounts, new_tokens } = finished;
    new_tokens.iter().for_each(|token| blocked.tokens.add(token));
    #[expect(clippy::disallowed_methods, reason = "how long a commit takes, for the operator")]
    let since = Instant::now();
    write.commit().map_err(BatchFailure::file)?;
    meters.count_commit(batch.len(), since.elapsed());
    history.note_durable(has_new_version);
    // Before the hints: who is woken asks whether its account is blocked.
    blocked.change(changed_accounts);
    if !changed.is_empty() {
        // Nobody listening is no fault.
        let _ = hints.send(changed.into());
    }
    Ok(())
}

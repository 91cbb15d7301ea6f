//! Writing: one thread takes jobs from a bounded channel, does as many as wait in one transaction,
//! syncs the file once, and only then answers. A job is done whole or not at all.

use std::{panic::AssertUnwindSafe, sync::Arc};

use huihua_core::{AppKey, RecentSession, SessionId};
use redb::{Durability, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::super::{
    Attempt, Error, Outcome,
    directory::{Action, Done},
};
use super::{
    Shared,
    once::{Caller, Request},
    registers::Writer,
    sweep,
};
use crate::event::{Event, Owner};

/// Jobs that may wait; beyond that callers wait, and after a while are refused.
pub(super) const QUEUE_JOBS_MAX: usize = 1_024;
/// Register writes in one transaction, so that the first job of a batch does not wait for ever.
const BATCH_REGISTERS_MAX: usize = 1_024;

/// What a caller wants written, and where it waits.
pub(super) enum Job {
    Ingest { app: AppKey, events: Vec<Event>, now: u64, reply: Reply<Vec<Outcome>> },
    Update { call: Call, id: SessionId, ext: String, reply: Reply<RecentSession> },
    Delete { call: Call, ids: Vec<SessionId>, reply: Reply<()> },
    Act { app: AppKey, action: Arc<Action>, attempt: Attempt, reply: Reply<Done> },
    Sweep { now: u64, at: sweep::Place, reply: Reply<sweep::Place> },
}

/// Whose write it is, and which try of it.
pub(super) struct Call {
    pub(super) owner: Owner,
    pub(super) attempt: Attempt,
}

/// Where one caller waits. One that went away does not stop its job.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What a job has to tell when its transaction is durable.
pub(super) enum Answer {
    Outcomes(Vec<Outcome>),
    Session(Box<RecentSession>),
    Deleted,
    Acted(Done),
    Swept(sweep::Place),
    /// Refused before anything was written.
    Refused(Error),
}

/// Why a batch was not written.
enum Failure {
    /// One job found a damaged row: it fails, the others are tried again without it.
    Job { at: usize, error: Error },
    /// The file failed: nothing of the batch is acknowledged.
    File(Error),
}

/// The writer thread: ends when every sender is gone and the queue is empty.
pub(super) fn run(shared: &Arc<Shared>, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        let mut registers = batch[0].registers();
        while registers < BATCH_REGISTERS_MAX
            && let Ok(job) = queue.try_recv()
        {
            registers += job.registers();
            batch.push(job);
        }
        // redb may panic on a damaged file: then nothing of the batch is acknowledged (its callers
        // see their reply dropped), the file is opened anew, and the next batch is tried.
        if std::panic::catch_unwind(AssertUnwindSafe(|| write_batch(shared, batch))).is_err() {
            shared.reopen();
        }
    }
}

fn write_batch(shared: &Shared, mut batch: Vec<Job>) {
    loop {
        let attempt = shared.with(|db| {
            let tx = db.begin_write().map_err(|error| Failure::File(error.into()))?;
            commit(tx, &batch, shared)
        });
        match attempt {
            Ok(Ok(answers)) => {
                return batch.into_iter().zip(answers).for_each(|(job, answer)| job.reply(answer));
            }
            Ok(Err(Failure::Job { at, error })) => batch.remove(at).fail(error),
            Ok(Err(Failure::File(error))) => {
                shared.reopen();
                return fail_all(batch, &error);
            }
            Err(error) => return fail_all(batch, &error),
        }
        if batch.is_empty() {
            return;
        }
    }
}

fn fail_all(batch: Vec<Job>, error: &Error) {
    tracing::error!(%error, jobs = batch.len(), "batch not written");
    for job in batch {
        job.fail(Error::Unavailable { reason: error.to_string() });
    }
}

/// Does every job in one transaction, makes it durable, and then tells what moved.
fn commit(
    mut tx: WriteTransaction,
    batch: &[Job],
    shared: &Shared,
) -> Result<Vec<Answer>, Failure> {
    let file = |error: Error| Failure::File(error);
    tx.set_quick_repair(true);
    tx.set_durability(Durability::Immediate).map_err(|error| file(unavailable(&error)))?;
    let mut answers = Vec::with_capacity(batch.len());
    let touched;
    {
        let mut writer = Writer::new(&tx).map_err(file)?;
        writer.touched = (shared.hints.receiver_count() > 0).then(Vec::new);
        for (at, job) in batch.iter().enumerate() {
            match job.run(&mut writer) {
                Ok(answer) => answers.push(answer),
                Err(error @ Error::Damaged { .. }) => return Err(Failure::Job { at, error }),
                Err(error) => return Err(Failure::File(error)),
            }
        }
        if !writer.wrote {
            return Ok(answers);
        }
        writer.finish().map_err(file)?;
        touched = writer.touched.take().unwrap_or_default();
    }
    tx.commit().map_err(|error| file(error.into()))?;
    if !touched.is_empty() {
        // Nobody listening is no fault.
        let _ = shared.hints.send(touched.into());
    }
    Ok(answers)
}

pub(super) fn unavailable(error: &impl std::fmt::Display) -> Error {
    Error::Unavailable { reason: error.to_string() }
}

impl Job {
    fn registers(&self) -> usize {
        match self {
            Self::Ingest { events, .. } => events.iter().map(Event::registers).sum(),
            Self::Update { .. } => 1,
            Self::Delete { ids, .. } => ids.len(),
            Self::Act { action, .. } => action.registers(),
            Self::Sweep { .. } => sweep::ROWS_MAX,
        }
    }

    fn run(&self, writer: &mut Writer<'_>) -> Result<Answer, Error> {
        match self {
            Self::Ingest { app, events, now, .. } => {
                let outcomes = events.iter().map(|event| writer.ingest(app, event, *now));
                outcomes.collect::<Result<_, _>>().map(Answer::Outcomes)
            }
            Self::Update { call, id, ext, .. } => {
                let request = Request::Update { id, ext };
                writer.once(Caller::Client(&call.owner), &call.attempt, &request, |writer| {
                    writer.update(&call.owner, id, ext, call.attempt.now)
                })
            }
            Self::Delete { call, ids, .. } => {
                let request = Request::Delete { ids };
                writer.once(Caller::Client(&call.owner), &call.attempt, &request, |writer| {
                    ids.iter().try_for_each(|id| writer.delete(&call.owner, id))?;
                    Ok(Answer::Deleted)
                })
            }
            Self::Act { app, action, attempt, .. } => {
                writer.once(Caller::Server(app), attempt, &Request::Act, |writer| {
                    writer.act(app, action, attempt.now)
                })
            }
            Self::Sweep { now, at, .. } => writer.sweep(*now, at).map(Answer::Swept),
        }
    }

    /// Tells the caller; one that went away is no fault.
    fn reply(self, answer: Answer) {
        match (self, answer) {
            (job, Answer::Refused(error)) => job.fail(error),
            (Self::Ingest { reply, .. }, Answer::Outcomes(outcomes)) => {
                let _ = reply.send(Ok(outcomes));
            }
            (Self::Update { reply, .. }, Answer::Session(session)) => {
                let _ = reply.send(Ok(*session));
            }
            (Self::Delete { reply, .. }, Answer::Deleted) => {
                let _ = reply.send(Ok(()));
            }
            (Self::Act { reply, .. }, Answer::Acted(done)) => {
                let _ = reply.send(Ok(done));
            }
            (Self::Sweep { reply, .. }, Answer::Swept(place)) => {
                let _ = reply.send(Ok(place));
            }
            (
                job,
                Answer::Outcomes(_)
                | Answer::Session(_)
                | Answer::Deleted
                | Answer::Acted(_)
                | Answer::Swept(_),
            ) => {
                job.fail(Error::Unavailable { reason: "an answer of another job".into() });
            }
        }
    }

    fn fail(self, error: Error) {
        match self {
            Self::Ingest { reply, .. } => drop(reply.send(Err(error))),
            Self::Update { reply, .. } => drop(reply.send(Err(error))),
            Self::Delete { reply, .. } => drop(reply.send(Err(error))),
            Self::Act { reply, .. } => drop(reply.send(Err(error))),
            Self::Sweep { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

//! Writing: one thread takes jobs from a bounded channel, does as many as wait in one transaction,
//! syncs the file once, and only then answers. A job is done whole or not at all.

use std::{panic::AssertUnwindSafe, sync::Arc};

use huihua_core::{AppKey, RecentSession, SessionId, SessionKind};
use redb::{Durability, ReadableTable as _, Table, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::super::{
    Attempt, Error, Outcome, Touched,
    rules::{self, EXT_ONLY_SESSIONS_MAX, Head, Moved, Row, Write},
};
use super::{Shared, once::Request, read, row, sweep, tables};
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
    Done,
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
                writer.once(call, &Request::Update { id, ext }, |writer| {
                    writer.update(&call.owner, id, ext, call.attempt.now)
                })
            }
            Self::Delete { call, ids, .. } => {
                writer.once(call, &Request::Delete { ids }, |writer| {
                    ids.iter().try_for_each(|id| writer.delete(&call.owner, id))?;
                    Ok(Answer::Done)
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
            (Self::Delete { reply, .. }, Answer::Done) => {
                let _ = reply.send(Ok(()));
            }
            (Self::Sweep { reply, .. }, Answer::Swept(place)) => {
                let _ = reply.send(Ok(place));
            }
            (job, Answer::Outcomes(_) | Answer::Session(_) | Answer::Done | Answer::Swept(_)) => {
                job.fail(Error::Unavailable { reason: "an answer of another job".into() });
            }
        }
    }

    fn fail(self, error: Error) {
        match self {
            Self::Ingest { reply, .. } => drop(reply.send(Err(error))),
            Self::Update { reply, .. } => drop(reply.send(Err(error))),
            Self::Delete { reply, .. } => drop(reply.send(Err(error))),
            Self::Sweep { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

type BytesTable<'t> = Table<'t, &'static [u8], &'static [u8]>;

/// The tables of one transaction, and the versions it hands out.
pub(super) struct Writer<'t> {
    pub(super) sessions: BytesTable<'t>,
    pub(super) heads: BytesTable<'t>,
    pub(super) results: BytesTable<'t>,
    pub(super) meta: BytesTable<'t>,
    pub(super) version: u64,
    pub(super) wrote: bool,
    /// What moved; `None` while nobody listens.
    touched: Option<Vec<Touched>>,
}

/// A copy of a value, so that its table can be written while it is read.
pub(super) fn bytes_of(table: &BytesTable<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    Ok(table.get(key)?.map(|value| value.value().to_vec()))
}

impl<'t> Writer<'t> {
    fn new(tx: &'t WriteTransaction) -> Result<Self, Error> {
        let meta = tx.open_table(tables::META)?;
        let version = read::number(&meta, tables::META_VERSION)?;
        let sessions = tx.open_table(tables::SESSIONS)?;
        let heads = tx.open_table(tables::HEADS)?;
        let results = tx.open_table(tables::RESULTS)?;
        Ok(Self { sessions, heads, results, meta, version, wrote: false, touched: None })
    }

    fn finish(&mut self) -> Result<(), Error> {
        let value = row::encode_numbers(tables::META_VERSION, [self.version]);
        self.meta.insert(tables::META_VERSION, value.as_slice())?;
        Ok(())
    }

    fn ingest(&mut self, app: &AppKey, event: &Event, now: u64) -> Result<Outcome, Error> {
        if rules::is_too_far_ahead(event, now) {
            return Ok(Outcome::TooFarAhead);
        }
        let (mut any, mut moved) = (false, false);
        rules::apply(event, |write| {
            any = true;
            moved |= self.write(app, write)? != Moved::No;
            Ok::<_, Error>(())
        })?;
        Ok(match (any, moved) {
            (false, _) => Outcome::Ignored,
            (true, false) => Outcome::Stale,
            (true, true) => Outcome::Applied,
        })
    }

    fn write(&mut self, app: &AppKey, write: Write<'_>) -> Result<Moved, Error> {
        let (moved, touched) = match write {
            Write::Last { account, peer, .. } => {
                let (kind, peer) = (SessionKind::P2p, peer.as_str());
                let key = tables::session_key(app, account.as_str(), kind, peer);
                (self.write_row(&key, write)?, Ok(account))
            }
            Write::Member { account, team, .. } => {
                let (kind, id) = (team.kind(), team.id().as_str());
                let key = tables::session_key(app, account.as_str(), kind, id);
                (self.write_row(&key, write)?, Ok(account))
            }
            Write::Head { team, .. } | Write::Dissolve { team, .. } => {
                let key = tables::head_key(app, team.kind(), team.id().as_str());
                (self.write_head(&key, write)?, Err(team))
            }
        };
        self.touch(moved, || match touched {
            Ok(account) => Touched::Account(Owner { app: app.clone(), account: account.clone() }),
            Err(team) => Touched::Team(app.clone(), team.clone()),
        });
        Ok(moved)
    }

    /// Notes whose list may have moved, if anybody listens.
    fn touch(&mut self, moved: Moved, whose: impl FnOnce() -> Touched) {
        if moved == Moved::Yes
            && let Some(all) = &mut self.touched
        {
            all.push(whose());
        }
    }

    fn write_row(&mut self, key: &[u8], write: Write<'_>) -> Result<Moved, Error> {
        let old = bytes_of(&self.sessions, key)?;
        let mut row = old.as_deref().map_or(Ok(Row::default()), |old| row::decode_row(key, old))?;
        let moved = match write {
            Write::Last { body, .. } => row.take_last(body),
            Write::Member { membership, .. } => row.take_membership(membership),
            Write::Head { .. } | Write::Dissolve { .. } => Moved::No,
        };
        self.put_row(key, row, moved)?;
        Ok(moved)
    }

    pub(super) fn put_row(
        &mut self,
        key: &[u8],
        mut row: Row<'_>,
        moved: Moved,
    ) -> Result<(), Error> {
        match moved {
            Moved::No => return Ok(()),
            Moved::Silently => {}
            Moved::Yes => {
                self.version += 1;
                row.version = self.version;
            }
        }
        self.sessions.insert(key, row::encode_row(key, &row).as_slice())?;
        self.wrote = true;
        Ok(())
    }

    fn write_head(&mut self, key: &[u8], write: Write<'_>) -> Result<Moved, Error> {
        let old = bytes_of(&self.heads, key)?;
        let mut head =
            old.as_deref().map_or(Ok(Head::default()), |old| row::decode_head(key, old))?;
        let moved = match write {
            Write::Head { body, .. } => head.take_last(body),
            Write::Dissolve { body, .. } => head.take_dissolution(body),
            Write::Last { .. } | Write::Member { .. } => Moved::No,
        };
        if moved != Moved::No {
            self.version += 1;
            head.set_version(self.version);
            self.heads.insert(key, row::encode_head(key, &head).as_slice())?;
            self.wrote = true;
        }
        Ok(moved)
    }

    fn update(
        &mut self,
        owner: &Owner,
        id: &SessionId,
        ext: &str,
        now: u64,
    ) -> Result<Answer, Error> {
        let seen = read::see((&self.sessions, &self.heads), owner, id, |row, view| {
            Ok((row.created.is_none() && view.last.is_none(), view.update_time.is_none()))
        })?;
        if seen == (true, true) && self.ext_only_sessions(owner)? >= EXT_ONLY_SESSIONS_MAX {
            return Ok(Answer::Refused(Error::TooManySessions { max: EXT_ONLY_SESSIONS_MAX }));
        }
        let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
        let old = bytes_of(&self.sessions, &key)?;
        let mut row =
            old.as_deref().map_or(Ok(Row::default()), |old| row::decode_row(&key, old))?;
        let moved = row.take_ext(ext, now);
        self.put_row(&key, row, moved)?;
        self.touch(moved, || Touched::Account(owner.clone()));
        let session = read::see((&self.sessions, &self.heads), owner, id, |row, view| {
            read::session(id, row.ext, view, true)
        })?;
        let session = session.ok_or_else(|| row::damaged("session just updated", &key))?;
        Ok(Answer::Session(Box::new(session)))
    }

    fn ext_only_sessions(&self, owner: &Owner) -> Result<usize, Error> {
        let mut count = 0;
        read::scan((&self.sessions, &self.heads), owner, |_, _, view| {
            count += usize::from(view.last.is_none() && view.update_time.is_some());
            Ok(())
        })?;
        Ok(count)
    }

    fn delete(&mut self, owner: &Owner, id: &SessionId) -> Result<(), Error> {
        let key = tables::session_key(&owner.app, owner.account.as_str(), id.kind(), id.peer());
        let Some(old) = bytes_of(&self.sessions, &key)? else { return Ok(()) };
        let mut row = row::decode_row(&key, &old)?;
        let head_key = tables::head_key(&owner.app, id.kind(), id.peer());
        let head = match id.kind() {
            SessionKind::P2p => None,
            SessionKind::Team | SessionKind::SuperTeam => bytes_of(&self.heads, &head_key)?,
        };
        let head = head.as_deref().map(|head| row::decode_head(&head_key, head)).transpose()?;
        let moved = row.delete(&row.view(id.kind(), head.as_ref()));
        self.put_row(&key, row, moved)?;
        self.touch(moved, || Touched::Account(owner.clone()));
        Ok(())
    }
}

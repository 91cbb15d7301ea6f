//! Jobs that wait for the writer: bounded in bytes, for each app and in all. Apps take turns, so
//! that one app's flood fills no batch alone while another app has something to write.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use huihua_core::AppKey;
use huihua_store::Error;

use crate::{failure::unavailable, job::Job};

/// Cost of one batch while one app alone writes, so that its first job does not wait for ever.
const BATCH_COST_MAX: usize = 2_048;
/// Cost of one batch while several apps write: a job waits for the batch before it and for its own,
/// so this is what one app's flood may cost another.
const SHARED_BATCH_COST_MAX: usize = 128;
/// Cost that an app may put into a batch in one turn.
const TURN_COST: usize = 16;
/// An app counts as writing for so long after its last job.
const ACTIVE: Duration = Duration::from_secs(10);
/// Longest wait for the jobs of callers who were just answered. Part of a commit's time, too.
const GATHER_MAX: Duration = Duration::from_micros(500);
const GATHER_PART: u32 = 4;
/// Bytes of text that cost as much as a register.
const COST_BYTES: usize = 4_096;
/// Memory of a job besides its texts: its request, task and reply.
const JOB_BYTES: usize = 1_024;

/// Bytes of jobs that may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Of one app.
    pub app_bytes_max: usize,
    /// Of all apps.
    pub bytes_max: usize,
}

impl QueueLimits {
    /// 64 MiB, half of them of one app: some 30,000 messages, ten seconds of a slow disk.
    pub const DEFAULT: Self = Self { app_bytes_max: 32 << 20, bytes_max: 64 << 20 };
}

/// What a job is to the queue.
#[derive(Debug, Clone)]
pub(crate) struct JobSize {
    /// `None`: the store's own.
    pub(crate) app: Option<AppKey>,
    /// Registers that it moves at most.
    pub(crate) registers: usize,
    /// Bytes of its texts.
    pub(crate) bytes: usize,
}

impl JobSize {
    fn held_bytes(&self) -> usize {
        self.bytes + JOB_BYTES
    }

    fn cost(&self) -> usize {
        (self.registers + self.bytes / COST_BYTES).max(1)
    }
}

/// The queue in front of the writer.
pub(crate) struct JobQueue {
    limits: QueueLimits,
    state: Mutex<QueueState>,
    changed: Condvar,
}

struct QueueState {
    /// One for each app that ever wrote: apps are configured, so they are few.
    lanes: HashMap<Option<AppKey>, Lane>,
    /// Apps with jobs, in the order of their turns.
    turns: VecDeque<Option<AppKey>>,
    jobs: usize,
    bytes: usize,
    next_number: u64,
    /// Jobs of the batch before.
    last_jobs: usize,
    is_closed: bool,
}

#[derive(Default)]
struct Lane {
    /// By their numbers, first come first.
    jobs: BTreeMap<u64, (JobSize, Job)>,
    bytes: usize,
    /// Cost that it may still put into the batch.
    credit: usize,
    last: Option<Instant>,
}

/// The place of a job in the queue. Dropped, it takes the job out if the writer did not take it
/// before: its caller went away.
pub(crate) struct QueuePlace {
    queue: Arc<JobQueue>,
    app: Option<AppKey>,
    number: u64,
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        let taken = self.queue.state().take_out(&self.app, self.number);
        // Without the lock: a job may hold much.
        drop(taken);
    }
}

impl JobQueue {
    pub(crate) fn new(limits: QueueLimits) -> Arc<Self> {
        let state = QueueState {
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            jobs: 0,
            bytes: 0,
            next_number: 0,
            last_jobs: 0,
            is_closed: false,
        };
        Arc::new(Self { limits, state: Mutex::new(state), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // Nothing under this lock panics half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a job at the end of its app's jobs.
    ///
    /// # Errors
    /// At once, when too much waits already or the store closes.
    pub(crate) fn push(self: &Arc<Self>, size: JobSize, job: Job) -> Result<QueuePlace, Error> {
        let mut state = self.state();
        if state.is_closed {
            return Err(unavailable("the store is closing"));
        }
        let (app, held) = (size.app.clone(), size.held_bytes());
        let of_app = state.lanes.get(&app).map_or(0, |lane| lane.bytes);
        // What is larger than the limit goes alone.
        let is_over = |waiting: usize, max: usize| waiting > 0 && waiting + held > max;
        if is_over(of_app, self.limits.app_bytes_max) || is_over(state.bytes, self.limits.bytes_max)
        {
            return Err(unavailable("overloaded: too much waits to be written"));
        }
        let number = state.next_number;
        state.next_number += 1;
        state.jobs += 1;
        state.bytes += held;
        let lane = state.lanes.entry(app.clone()).or_default();
        lane.bytes += held;
        lane.jobs.insert(number, (size, job));
        if lane.jobs.len() == 1 {
            state.turns.push_back(app.clone());
        }
        drop(state);
        self.changed.notify_one();
        Ok(QueuePlace { queue: Arc::clone(self), app, number })
    }

    /// How many jobs wait.
    pub(crate) fn len(&self) -> usize {
        self.state().jobs
    }

    /// Takes no more jobs; those that wait are still done.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits for jobs and takes a batch of them; `None` when the queue is closed and empty.
    ///
    /// After a commit that took `commit_time`, waits a little for the callers who were just
    /// answered: their next jobs then share a sync.
    #[expect(clippy::disallowed_methods, reason = "time passes for the writer alone; no rule asks")]
    pub(crate) fn take(&self, commit_time: Duration) -> Option<Vec<Job>> {
        let mut state = self.state();
        let expected = state.last_jobs + state.jobs;
        while state.jobs == 0 {
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + (commit_time / GATHER_PART).min(GATHER_MAX);
        while state.jobs < expected && !state.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let batch = state.take_batch(Instant::now());
        state.last_jobs = batch.len();
        Some(batch)
    }
}

impl QueueState {
    /// Takes the jobs of one batch, each app in its turn.
    fn take_batch(&mut self, now: Instant) -> Vec<Job> {
        for app in &self.turns {
            if let Some(lane) = self.lanes.get_mut(app) {
                lane.last = Some(now);
            }
        }
        // The store's own jobs, such as probes of its health, make no batch small.
        let is_active = |(app, lane): &(&Option<AppKey>, &Lane)| {
            app.is_some() && lane.last.is_some_and(|last| now.duration_since(last) < ACTIVE)
        };
        let is_shared = self.lanes.iter().filter(is_active).count() > 1;
        let mut cost_left = if is_shared { SHARED_BATCH_COST_MAX } else { BATCH_COST_MAX };
        let mut batch = Vec::new();
        while cost_left > 0
            && let Some(app) = self.turns.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&app) else { continue };
            lane.credit += TURN_COST;
            while let Some((_, (size, _))) = lane.jobs.first_key_value()
                && size.cost() <= lane.credit
            {
                if size.cost() > cost_left && !batch.is_empty() {
                    // It begins the next batch.
                    self.turns.push_front(app);
                    return batch;
                }
                let Some((_, (size, job))) = lane.jobs.pop_first() else { break };
                lane.credit -= size.cost();
                cost_left = cost_left.saturating_sub(size.cost());
                lane.bytes -= size.held_bytes();
                self.bytes -= size.held_bytes();
                self.jobs -= 1;
                batch.push(job);
            }
            if lane.jobs.is_empty() {
                lane.credit = 0;
            } else {
                self.turns.push_back(app);
            }
        }
        batch
    }

    /// Takes one job out; `None` when the writer has it.
    fn take_out(&mut self, app: &Option<AppKey>, number: u64) -> Option<Job> {
        let lane = self.lanes.get_mut(app)?;
        let (size, job) = lane.jobs.remove(&number)?;
        lane.bytes -= size.held_bytes();
        self.bytes -= size.held_bytes();
        self.jobs -= 1;
        if lane.jobs.is_empty() {
            lane.credit = 0;
            self.turns.retain(|turn| turn != app);
        }
        Some(job)
    }
}

//! Jobs that wait for the writer: bounded in bytes, for each app and in all. Apps take turns, so
//! that one app's flood fills no batch alone while another app has something to write.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Range,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use huihua_core::AppKey;
use huihua_store::Error;

use crate::{failure::unavailable, job::Job};

/// Cost of one batch while one app alone writes, so that its first job does not wait for ever:
/// eight callers with 100 messages of two registers. A batch's pages lie beside those they replace
/// until the batch after it is durable: by so much a small file is larger than its content.
const BATCH_COST_MAX: usize = 1_600;
/// Cost of one batch while apps compete: a job waits for the batch before it and for its own, so
/// this is what one app's flood may cost another.
const SHARED_BATCH_COST_MAX: usize = 128;
/// Cost that an app may put into a batch in one turn.
const TURN_COST: usize = 16;
/// Apps compete for so long after jobs of two of them waited at one time.
const COMPETING: Duration = Duration::from_secs(10);
/// Longest wait for the jobs of callers who were just answered. Part of a batch's time, too.
const GATHER_MAX: Duration = Duration::from_micros(500);
const GATHER_PART: u32 = 4;
/// The disk's part of a batch's time from which a sync is worth a wait, however many jobs share it.
const SLOW_DISK_PART: u32 = 2;
/// Below, a sync that so many jobs share costs less than the writer's sleep, which costs 64 callers
/// a sixth of their messages; and eight callers gain from it, measured.
const JOBS_ENOUGH: usize = 16;
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobSize {
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

/// How long the writer's last batch took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BatchTime {
    pub(crate) all: Duration,
    /// While the writer waited for the disk.
    pub(crate) disk: Duration,
}

impl BatchTime {
    /// How many jobs are worth a wait, if so many are expected: they then share a sync.
    fn awaited(&self, expected: usize) -> usize {
        let is_slow = self.disk >= self.all / SLOW_DISK_PART;
        if is_slow { expected } else { expected.min(JOBS_ENOUGH) }
    }

    /// How long to wait for them.
    fn gather(&self) -> Duration {
        (self.all / GATHER_PART).min(GATHER_MAX)
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
    /// So many jobs must wait before the writer is woken: each wake costs as much as a job's work.
    awaited: usize,
    /// `None` before jobs of two apps have waited at one time.
    competing_until: Option<Instant>,
    is_closed: bool,
}

#[derive(Default)]
struct Lane {
    /// By their numbers, first come first.
    jobs: BTreeMap<u64, WaitingJob>,
    bytes: usize,
    /// Cost that it may still put into the batch.
    credit: usize,
}

struct WaitingJob {
    size: JobSize,
    job: Job,
    /// Cost of the request that it begins; `None`: it goes on with the request of the job before
    /// it. A request is one transaction, unless apps compete.
    begins: Option<usize>,
}

/// The place of one caller's jobs in the queue. Dropped, it takes them out if the writer took none
/// of them before: their caller went away.
pub(crate) struct QueuePlace {
    queue: Arc<JobQueue>,
    /// `None`: the store's own.
    app: Option<AppKey>,
    numbers: Range<u64>,
}

impl QueuePlace {
    /// Leaves the queue in peace: the writer has answered every job.
    pub(crate) fn answered(mut self) {
        self.numbers = 0..0;
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        if self.numbers.is_empty() {
            return;
        }
        let taken = self.queue.state().take_out(&self.app, self.numbers.clone());
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
            awaited: 1,
            competing_until: None,
            is_closed: false,
        };
        Arc::new(Self { limits, state: Mutex::new(state), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // Nothing under this lock panics half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts jobs of one app, one behind the other, at the end of its jobs: all of them or none.
    ///
    /// # Errors
    /// At once, when too much waits already or the store closes.
    pub(crate) fn push(
        self: &Arc<Self>,
        app: Option<AppKey>,
        jobs: Vec<(JobSize, Job)>,
    ) -> Result<QueuePlace, Error> {
        let held: usize = jobs.iter().map(|(size, _)| size.held_bytes()).sum();
        let cost = jobs.iter().map(|(size, _)| size.cost()).sum();
        let mut state = self.state();
        if state.is_closed {
            return Err(unavailable("the store is closing"));
        }
        let of_app = state.lanes.get(&app).map_or(0, |lane| lane.bytes);
        // What is larger than the limit goes alone.
        let is_over = |waiting: usize, max: usize| waiting > 0 && waiting + held > max;
        if is_over(of_app, self.limits.app_bytes_max) || is_over(state.bytes, self.limits.bytes_max)
        {
            return Err(unavailable("overloaded: too much waits to be written"));
        }
        let first = state.next_number;
        let numbers = first..first + jobs.len() as u64;
        state.next_number = numbers.end;
        state.jobs += jobs.len();
        state.bytes += held;
        let lane = state.lanes.entry(app.clone()).or_default();
        lane.bytes += held;
        let is_first = lane.jobs.is_empty();
        let waiting = |(number, (size, job))| {
            let begins = (number == first).then_some(cost);
            (number, WaitingJob { size, job, begins })
        };
        lane.jobs.extend(numbers.clone().zip(jobs).map(waiting));
        if is_first {
            state.turns.push_back(app.clone());
        }
        let is_enough = state.jobs >= state.awaited;
        drop(state);
        if is_enough {
            self.changed.notify_one();
        }
        Ok(QueuePlace { queue: Arc::clone(self), app, numbers })
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
    /// After a batch, waits a little for the callers who were just answered.
    #[expect(clippy::disallowed_methods, reason = "time passes for the writer alone; no rule asks")]
    pub(crate) fn take(&self, last: BatchTime) -> Option<Vec<Job>> {
        let mut state = self.state();
        let expected = state.last_jobs + state.jobs;
        state.awaited = 1;
        while state.jobs == 0 {
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + last.gather();
        state.awaited = last.awaited(expected);
        while state.jobs < state.awaited && !state.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        // While it writes, it is not to be woken.
        state.awaited = usize::MAX;
        let batch = state.take_batch(Instant::now());
        state.last_jobs = batch.len();
        Some(batch)
    }
}

impl QueueState {
    /// Takes the jobs of one batch, each app in its turn.
    fn take_batch(&mut self, now: Instant) -> Vec<Job> {
        // The store's own jobs, such as probes of its health, make no batch small.
        if self.turns.iter().filter(|app| app.is_some()).count() > 1 {
            self.competing_until = Some(now + COMPETING);
        }
        let is_shared = self.competing_until.is_some_and(|until| now < until);
        let mut cost_left = if is_shared { SHARED_BATCH_COST_MAX } else { BATCH_COST_MAX };
        let mut batch = Vec::new();
        while cost_left > 0
            && let Some(app) = self.turns.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&app) else { continue };
            lane.credit += TURN_COST;
            while let Some((_, WaitingJob { size, begins, .. })) = lane.jobs.first_key_value() {
                let must_follow = begins.is_none() && !is_shared;
                if size.cost() > lane.credit && !must_follow {
                    break;
                }
                let cost = begins.filter(|_| !is_shared).unwrap_or(size.cost());
                if cost > cost_left && !batch.is_empty() && !must_follow {
                    // It begins the next batch.
                    self.turns.push_front(app);
                    return batch;
                }
                let Some((_, WaitingJob { size, job, .. })) = lane.jobs.pop_first() else { break };
                lane.credit = lane.credit.saturating_sub(size.cost());
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

    /// Takes jobs out, unless the writer has the first: then it does them all.
    fn take_out(&mut self, app: &Option<AppKey>, numbers: Range<u64>) -> Vec<Job> {
        let Some(lane) = self.lanes.get_mut(app) else { return Vec::new() };
        if !lane.jobs.contains_key(&numbers.start) {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for number in numbers {
            let Some(WaitingJob { size, job, .. }) = lane.jobs.remove(&number) else { continue };
            lane.bytes -= size.held_bytes();
            self.bytes -= size.held_bytes();
            self.jobs -= 1;
            taken.push(job);
        }
        if lane.jobs.is_empty() {
            lane.credit = 0;
            self.turns.retain(|turn| turn != app);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 14: beside a disk of 0.1 ms the writer slept for longer than it synced, and 64 callers
    /// wrote less than before it gathered.
    #[test]
    fn the_writer_gathers_many_jobs_only_when_the_disk_takes_most_of_its_time() {
        let batch = |all_us, disk_us| {
            let [all, disk] = [all_us, disk_us].map(Duration::from_micros);
            BatchTime { all, disk }
        };
        assert_eq!([8, 64].map(|jobs| batch(1_200, 599).awaited(jobs)), [8, 16]);
        assert_eq!([8, 64].map(|jobs| batch(1_200, 600).awaited(jobs)), [8, 64]);
        assert_eq!(batch(1_200, 0).gather(), Duration::from_micros(300));
        assert_eq!(batch(9_000, 0).gather(), GATHER_MAX);
        assert_eq!(BatchTime::default().gather(), Duration::ZERO);
    }
}

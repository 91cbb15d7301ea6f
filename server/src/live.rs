//! Syncs that wait. A request that has nothing to tell subscribes to its account and to the teams
//! that the account is in; the store's hints wake it, and it syncs again. A hint decides nothing:
//! a lost or a superfluous one costs time, never a change.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, broadcast::error::RecvError},
    time::Instant,
};

use crate::{
    event::Owner,
    store::{Changes, Error, Store, SyncFrom, SyncOption, Touched},
};

/// The waits of one server.
pub struct Live {
    store: Arc<dyn Store>,
    waiting: Mutex<Waiting>,
}

/// Who waits for what. What is waited for is kept as 64 bits of a hash, so that an account in a
/// thousand teams costs a few bytes for each; two that share a hash would wake each other in vain.
struct Waiting {
    hasher: RandomState,
    /// `(hash of what moves, subscription)`.
    topics: BTreeSet<(u64, u64)>,
    subscriptions: HashMap<u64, Sleeper>,
    next: u64,
    /// Wakes so far.
    woken: u64,
    stopped: bool,
}

/// A subscription as those who wake it see it.
struct Sleeper {
    wake: Arc<Notify>,
    /// It found nothing to tell, and waits.
    asleep: bool,
}

impl Live {
    /// Waits on this store. They are woken while [`Live::run`] runs, and time out without it.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let waiting = Waiting {
            hasher: RandomState::new(),
            topics: BTreeSet::new(),
            subscriptions: HashMap::new(),
            next: 0,
            woken: 0,
            stopped: false,
        };
        Self { store, waiting: Mutex::new(waiting) }
    }

    /// Wakes whom the store's hints concern, from this call on, until the store is gone. Safe to
    /// drop.
    pub fn run(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let (live, mut hints) = (Arc::clone(self), self.store.hints());
        async move {
            loop {
                match hints.recv().await {
                    Ok(hint) => live.lock().wake(&hint),
                    Err(RecvError::Lagged(_)) => live.lock().wake_all(),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// Requests that wait for a change now.
    pub fn waiting(&self) -> usize {
        self.lock().subscriptions.values().filter(|sleeper| sleeper.asleep).count()
    }

    /// How often a waiting request was woken since the start.
    pub fn woken(&self) -> u64 {
        self.lock().woken
    }

    /// Ends every wait with what it has, and lets none begin: the server stops.
    pub fn stop(&self) {
        let mut waiting = self.lock();
        waiting.stopped = true;
        waiting.wake_all();
    }

    /// What changed; when nothing did, waits for at most `wait` until something does. `may_hear` is
    /// asked again before anything is told that came after a wait: the caller's token may have
    /// ended. Cancel safe: a caller that goes away waits no more.
    ///
    /// # Errors
    /// The store's, and what `may_hear` says.
    pub async fn sync<E: From<Error>, F: Future<Output = Result<(), E>>>(
        &self,
        owner: &Owner,
        mut option: SyncOption,
        wait: Duration,
        may_hear: impl Fn() -> F,
    ) -> Result<Changes, E> {
        let deadline = Instant::now() + wait;
        if wait.is_zero() {
            return Ok(self.store.sync(owner, &option).await?);
        }
        let subscription = Subscription::new(self);
        loop {
            // Before the sync, so that what moves after it wakes us. The account comes first: who
            // joins a team while its teams are read is woken through the account.
            subscription.hear(&[Touched::Account(owner.clone())]);
            let teams = self.store.teams_of(owner).await?.into_iter();
            let teams: Vec<_> = teams.map(|team| Touched::Team(owner.app.clone(), team)).collect();
            subscription.hear(&teams);
            let changes = self.store.sync(owner, &option).await?;
            if !changes.changes.is_empty() || changes.reset || self.lock().stopped {
                return Ok(changes);
            }
            let woken = subscription.sleep(deadline).await;
            may_hear().await?;
            if !woken || self.lock().stopped {
                return Ok(changes);
            }
            // Of `latest`, too: from now on means since the wait began.
            option.from = SyncFrom::Cursor(changes.cursor);
            subscription.forget();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here panics half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn wake(&mut self, moved: &[Touched]) {
        for one in moved {
            let topic = self.hasher.hash_one(one);
            for (_, subscription) in self.topics.range((topic, 0)..=(topic, u64::MAX)) {
                if let Some(sleeper) = self.subscriptions.get(subscription) {
                    sleeper.wake.notify_one();
                    self.woken += 1;
                }
            }
        }
    }

    fn wake_all(&mut self) {
        self.subscriptions.values().for_each(|sleeper| sleeper.wake.notify_one());
        self.woken += self.subscriptions.len() as u64;
    }
}

/// One waiting request; gone when it is dropped, whatever ended the request.
struct Subscription<'a> {
    live: &'a Live,
    id: u64,
    wake: Arc<Notify>,
    /// Hashes of what it hears of.
    topics: Mutex<Vec<u64>>,
}

impl<'a> Subscription<'a> {
    fn new(live: &'a Live) -> Self {
        let wake = Arc::new(Notify::new());
        let mut waiting = live.lock();
        let id = waiting.next;
        waiting.next += 1;
        waiting.subscriptions.insert(id, Sleeper { wake: Arc::clone(&wake), asleep: false });
        Self { live, id, wake, topics: Mutex::default() }
    }

    fn hear(&self, of: &[Touched]) {
        let mut waiting = self.live.lock();
        let mut topics = self.topics();
        for one in of {
            let topic = waiting.hasher.hash_one(one);
            if waiting.topics.insert((topic, self.id)) {
                topics.push(topic);
            }
        }
    }

    /// Whether it was woken before the deadline.
    async fn sleep(&self, deadline: Instant) -> bool {
        self.mark(true);
        let woken = tokio::time::timeout_at(deadline, self.wake.notified()).await;
        self.mark(false);
        woken.is_ok()
    }

    fn mark(&self, asleep: bool) {
        if let Some(sleeper) = self.live.lock().subscriptions.get_mut(&self.id) {
            sleeper.asleep = asleep;
        }
    }

    /// Hears of nothing any more: the account may have left a team.
    fn forget(&self) {
        let mut waiting = self.live.lock();
        for topic in std::mem::take(&mut *self.topics()) {
            waiting.topics.remove(&(topic, self.id));
        }
    }

    fn topics(&self) -> MutexGuard<'_, Vec<u64>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        self.forget();
        self.live.lock().subscriptions.remove(&self.id);
    }
}

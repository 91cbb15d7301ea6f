//! Syncs that wait. A request without changes subscribes to its account and the teams of the
//! account; the store's hints notify it, and it syncs again. A hint decides nothing: a lost or
//! superfluous one costs time, never a change.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use huihua_core::SyncPage;
use huihua_event::Owner;
use huihua_store::{ChangedList, Error, Store, SyncFrom, SyncRequest};
use tokio::{
    sync::{Notify, broadcast::error::RecvError},
    time::Instant,
};

/// The waiting syncs of one server.
pub struct Live {
    store: Arc<dyn Store>,
    subscriptions: Mutex<Subscriptions>,
}

/// The subscriptions by topic. A topic is kept as 64 bits of a hash, so that an account in a
/// thousand teams costs a few bytes for each; two that share a hash would notify each other in
/// vain.
struct Subscriptions {
    hasher: RandomState,
    /// `(hash of the list that changes, subscription)`.
    topics: BTreeSet<(u64, u64)>,
    states: HashMap<u64, WaitState>,
    next_id: u64,
    /// How many were notified so far.
    notified: u64,
    is_stopped: bool,
}

/// The state of a subscription, for the notifying side.
struct WaitState {
    notify: Arc<Notify>,
    /// It found no change, and waits.
    is_waiting: bool,
}

impl Live {
    /// Creates the waits on this store. They are notified while [`Live::run`] runs.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let subscriptions = Subscriptions {
            hasher: RandomState::new(),
            topics: BTreeSet::new(),
            states: HashMap::new(),
            next_id: 0,
            notified: 0,
            is_stopped: false,
        };
        Self { store, subscriptions: Mutex::new(subscriptions) }
    }

    /// Passes the store's hints to the waiting syncs until the store is gone.
    /// Safe to drop.
    pub(crate) fn run(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let (live, mut hints) = (Arc::clone(self), self.store.hints());
        async move {
            loop {
                match hints.recv().await {
                    Ok(hint) => live.lock().notify(&hint),
                    Err(RecvError::Lagged(_)) => live.lock().notify_all(),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// Returns how many requests wait for a change now.
    pub fn waiting(&self) -> usize {
        self.lock().states.values().filter(|state| state.is_waiting).count()
    }

    /// Returns how often a subscription was notified since the start.
    pub fn notified(&self) -> u64 {
        self.lock().notified
    }

    /// Ends every wait without a change and lets none begin: the server stops.
    pub(crate) fn stop(&self) {
        let mut subscriptions = self.lock();
        subscriptions.is_stopped = true;
        subscriptions.notify_all();
    }

    /// Returns the changes; if there is none, waits at most `wait` for one. Before and after a
    /// wait `check_caller` must succeed: the caller's token may have been replaced. Cancel safe: a
    /// caller that goes away waits no more.
    ///
    /// # Errors
    /// The store's and `check_caller`'s.
    #[expect(clippy::disallowed_methods, reason = "the wait of a sync begins here")]
    pub(crate) async fn sync<E: From<Error>, F: Future<Output = Result<(), E>>>(
        &self,
        owner: &Owner,
        mut request: SyncRequest,
        wait: Duration,
        check_caller: impl Fn() -> F,
    ) -> Result<SyncPage, E> {
        let deadline = Instant::now() + wait;
        if wait.is_zero() {
            return Ok(self.store.sync(owner, &request).await?);
        }
        let subscription = Subscription::new(self);
        loop {
            // Before the sync, so that a change after it notifies this request. The account comes
            // first: a join while the teams are read notifies through the account.
            subscription.subscribe(&[ChangedList::Account(owner.clone())]);
            let teams = self.store.teams_of(owner).await?.into_iter();
            let teams: Vec<_> =
                teams.map(|team| ChangedList::Team(owner.app.clone(), team)).collect();
            subscription.subscribe(&teams);
            let page = self.store.sync(owner, &request).await?;
            if !page.changes.is_empty() || page.reset || self.lock().is_stopped {
                return Ok(page);
            }
            // What ended the token before the subscription notifies nobody.
            check_caller().await?;
            let is_notified = subscription.wait(deadline).await;
            check_caller().await?;
            if !is_notified || self.lock().is_stopped {
                return Ok(page);
            }
            // Also after `latest`: it means since the wait began.
            request.from = SyncFrom::Cursor(page.cursor);
            subscription.unsubscribe();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Subscriptions> {
        // No code that holds the lock panics between two changes.
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriptions {
    fn notify(&mut self, changed: &[ChangedList]) {
        for one in changed {
            let topic = self.hasher.hash_one(one);
            for (_, subscription) in self.topics.range((topic, 0)..=(topic, u64::MAX)) {
                if let Some(state) = self.states.get(subscription) {
                    state.notify.notify_one();
                    self.notified += 1;
                }
            }
        }
    }

    fn notify_all(&mut self) {
        self.states.values().for_each(|state| state.notify.notify_one());
        self.notified += self.states.len() as u64;
    }
}

/// The subscription of one request. Dropping it ends it, whatever ended the request.
struct Subscription<'a> {
    live: &'a Live,
    id: u64,
    notify: Arc<Notify>,
    /// Hashes of the lists it subscribed to.
    topics: Mutex<Vec<u64>>,
}

impl<'a> Subscription<'a> {
    fn new(live: &'a Live) -> Self {
        let notify = Arc::new(Notify::new());
        let mut subscriptions = live.lock();
        let id = subscriptions.next_id;
        subscriptions.next_id += 1;
        let state = WaitState { notify: Arc::clone(&notify), is_waiting: false };
        subscriptions.states.insert(id, state);
        Self { live, id, notify, topics: Mutex::default() }
    }

    fn subscribe(&self, lists: &[ChangedList]) {
        let mut subscriptions = self.live.lock();
        let mut topics = self.topics();
        for one in lists {
            let topic = subscriptions.hasher.hash_one(one);
            if subscriptions.topics.insert((topic, self.id)) {
                topics.push(topic);
            }
        }
    }

    /// Waits for a notification; returns whether it came before the deadline.
    async fn wait(&self, deadline: Instant) -> bool {
        self.set_waiting(true);
        let notified = tokio::time::timeout_at(deadline, self.notify.notified()).await;
        self.set_waiting(false);
        notified.is_ok()
    }

    fn set_waiting(&self, is_waiting: bool) {
        if let Some(state) = self.live.lock().states.get_mut(&self.id) {
            state.is_waiting = is_waiting;
        }
    }

    /// Ends all subscriptions of this request: the account may have left a team.
    fn unsubscribe(&self) {
        let mut subscriptions = self.live.lock();
        for topic in std::mem::take(&mut *self.topics()) {
            subscriptions.topics.remove(&(topic, self.id));
        }
    }

    fn topics(&self) -> MutexGuard<'_, Vec<u64>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        self.unsubscribe();
        self.live.lock().states.remove(&self.id);
    }
}

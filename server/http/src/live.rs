//! Syncs that wait. A request without changes joins the waits of its account, which subscribe
//! together to the account and its teams; the store's hints notify them, and one look at the list
//! serves all that ask the same. A hint decides nothing: a lost or superfluous one costs time,
//! never a change.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use huihua_event::{Owner, Team};
use huihua_store::{self as store, ChangedList, Store, SyncFrom, SyncPageJson, SyncRequest};
use tokio::{
    sync::{OnceCell, broadcast::error::RecvError, watch},
    time::Instant,
};

use crate::error::Error;

/// The waiting syncs of one server.
pub struct Live {
    store: Arc<dyn Store>,
    /// Most waits of one account.
    waits_per_account: usize,
    waits: Mutex<Waits>,
}

/// The accounts with waits, by topic. A topic is kept as 64 bits of a hash, so that an account in a
/// thousand teams costs a few bytes for each; two that share a hash would notify each other in
/// vain.
struct Waits {
    hasher: RandomState,
    /// `(hash of the list that changes, number of the account)`.
    topics: BTreeSet<(u64, u64)>,
    numbers: HashMap<Arc<Owner>, u64>,
    accounts: HashMap<u64, WaitingAccount>,
    next_number: u64,
    /// How many waits were notified so far.
    notified: u64,
    is_stopped: bool,
}

/// An account with waits.
struct WaitingAccount {
    owner: Arc<Owner>,
    notifies: watch::Sender<()>,
    /// Its requests that wait, or look before or after it, and its places.
    requests: usize,
    /// Those of them that have a place, which counts already.
    placed: usize,
    /// Those of them that found no change, and wait.
    waiting: usize,
    /// Hashes of the lists it subscribed to: its own, and its teams.
    topics: Vec<u64>,
    /// What is read because of the last notification.
    look: Arc<Look>,
}

/// What the requests of an account read after one notification, each thing once. A request joins
/// only the look of a notification that came while it waited, so what it gets is never older than
/// the request.
#[derive(Default)]
struct Look {
    teams: OnceCell<()>,
    /// By what they ask; whoever waits for a page keeps it.
    pages: Mutex<Vec<(SyncRequest, Weak<SharedPage>)>>,
}

type SharedPage = OnceCell<Arc<SyncPageJson>>;

impl Live {
    /// Creates the waits on this store. They are notified while [`Live::run`] runs.
    pub(crate) fn new(store: Arc<dyn Store>, waits_per_account: usize) -> Self {
        let waits = Waits {
            hasher: RandomState::new(),
            topics: BTreeSet::new(),
            numbers: HashMap::new(),
            accounts: HashMap::new(),
            next_number: 0,
            notified: 0,
            is_stopped: false,
        };
        Self { store, waits_per_account, waits: Mutex::new(waits) }
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
        self.lock().accounts.values().map(|account| account.waiting).sum()
    }

    /// Returns how often a request was notified since the start.
    pub fn notified(&self) -> u64 {
        self.lock().notified
    }

    /// Ends every wait without a change and lets none begin: the server stops.
    pub(crate) fn stop(&self) {
        let mut waits = self.lock();
        waits.is_stopped = true;
        waits.notify_all();
    }

    /// Returns the changes; if there is none, waits at most `wait` for one. Before and after a
    /// wait `check_caller` must succeed: the caller's token may have been replaced. Cancel safe: a
    /// caller that goes away waits no more.
    ///
    /// # Errors
    /// The store's and `check_caller`'s; [`Error::TooManyWaits`].
    #[expect(clippy::disallowed_methods, reason = "the wait of a sync begins here")]
    pub(crate) async fn sync<F: Future<Output = Result<(), Error>>>(
        &self,
        owner: &Owner,
        request: SyncRequest,
        wait: Duration,
        check_caller: impl Fn() -> F,
    ) -> Result<Arc<SyncPageJson>, Error> {
        let deadline = Instant::now() + wait;
        if wait.is_zero() {
            return Ok(Arc::new(self.store.sync(owner, &request).await?));
        }
        // Before the sync, so that a change after it notifies this request. The account comes
        // first: a join while the teams are read notifies through the account.
        let waiting = Waiting::enter(self, owner)?;
        self.sync_until(deadline, waiting, owner, request, check_caller).await
    }

    /// Takes a place among the waits of an account, for who waits again and again.
    ///
    /// # Errors
    /// [`Error::TooManyWaits`].
    pub(crate) fn place(self: &Arc<Self>, owner: &Owner) -> Result<WaitPlace, Error> {
        let number = self.lock().enter(owner, self.waits_per_account)?;
        Ok(WaitPlace { live: Arc::clone(self), number, owner: owner.clone() })
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an async function keeps its arguments twice, and a wait keeps them for long"
    )]
    fn sync_until<F: Future<Output = Result<(), Error>>>(
        &self,
        deadline: Instant,
        mut waiting: Waiting<'_>,
        owner: &Owner,
        mut request: SyncRequest,
        check_caller: impl Fn() -> F,
    ) -> impl Future<Output = Result<Arc<SyncPageJson>, Error>> {
        async move {
            let teams = self.store.teams_of(owner).await?;
            self.lock().add_teams(waiting.number, owner, teams);
            let mut page = Arc::new(self.store.sync(owner, &request).await?);
            loop {
                if !page.is_empty() || page.reset || self.lock().is_stopped {
                    return Ok(page);
                }
                // All that a wait keeps of the page, which has room for changes.
                let cursor = page.cursor.clone();
                drop(page);
                // What ended the token before the subscription notifies nobody.
                check_caller().await?;
                let is_notified = waiting.wait(deadline).await;
                check_caller().await?;
                if !is_notified || self.lock().is_stopped {
                    return Ok(Arc::new(SyncPageJson::new(0, cursor)));
                }
                // Also after `latest`: it means since the wait began.
                request.from = SyncFrom::Cursor(cursor);
                page = waiting.look(owner, &request).await?;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waits> {
        // No code that holds the lock panics between two changes.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits {
    fn notify(&mut self, changed: &[ChangedList]) {
        for one in changed {
            let topic = self.hasher.hash_one(one);
            for (_, number) in self.topics.range((topic, 0)..=(topic, u64::MAX)) {
                if let Some(account) = self.accounts.get_mut(number) {
                    account.notify(&mut self.notified);
                }
            }
        }
    }

    fn notify_all(&mut self) {
        self.accounts.values_mut().for_each(|account| account.notify(&mut self.notified));
    }

    /// Counts a request of an account, which must have room for it; returns the account's number.
    fn enter(&mut self, owner: &Owner, waits_max: usize) -> Result<u64, Error> {
        let number = match self.numbers.get(owner) {
            Some(number) => *number,
            None => self.begin(owner),
        };
        let account = self.accounts.get_mut(&number).expect("its number ends with it");
        if account.requests - account.placed >= waits_max {
            return Err(Error::TooManyWaits { waits_max });
        }
        account.requests += 1;
        Ok(number)
    }

    /// Ends a request, and with the last one the account's subscriptions.
    fn leave(&mut self, number: u64) {
        let Some(account) = self.accounts.get_mut(&number) else { return };
        account.requests -= 1;
        if account.requests > 0 {
            return;
        }
        for topic in account.topics.drain(..) {
            self.topics.remove(&(topic, number));
        }
        self.numbers.remove(&account.owner);
        self.accounts.remove(&number);
    }

    /// Subscribes an account to its own list.
    fn begin(&mut self, owner: &Owner) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        let topic = self.hasher.hash_one(ChangedList::Account(owner.clone()));
        self.topics.insert((topic, number));
        let owner = Arc::new(owner.clone());
        self.numbers.insert(Arc::clone(&owner), number);
        let account = WaitingAccount {
            owner,
            notifies: watch::Sender::new(()),
            requests: 0,
            placed: 0,
            waiting: 0,
            topics: vec![topic],
            look: Arc::default(),
        };
        self.accounts.insert(number, account);
        number
    }

    /// Subscribes an account to these teams too.
    fn add_teams(&mut self, number: u64, owner: &Owner, teams: Vec<Team>) {
        let Some(account) = self.accounts.get_mut(&number) else { return };
        for team in teams {
            let topic = self.hasher.hash_one(ChangedList::Team(owner.app.clone(), team));
            if self.topics.insert((topic, number)) {
                account.topics.push(topic);
            }
        }
    }

    /// Ends an account's subscriptions to teams but for these, unless a newer look reads them anew.
    fn replace_teams(&mut self, number: u64, owner: &Owner, teams: Vec<Team>, look: &Arc<Look>) {
        let Some(account) = self.accounts.get_mut(&number) else { return };
        if !Arc::ptr_eq(&account.look, look) {
            return;
        }
        for topic in account.topics.drain(1..) {
            self.topics.remove(&(topic, number));
        }
        self.add_teams(number, owner, teams);
    }
}

impl WaitingAccount {
    fn notify(&mut self, notified: &mut u64) {
        self.look = Arc::default();
        self.notifies.send_replace(());
        *notified += self.requests as u64;
    }
}

/// One request's share in the waits of its account. Dropping it ends it, whatever ended the
/// request.
struct Waiting<'a> {
    live: &'a Live,
    number: u64,
    notified: watch::Receiver<()>,
    has_place: bool,
}

/// A place among the waits of an account. Dropping it gives it back.
pub(crate) struct WaitPlace {
    live: Arc<Live>,
    number: u64,
    owner: Owner,
}

impl WaitPlace {
    /// As [`Live::sync`], for the owner of the place.
    ///
    /// # Errors
    /// The store's and `check_caller`'s.
    #[expect(clippy::disallowed_methods, reason = "the wait of a sync begins here")]
    pub(crate) async fn sync<F: Future<Output = Result<(), Error>>>(
        &self,
        request: SyncRequest,
        wait: Duration,
        check_caller: impl Fn() -> F,
    ) -> Result<Arc<SyncPageJson>, Error> {
        let (deadline, waiting) = (Instant::now() + wait, Waiting::at(self));
        self.live.sync_until(deadline, waiting, &self.owner, request, check_caller).await
    }
}

impl Drop for WaitPlace {
    fn drop(&mut self) {
        self.live.lock().leave(self.number);
    }
}

impl<'a> Waiting<'a> {
    fn enter(live: &'a Live, owner: &Owner) -> Result<Self, Error> {
        let mut waits = live.lock();
        let number = waits.enter(owner, live.waits_per_account)?;
        let notified = waits.accounts[&number].notifies.subscribe();
        Ok(Self { live, number, notified, has_place: false })
    }

    /// Waits at a place that its account has.
    fn at(place: &'a WaitPlace) -> Self {
        let live = &*place.live;
        let mut waits = live.lock();
        let account = waits.accounts.get_mut(&place.number).expect("it ends after its places");
        account.requests += 1;
        account.placed += 1;
        let notified = account.notifies.subscribe();
        Self { live, number: place.number, notified, has_place: true }
    }

    /// Waits for a notification; returns whether it came before the deadline.
    async fn wait(&mut self, deadline: Instant) -> bool {
        self.change(|account| account.waiting += 1);
        let counted = Counted(self.live, self.number);
        let notified = tokio::time::timeout_at(deadline, self.notified.changed()).await;
        drop(counted);
        notified.is_ok()
    }

    /// Reads what the last notification calls for, together with all who ask the same.
    async fn look(
        &mut self,
        owner: &Owner,
        request: &SyncRequest,
    ) -> Result<Arc<SyncPageJson>, Error> {
        let live = self.live;
        let look = {
            let waits = live.lock();
            // One that comes from here on has a look of its own.
            self.notified.mark_unchanged();
            Arc::clone(&waits.accounts[&self.number].look)
        };
        let (store, number) = (&live.store, self.number);
        let read_teams = async || {
            let teams = store.teams_of(owner).await?;
            live.lock().replace_teams(number, owner, teams, &look);
            Ok::<(), store::Error>(())
        };
        look.teams.get_or_try_init(read_teams).await?;
        let shared = look.page(request);
        let read = async || store.sync(owner, request).await.map(Arc::new);
        Ok(Arc::clone(shared.get_or_try_init(read).await?))
    }

    fn change(&self, change: impl FnOnce(&mut WaitingAccount)) {
        if let Some(account) = self.live.lock().accounts.get_mut(&self.number) {
            change(account);
        }
    }
}

/// One request in the count of those that wait.
struct Counted<'a>(&'a Live, u64);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(account) = self.0.lock().accounts.get_mut(&self.1) {
            account.waiting -= 1;
        }
    }
}

impl Look {
    /// Returns the page of this request, read or to be read.
    fn page(&self, request: &SyncRequest) -> Arc<SharedPage> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pages.iter().find(|(of, _)| of == request).and_then(|(_, page)| page.upgrade());
        known.unwrap_or_else(|| {
            let page = Arc::default();
            pages.retain(|(_, page)| page.strong_count() > 0);
            pages.push((request.clone(), Arc::downgrade(&page)));
            page
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.has_place {
            self.change(|account| account.placed -= 1);
        }
        self.live.lock().leave(self.number);
    }
}

//! A live list for a view: what was shown last at once, then pages and changes. It has no thread,
//! and no task but the writing of its file: the caller of `next` drives it.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::{JoinHandle, spawn_blocking},
    time::Instant,
};

use super::{
    backoff::Backoff,
    cache::Cache,
    error::Error,
    list_rows::ListRows,
    log::{LogLevel, cause},
    service::SessionService,
    watch::{Poke, Watch, WatchEvent, WatchOption, WatchStatus, is_final, new_backoff},
};
use crate::{Code, LIMIT_MAX, Page, QueryMySessionOption, RecentSession, SyncPage};

/// Default of [`ListOption::page_size`]: a few screens of a phone.
const PAGE_SIZE_DEFAULT: u32 = 40;
/// Pause between live changes and the write that keeps them: a busy account's phone would otherwise
/// sync its disk at each message. What a killed process did not write, the next sync brings.
const WRITE_PAUSE: Duration = Duration::from_secs(2);

/// Configures a [`SessionList`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListOption {
    /// Sessions of one page, 1..=100; other numbers are brought into that range.
    pub page_size: u32,
    /// Sessions that a list before this one still shows, after it ended. Unless it is 0, this one
    /// reads down to there from the server, and no file, which may hold fewer.
    pub rows_shown: u32,
}

impl Default for ListOption {
    fn default() -> Self {
        Self { page_size: PAGE_SIZE_DEFAULT, rows_shown: 0 }
    }
}

/// Reports what changed of a [`SessionList`].
#[derive(Debug)]
pub enum ListEvent {
    /// [`SessionList::sessions`], [`SessionList::has_more`] or [`SessionList::is_from_cache`]
    /// changed, or a [`ListHandle::load_more`] found nothing to load.
    Sessions,
    /// The connection has another status. After [`WatchStatus::Ended`] nothing more comes.
    Status(WatchStatus),
    /// The next page could not be loaded; [`ListHandle::load_more`] tries again.
    MoreFailed(Error),
}

/// Keeps the top of an account's list up to date, from any device.
///
/// The sessions are always the top of the server's list as it was at one time, in its order and
/// without a gap. With [`super::Options::cache`] it opens with what the account's list showed last,
/// without the network: [`Self::is_from_cache`] is true until the server has named everything that
/// changed since, deletions included. If the server no longer can, the list is read again. It
/// reconnects by itself, as a [`Watch`]. Dropping the list ends its requests, at the server too.
pub struct SessionList {
    service: SessionService,
    /// `None` too once the token proves to be of another account.
    cache: Option<Arc<Cache>>,
    page_size: usize,
    rows: ListRows,
    is_from_cache: bool,
    phase: Phase,
    backoff: Backoff,
    /// Whether `Connecting` was the last status: a read and the watch after it are one connecting.
    is_connecting: bool,
    /// Rows that the next read of the list goes down to, at least.
    rows_wanted: usize,
    /// Whether the first rows are those of the file, if there is one.
    may_open_from_cache: bool,
    /// Whether no sync has succeeded since the list was read.
    is_just_read: bool,
    queued: VecDeque<ListEvent>,
    wishes: Arc<Wishes>,
    keeping: Keeping,
}

enum Phase {
    New,
    /// The list is read from its first page.
    Reading,
    /// The next read waits: the last one failed, or was of no use.
    Pausing {
        until: Instant,
    },
    Watching(Watch),
    Ended,
}

/// Holds what other threads wish of a list. A flag is true until its wish is fulfilled.
#[derive(Default)]
struct Wishes {
    more: AtomicBool,
    refresh: AtomicBool,
    pause: AtomicBool,
    /// Wakes a list that waits, after each change of a flag.
    changed: Notify,
    pokes: Arc<Notify>,
}

impl Wishes {
    fn set(&self, flag: &AtomicBool, is_wished: bool) {
        flag.store(is_wished, Ordering::SeqCst);
        self.changed.notify_one();
    }
}

/// Controls a [`SessionList`] that other code drives, from any thread.
///
/// Cheap to clone; has no effect once its list is dropped.
#[derive(Clone)]
pub struct ListHandle(Arc<Wishes>);

impl ListHandle {
    /// Loads the next page, unless there is none.
    pub fn load_more(&self) {
        self.0.set(&self.0.more, true);
    }

    /// Reads the list again now, down to where it is; its sessions stay until that is done.
    pub fn refresh(&self) {
        self.0.set(&self.0.refresh, true);
    }

    /// Returns whether a [`Self::load_more`] has yet to be fulfilled: then the event that tells of
    /// it is yet to come.
    pub fn is_loading_more(&self) -> bool {
        self.0.more.load(Ordering::SeqCst)
    }

    /// Returns whether a [`Self::refresh`] has yet to begin: then all its events are yet to come.
    pub fn is_refresh_due(&self) -> bool {
        self.0.refresh.load(Ordering::SeqCst)
    }

    /// Makes a list that lost its connection reconnect now, see [`Poke::poke`].
    pub fn poke(&self) {
        Poke::new(self.0.pokes.clone()).poke();
    }

    /// Ends the list's waiting request until [`Self::resume`], for an app in the background, and
    /// writes what the file lacks. What is asked for all the same, it still loads.
    pub fn pause(&self) {
        self.0.set(&self.0.pause, true);
    }

    /// Ends [`Self::pause`]: the list goes on where it was, without a loss.
    pub fn resume(&self) {
        self.0.set(&self.0.pause, false);
        self.poke();
    }
}

/// Represents what [`SessionList::next`] waited for.
enum Woken {
    Watch(Option<WatchEvent>),
    Wish,
}

impl SessionService {
    /// Makes a [`SessionList`], which keeps the top of the list up to date.
    ///
    /// It reads no file and sends no request before the first [`SessionList::next`].
    pub fn list(&self, option: ListOption) -> SessionList {
        SessionList::new(self.clone(), option)
    }
}

impl SessionList {
    fn new(service: SessionService, option: ListOption) -> Self {
        let page_size = option.page_size.clamp(1, LIMIT_MAX) as usize;
        Self {
            cache: service.cache.clone(),
            service,
            page_size,
            rows: ListRows::default(),
            is_from_cache: false,
            phase: Phase::New,
            backoff: new_backoff(),
            is_connecting: false,
            rows_wanted: page_size.max(option.rows_shown as usize),
            may_open_from_cache: option.rows_shown == 0,
            is_just_read: false,
            queued: VecDeque::new(),
            wishes: Arc::default(),
            keeping: Keeping::default(),
        }
    }

    /// Returns the sessions, newest first. They change only within [`Self::next`].
    pub fn sessions(&self) -> &[RecentSession] {
        self.rows.sessions()
    }

    /// Returns whether the server has more sessions; false until the first page or file is read.
    pub fn has_more(&self) -> bool {
        self.rows.has_more()
    }

    /// Returns whether the sessions are those of an earlier run, which may have changed since.
    pub fn is_from_cache(&self) -> bool {
        self.is_from_cache
    }

    /// Returns whether the list is being read from its first page, or will be.
    pub fn is_reading(&self) -> bool {
        let phase = matches!(self.phase, Phase::New | Phase::Reading | Phase::Pausing { .. });
        phase || self.wishes.refresh.load(Ordering::SeqCst)
    }

    /// Returns whether a [`ListHandle::load_more`] has yet to be fulfilled.
    pub fn is_loading_more(&self) -> bool {
        self.wishes.more.load(Ordering::SeqCst)
    }

    /// Returns a handle for other threads.
    pub fn handle(&self) -> ListHandle {
        ListHandle(self.wishes.clone())
    }

    /// Waits for the next event; returns `None` after [`WatchStatus::Ended`].
    ///
    /// Dropping the future loses no event: the next one resumes where it started.
    pub async fn next(&mut self) -> Option<ListEvent> {
        loop {
            if let Some(event) = self.queued.pop_front() {
                return Some(event);
            }
            match &self.phase {
                Phase::New => self.open().await,
                Phase::Reading => match self.read().await {
                    Ok(()) => {}
                    Err(error) => self.fail(error),
                },
                Phase::Ended => return None,
                // Kept until it is done: this future may be dropped on the way.
                Phase::Watching(_) if self.is_loading_more() => {
                    self.load_more().await;
                    self.wishes.more.store(false, Ordering::SeqCst);
                }
                _ if self.wishes.refresh.load(Ordering::SeqCst) => self.start_reading(),
                _ if self.wishes.pause.load(Ordering::SeqCst) => {
                    self.flush().await;
                    self.wishes.changed.notified().await;
                }
                Phase::Pausing { until } => {
                    tokio::select! {
                        () = tokio::time::sleep_until(*until) => {}
                        () = self.wishes.pokes.notified() => self.backoff = new_backoff(),
                        () = self.wishes.changed.notified() => continue,
                    }
                    self.start_reading();
                }
                Phase::Watching(_) => match self.wait().await {
                    Woken::Watch(Some(event)) => self.take(event),
                    Woken::Watch(None) => self.phase = Phase::Ended,
                    Woken::Wish => {}
                },
            }
        }
    }

    /// Writes what the file lacks, and waits until it is written: for an app that goes to the
    /// background, or is about to drop the list.
    pub async fn flush(&mut self) {
        if let Some(write) = self.keeping.write.take() {
            // A write that panicked has written nothing.
            let _ = write.await;
        }
        if self.keeping.due.is_some() {
            self.keep();
        }
        if let Some(write) = self.keeping.write.take() {
            let _ = write.await;
        }
    }

    async fn open(&mut self) {
        let cached = match self.cache.clone().filter(|_| self.may_open_from_cache) {
            None => None,
            // A read that panicked is as good as no file.
            Some(cache) => spawn_blocking(move || cache.read()).await.ok().flatten(),
        };
        let Some(cached) = cached else { return self.start_reading() };
        self.rows = ListRows::from_cache(cached.sessions, cached.has_more);
        self.is_from_cache = true;
        self.queued.push_back(ListEvent::Sessions);
        self.start_watch(cached.sync_cursor);
    }

    fn start_watch(&mut self, cursor: String) {
        let option = WatchOption { cursor: Some(cursor), need_last_msg: true };
        let mut watch = self.service.watch(option);
        watch.share_pokes(self.wishes.pokes.clone());
        self.phase = Phase::Watching(watch);
    }

    fn start_reading(&mut self) {
        self.wishes.refresh.store(false, Ordering::SeqCst);
        if matches!(self.phase, Phase::Watching(_)) {
            // Its status was the watch's, which may be connecting itself.
            self.is_connecting = false;
        }
        self.rows_wanted = self.rows_wanted.max(self.rows.sessions().len());
        self.phase = Phase::Reading;
        self.status(WatchStatus::Connecting);
    }

    /// Reads the list from its first page, down to where it was.
    async fn read(&mut self) -> Result<(), Error> {
        let first = self.page_option(None, self.rows_wanted);
        let first = self.service.query_my_session_list(&first);
        let first = match &self.cache {
            None => first.await?,
            // A sync's cursor is bound to the account; a page needs a proof of its own.
            Some(cache) => {
                let cache = cache.clone();
                let (first, account) = tokio::try_join!(first, self.service.account())?;
                if !cache.is_of(&account) {
                    self.give_up_cache(cache).await;
                }
                first
            }
        };
        let cursor = first.sync_cursor.clone();
        let mut rows = ListRows::default();
        rows.add_page(first);
        while let Some(token) = rows.page_token()
            && rows.sessions().len() < self.rows_wanted
        {
            let (before, left) = (rows.sessions().len(), self.rows_wanted - rows.sessions().len());
            rows.add_page(self.page(Some(token.to_owned()), left).await?);
            if rows.sessions().len() == before {
                // A server that goes round in circles is not followed.
                break;
            }
        }
        self.rows = rows;
        self.rows_wanted = self.page_size;
        self.is_from_cache = false;
        self.is_just_read = true;
        self.queued.push_back(ListEvent::Sessions);
        self.start_watch(cursor);
        self.keep();
        Ok(())
    }

    async fn page(&self, token: Option<String>, rows: usize) -> Result<Page, Error> {
        self.service.query_my_session_list(&self.page_option(token, rows)).await
    }

    fn page_option(&self, page_token: Option<String>, rows: usize) -> QueryMySessionOption {
        let rows = rows.max(self.page_size).min(LIMIT_MAX as usize);
        let limit = u32::try_from(rows).expect("it is at most the limit, which is a u32");
        QueryMySessionOption { page_token, limit, ..QueryMySessionOption::default() }
    }

    /// The app named one account and the token is of another: neither sees the other's rows.
    async fn give_up_cache(&mut self, cache: Arc<Cache>) {
        self.cache = None;
        self.service.log(LogLevel::Warn, || {
            "cache: the token is of another account or app than the option says; nothing is kept"
        });
        // A file that cannot be erased holds rows of the account that the app named for it.
        let _ = spawn_blocking(move || cache.erase()).await;
    }

    /// Waits for a change or a wish, and writes when it is time to, without ending the request.
    async fn wait(&mut self) -> Woken {
        let Phase::Watching(watch) = &mut self.phase else { unreachable!("its caller matched it") };
        let cursor = watch.cursor().map(str::to_owned);
        let (cache, rows) = (self.cache.as_ref(), &self.rows);
        let mut next = pin!(watch.next());
        loop {
            let due = self.keeping.due.map(|since| since + WRITE_PAUSE);
            tokio::select! {
                biased;
                () = self.wishes.changed.notified() => return Woken::Wish,
                () = until(due) => self.keeping.start(cache, cursor.as_deref(), rows),
                event = &mut next => return Woken::Watch(event),
            }
        }
    }

    fn take(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Changes(page) => self.apply(page),
            WatchEvent::Status(WatchStatus::Live) => {
                self.status(WatchStatus::Live);
                let Phase::Watching(watch) = &self.phase else { return };
                // A sync without changes is no event of its own.
                if watch.has_nothing_new() {
                    self.has_synced();
                    self.caught_up(false);
                }
            }
            WatchEvent::Status(status) => self.status(status),
        }
    }

    fn apply(&mut self, page: SyncPage) {
        if page.reset {
            return self.read_again();
        }
        self.has_synced();
        let mut differs = false;
        for change in page.changes {
            differs |= self.rows.apply(change);
        }
        self.mark_due();
        if page.has_more {
            if differs {
                self.queued.push_back(ListEvent::Sessions);
            }
            return;
        }
        self.caught_up(differs);
    }

    fn has_synced(&mut self) {
        self.is_just_read = false;
        self.backoff = new_backoff();
    }

    /// Reads the list again because its cursor is unknown. If that was read just now, it takes a
    /// pause: servers that disagree would otherwise be asked for whole lists in a tight loop.
    #[expect(clippy::disallowed_methods, reason = "the pause before the next read starts now")]
    fn read_again(&mut self) {
        if !self.is_just_read {
            return self.start_reading();
        }
        let wait = self.backoff.next_pause(None, Backoff::random());
        self.phase = Phase::Pausing { until: Instant::now() + wait };
    }

    /// The server has named all changes; `differs` says whether they changed a row.
    fn caught_up(&mut self, differs: bool) {
        let rows = self.rows.sessions().len();
        let rows_min = if self.is_from_cache { self.page_size } else { 1 };
        if rows < rows_min && self.rows.has_more() {
            // Deletions left less than a page, and what is below was never read.
            if differs {
                self.queued.push_back(ListEvent::Sessions);
            }
            return self.start_reading();
        }
        let was_from_cache = std::mem::replace(&mut self.is_from_cache, false);
        if differs || was_from_cache {
            self.queued.push_back(ListEvent::Sessions);
        }
        if was_from_cache && self.keeping.due.is_some() {
            self.keep();
        }
    }

    async fn load_more(&mut self) {
        if !self.rows.has_more() {
            // Who asked learns by it that there is no more.
            return self.queued.push_back(ListEvent::Sessions);
        }
        let Some(token) = self.rows.page_token().map(str::to_owned) else {
            self.rows_wanted = self.rows.sessions().len() + self.page_size;
            return self.start_reading();
        };
        match self.page(Some(token), self.page_size).await {
            Ok(page) => {
                self.rows.add_page(page);
                self.queued.push_back(ListEvent::Sessions);
                self.mark_due();
            }
            // The token is too old.
            Err(Error::Failed { code: Code::InvalidParameter, .. }) => {
                self.rows.end_walk();
                self.rows_wanted = self.rows.sessions().len() + self.page_size;
                self.start_reading();
            }
            Err(error) => self.queued.push_back(ListEvent::MoreFailed(error)),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the pause before the next try starts now")]
    fn fail(&mut self, error: Error) {
        if is_final(&error) {
            self.phase = Phase::Ended;
            self.service.log(LogLevel::Warn, || format!("list: ended: {}", cause(&error)));
            return self.status(WatchStatus::Ended { cause: error });
        }
        let retry_after = error.retry_after_ms().map(Duration::from_millis);
        let wait = self.backoff.next_pause(retry_after, Backoff::random());
        self.phase = Phase::Pausing { until: Instant::now() + wait };
        let retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.status(WatchStatus::Broken { retry_in_ms, cause: error });
    }

    fn status(&mut self, status: WatchStatus) {
        if let WatchStatus::Ended { cause } = &status {
            self.forget_if_blocked(cause);
        }
        let is_connecting = matches!(status, WatchStatus::Connecting);
        if !is_connecting || !self.is_connecting {
            self.queued.push_back(ListEvent::Status(status));
        }
        self.is_connecting = is_connecting;
    }

    /// Erases the file once the server says that the account is blocked: what was taken from its
    /// user would otherwise show again at the next start. A refused token erases nothing, for each
    /// token expires.
    fn forget_if_blocked(&mut self, cause: &Error) {
        let is_blocked = matches!(cause, Error::Failed { code: Code::AccountBlocked, .. });
        let Some(cache) = self.cache.clone().filter(|_| is_blocked) else { return };
        self.keeping.due = None;
        self.keeping.write = Some(spawn_blocking(move || cache.forget()));
    }

    /// Notes that the file lacks something, and has it written soon.
    fn mark_due(&mut self) {
        if self.cache.is_some() {
            self.keeping.mark_due();
        }
    }

    /// Starts to write the rows with the cursor that they are of.
    fn keep(&mut self) {
        if let Phase::Watching(watch) = &self.phase {
            self.keeping.start(self.cache.as_ref(), watch.cursor(), &self.rows);
        }
    }
}

/// Represents how much of a list its file lacks.
#[derive(Default)]
struct Keeping {
    /// Since when the file lacks something.
    due: Option<Instant>,
    /// The last write, which may still run.
    write: Option<JoinHandle<()>>,
}

impl Keeping {
    #[expect(clippy::disallowed_methods, reason = "the pause before the write starts now")]
    fn mark_due(&mut self) {
        self.due.get_or_insert_with(Instant::now);
    }

    fn start(&mut self, cache: Option<&Arc<Cache>>, cursor: Option<&str>, rows: &ListRows) {
        self.due = None;
        let (Some(cache), Some(cursor)) = (cache, cursor) else { return };
        if self.write.as_ref().is_some_and(|write| !write.is_finished()) {
            // The disk is slow: one write at a time.
            return self.mark_due();
        }
        let Some(snapshot) = cache.encode(cursor, rows.has_more(), rows.sessions()) else { return };
        let cache = cache.clone();
        self.write = Some(spawn_blocking(move || cache.write(&snapshot)));
    }
}

/// Sleeps until `due`, or for ever.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

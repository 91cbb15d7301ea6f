//! Live changes: one sync at a time that waits at the server, begun again at its cursor whatever
//! breaks. A watch has no task and no thread: whoever wants the next event drives it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};

use super::{
    Error, LogLevel, SessionService,
    log::cause,
    read,
    retry::{Backoff, random},
    sync_of,
    transport::Request,
};
use crate::{Code, SYNC_LIMIT_DEFAULT, SYNC_WAIT_MS_MAX, SyncOption, SyncPage};

/// Highest ceiling of a watch's backoff: in an outage a device asks twice a minute or so.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Where a [`Watch`] starts and what it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchOption {
    /// [`SyncPage::cursor`] of a sync or [`crate::Page::sync_cursor`] of a walk; none = from the
    /// beginning, [`crate::paths::SYNC_LATEST`] = from now.
    pub cursor: Option<String>,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
}

/// How a [`Watch`] stands.
#[derive(Debug)]
pub enum WatchStatus {
    /// The server is being asked: at first, and after each break.
    Connecting,
    /// The server answered: what changes from now on is told as it changes.
    Live,
    /// It failed in passing, and begins again by itself.
    Broken {
        /// Until then, ms; [`Poke::poke`] ends it at once.
        retry_in_ms: u64,
        /// What happened.
        cause: Error,
    },
    /// It failed for good: the token is refused though new, the account may not, the options are
    /// wrong. Nothing comes after it.
    Ended {
        /// What happened.
        cause: Error,
    },
}

/// What a [`Watch`] tells.
#[derive(Debug)]
pub enum WatchEvent {
    /// It stands otherwise than before.
    Status(WatchStatus),
    /// Sessions changed, or the list has to be read again: [`SyncPage::reset`]. Empty only once: in
    /// the first answer of a watch from now, which tells where another one may go on.
    Changes(SyncPage),
}

/// Tells the changes of a list, each once and in order.
///
/// It asks for what changed since its cursor and lets the server hold the question until something
/// does; one request is under way at a time, and none while an event waits to be taken by
/// [`Self::next`]. After a break it begins again at the cursor of what it told last, so that
/// nothing is missed and nothing is told twice. Between failures it waits with full jitter, 200 ms
/// doubling to 30 s, or as long as the server says; an answer of a proxy, a token provider that
/// fails and a fault of the server's count as passing. A refused token is renewed once, for all
/// calls of the service. Dropping it ends it, at the server too.
pub struct Watch {
    service: SessionService,
    cursor: Option<String>,
    need_last_msg: bool,
    phase: Phase,
    backoff: Backoff,
    pokes: Arc<Notify>,
}

enum Phase {
    New,
    Connecting,
    Live,
    /// Live, and this answer is to be told.
    Holding(SyncPage),
    Broken {
        until: Instant,
    },
    Ended,
}

/// Ends a [`Watch`]'s waiting from anywhere. Cheap to clone; outlives its watch without harm.
#[derive(Debug, Clone)]
pub struct Poke(Arc<Notify>);

impl Poke {
    /// A broken watch tries again now, for the network came back; the next break of one that is
    /// not broken is followed by a try at once.
    pub fn poke(&self) {
        self.0.notify_one();
    }
}

impl Watch {
    pub(super) fn new(service: SessionService, option: WatchOption) -> Self {
        let WatchOption { cursor, need_last_msg } = option;
        Self {
            service,
            cursor,
            need_last_msg,
            phase: Phase::New,
            backoff: Backoff::new(BACKOFF_MAX),
            pokes: Arc::default(),
        }
    }

    /// A way to end its waiting while it is driven elsewhere.
    pub fn poker(&self) -> Poke {
        Poke(self.pokes.clone())
    }

    /// Everything up to here was told; where another watch may go on.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The next event; `None` after [`WatchStatus::Ended`]. Dropping the future loses nothing: the
    /// next one begins where it began.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        loop {
            match &mut self.phase {
                Phase::New => return Some(self.connect()),
                // Asked without a wait, so that it is known at once whether the server is there.
                Phase::Connecting => match self.ask(0).await {
                    Ok(page) => {
                        self.phase = Phase::Holding(page);
                        self.tell(LogLevel::Debug, || "live".to_owned());
                        return Some(WatchEvent::Status(WatchStatus::Live));
                    }
                    Err(error) => return Some(self.fail(error)),
                },
                Phase::Live => match self.ask(SYNC_WAIT_MS_MAX).await {
                    Ok(page) => {
                        // Not already for the answer to a question that did not wait: where waiting
                        // itself fails, connecting and breaking would follow each other closely.
                        self.backoff = Backoff::new(BACKOFF_MAX);
                        self.phase = Phase::Holding(page);
                    }
                    Err(error) => return Some(self.fail(error)),
                },
                Phase::Holding(page) => {
                    let from_now = self.cursor.as_deref() == Some(crate::paths::SYNC_LATEST);
                    self.cursor = Some(page.cursor.clone());
                    let Phase::Holding(page) = std::mem::replace(&mut self.phase, Phase::Live)
                    else {
                        unreachable!("it was matched above");
                    };
                    if from_now || page.reset || !page.changes.is_empty() {
                        return Some(WatchEvent::Changes(page));
                    }
                }
                Phase::Broken { until } => {
                    tokio::select! {
                        () = tokio::time::sleep_until(*until) => {}
                        () = self.pokes.notified() => self.backoff = Backoff::new(BACKOFF_MAX),
                    }
                    return Some(self.connect());
                }
                Phase::Ended => return None,
            }
        }
    }

    fn connect(&mut self) -> WatchEvent {
        self.phase = Phase::Connecting;
        WatchEvent::Status(WatchStatus::Connecting)
    }

    /// One sync: each server is tried once, for the waiting between failures is the watch's own.
    async fn ask(&self, wait_ms: u32) -> Result<SyncPage, Error> {
        let option = SyncOption {
            cursor: self.cursor.clone(),
            limit: SYNC_LIMIT_DEFAULT,
            need_last_msg: self.need_last_msg,
            wait_ms,
        };
        let attempts_max = u32::try_from(self.service.caller.servers()).ok();
        let request = Request { attempts_max, ..sync_of("watch", &option) };
        read(&request, &self.service.caller.carry_out(&request).await?)
    }

    fn fail(&mut self, error: Error) -> WatchEvent {
        if is_final(&error) {
            self.phase = Phase::Ended;
            self.tell(LogLevel::Warn, || format!("ended: {}", cause(&error)));
            return WatchEvent::Status(WatchStatus::Ended { cause: error });
        }
        let wait = self.backoff.next(error.retry_after_ms().map(Duration::from_millis), random());
        self.phase = Phase::Broken { until: Instant::now() + wait };
        let retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.tell(LogLevel::Info, || {
            format!("broken: {}; again in {retry_in_ms} ms", cause(&error))
        });
        WatchEvent::Status(WatchStatus::Broken { retry_in_ms, cause: error })
    }

    fn tell(&self, level: LogLevel, what: impl FnOnce() -> String) {
        self.service.caller.log.line(level, || format!("watch: {}", what()));
    }
}

/// Whether asking again is of no use. A fault of the server's passes for one who waits for days,
/// and an answer that is not the server's says nothing of it.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Failed { code, .. } => match code {
            Code::Unauthorized | Code::Forbidden | Code::NotFound | Code::InvalidParameter => true,
            Code::Timeout
            | Code::Connection
            | Code::TooFrequent
            | Code::Internal
            | Code::Unavailable => false,
        },
        Error::Answer { .. } | Error::TokenProvider { .. } => false,
        Error::Option { .. } => true,
    }
}

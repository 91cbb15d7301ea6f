//! Live changes: one waiting sync after another, resumed at its cursor after any failure. A watch
//! has no task and no thread: the caller of `next` drives it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};

use super::{
    backoff::Backoff,
    error::Error,
    log::{LogLevel, cause},
    requests::{parse_body, sync_request},
    retry::RetryingClient,
    transport::CallRequest,
};
use crate::{Code, SYNC_LIMIT_DEFAULT, SYNC_WAIT_MS_MAX, SyncOption, SyncPage};

/// Highest ceiling of a watch's backoff: in an outage a device tries about twice a minute.
const BACKOFF_CEILING_MAX: Duration = Duration::from_secs(30);

/// Configures a [`Watch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchOption {
    /// [`SyncPage::cursor`] of a sync or [`crate::Page::sync_cursor`] of a first page; `None` =
    /// from the beginning, [`crate::paths::SYNC_LATEST`] = from now.
    pub cursor: Option<String>,
    /// Whether sessions carry their last message.
    pub need_last_msg: bool,
}

/// Describes the state of a [`Watch`].
#[derive(Debug)]
pub enum WatchStatus {
    /// The watch is connecting: at first, and after each pause of [`Self::Broken`].
    Connecting,
    /// The server answered: changes are reported as they happen.
    Live,
    /// The connection is lost. The watch reconnects by itself.
    Broken {
        /// The pause before it reconnects, in ms; [`Poke::poke`] ends the pause.
        retry_in_ms: u64,
        /// The failure that broke the connection.
        cause: Error,
    },
    /// The watch failed finally: the server refuses a new token or forbids the account, or the
    /// options are invalid. It is the last event.
    Ended {
        /// The failure that ended the watch.
        cause: Error,
    },
}

/// Reports a change of state or of the list.
#[derive(Debug)]
pub enum WatchEvent {
    /// The state of the watch changed.
    Status(WatchStatus),
    /// Sessions changed, or the list must be read again ([`SyncPage::reset`]). Only the first page
    /// of a watch from now is empty: it brings the cursor at which another watch can resume.
    Changes(SyncPage),
}

/// Reports the changes of a list, each once and in order.
///
/// It sends a sync, for which the server waits until something changes. One request is under way at
/// a time, and none while an event waits to be taken by [`Self::next`]. After a failure it resumes
/// at its cursor, so that no change is lost or repeated. Between failures it pauses with full
/// jitter, 200 ms doubling up to 30 s, after the server's `Retry-After`; it also resumes after a
/// proxy's answer, a failed token provider or a fault of the server. A refused token is renewed
/// once, for all calls of the service. Dropping the watch ends its request, at the server too.
pub struct Watch {
    client: Arc<RetryingClient>,
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
    /// Live, with a page that has yet to be reported.
    Received(SyncPage),
    Broken {
        until: Instant,
    },
    Ended,
}

/// Ends the pause of a broken [`Watch`], from any thread.
///
/// Cheap to clone; has no effect once its watch is dropped.
#[derive(Debug, Clone)]
pub struct Poke(Arc<Notify>);

impl Poke {
    pub(super) fn new(pokes: Arc<Notify>) -> Self {
        Self(pokes)
    }

    /// Makes a broken watch reconnect now, for instance when the network is back.
    ///
    /// A watch that is not broken reconnects without a pause after its next failure.
    pub fn poke(&self) {
        self.0.notify_one();
    }
}

impl Watch {
    pub(super) fn new(client: Arc<RetryingClient>, option: WatchOption) -> Self {
        let WatchOption { cursor, need_last_msg } = option;
        Self {
            client,
            cursor,
            need_last_msg,
            phase: Phase::New,
            backoff: new_backoff(),
            pokes: Arc::default(),
        }
    }

    /// Returns a handle that ends the watch's pauses while other code drives it.
    pub fn poker(&self) -> Poke {
        Poke(self.pokes.clone())
    }

    /// Returns the cursor after the last reported change, at which another watch can resume.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Uses these pokes, for a list that has one handle for all its watches.
    pub(super) fn share_pokes(&mut self, pokes: Arc<Notify>) {
        self.pokes = pokes;
    }

    /// Returns whether the last answer has no changes, after [`WatchStatus::Live`].
    pub(super) fn has_nothing_new(&self) -> bool {
        match &self.phase {
            Phase::Received(page) => !page.reset && !page.has_more && page.changes.is_empty(),
            _ => false,
        }
    }

    /// Waits for the next event; returns `None` after [`WatchStatus::Ended`].
    ///
    /// Dropping the future loses no event: the next one resumes where it started.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        loop {
            match &mut self.phase {
                Phase::New => return Some(self.connect()),
                // Without a wait, the answer shows at once whether the server can be reached.
                Phase::Connecting => match self.sync_once(0).await {
                    Ok(page) => {
                        self.phase = Phase::Received(page);
                        self.log(LogLevel::Debug, || "live".to_owned());
                        return Some(WatchEvent::Status(WatchStatus::Live));
                    }
                    Err(error) => return Some(self.fail(error)),
                },
                Phase::Live => match self.sync_once(SYNC_WAIT_MS_MAX).await {
                    Ok(page) => {
                        // Not reset by the sync without a wait: if only waiting fails, the watch
                        // would otherwise reconnect in a tight loop.
                        self.backoff = new_backoff();
                        self.phase = Phase::Received(page);
                    }
                    Err(error) => return Some(self.fail(error)),
                },
                Phase::Received(page) => {
                    let from_now = self.cursor.as_deref() == Some(crate::paths::SYNC_LATEST);
                    self.cursor = Some(page.cursor.clone());
                    let Phase::Received(page) = std::mem::replace(&mut self.phase, Phase::Live)
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
                        () = self.pokes.notified() => self.backoff = new_backoff(),
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

    /// Makes one sync, with one attempt per server: the watch has its own pauses.
    async fn sync_once(&self, wait_ms: u32) -> Result<SyncPage, Error> {
        let option = SyncOption {
            cursor: self.cursor.clone(),
            limit: SYNC_LIMIT_DEFAULT,
            need_last_msg: self.need_last_msg,
            wait_ms,
        };
        let attempts_max = u32::try_from(self.client.server_count()).ok();
        let request = CallRequest { attempts_max, ..sync_request("watch", &option) };
        parse_body(&request, &self.client.call_unlogged(&request).await?)
    }

    #[expect(clippy::disallowed_methods, reason = "the pause before the next try starts now")]
    fn fail(&mut self, error: Error) -> WatchEvent {
        if is_final(&error) {
            self.phase = Phase::Ended;
            self.log(LogLevel::Warn, || format!("ended: {}", cause(&error)));
            return WatchEvent::Status(WatchStatus::Ended { cause: error });
        }
        let retry_after = error.retry_after_ms().map(Duration::from_millis);
        let wait = self.backoff.next_pause(retry_after, Backoff::random());
        self.phase = Phase::Broken { until: Instant::now() + wait };
        let retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.log(LogLevel::Info, || {
            format!("broken: {}; reconnects in {retry_in_ms} ms", cause(&error))
        });
        WatchEvent::Status(WatchStatus::Broken { retry_in_ms, cause: error })
    }

    fn log(&self, level: LogLevel, text: impl FnOnce() -> String) {
        self.client.log.line(level, || format!("watch: {}", text()));
    }
}

pub(super) fn new_backoff() -> Backoff {
    Backoff::new(BACKOFF_CEILING_MAX)
}

/// Returns whether reconnecting is useless. A fault of the server ends some day, and an answer that
/// is not the server's says nothing about it.
pub(super) fn is_final(error: &Error) -> bool {
    match error {
        Error::Failed { code, .. } => match code {
            Code::Unauthorized
            | Code::Forbidden
            | Code::NotFound
            | Code::InvalidParameter
            | Code::AccountBlocked => true,
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

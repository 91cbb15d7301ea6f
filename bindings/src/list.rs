//! A live list of the native interface: a task that drives core's list, and the handle to it. Only
//! what differs crosses the border: a message in a list of hundreds moves one session.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use huihua_core::{
    self as core,
    client::{self, ListHandle},
};
use tokio::sync::Notify;

use crate::{
    CallbackError, Failure, RecentSession, SessionError, WatchStatus,
    runtime::Runtime,
    watch::{Ending, Stopped},
};

/// Configures a list.
#[derive(uniffi::Record)]
pub struct ListOption {
    /// Sessions of one page, 1..=100.
    pub page_size: i32,
    /// Sessions that an ended list before this one still shows; 0 = it opens with the kept ones.
    pub rows_shown: i32,
}

/// Reports what changed of a list.
#[derive(uniffi::Enum)]
pub enum ListEvent {
    /// The sessions have changed in one place, or what is known of them has.
    Sessions {
        /// Where the change starts.
        position: i32,
        /// Number of sessions that are gone from there on.
        removed: i32,
        /// The sessions that take their place.
        sessions: Vec<RecentSession>,
    },
    /// The connection has another status; `Ended` is the last event.
    Status {
        /// The status.
        status: WatchStatus,
    },
    /// The next page could not be loaded.
    MoreFailed {
        /// The failure.
        cause: Failure,
    },
}

/// Describes a list at the time of an event.
#[derive(uniffi::Record)]
pub struct ListFacts {
    /// Counts the events from 1 on.
    pub number: i64,
    /// Whether the server has more sessions.
    pub has_more: bool,
    /// Whether the sessions are those of an earlier run, which may have changed since.
    pub is_from_cache: bool,
    /// Whether the list is being read from its first page, or will be.
    pub is_reading: bool,
    /// Whether the next page is being loaded, or will be.
    pub is_loading_more: bool,
}

/// Receives the events of a list, one at a time, on a runtime thread. It must not block.
#[uniffi::export(foreign)]
pub trait ListListener: Send + Sync {
    /// Delivers one event.
    fn on_event(&self, event: ListEvent, facts: ListFacts) -> Result<(), CallbackError>;
}

/// Controls a running list.
///
/// Dropping it does not stop the list: otherwise a garbage collector would stop it at random.
#[derive(uniffi::Object)]
pub struct SessionList {
    handle: ListHandle,
    delivered: Arc<AtomicI64>,
    stopped: Stopped,
    stop: Arc<Notify>,
}

impl SessionList {
    pub(crate) fn start(
        runtime: &Runtime,
        mut list: client::SessionList,
        listener: Arc<dyn ListListener>,
    ) -> Arc<Self> {
        let stop = Arc::new(Notify::new());
        let handle = list.handle();
        let delivered = Arc::<AtomicI64>::default();
        let (ended, number) = (listener.clone(), delivered.clone());
        let (ending, stopped) = Ending::new(runtime.closed(), move |status| {
            let facts = ListFacts { is_reading: false, ..ListFacts::unknown(next(&number)) };
            drop(ended.on_event(ListEvent::Status { status }, facts));
        });
        let mut delivery = ListDelivery {
            listener,
            delivered: delivered.clone(),
            known: KnownRows::default(),
            ending,
        };
        let stopping = stop.clone();
        runtime.spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    () = stopping.notified() => break,
                    event = list.next() => match event {
                        Some(event) => delivery.deliver(event, &list),
                        None => break,
                    },
                }
            }
            // What was shown last is in the file before the app opens its next list.
            list.flush().await;
        });
        Arc::new(Self { handle, delivered, stopped, stop })
    }
}

impl SessionList {
    /// Wishes something; returns the number of the last event that may not know of it. If it came
    /// true meanwhile, the event that tells of it may have been delivered too: a view that waited
    /// for a later one would wait until something else happens.
    fn wish(&self, wish: impl FnOnce(&ListHandle), is_due: fn(&ListHandle) -> bool) -> i64 {
        let before = self.delivered.load(Ordering::SeqCst);
        wish(&self.handle);
        let after = self.delivered.load(Ordering::SeqCst);
        if is_due(&self.handle) { after } else { before }
    }
}

#[uniffi::export]
impl SessionList {
    /// Loads the next page, unless there is none.
    ///
    /// Returns the number of the last event that may not know of it yet.
    pub fn load_more(&self) -> i64 {
        self.wish(ListHandle::load_more, ListHandle::is_loading_more)
    }

    /// Reads the list again now, down to where it is; returns as [`Self::load_more`].
    pub fn refresh(&self) -> i64 {
        self.wish(ListHandle::refresh, ListHandle::is_refresh_due)
    }

    /// Makes a list that lost its connection reconnect at once.
    pub fn poke(&self) {
        self.handle.poke();
    }

    /// Ends the waiting request until [`Self::resume`], and writes what the file lacks.
    pub fn pause(&self) {
        self.handle.pause();
    }

    /// Goes on where the list was paused, without a loss.
    pub fn resume(&self) {
        self.handle.resume();
    }

    /// Stops the list and its requests, at the server too, without waiting.
    ///
    /// No call of the listener starts after this returned, not even for the end; one that has
    /// started continues. What the file lacks is still written.
    pub fn stop(&self) {
        self.stopped.set();
        self.stop.notify_one();
    }
}

impl ListFacts {
    fn unknown(number: i64) -> Self {
        Self {
            number,
            has_more: false,
            is_from_cache: false,
            is_reading: true,
            is_loading_more: false,
        }
    }

    /// The number comes before the wishes are read: an event with a later number than a wish's
    /// knows of it.
    fn of(list: &client::SessionList, delivered: &AtomicI64) -> Self {
        Self {
            number: next(delivered),
            has_more: list.has_more(),
            is_from_cache: list.is_from_cache(),
            is_reading: list.is_reading(),
            is_loading_more: list.is_loading_more(),
        }
    }
}

fn next(delivered: &AtomicI64) -> i64 {
    delivered.fetch_add(1, Ordering::SeqCst) + 1
}

/// Delivers the events of a list to the listener until the end or a stop.
struct ListDelivery {
    listener: Arc<dyn ListListener>,
    delivered: Arc<AtomicI64>,
    known: KnownRows,
    ending: Ending,
}

impl ListDelivery {
    fn deliver(&mut self, event: client::ListEvent, list: &client::SessionList) {
        if self.ending.closed() {
            return self.ending.end(SessionError::Closed.into());
        }
        let event = match event {
            client::ListEvent::Sessions => self.known.replace_by(list.sessions()),
            client::ListEvent::Status(client::WatchStatus::Ended { cause }) => {
                return self.ending.end(cause.into());
            }
            client::ListEvent::Status(status) => ListEvent::Status { status: status.into() },
            client::ListEvent::MoreFailed(error) => ListEvent::MoreFailed { cause: error.into() },
        };
        if !self.ending.is_over() {
            // An exception of the facade, which never throws, must not end the list.
            drop(self.listener.on_event(event, ListFacts::of(list, &self.delivered)));
        }
    }
}

/// Holds the sessions that the listener knows.
#[derive(Default)]
struct KnownRows(Vec<core::RecentSession>);

impl KnownRows {
    /// Takes the sessions of now and returns the one place in which they differ.
    fn replace_by(&mut self, now: &[core::RecentSession]) -> ListEvent {
        let before = &self.0;
        let top = before.iter().zip(now).take_while(|(a, b)| a == b).count();
        let rest = before.len().min(now.len()) - top;
        let below = before.iter().rev().zip(now.iter().rev()).take(rest);
        let bottom = below.take_while(|(a, b)| a == b).count();
        let removed = before.len() - top - bottom;
        let fresh = &now[top..now.len() - bottom];
        let event = ListEvent::Sessions {
            position: to_i32(top),
            removed: to_i32(removed),
            sessions: fresh.iter().cloned().map(Into::into).collect(),
        };
        self.0.splice(top..top + removed, fresh.iter().cloned());
        event
    }
}

/// Converts a number of sessions, of which no device holds that many.
fn to_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        sync::mpsc::{Receiver, Sender, channel},
        time::Duration,
    };

    use super::*;
    use crate::{SessionService, TokenProvider, TokenProviderError, options};

    const EVENT_TIMEOUT: Duration = Duration::from_secs(10);

    struct Token;

    impl TokenProvider for Token {
        fn token(&self, _refresh: bool) -> Result<String, TokenProviderError> {
            Ok("token".to_owned())
        }
    }

    /// Records the numbers of its events.
    struct NumberRecorder(Sender<i64>);

    impl ListListener for NumberRecorder {
        fn on_event(&self, _event: ListEvent, facts: ListFacts) -> Result<(), CallbackError> {
            let _ = self.0.send(facts.number);
            Ok(())
        }
    }

    /// Makes a wish of this list, and waits until it has come true and an event has told of it.
    fn wish_for_long(list: &SessionList, numbers: &Receiver<i64>) -> i64 {
        let known = list.delivered.load(Ordering::SeqCst);
        list.handle.refresh();
        loop {
            let number = numbers.recv_timeout(EVENT_TIMEOUT).unwrap();
            if number > known && !list.handle.is_refresh_due() {
                return number;
            }
        }
    }

    /// A view waits for an event with a later number than its wish has.
    #[test]
    fn a_wish_that_came_true_while_it_was_made_left_its_view_waiting() {
        // Nobody listens: the list tells that it connects, and that it cannot, again and again.
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut options = options::for_server(format!("http://{closed}"));
        options.attempts_max = Some(1);
        let service = SessionService::new(options, Arc::new(Token), None, None).unwrap();
        let (sender, numbers) = channel();
        let option = ListOption { page_size: 20, rows_shown: 0 };
        let list = service.list(option, Arc::new(NumberRecorder(sender)));
        for _ in 0..3 {
            let mut tells = 0;
            let number =
                list.wish(|_| tells = wish_for_long(&list, &numbers), ListHandle::is_refresh_due);
            assert!(number < tells, "{number}, {tells}");
            // What is still due is told of later than what was delivered while it was wished.
            let mut meanwhile = 0;
            let number = list.wish(|_| meanwhile = wish_for_long(&list, &numbers), |_| true);
            assert!(number >= meanwhile, "{number}, {meanwhile}");
        }
        list.stop();
    }

    fn rows(text: &str) -> Vec<core::RecentSession> {
        let row = |part: &str| {
            let (peer, time) = part.split_at(1);
            let time: u64 = time.parse().unwrap();
            serde_json::from_value(serde_json::json!({
                "sessionId": format!("p2p|{peer}"), "updateTime": time,
            }))
            .unwrap()
        };
        text.split_whitespace().map(row).collect()
    }

    #[test]
    fn only_the_place_that_differs_is_delivered_and_leads_to_the_list() {
        let mut known = KnownRows::default();
        let mut mirror: Vec<(String, i64)> = Vec::new();
        let steps = [
            ("a9 b8 c7", (0, 0, 3)),
            ("a9 b8 c7", (3, 0, 0)),
            ("c10 a9 b8", (0, 3, 3)),
            ("c10 b9 b8", (1, 1, 1)),
            ("c10 b8", (1, 1, 0)),
            ("c10 b8 e1", (2, 0, 1)),
            ("c10 d9 b8 e1", (1, 0, 1)),
            ("", (0, 4, 0)),
            ("a1 a1", (0, 0, 2)),
            ("a1", (1, 1, 0)),
        ];
        for (now, expected) in steps {
            let ListEvent::Sessions { position, removed, sessions } = known.replace_by(&rows(now))
            else {
                panic!("another event");
            };
            assert_eq!((position, removed, sessions.len()), expected, "{now}");
            let (from, to) = (position as usize, (position + removed) as usize);
            mirror.splice(from..to, sessions.into_iter().map(|s| (s.session_id, s.update_time)));
            let list: Vec<_> = rows(now).into_iter().map(RecentSession::from).collect();
            let list: Vec<_> = list.into_iter().map(|s| (s.session_id, s.update_time)).collect();
            assert_eq!(mirror, list);
        }
    }
}

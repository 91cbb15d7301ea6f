//! A watch of the native interface: a task that drives core's watch, and the handle to stop it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use huihua_core::client::{self, Poke, WatchEvent};
use tokio::task::AbortHandle;

use crate::{
    CallbackError, Failure, SessionError, SyncResult,
    error::to_i64,
    runtime::{Closed, PANICKED, Runtime},
};

/// Describes the state of a watch.
#[derive(Debug, uniffi::Enum)]
pub enum WatchStatus {
    /// The watch is connecting: at first, and after each pause.
    Connecting,
    /// The server answered: changes are reported as they happen.
    Live,
    /// The connection is lost. The watch reconnects by itself.
    Broken {
        /// The pause before it reconnects, in ms.
        retry_in_ms: i64,
        /// The failure that broke the connection.
        cause: Failure,
    },
    /// The watch failed finally, or the service was closed. It is the last event.
    Ended {
        /// The failure that ended the watch.
        cause: Failure,
    },
}

/// Receives the events of a watch, one at a time, on a runtime thread.
///
/// It must not block: the watch's next request waits for it.
#[uniffi::export(foreign)]
pub trait WatchListener: Send + Sync {
    /// Delivers changes, each once and in order, or a `reset`.
    fn on_changes(&self, result: SyncResult) -> Result<(), CallbackError>;
    /// Delivers a new state.
    fn on_status(&self, status: WatchStatus) -> Result<(), CallbackError>;
}

/// Controls a running watch.
///
/// Dropping it does not stop the watch: otherwise a garbage collector would stop it at random.
#[derive(uniffi::Object)]
pub struct Watch {
    stopped: Stopped,
    task: AbortHandle,
    poke: Poke,
}

impl Watch {
    pub(crate) fn start(
        runtime: &Runtime,
        mut watch: client::Watch,
        listener: Arc<dyn WatchListener>,
    ) -> Arc<Self> {
        let poke = watch.poker();
        let ended = listener.clone();
        let (ending, stopped) =
            Ending::new(runtime.closed(), move |status| drop(ended.on_status(status)));
        let delivery = WatchDelivery { listener, ending };
        let task = runtime.spawn(async move {
            while let Some(event) = watch.next().await {
                delivery.deliver(event);
            }
        });
        Arc::new(Self { stopped, task, poke })
    }
}

#[uniffi::export]
impl Watch {
    /// Stops the watch, at the server too, without waiting.
    ///
    /// No call of the listener starts after this returned, not even for the end; one that has
    /// started continues.
    pub fn stop(&self) {
        self.stopped.set();
        self.task.abort();
    }

    /// Makes a broken watch reconnect at once, for instance when the network is back.
    pub fn poke(&self) {
        self.poke.poke();
    }
}

/// Delivers the events of a watch to the listener until the end or a stop.
struct WatchDelivery {
    listener: Arc<dyn WatchListener>,
    ending: Ending,
}

impl WatchDelivery {
    fn deliver(&self, event: WatchEvent) {
        if self.ending.closed() {
            return self.ending.end(SessionError::Closed.into());
        }
        if let WatchEvent::Status(client::WatchStatus::Ended { cause }) = event {
            return self.ending.end(cause.into());
        }
        if self.ending.is_over() {
            return;
        }
        // An exception of the facade, which never throws, must not end the watch.
        drop(match event {
            WatchEvent::Changes(page) => self.listener.on_changes(page.into()),
            WatchEvent::Status(status) => self.listener.on_status(status.into()),
        });
    }
}

impl From<client::WatchStatus> for WatchStatus {
    fn from(status: client::WatchStatus) -> Self {
        match status {
            client::WatchStatus::Connecting => Self::Connecting,
            client::WatchStatus::Live => Self::Live,
            client::WatchStatus::Broken { retry_in_ms, cause } => {
                Self::Broken { retry_in_ms: to_i64(retry_in_ms), cause: cause.into() }
            }
            client::WatchStatus::Ended { cause } => Self::Ended { cause: cause.into() },
        }
    }
}

/// Delivers the end of a watch or a list once, unless it was stopped.
///
/// If it is dropped before (the service was closed, or the task panicked), it delivers the end.
pub(crate) struct Ending {
    stopped: Stopped,
    closed: Closed,
    deliver: Box<dyn Fn(WatchStatus) + Send + Sync>,
}

/// Says whether a watch or a list was stopped or has ended, after which it delivers nothing.
#[derive(Clone, Default)]
pub(crate) struct Stopped(Arc<AtomicBool>);

impl Stopped {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Ending {
    pub(crate) fn new(
        closed: Closed,
        deliver: impl Fn(WatchStatus) + Send + Sync + 'static,
    ) -> (Self, Stopped) {
        let stopped = Stopped::default();
        (Self { stopped: stopped.clone(), closed, deliver: Box::new(deliver) }, stopped)
    }

    /// Returns whether the service is closing: a failure from now on is none of the network.
    pub(crate) fn closed(&self) -> bool {
        self.closed.is_true()
    }

    /// Returns whether nothing more may be delivered.
    pub(crate) fn is_over(&self) -> bool {
        self.stopped.0.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self, cause: Failure) {
        if !self.stopped.0.swap(true, Ordering::AcqRel) {
            (self.deliver)(WatchStatus::Ended { cause });
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let error = match std::thread::panicking() {
            true => SessionError::Internal { reason: PANICKED.to_owned() },
            false => SessionError::Closed,
        };
        self.end(error.into());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        sync::mpsc::{Receiver, Sender, channel},
        thread,
        time::Duration,
    };

    use super::*;
    use crate::{SessionService, TokenProvider, TokenProviderError, options};

    const EVENT_TIMEOUT: Duration = Duration::from_secs(10);
    /// Long enough for one more event to arrive, if there were one.
    const SILENCE: Duration = Duration::from_millis(100);

    struct Token;

    impl TokenProvider for Token {
        fn token(&self, _refresh: bool) -> Result<String, TokenProviderError> {
            Ok("token".to_owned())
        }
    }

    /// Records its events; panics at changes if the flag is set.
    struct WatchRecorder(Sender<String>, bool);

    impl WatchListener for WatchRecorder {
        fn on_changes(&self, result: SyncResult) -> Result<(), CallbackError> {
            assert!(!self.1, "this panic is provoked by the test");
            self.note(format!("changes to {}", result.cursor))
        }
        fn on_status(&self, status: WatchStatus) -> Result<(), CallbackError> {
            self.note(match status {
                WatchStatus::Connecting => "connecting".to_owned(),
                WatchStatus::Live => "live".to_owned(),
                WatchStatus::Broken { .. } => "broken".to_owned(),
                WatchStatus::Ended { cause: Failure::Failed { failure } } => {
                    format!("ended {}", failure.code)
                }
                WatchStatus::Ended { cause: Failure::Exception { error } } => {
                    format!("ended {error}")
                }
            })
        }
    }

    impl WatchRecorder {
        fn note(&self, what: String) -> Result<(), CallbackError> {
            // A listener that throws still receives the next event.
            let _ = self.0.send(what);
            Err(CallbackError::Thrown)
        }
    }

    /// Answers the n-th request with the n-th body, then no more; keeps the connections open.
    #[expect(clippy::disallowed_methods, reason = "a server beside the test")]
    fn serve(bodies: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for body in bodies {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.push(byte[0]);
                }
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).unwrap();
            }
            // Ends when the client closes.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        url
    }

    const NOTHING: &str = r#"{"changes":[],"cursor":"1","hasMore":false,"reset":false}"#;
    const SOME: &str =
        r#"{"changes":[{"deleted":"p2p|bob"}],"cursor":"2","hasMore":false,"reset":false}"#;

    fn service(bodies: &'static [&'static str]) -> Arc<SessionService> {
        let options = options::for_server(serve(bodies));
        SessionService::new(options, Arc::new(Token), None, None).unwrap()
    }

    fn start(service: &SessionService, panics: bool) -> (Arc<Watch>, Receiver<String>) {
        let (sender, received) = channel();
        (service.watch(None, true, Arc::new(WatchRecorder(sender, panics))), received)
    }

    fn expect(received: &Receiver<String>, events: &[&str]) {
        for event in events {
            assert_eq!(received.recv_timeout(EVENT_TIMEOUT).unwrap(), *event);
        }
    }

    /// Asserts that nothing more comes, and that the listener was dropped.
    fn expect_end(received: &Receiver<String>) {
        let end = received.recv_timeout(EVENT_TIMEOUT).unwrap_err();
        assert_eq!(end, std::sync::mpsc::RecvTimeoutError::Disconnected);
    }

    #[test]
    fn dropping_a_watchs_handle_does_not_stop_it() {
        let service = service(&[NOTHING, SOME]);
        let (watch, received) = start(&service, false);
        drop(watch);
        expect(&received, &["connecting", "live", "changes to 2"]);
    }

    #[test]
    fn a_stopped_watch_delivers_nothing_and_drops_its_listener() {
        let service = service(&[NOTHING]);
        let (watch, received) = start(&service, false);
        expect(&received, &["connecting", "live"]);
        watch.stop();
        watch.stop();
        expect_end(&received);
        watch.poke();
        drop(service);
        assert!(received.recv_timeout(SILENCE).is_err());
    }

    #[test]
    fn dropping_a_service_ends_its_watches() {
        let service = service(&[NOTHING]);
        let (watch, received) = start(&service, false);
        expect(&received, &["connecting", "live"]);
        drop(service);
        expect(&received, &["ended the session service was closed"]);
        expect_end(&received);
        watch.stop();
    }

    #[test]
    fn a_panicking_watch_delivers_its_end() {
        let service = service(&[SOME]);
        let (_watch, received) = start(&service, true);
        expect(&received, &["connecting", "live"]);
        expect(&received, &["ended internal error: a call panicked; this is a bug in the SDK"]);
        expect_end(&received);
    }

    #[test]
    fn a_poke_makes_a_broken_watch_reconnect() {
        let service = service(&["<html>"]);
        let (watch, received) = start(&service, false);
        expect(&received, &["connecting", "broken"]);
        watch.poke();
        expect(&received, &["connecting"]);
    }
}

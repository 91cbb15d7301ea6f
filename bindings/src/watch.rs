//! A watch as Kotlin holds it: a task that drives core's, and the handle to stop it.

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

/// How a watch stands.
#[derive(Debug, uniffi::Enum)]
pub enum WatchStatus {
    /// The server is being asked: at first, and after each break.
    Connecting,
    /// The server answered: what changes from now on is told as it changes.
    Live,
    /// It failed in passing, and begins again by itself.
    Broken {
        /// Until then, ms.
        retry_in_ms: i64,
        /// What happened.
        cause: Failure,
    },
    /// It failed for good, or the service was closed. Nothing comes after it.
    Ended {
        /// What happened.
        cause: Failure,
    },
}

/// Told what a watch brings, one call at a time, on a thread of the runtime. Must not block: the
/// next question to the server waits for it.
#[uniffi::export(foreign)]
pub trait WatchListener: Send + Sync {
    /// Sessions changed, each told once and in order; or the list has to be read again (`reset`).
    fn on_changes(&self, result: SyncResult) -> Result<(), CallbackError>;
    /// The watch stands otherwise than before.
    fn on_status(&self, status: WatchStatus) -> Result<(), CallbackError>;
}

/// A running watch. Dropping it does not stop the watch: a garbage collector would, at random.
#[derive(uniffi::Object)]
pub struct Watch {
    silent: Arc<AtomicBool>,
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
        let silent = Arc::<AtomicBool>::default();
        let teller = Teller { listener, silent: silent.clone(), closed: runtime.closed() };
        let task = runtime.spawn(async move {
            while let Some(event) = watch.next().await {
                teller.tell(event);
            }
        });
        Arc::new(Self { silent, task, poke })
    }
}

#[uniffi::export]
impl Watch {
    /// Ends it, at the server too, without waiting for anything. No call of the listener begins
    /// after this returned, not even to tell the end; one that has begun goes on.
    pub fn stop(&self) {
        self.silent.store(true, Ordering::Release);
        self.task.abort();
    }

    /// A broken watch tries again at once: the network came back.
    pub fn poke(&self) {
        self.poke.poke();
    }
}

/// Speaks to the listener until it was told the end or is to hear nothing more. Dropped before that
/// (the service went away, or the watch panicked), it tells the end.
struct Teller {
    listener: Arc<dyn WatchListener>,
    silent: Arc<AtomicBool>,
    closed: Closed,
}

impl Teller {
    fn tell(&self, event: WatchEvent) {
        if self.closed.is_true() {
            return self.end(SessionError::Closed.into());
        }
        // What the facade throws (it never does) is no reason to end the watch.
        match event {
            WatchEvent::Changes(page) => {
                if !self.silent.load(Ordering::Acquire) {
                    drop(self.listener.on_changes(page.into()));
                }
            }
            WatchEvent::Status(client::WatchStatus::Ended { cause }) => self.end(cause.into()),
            WatchEvent::Status(client::WatchStatus::Connecting) => {
                self.status(WatchStatus::Connecting);
            }
            WatchEvent::Status(client::WatchStatus::Live) => self.status(WatchStatus::Live),
            WatchEvent::Status(client::WatchStatus::Broken { retry_in_ms, cause }) => {
                let (retry_in_ms, cause) = (to_i64(retry_in_ms), cause.into());
                self.status(WatchStatus::Broken { retry_in_ms, cause });
            }
        }
    }

    fn status(&self, status: WatchStatus) {
        if !self.silent.load(Ordering::Acquire) {
            drop(self.listener.on_status(status));
        }
    }

    fn end(&self, cause: Failure) {
        if !self.silent.swap(true, Ordering::AcqRel) {
            drop(self.listener.on_status(WatchStatus::Ended { cause }));
        }
    }
}

impl Drop for Teller {
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

    const PATIENCE: Duration = Duration::from_secs(10);
    /// Long enough for one more call of the listener to show, were there one.
    const SILENCE: Duration = Duration::from_millis(100);

    struct Token;

    impl TokenProvider for Token {
        fn token(&self, _refresh: bool) -> Result<String, TokenProviderError> {
            Ok("token".to_owned())
        }
    }

    /// Notes what it is told; panics at changes if it is told to.
    struct Recorder(Sender<String>, bool);

    impl WatchListener for Recorder {
        fn on_changes(&self, result: SyncResult) -> Result<(), CallbackError> {
            assert!(!self.1, "this panic is the test's");
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

    impl Recorder {
        fn note(&self, what: String) -> Result<(), CallbackError> {
            // A listener that throws is told the next event all the same.
            let _ = self.0.send(what);
            Err(CallbackError::Thrown)
        }
    }

    /// Answers the n-th request with the n-th body, then no more; keeps the connections open.
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
        let options = options::of_server(serve(bodies));
        SessionService::new(options, Arc::new(Token), None, None).unwrap()
    }

    fn start(service: &SessionService, panics: bool) -> (Arc<Watch>, Receiver<String>) {
        let (sender, told) = channel();
        (service.watch(None, true, Arc::new(Recorder(sender, panics))), told)
    }

    fn expect(told: &Receiver<String>, events: &[&str]) {
        for event in events {
            assert_eq!(told.recv_timeout(PATIENCE).unwrap(), *event);
        }
    }

    /// Nothing more, and the listener itself is gone.
    fn expect_end(told: &Receiver<String>) {
        let end = told.recv_timeout(PATIENCE).unwrap_err();
        assert_eq!(end, std::sync::mpsc::RecvTimeoutError::Disconnected);
    }

    #[test]
    fn a_watch_tells_and_its_dropped_handle_does_not_stop_it() {
        let service = service(&[NOTHING, SOME]);
        let (watch, told) = start(&service, false);
        drop(watch);
        expect(&told, &["connecting", "live", "changes to 2"]);
    }

    #[test]
    fn a_stopped_watch_tells_nothing_more_and_lets_go_of_its_listener() {
        let service = service(&[NOTHING]);
        let (watch, told) = start(&service, false);
        expect(&told, &["connecting", "live"]);
        watch.stop();
        watch.stop();
        expect_end(&told);
        watch.poke();
        drop(service);
        assert!(told.recv_timeout(SILENCE).is_err());
    }

    #[test]
    fn a_service_that_goes_away_ends_its_watches() {
        let service = service(&[NOTHING]);
        let (watch, told) = start(&service, false);
        expect(&told, &["connecting", "live"]);
        drop(service);
        expect(&told, &["ended the session service was closed"]);
        expect_end(&told);
        watch.stop();
    }

    #[test]
    fn a_watch_that_panics_tells_its_end() {
        let service = service(&[SOME]);
        let (_watch, told) = start(&service, true);
        expect(&told, &["connecting", "live"]);
        expect(&told, &["ended internal error: a call panicked; this is a bug in the SDK"]);
        expect_end(&told);
    }

    #[test]
    fn a_broken_watch_that_is_poked_begins_again() {
        let service = service(&["<html>"]);
        let (watch, told) = start(&service, false);
        expect(&told, &["connecting", "broken"]);
        watch.poke();
        expect(&told, &["connecting"]);
    }
}

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
    runtime::{PANICKED, Runtime},
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

/// Told what a watch brings, one call at a time, on a thread of the runtime. Must not block: the next
/// question to the server waits for it.
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
        let teller = Teller { listener, silent: silent.clone() };
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
}

impl Teller {
    fn tell(&self, event: WatchEvent) {
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

//! Whether the store reads and writes: a probe that all who ask share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use huihua_store::Engine;
use tokio::{sync::Mutex, time::Instant};

use crate::error::Error;

/// How long the result of a probe holds: each one is a durable write, and nobody has to say who he
/// is to ask for it.
const PROBE_HOLDS: Duration = Duration::from_secs(1);

/// Whether the store reads and writes, asked at most once a second.
pub(crate) struct Readiness {
    engine: Arc<dyn Engine>,
    /// When the last probe ended, and whether it succeeded. Who comes while one runs waits for it.
    last: Mutex<Option<(Instant, bool)>>,
    is_stopping: AtomicBool,
}

impl Readiness {
    pub(super) fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, last: Mutex::default(), is_stopping: AtomicBool::new(false) }
    }

    /// Lets nobody send requests here any more.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Relaxed);
    }

    /// The engine that is asked.
    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    #[expect(clippy::disallowed_methods, reason = "the age of a probe counts from its end")]
    pub(crate) async fn check(&self) -> Result<(), Error> {
        if self.is_stopping.load(Relaxed) {
            return Err(Error::Stopping);
        }
        let mut last = self.last.lock().await;
        match *last {
            Some((at, is_ready)) if at.elapsed() < PROBE_HOLDS => {
                return if is_ready { Ok(()) } else { Err(Error::NotReady) };
            }
            Some(_) | None => {}
        }
        let probed = self.engine.health().await;
        *last = Some((Instant::now(), probed.is_ok()));
        Ok(probed?)
    }
}

//! The step of an import that runs, for the user: its progress, and what it waits for.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::progress::ImportProgress;

/// Shortest interval of lines on what is waited for: eight workers wait for the same.
const NOTICE_EVERY: Duration = Duration::from_secs(5);

/// Shows the step that runs.
#[derive(Default)]
pub(super) struct Steps {
    running: Mutex<Option<ImportProgress>>,
    last_notice: Mutex<Option<Instant>>,
}

impl Steps {
    /// Begins a step. `unit`: what it counts, in the plural.
    pub(super) fn begin(&self, unit: &'static str, all: usize) {
        self.end();
        let step = ImportProgress::new(unit, all as u64);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
    }

    /// Counts one more.
    pub(super) fn advance(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().for_each(|step| step.advance(1));
    }

    /// Removes what is shown of the step.
    pub(super) fn end(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        running.iter().for_each(ImportProgress::finish);
    }

    /// Says why a call is tried again, now and then.
    #[expect(clippy::disallowed_methods, reason = "the time of the lines, for a user")]
    pub(super) fn waits(&self, whose: &str, reason: &str, pause: Duration) {
        let mut last = self.last_notice.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < NOTICE_EVERY) {
            return;
        }
        *last = Some(Instant::now());
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = &*running {
            step.line(&format!("{whose}: {reason}; the next attempt is in {pause:.1?}"));
        }
    }
}

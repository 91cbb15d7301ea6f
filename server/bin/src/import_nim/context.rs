//! What all steps of an import from NIM share: both servers, the state, the summary.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use huihua_core::SessionKind;
use huihua_http::events_json::{EventResult, EventStatus};

use super::{
    error::Error,
    nim_api::{NimApi, NimError},
    state::ImportState,
    steps::Steps,
    summary::NimImportSummary,
    target::Target,
};

/// An import from NIM.
pub(super) struct ImportContext {
    pub(super) nim: NimApi,
    /// NIM's API of the server that is written to.
    pub(super) ours: NimApi,
    pub(super) target: Target,
    pub(super) state: ImportState,
    pub(super) steps: Arc<Steps>,
    summary: Mutex<NimImportSummary>,
    /// NIM has refused teams and super teams with `func not enable`.
    teams_off: [AtomicBool; 2],
    /// NIM has refused session lists with it.
    pub(super) lists_off: AtomicBool,
}

impl ImportContext {
    pub(super) fn new(
        [nim, ours]: [NimApi; 2],
        target: Target,
        state: ImportState,
        steps: Arc<Steps>,
    ) -> Self {
        let dry_run = target.is_dry_run();
        let summary = Mutex::new(NimImportSummary { dry_run, ..NimImportSummary::default() });
        let (teams_off, lists_off) = Default::default();
        Self { nim, ours, target, state, steps, summary, teams_off, lists_off }
    }

    pub(super) fn summary(&self) -> MutexGuard<'_, NimImportSummary> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether NIM has said that this app has no teams of the kind.
    pub(super) fn teams_off(&self, kind: SessionKind) -> &AtomicBool {
        &self.teams_off[usize::from(kind == SessionKind::SuperTeam)]
    }

    /// Notes that a feature is off, once.
    pub(super) fn note_off(&self, off: &AtomicBool, what: &str) {
        if !off.swap(true, Ordering::Relaxed) {
            let reason = "NIM answered 403 func not enable: it is off for this app";
            self.summary().not_carried.add(reason, what);
        }
    }

    /// Counts the failure of one account or team, and lets the import go on if it can.
    pub(super) fn fail(
        &self,
        id: impl fmt::Display,
        what: &str,
        error: NimError,
    ) -> Result<(), Error> {
        let reason = match error {
            NimError::Fatal(error) => return Err(error),
            NimError::FeatureOff => format!("{what}: 403 func not enable"),
            NimError::Refused { code, desc } => format!("{what}: {code} {desc}"),
            NimError::GaveUp { attempts, reason } => {
                format!("{what}: gave up after {attempts} attempts, the last: {reason}")
            }
        };
        self.summary().failed.add(reason, id);
        Ok(())
    }

    /// Counts an event's result. Returns whether it was taken.
    pub(super) fn count(&self, result: EventResult, id: impl fmt::Display) -> EventStatus {
        if result.status == EventStatus::Rejected {
            let reason = result.reason.unwrap_or_default();
            self.summary().failed.add(format!("the server rejected an event: {reason}"), id);
        }
        result.status
    }
}

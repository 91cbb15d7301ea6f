//! The database file of a running store: open, failed, or closed. A failed file is opened again by
//! the next who needs it.

use std::sync::{PoisonError, RwLock};

use huihua_store::Error;
use redb::Database;

use crate::{contained::contain, failure::unavailable};

/// Opens the database file anew; called again after an I/O error, when redb refuses to go on.
pub(crate) type DatabaseOpener = dyn Fn() -> Result<Database, Error> + Send + Sync;

/// The file that the writer thread and the readers share.
pub(crate) struct StoreFile {
    open: Box<DatabaseOpener>,
    state: RwLock<FileState>,
}

enum FileState {
    Open(Database),
    Failed,
    Closed,
}

impl StoreFile {
    /// Takes the open database, and what opens it again.
    pub(crate) fn new(open: Box<DatabaseOpener>, db: Database) -> Self {
        Self { open, state: RwLock::new(FileState::Open(db)) }
    }

    /// Calls `work` with the open database, opening it again if the last error closed it.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&Database) -> T) -> Result<T, Error> {
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if let FileState::Open(db) = &*state {
                return Ok(work(db));
            }
        }
        self.reopen();
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            FileState::Open(db) => Ok(work(db)),
            FileState::Failed => {
                Err(unavailable("its file cannot be opened again yet (see the log)"))
            }
            FileState::Closed => Err(unavailable("the store is closed")),
        }
    }

    /// Drops the database and opens its file anew. The era goes on: no reader has seen a version
    /// that was not durable.
    pub(crate) fn reopen(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, FileState::Closed) {
            return;
        }
        let old = std::mem::replace(&mut *state, FileState::Failed);
        // One that does not close well is checked by the opening. The next who needs the file tries
        // again.
        let _ = contain("closes it", || drop(old));
        match contain("opens it again", || (self.open)()).flatten() {
            Ok(db) => *state = FileState::Open(db),
            Err(error) => tracing::error!(%error, "store not opened again"),
        }
    }

    /// Drops the database for good.
    pub(crate) fn close(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *state, FileState::Closed);
        if let Err(error) = contain("closes it", || drop(old)) {
            tracing::error!(%error, "store not closed well: the next start checks it");
        }
    }
}

impl Drop for StoreFile {
    /// A start that fails after the opening closes nothing else: redb may panic as it does.
    fn drop(&mut self) {
        self.close();
    }
}

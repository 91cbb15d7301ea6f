//! Faults that tests plant: a network that loses what a compare-and-set asks or answers, which the
//! engine must bear; and mistakes in the engine, which the checker of histories must find.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use futures_util::future::BoxFuture;
use scylla::statement::prepared::PreparedStatement;

/// A moment of a read, at which a test lets something happen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A list was read, the texts of its sessions not yet.
    BeforeTexts,
    /// Sessions were read, their teams not yet.
    BeforeTeams,
}

/// What happens once, at its moment.
pub(crate) type Meanwhile = Arc<Mutex<Option<(Moment, BoxFuture<'static, ()>)>>>;

#[derive(Clone, Default)]
pub(crate) struct Faults {
    /// One of eight requests is lost, and one of eight answers.
    pub(crate) loses: bool,
    /// What nobody knows is taken for done.
    pub(crate) guesses: bool,
    /// Sets the version of an account whatever it is, instead of the condition of its batch.
    pub(crate) put_version: Option<Arc<PreparedStatement>>,
    pub(crate) meanwhile: Meanwhile,
    /// A scan that is not serial finds the version before, as a torn batch leaves it.
    pub(crate) tears: bool,
    /// How many partitions were scanned: no fault, but what is saved.
    pub(crate) scans: Arc<AtomicU64>,
}

impl Faults {
    pub(crate) fn count_scan(&self) {
        self.scans.fetch_add(1, SeqCst);
    }

    pub(crate) async fn let_pass(&self, now: Moment) {
        let happens = self.meanwhile.lock().unwrap().take_if(|(moment, _)| *moment == now);
        if let Some((_, happens)) = happens {
            happens.await;
        }
    }

    /// Draws whether the next request or answer is lost.
    pub(crate) fn is_lost(&self) -> bool {
        let mut random = [0; 1];
        getrandom::fill(&mut random).unwrap();
        self.loses && random[0].is_multiple_of(8)
    }
}

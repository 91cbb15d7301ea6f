//! What the tests of the suite share: an engine to open, stories to run, a device that syncs.

use std::collections::BTreeMap;

use huihua_core::{QueryMySessionOption, RecentSession, SessionChange, SessionId, SyncPage};
use huihua_event::{Event, Owner, Place, Post};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{Attempt, Engine, Outcome, Store, SweepState, SyncFrom, SyncRequest};

/// Opens the engine on one place; called again after a close, on what the engine left there.
pub type Opener = Box<dyn Fn() -> Box<dyn Engine>>;
/// Makes an empty place for an engine.
pub type Make<'m> = &'m dyn Fn() -> Opener;

/// The account whose list most tests read.
pub fn amy() -> Owner {
    Owner { app: "app".parse().unwrap(), account: "amy".parse().unwrap() }
}

/// Makes an attempt without a key.
pub fn attempt(now: u64) -> Attempt {
    Attempt { now, key: None }
}

/// Makes a message of bob to amy; its id is its time.
pub fn message(time: u64) -> Event {
    let place = Place::P2p { from: "bob".parse().unwrap(), to: "amy".parse().unwrap() };
    let post = Post { time, message_id: time.to_string(), last_msg: "{}".into() };
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

/// Tells whether an outcome says that nothing changed, as far as this engine can tell.
pub(super) fn is_stale(engine: &dyn Engine, outcome: Outcome) -> bool {
    outcome == Outcome::Stale || (outcome == Outcome::Applied && !engine.knows_what_moved())
}

/// Opens an engine on an empty place.
pub(super) fn empty(make: Make<'_>) -> Box<dyn Engine> {
    make()()
}

/// Sweeps to the end of a pass.
pub async fn sweep_all(engine: &dyn Engine, now: u64) {
    // Few rows a call, so that a pass goes on where the call before ended.
    while engine.sweep(now, 100).await.unwrap() == SweepState::Unfinished {}
}

/// Stories in a run; more by `HUIHUA_STORIES`.
fn stories() -> u32 {
    std::env::var("HUIHUA_STORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

/// Runs `check` over random stories.
pub(super) fn over_stories<S: Strategy>(
    strategy: S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config { cases: stories(), failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&strategy, check).unwrap_or_else(|error| panic!("{error}"));
}

/// Runs a future on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// The list of one account as a device keeps it: by sync alone, until a sweep made its cursor too
/// old and it lists again.
#[derive(Default, Clone)]
pub struct Device {
    pub(super) cursor: Option<String>,
    pub(super) rows: BTreeMap<SessionId, RecentSession>,
}

impl Device {
    /// Syncs to the end and returns how many changes came.
    pub async fn sync(&mut self, store: &dyn Store, owner: &Owner, limit: u32) -> usize {
        let mut count = 0;
        loop {
            let from = self.cursor.clone().map_or(SyncFrom::Beginning, SyncFrom::Cursor);
            let request = SyncRequest { from, limit, need_last_msg: true };
            let SyncPage { changes, cursor, has_more, reset } =
                store.sync_page(owner, &request).await.unwrap();
            assert!(changes.len() <= limit as usize);
            count += changes.len();
            if reset {
                assert!(changes.is_empty() && !has_more);
                let page = store.list_page(owner, &QueryMySessionOption::default()).await.unwrap();
                let rows = page.session_list.into_iter();
                self.rows = rows.map(|row| (row.session_id.clone(), row)).collect();
            }
            for change in changes {
                match change {
                    SessionChange::Session(row) => {
                        drop(self.rows.insert(row.session_id.clone(), row))
                    }
                    SessionChange::Deleted(id) => drop(self.rows.remove(&id)),
                }
            }
            self.cursor = Some(cursor);
            if !has_more {
                return count;
            }
        }
    }

    /// Returns the list, newest first.
    pub fn list(&self) -> Vec<RecentSession> {
        let mut rows: Vec<_> = self.rows.values().cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.update_time));
        rows
    }
}

pub(super) async fn whole_list(store: &dyn Store, owner: &Owner) -> Vec<RecentSession> {
    store.list_page(owner, &QueryMySessionOption::default()).await.unwrap().session_list
}

/// Draws a number below `below`. xorshift: the story's own randomness, so that a failure shrinks
/// and repeats.
pub fn random(seed: &mut u64, below: usize) -> usize {
    *seed = (*seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    *seed ^= *seed >> 29;
    (*seed % below as u64) as usize
}

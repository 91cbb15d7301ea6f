//! One conformance suite for every engine, over `&dyn Store`: its answers equal the naive model's.
//! An engine's tests call [`conform`] and each module's own entries with a way to make an empty
//! store.

pub(crate) mod cases;
pub(crate) mod directory;
pub(crate) mod fire;
mod model;
pub(crate) mod nim_clients;
mod outside;
mod paging;
pub(crate) mod scenario;

use std::collections::BTreeMap;

use huihua_core::{QueryMySessionOption, RecentSession, SessionId};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use self::{
    model::Model,
    scenario::{Call, NOW, Segment},
};
use super::{Attempt, Change, Changes, Outcome, Store, SyncFrom, SyncOption, TOMBSTONE_MS};
use crate::event::{Event, Owner};

/// Makes an empty store.
pub(crate) type Make<'m> = &'m dyn Fn() -> Box<dyn Store>;

/// Stories in a run; more by `HUIHUA_STORIES`.
fn stories() -> u32 {
    std::env::var("HUIHUA_STORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

/// Runs the whole suite.
pub(crate) fn conform(make: Make<'_>) {
    lists_equal_the_model_and_syncs_repair_them(make);
    any_order_and_any_repetition_give_the_same_list(make);
    paging::run(make);
    outside::run(make);
}

/// Runs `check` over random stories.
fn over_stories<S: Strategy>(strategy: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: stories(), failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&strategy, check).unwrap_or_else(|error| panic!("{error}"));
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// The list of one account as a device keeps it: by sync alone, until a sweep made its cursor too
/// old and it lists again.
#[derive(Default, Clone)]
pub(crate) struct Device {
    cursor: Option<String>,
    rows: BTreeMap<SessionId, RecentSession>,
}

impl Device {
    /// Syncs to the end and says how many changes came.
    pub(crate) async fn sync(&mut self, store: &dyn Store, owner: &Owner, limit: u32) -> usize {
        let mut count = 0;
        loop {
            let from = self.cursor.clone().map_or(SyncFrom::Beginning, SyncFrom::Cursor);
            let option = SyncOption { from, limit, need_last_msg: true };
            let Changes { changes, cursor, has_more, reset } =
                store.sync(owner, &option).await.unwrap();
            assert!(changes.len() <= limit as usize);
            count += changes.len();
            if reset {
                assert!(changes.is_empty() && !has_more);
                let page = store.list(owner, &QueryMySessionOption::default()).await.unwrap();
                let rows = page.session_list.into_iter();
                self.rows = rows.map(|row| (row.session_id.clone(), row)).collect();
            }
            for change in changes {
                match change {
                    Change::Session(row) => drop(self.rows.insert(row.session_id.clone(), row)),
                    Change::Deleted(id) => drop(self.rows.remove(&id)),
                }
            }
            self.cursor = Some(cursor);
            if !has_more {
                return count;
            }
        }
    }

    pub(crate) fn list(&self) -> Vec<RecentSession> {
        let mut rows: Vec<_> = self.rows.values().cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.update_time));
        rows
    }
}

async fn whole_list(store: &dyn Store, owner: &Owner) -> Vec<RecentSession> {
    store.list(owner, &QueryMySessionOption::default()).await.unwrap().session_list
}

async fn call(store: &dyn Store, call: &Call) {
    match call {
        Call::Update { owner, id, ext, now } => {
            let attempt = Attempt { now: *now, key: None };
            store.update(owner, id, ext.clone(), &attempt).await.unwrap();
        }
        Call::Delete { owner, ids } => {
            let attempt = Attempt { now: NOW, key: None };
            store.delete(owner, ids.clone(), &attempt).await.unwrap();
        }
    }
}

fn call_model(model: &mut Model, call: &Call) {
    match call {
        Call::Update { owner, id, ext, now } => model.update(owner, id, ext, *now),
        Call::Delete { owner, ids } => model.delete(owner, ids),
    }
}

async fn ingest(store: &dyn Store, (app, event): &(huihua_core::AppKey, Event)) -> Outcome {
    store.ingest(app, vec![event.clone()], NOW).await.unwrap()[0]
}

/// After every step of a story the list is the model's, and so is the list of a device that only
/// syncs; one account walks by token while all this goes on, and is exact after its own sync.
fn lists_equal_the_model_and_syncs_repair_them(make: Make<'_>) {
    let strategy = (scenario::story(), 1..4_u32, 0..scenario::owners().len());
    over_stories(strategy, |(story, limit, walker)| {
        block_on(async {
            let (store, mut model) = (make(), Model::default());
            let owners = scenario::owners();
            let mut sweeps = 0;
            let mut devices: Vec<Device> = owners.iter().map(|_| Device::default()).collect();
            let mut walk = paging::Walk::new(owners[walker].clone(), limit);
            for Segment { events, call: client, sweep } in story {
                for event in &events {
                    ingest(&*store, event).await;
                    model.ingest(&event.0, &event.1);
                    walk.step(&*store, &model).await;
                }
                if let Some(client) = &client {
                    call(&*store, client).await;
                    call_model(&mut model, client);
                }
                if sweep {
                    sweeps += 1;
                    store.sweep(NOW + sweeps * TOMBSTONE_MS).await.unwrap();
                }
                for (owner, device) in owners.iter().zip(&mut devices) {
                    let expected = model.list(owner);
                    prop_assert_eq!(&whole_list(&*store, owner).await, &expected);
                    device.sync(&*store, owner, limit).await;
                    prop_assert_eq!(&device.list(), &expected);
                    for id in expected.iter().map(|row| &row.session_id) {
                        prop_assert_eq!(store.get(owner, id).await.unwrap(), model.get(owner, id));
                    }
                }
            }
            store.close().await;
            Ok(())
        })
    });
}

/// Between the same client calls, the events in any order and with any repetition (of earlier ones
/// too) give the same lists; and once more, nothing moves and no device hears of anything.
fn any_order_and_any_repetition_give_the_same_list(make: Make<'_>) {
    let strategy = (scenario::story(), any::<u64>());
    over_stories(strategy, |(story, mut seed)| {
        block_on(async {
            let (first, second) = (make(), make());
            let mut seen: Vec<(huihua_core::AppKey, Event)> = Vec::new();
            let mut sweeps = 0;
            for Segment { events, call: client, sweep } in &story {
                seen.extend(events.iter().cloned());
                let mut shuffled = events.clone();
                for _ in 0..seen.len() / 2 {
                    shuffled.push(seen[random(&mut seed, seen.len())].clone());
                }
                for at in (1..shuffled.len()).rev() {
                    shuffled.swap(at, random(&mut seed, at + 1));
                }
                for event in events {
                    ingest(&*first, event).await;
                }
                for event in &shuffled {
                    ingest(&*second, event).await;
                }
                if let Some(client) = client {
                    call(&*first, client).await;
                    call(&*second, client).await;
                }
                if *sweep {
                    sweeps += 1;
                    second.sweep(NOW + sweeps * TOMBSTONE_MS).await.unwrap();
                }
                for owner in &scenario::owners() {
                    let list = whole_list(&*first, owner).await;
                    prop_assert_eq!(list, whole_list(&*second, owner).await);
                }
            }
            for n in 1..3 {
                second.sweep(NOW + (sweeps + n) * TOMBSTONE_MS).await.unwrap();
            }
            for owner in &scenario::owners() {
                let mut device = Device::default();
                device.sync(&*second, owner, 500).await;
                for event in &seen {
                    let outcome = ingest(&*second, event).await;
                    prop_assert!(matches!(outcome, Outcome::Stale | Outcome::Ignored));
                }
                prop_assert_eq!(device.sync(&*second, owner, 500).await, 0);
            }
            first.close().await;
            second.close().await;
            Ok(())
        })
    });
}

/// xorshift: the story's own randomness, so that a failure shrinks and repeats.
pub(crate) fn random(seed: &mut u64, below: usize) -> usize {
    *seed = (*seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    *seed ^= *seed >> 29;
    (*seed % below as u64) as usize
}

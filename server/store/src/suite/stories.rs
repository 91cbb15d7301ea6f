//! Random stories against the naive model: the list after every step, whatever came in which order
//! and however often.

use huihua_core::AppKey;
use huihua_event::Event;
use proptest::prelude::*;

use super::{
    model::Model,
    scenario::{self, ClientCall, NOW, Segment},
    support::{
        Device, Make, block_on, empty, is_stale, over_stories, random, sweep_all, whole_list,
    },
    walk::Walk,
};
use crate::{Attempt, Outcome, Store, TOMBSTONE_MS};

/// After every step of a story the list is the model's, and so are the members of every team with
/// their times, and the list of a device that only syncs; one account walks by token while all this
/// goes on, and is exact after its own sync.
pub fn lists_equal_the_model_and_syncs_repair_them(make: Make<'_>) {
    let strategy = (scenario::story(), 1..4_u32, 0..scenario::owners().len());
    over_stories(strategy, |(story, limit, walker)| {
        block_on(async {
            let (store, mut model) = (empty(make), Model::default());
            let owners = scenario::owners();
            let mut sweeps = 0;
            let mut devices: Vec<Device> = owners.iter().map(|_| Device::default()).collect();
            let mut walk = Walk::new(owners[walker].clone(), limit);
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
                    sweep_all(&*store, NOW + sweeps * TOMBSTONE_MS).await;
                }
                for (owner, device) in owners.iter().zip(&mut devices) {
                    let expected = model.list(owner);
                    prop_assert_eq!(&whole_list(&*store, owner).await, &expected);
                    device.sync(&*store, owner, limit).await;
                    prop_assert_eq!(&device.list(), &expected);
                    for id in expected.iter().map(|row| &row.session_id) {
                        prop_assert_eq!(
                            store.get_session(owner, id).await.unwrap(),
                            model.get(owner, id)
                        );
                    }
                }
                for (app, team) in scenario::apps()
                    .iter()
                    .flat_map(|app| scenario::teams().into_iter().map(move |team| (app, team)))
                {
                    let members = store.members(app, &team, None, 99).await.unwrap();
                    prop_assert_eq!(members, model.members(&owners, app, &team));
                }
            }
            store.close().await;
            Ok(())
        })
    });
}

/// Between the same client calls, the events in any order and with any repetition (of earlier ones
/// too) give the same lists; and once more, nothing moves and no device gets a change.
pub fn any_order_and_any_repetition_give_the_same_list(make: Make<'_>) {
    let strategy = (scenario::story(), any::<u64>());
    over_stories(strategy, |(story, mut seed)| {
        block_on(async {
            let (first, second) = (empty(make), empty(make));
            let mut seen: Vec<(AppKey, Event)> = Vec::new();
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
                    sweep_all(&*second, NOW + sweeps * TOMBSTONE_MS).await;
                }
                for owner in &scenario::owners() {
                    let list = whole_list(&*first, owner).await;
                    prop_assert_eq!(list, whole_list(&*second, owner).await);
                }
            }
            for n in 1..3 {
                sweep_all(&*second, NOW + (sweeps + n) * TOMBSTONE_MS).await;
            }
            for owner in &scenario::owners() {
                let mut device = Device::default();
                device.sync(&*second, owner, 500).await;
                for event in &seen {
                    let outcome = ingest(&*second, event).await;
                    let is_nothing = outcome == Outcome::Ignored || is_stale(&*second, outcome);
                    prop_assert!(is_nothing, "{:?}", outcome);
                }
                prop_assert_eq!(device.sync(&*second, owner, 500).await, 0);
            }
            first.close().await;
            second.close().await;
            Ok(())
        })
    });
}

pub(super) async fn call(store: &dyn Store, call: &ClientCall) {
    match call {
        ClientCall::Update { owner, id, ext, now } => {
            let attempt = Attempt { now: *now, key: None };
            store.update(owner, id, ext.clone(), &attempt).await.unwrap();
        }
        ClientCall::Delete { owner, ids } => {
            let attempt = Attempt { now: NOW, key: None };
            store.delete(owner, ids.clone(), &attempt).await.unwrap();
        }
    }
}

pub(super) fn call_model(model: &mut Model, call: &ClientCall) {
    match call {
        ClientCall::Update { owner, id, ext, now } => model.update(owner, id, ext, *now),
        ClientCall::Delete { owner, ids } => model.delete(owner, ids),
    }
}

pub(super) async fn ingest(store: &dyn Store, (app, event): &(AppKey, Event)) -> Outcome {
    store.ingest(app, vec![event.clone()], NOW).await.unwrap()[0]
}

//! Power loss: a run is recorded write by write; then the power goes at every point of it, on a
//! medium that forgot what was not synced, that tore the last write, or that kept any part of what
//! was not synced. The store opens and holds what was acknowledged, and no batch is half there.

use std::sync::Arc;

use huihua_core::{QueryMySessionOption, RecentSession};
use huihua_event::{Event, Place, Post, TeamKind};
use huihua_store::{
    Engine as _, IdempotencyKey, Store as _, TOMBSTONE_MS,
    suite::{
        directory::create_team,
        scenario::{self, ClientCall, NOW, Segment},
        support::{Device, attempt, random, sweep_all},
    },
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};

use super::medium::{Medium, MediumOp};
use crate::store::RedbStore;

/// Random stories in the recorded run.
const STORIES: usize = 8;
/// Random parts of what was not synced, for each window between two syncs.
const PARTS: usize = 2;

/// The lists of all owners.
type OwnersLists = Vec<Vec<RecentSession>>;

/// What was acknowledged, and what then was to be seen.
struct AcknowledgedState {
    /// Where the tape stood.
    at: usize,
    lists: OwnersLists,
    /// One device of each owner, synced then.
    devices: Vec<Device>,
}

struct RecordedRun {
    created: Vec<u8>,
    tape: Vec<MediumOp>,
    acknowledged: Vec<AcknowledgedState>,
}

async fn lists(store: &RedbStore) -> Result<OwnersLists, huihua_store::Error> {
    let mut lists = Vec::new();
    for owner in &scenario::owners() {
        let page = store.list(owner, &QueryMySessionOption::default()).await?;
        lists.push(page.session_list);
    }
    Ok(lists)
}

/// Everything that there is to write, one call after the other.
async fn record() -> RecordedRun {
    let medium = Medium::created();
    let created = medium.bytes();
    let store = medium.open().unwrap();
    let owners = scenario::owners();
    let mut devices: Vec<Device> = owners.iter().map(|_| Device::default()).collect();
    let lists_of_none = owners.iter().map(|_| Vec::new()).collect();
    let mut acknowledged =
        vec![AcknowledgedState { at: 0, lists: lists_of_none, devices: devices.clone() }];
    let mut runner = TestRunner::deterministic();
    let mut calls = 0;
    for story in 0..STORIES {
        let segments = scenario::story().new_tree(&mut runner).unwrap().current();
        let fill = Segment { events: many(story as u64), call: None, sweep: false };
        for Segment { events, call, sweep } in segments.into_iter().chain([fill]) {
            for app in ["a", "ab"] {
                let of_app = events.iter().filter(|(key, _)| key.as_str() == app);
                let of_app: Vec<Event> = of_app.map(|(_, event)| event.clone()).collect();
                store.ingest(&app.parse().unwrap(), of_app, NOW).await.unwrap();
                note(&medium, &store, &mut devices, &mut acknowledged).await;
            }
            calls += 1;
            let key = IdempotencyKey::new(&format!("call-{calls}"));
            let tried = huihua_store::Attempt { key, ..attempt(NOW) };
            match &call {
                Some(ClientCall::Update { owner, id, ext, .. }) => {
                    store.update(owner, id, ext.clone(), &tried).await.map(drop).unwrap();
                }
                Some(ClientCall::Delete { owner, ids }) => {
                    store.delete(owner, ids.clone(), &tried).await.unwrap();
                }
                None => {
                    let team = create_team(TeamKind::Normal, &["bc", "c"]);
                    store.act(&owners[0].app, Arc::new(team), &tried).await.map(drop).unwrap();
                }
            }
            note(&medium, &store, &mut devices, &mut acknowledged).await;
            if sweep {
                sweep_all(&store, NOW + calls * TOMBSTONE_MS).await;
                note(&medium, &store, &mut devices, &mut acknowledged).await;
            }
        }
    }
    let tape = medium.tape();
    store.close().await;
    RecordedRun { created, tape, acknowledged }
}

/// One batch so large that the file grows and its trees split.
fn many(story: u64) -> Vec<(huihua_core::AppKey, Event)> {
    let event = |n: u64| {
        let from = format!("peer{}", n % 70).parse().unwrap();
        let post = Post {
            time: 1 + story,
            message_id: n.to_string(),
            last_msg: format!(r#"{{"9":"{}"}}"#, "x".repeat(300)),
        };
        let place = Place::P2p { from, to: "bc".parse().unwrap() };
        let message = Event::Message { place, post, updates_session: true, audience: Vec::new() };
        ("a".parse().unwrap(), message)
    };
    (0..120).map(event).collect()
}

async fn note(
    medium: &Medium,
    store: &RedbStore,
    devices: &mut [Device],
    acknowledged: &mut Vec<AcknowledgedState>,
) {
    let at = medium.position();
    for (owner, device) in scenario::owners().iter().zip(devices.iter_mut()) {
        device.sync(store, owner, 7).await;
    }
    let (lists, devices) = (lists(store).await.unwrap(), devices.to_vec());
    acknowledged.push(AcknowledgedState { at, lists, devices });
}

/// Opens a store on what is left after the power went when the tape stood at `at`.
async fn check(run: &RecordedRun, at: usize, left: Vec<u8>, how: &str) {
    let done = run.acknowledged.iter().rposition(|noted| noted.at <= at).unwrap();
    let store = Medium::new(left).open();
    let store = store.unwrap_or_else(|error| panic!("{how} at {at}: {error}"));
    let lists = lists(&store).await.unwrap_or_else(|error| panic!("{how} at {at}: {error}"));
    let next = run.acknowledged.get(done + 1);
    let is_whole = lists == run.acknowledged[done].lists
        || next.is_some_and(|next| next.at > at && lists == next.lists);
    assert!(is_whole, "{how} at {at}: neither call {done} nor the next one is whole");
    for (n, owner) in scenario::owners().iter().enumerate() {
        let mut device = run.acknowledged[done].devices[n].clone();
        device.sync(&store, owner, 3).await;
        assert_eq!(device.list(), lists[n], "{how} at {at}: a device is behind");
        let mut joined = Vec::new();
        for kind in [TeamKind::Normal, TeamKind::Super] {
            let teams = store.joined(owner, kind).await.unwrap();
            joined.extend(teams.into_iter().map(|joined| joined.team));
        }
        assert_eq!(joined, store.teams_of(owner).await.unwrap());
    }
    store.close().await;
}

/// What a medium may have kept of writes that were never synced: any of them, each whole or only
/// its sectors up to one.
fn some_of(window: &[MediumOp], seed: &mut u64, bytes: &mut Vec<u8>) {
    for op in window {
        match (random(seed, 3), op) {
            (0, _) => {}
            (1, MediumOp::Write { offset, data }) => {
                let kept = random(seed, data.len() / 512 + 1) * 512;
                MediumOp::Write { offset: *offset, data: data[..kept].to_vec() }.apply(bytes);
            }
            (_, op) => op.apply(bytes),
        }
    }
}

#[tokio::test]
async fn at_every_point_of_a_run_a_power_loss_loses_nothing_acknowledged_and_halves_no_batch() {
    let run = record().await;
    let syncs = run.tape.iter().filter(|op| matches!(op, MediumOp::Sync)).count();
    let (mut synced, mut window) = (run.created.clone(), 0);
    let (mut seed, mut points) = (7, 0);
    for (at, op) in run.tape.iter().enumerate() {
        match op {
            MediumOp::Sync => {
                // Just before this sync: nothing of the window is there, or any part of it.
                check(&run, at, synced.clone(), "forgotten").await;
                for _ in 0..PARTS {
                    let mut bytes = synced.clone();
                    some_of(&run.tape[window..at], &mut seed, &mut bytes);
                    check(&run, at, bytes, "partly kept").await;
                }
                run.tape[window..at].iter().for_each(|op| op.apply(&mut synced));
                window = at + 1;
                check(&run, window, synced.clone(), "synced").await;
                points += 2 + PARTS;
            }
            MediumOp::Write { offset, data } => {
                let mut bytes = synced.clone();
                run.tape[window..at].iter().for_each(|op| op.apply(&mut bytes));
                let torn =
                    MediumOp::Write { offset: *offset, data: data[..data.len() / 2].to_vec() };
                torn.apply(&mut bytes);
                check(&run, at, bytes, "torn").await;
                points += 1;
            }
            MediumOp::SetLen(_) => {}
        }
    }
    println!("{} calls, {syncs} syncs, {points} power losses", run.acknowledged.len());
    assert!(syncs > 2 * STORIES && run.acknowledged.len() > 10 * STORIES);
}

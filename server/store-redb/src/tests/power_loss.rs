//! Power loss: a run is recorded write by write; then the power goes at every point of it, on a
//! medium that forgot what was not synced, that tore the last write, or that kept any part of what
//! was not synced. The store opens and holds what was acknowledged, and no batch is half there.
//! And kills: the medium keeps what was written up to any point, and the store opens at once.

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

use redb::StorageBackend as _;

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
        let page = store.list_page(owner, &QueryMySessionOption::default()).await?;
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
async fn check(run: &RecordedRun, at: usize, left: Medium, how: &str) {
    let done = run.acknowledged.iter().rposition(|noted| noted.at <= at).unwrap();
    let store = left.open();
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

/// What a medium may have kept of the lists of pages, which are never synced: none, all, or all but
/// a part of the last one.
fn some_lists(run: &RecordedRun, at: usize, seed: &mut u64) -> Vec<u8> {
    let mut lists = Vec::new();
    let written: Vec<_> =
        run.tape[..at].iter().filter(|op| matches!(op, MediumOp::List { .. })).collect();
    let Some((last, before)) = written.split_last() else { return lists };
    match random(seed, 3) {
        0 => {}
        1 => written.iter().for_each(|op| op.apply_to_lists(&mut lists)),
        _ => {
            before.iter().for_each(|op| op.apply_to_lists(&mut lists));
            let MediumOp::List { offset, data } = last else { panic!() };
            let data = data[..random(seed, data.len())].to_vec();
            MediumOp::List { offset: *offset, data }.apply_to_lists(&mut lists);
        }
    }
    lists
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
                let lists = some_lists(&run, at, &mut seed);
                check(&run, at, Medium::with_lists(synced.clone(), lists), "forgotten").await;
                for _ in 0..PARTS {
                    let mut bytes = synced.clone();
                    some_of(&run.tape[window..at], &mut seed, &mut bytes);
                    let lists = some_lists(&run, at, &mut seed);
                    check(&run, at, Medium::with_lists(bytes, lists), "partly kept").await;
                }
                // The header and the lists were faster than one of the pages.
                let writes: Vec<_> = (window..at)
                    .filter(|n| matches!(run.tape[*n], MediumOp::Write { .. }))
                    .collect();
                let lost = writes.get(random(&mut seed, writes.len().max(1)));
                let (mut bytes, mut lists) = (synced.clone(), Vec::new());
                let kept = (window..at).filter(|n| Some(n) != lost);
                kept.for_each(|n| run.tape[n].apply(&mut bytes));
                run.tape[..at].iter().for_each(|op| op.apply_to_lists(&mut lists));
                check(&run, at, Medium::with_lists(bytes, lists), "but for one write").await;
                run.tape[window..at].iter().for_each(|op| op.apply(&mut synced));
                window = at + 1;
                let lists = some_lists(&run, at, &mut seed);
                check(&run, window, Medium::with_lists(synced.clone(), lists), "synced").await;
                points += 3 + PARTS;
            }
            MediumOp::Write { offset, data } => {
                let mut bytes = synced.clone();
                run.tape[window..at].iter().for_each(|op| op.apply(&mut bytes));
                let torn =
                    MediumOp::Write { offset: *offset, data: data[..data.len() / 2].to_vec() };
                torn.apply(&mut bytes);
                let lists = some_lists(&run, at, &mut seed);
                check(&run, at, Medium::with_lists(bytes, lists), "torn").await;
                points += 1;
            }
            MediumOp::SetLen(_) | MediumOp::List { .. } => {}
        }
    }
    println!("{} calls, {syncs} syncs, {points} power losses", run.acknowledged.len());
    assert!(syncs > 2 * STORIES && run.acknowledged.len() > 10 * STORIES);
}

/// A check of the whole file takes seconds for a million rows: a kill must not cost it, only a
/// power loss may.
#[tokio::test]
async fn after_a_kill_at_any_point_of_a_run_the_store_opens_without_a_check_of_the_whole_file() {
    let run = record().await;
    let opened = run.tape.iter().position(|op| matches!(op, MediumOp::List { .. })).unwrap();
    let (mut bytes, mut lists) = (run.created.clone(), Vec::new());
    let mut kills = 0;
    for (at, op) in run.tape.iter().enumerate() {
        op.apply(&mut bytes);
        op.apply_to_lists(&mut lists);
        if at <= opened || matches!(op, MediumOp::Sync) {
            continue;
        }
        let left = Medium::with_lists(bytes.clone(), lists.clone());
        let mut flags = [0; 10];
        left.one_sync().read(0, &mut flags).unwrap();
        assert_eq!(flags[9] & 4, 4, "not trusted after a kill at {at}");
        if matches!(op, MediumOp::Write { offset: 0, .. }) {
            check(&run, at + 1, left, "killed").await;
        }
        kills += 1;
    }
    assert!(kills > 10 * STORIES, "{kills}");
}

#[tokio::test]
async fn a_commit_syncs_once() {
    let medium = Medium::created();
    let store = medium.open().unwrap();
    let owner = &scenario::owners()[0];
    let event = |n| vec![many(n).swap_remove(0).1];
    // The file grows first.
    for n in 0..20 {
        store.ingest(&owner.app, event(n), NOW).await.unwrap();
    }
    let before = medium.position();
    for n in 20..40 {
        store.ingest(&owner.app, event(n), NOW).await.unwrap();
    }
    let done = &medium.tape()[before..];
    assert_eq!(done.iter().filter(|op| matches!(op, MediumOp::Sync)).count(), 20);
    store.close().await;
}

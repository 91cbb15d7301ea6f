//! What users and operators would report: a clock that jumps, late events about a deleted session,
//! a great many deletions at once.

use huihua_core::{QueryMySessionOption, SessionChange, SessionId};
use huihua_event::{Event, Place, Post, Team};

use super::support::{
    Device, Make, amy, attempt, block_on, empty, is_stale, sweep_all, whole_list,
};
use crate::{Outcome, Store, SyncFrom, SyncRequest, TOMBSTONE_MS};

const HOUR_MS: u64 = 60 * 60 * 1000;
const NOW: u64 = 1_700_000_000_000;

fn id(n: u64) -> SessionId {
    format!("p2p|peer{n}").parse().unwrap()
}

fn post(time: u64, id: u64) -> Post {
    Post { time, message_id: id.to_string(), last_msg: format!(r#"{{"9":"{id}"}}"#) }
}

fn place(peer: u64) -> Place {
    Place::P2p { from: format!("peer{peer}").parse().unwrap(), to: amy().account }
}

fn message(place: Place, post: Post) -> Event {
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

async fn ingest(store: &dyn Store, event: Event, now: u64) -> Outcome {
    store.ingest(&amy().app, vec![event], now).await.unwrap()[0]
}

/// Order comes from the messages' times, versions from the order of the writes: what the server's
/// clock says in between changes neither, and no device misses anything.
pub fn a_clock_that_jumps_back_an_hour_breaks_no_order_and_no_version(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let mut device = Device::default();
        let (clocks, mut expected) = ([NOW, NOW - HOUR_MS, NOW - HOUR_MS + 1, NOW], Vec::new());
        for (step, now) in clocks.into_iter().enumerate() {
            let step = step as u64;
            ingest(&*store, message(place(step), post(now, step)), now).await;
            expected.push((now, id(step)));
            store.update(&amy(), &id(10 + step), "x".into(), &attempt(now)).await.unwrap();
            expected.push((now, id(10 + step)));
            store.update(&amy(), &id(step), now.to_string(), &attempt(now)).await.unwrap();
            store.update(&amy(), &id(20), "x".into(), &attempt(now)).await.unwrap();
            store.delete(&amy(), vec![id(20)], &attempt(now)).await.unwrap();
            sweep_all(&*store, now).await;
            assert!(
                device.sync(&*store, &amy(), 1).await >= 2,
                "announced although the clock is back"
            );
            assert_eq!(device.list(), whole_list(&*store, &amy()).await);
        }
        expected.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let list = whole_list(&*store, &amy()).await;
        let listed: Vec<_> =
            list.into_iter().map(|row| (row.update_time, row.session_id)).collect();
        assert_eq!(listed, expected);
        // A message from before the jump stays the newest of its session.
        let late = ingest(&*store, message(place(0), post(NOW - HOUR_MS, 99)), NOW - HOUR_MS).await;
        assert!(is_stale(&*store, late), "{late:?}");
        assert_eq!(device.sync(&*store, &amy(), 1).await, 0);
        // What the clock calls an hour ahead is refused, not taken and lost.
        let ahead = ingest(&*store, message(place(5), post(NOW, 5)), NOW - HOUR_MS).await;
        assert_eq!(ahead, Outcome::TooFarAhead);
        store.close().await;
    });
}

/// p2p and team; the message itself, its recall, older ones, its join and its leave.
pub fn a_deleted_session_stays_deleted_after_its_tombstone_is_swept(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let owner = amy();
        let team = Team::normal("7".parse().unwrap());
        let accounts = vec![owner.account.clone()];
        let join = |time| {
            let accounts = accounts.clone();
            Event::Join { team: team.clone(), accounts, inviter: None, time }
        };
        let leave = |at, id| {
            let accounts = accounts.clone();
            Event::Leave { team: team.clone(), accounts, notice: post(at, id) }
        };
        let recall =
            |place, post: Post| Event::Recall { place, time: post.time, post, one_way: false };
        let in_team = || Place::Team(team.clone());
        let old = [
            message(place(1), post(NOW, 5)),
            join(NOW - 10),
            message(in_team(), post(NOW, 6)),
            leave(NOW + 1, 7),
        ];
        for event in &old {
            ingest(&*store, event.clone(), NOW).await;
        }
        let ids = vec![id(1), team.session_id()];
        store.update(&owner, &ids[0], "mine".into(), &attempt(NOW)).await.unwrap();
        assert_eq!(whole_list(&*store, &owner).await.len(), 2);
        store.delete(&owner, ids.clone(), &attempt(NOW)).await.unwrap();
        let mut device = Device::default();
        device.sync(&*store, &owner, 500).await;
        for n in 0..3 {
            sweep_all(&*store, NOW + n * TOMBSTONE_MS).await;
        }
        let older = [
            message(place(1), post(NOW, 4)),
            message(place(1), post(NOW - 1, 9)),
            recall(place(1), post(NOW, 5)),
            recall(place(1), post(NOW - 1, 9)),
            recall(in_team(), post(NOW, 6)),
            message(in_team(), post(NOW + 1, 1)),
            join(NOW - 20),
            leave(NOW - 15, 3),
        ];
        let late = NOW + 3 * TOMBSTONE_MS;
        for event in old.into_iter().chain(older) {
            ingest(&*store, event.clone(), late).await;
            assert!(whole_list(&*store, &owner).await.is_empty(), "back by {event:?}");
            for id in &ids {
                assert_eq!(store.get_session(&owner, id).await.unwrap(), None);
            }
            device.sync(&*store, &owner, 1).await;
            assert!(device.list().is_empty(), "back by sync, by {event:?}");
        }
        // The next newer message brings it back, and with empty ext.
        ingest(&*store, message(place(1), post(NOW, 10)), late).await;
        let list = whole_list(&*store, &owner).await;
        assert_eq!((list.len(), list[0].ext.as_str()), (1, ""));
        store.close().await;
    });
}

pub fn a_hundred_deletions_at_once_all_come_in_pages_of_fifty(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let owner = amy();
        let events = (0..120).map(|n| message(place(n), post(NOW + n / 8, n + 1))).collect();
        store.ingest(&owner.app, events, NOW).await.unwrap();
        let page = store.list_page(&owner, &QueryMySessionOption::default()).await.unwrap();
        let ids: Vec<_> = (10..110).map(id).collect();
        store.delete(&owner, ids.clone(), &attempt(NOW)).await.unwrap();
        let (mut cursor, mut changed, mut pages) = (page.sync_cursor, Vec::new(), 0);
        loop {
            let from = SyncFrom::Cursor(cursor);
            let request = SyncRequest { from, limit: 50, need_last_msg: true };
            let changes = store.sync_page(&owner, &request).await.unwrap();
            assert!(!changes.reset);
            pages += 1;
            changed.extend(changes.changes);
            cursor = changes.cursor;
            if !changes.has_more {
                break;
            }
        }
        assert_eq!(changed, ids.into_iter().map(SessionChange::Deleted).collect::<Vec<_>>());
        assert_eq!(pages, 2);
        store.close().await;
    });
}

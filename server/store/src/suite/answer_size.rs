//! No answer is larger than 4 MiB, as it is sent: a page and a sync end before the row that would
//! take them over, and nothing is lost. With the largest rows that there are.

use std::collections::HashSet;

use huihua_core::{
    ANSWER_BYTES_MAX, Account, Page, QueryMySessionOption, SessionChange, SessionId, SyncPage,
};
use huihua_event::{Event, LAST_MSG_BYTES_MAX, Place, Post, Team};

use super::{
    model::Model,
    support::{Device, Make, amy, attempt, block_on, empty},
};
use crate::{Store, SyncFrom, SyncRequest};

/// What an engine may leave free beside the row that did not fit: its cursors and names.
const AROUND_BYTES: usize = 1_024;
const NOW: u64 = 1_700_000_000_000;

fn peer(n: u64) -> Account {
    format!("peer{n}").parse().unwrap()
}

/// The largest message: a character of two bytes, a quote, which JSON makes longer, and so on.
fn largest_text() -> String {
    let body = "é\\\"x".repeat((LAST_MSG_BYTES_MAX - 8) / 5);
    format!("{{\"9\":\"{body}\"}}")
}

/// An ext that JSON makes six times as long.
fn largest_ext() -> String {
    "\u{1}".repeat(huihua_core::EXT_BYTES_MAX)
}

/// Puts this many of the largest messages into amy's list and into the model, every third of them
/// in a team.
async fn fill(store: &dyn Store, model: &mut Model, times: impl Iterator<Item = u64>) {
    let owner = amy();
    let mut events = Vec::new();
    for (n, time) in (0..).zip(times) {
        let post = Post { time, message_id: format!("{}", n + 1), last_msg: largest_text() };
        let place = if n % 3 == 0 {
            let team: SessionId = format!("team|{}", n + 1).parse().unwrap();
            let team = Team::of(&team).unwrap();
            let accounts = vec![owner.account.clone()];
            events.push(Event::Join { team: team.clone(), accounts, inviter: None, time: 1 });
            Place::Team(team)
        } else {
            Place::P2p { from: peer(n), to: owner.account.clone() }
        };
        events.push(Event::Message { place, post, updates_session: true, audience: Vec::new() });
    }
    for some in events.chunks(100) {
        some.iter().for_each(|event| model.ingest(&owner.app, event));
        store.ingest(&owner.app, some.to_vec(), NOW).await.unwrap();
    }
}

/// Checks the size of a page as it is sent, and returns it.
async fn page(store: &dyn Store, option: &QueryMySessionOption) -> Page {
    let json = store.list(&amy(), option).await.unwrap().into_json();
    assert!(json.len() <= ANSWER_BYTES_MAX, "{} bytes", json.len());
    let page: Page = serde_json::from_slice(&json).unwrap();
    assert_eq!(page.has_more, page.next_page_token.is_some());
    page
}

/// Walks by token to the end; returns the sizes of the pages in rows.
async fn walk(store: &dyn Store, first: QueryMySessionOption) -> (Vec<usize>, HashSet<SessionId>) {
    let (mut sizes, mut seen) = (Vec::new(), HashSet::new());
    let need_last_msg = first.need_last_msg;
    let mut option = first;
    loop {
        let page = page(store, &option).await;
        sizes.push(page.session_list.len());
        for row in page.session_list {
            assert_eq!(row.last_msg.is_some(), need_last_msg);
            assert!(seen.insert(row.session_id), "a row twice in one walk");
        }
        let Some(page_token) = page.next_page_token else { return (sizes, seen) };
        let (page_token, limit) = (Some(page_token), 100);
        option = QueryMySessionOption { page_token, limit, need_last_msg, ..Default::default() };
    }
}

pub fn no_page_is_larger_than_4_mib_and_a_walk_by_token_loses_nothing(make: Make<'_>) {
    block_on(async {
        let (store, mut model) = (empty(make), Model::default());
        fill(&*store, &mut model, std::iter::repeat_n(50_000, 310)).await;
        // Ties: the one page that can be longer than `limit`.
        let max_timestamp = 50_000;
        for limit in [1, 100] {
            let option = QueryMySessionOption { max_timestamp, limit, ..Default::default() };
            let first = page(&*store, &option).await;
            let (rows, has_more) = model.page(&amy(), &option);
            assert!(has_more && (250..310).contains(&rows.len()), "{}", rows.len());
            assert_eq!((first.session_list, first.has_more), (rows, has_more));
            let (sizes, seen) = walk(&*store, option.clone()).await;
            assert_eq!((sizes.len(), seen.len()), (2, 310), "{sizes:?}");
            let option = QueryMySessionOption { need_last_msg: false, ..option };
            let (sizes, seen) = walk(&*store, option).await;
            assert_eq!((sizes, seen.len()), (vec![310], 310), "texts that are not sent count not");
        }
        store.close().await;
    });
}

pub fn no_sync_is_larger_than_4_mib_and_syncs_lose_nothing(make: Make<'_>) {
    block_on(async {
        let (store, mut model) = (empty(make), Model::default());
        fill(&*store, &mut model, (0..340).map(|n| 50_000 + n)).await;
        let before = sync(&*store, SyncFrom::Latest, true).await.cursor;
        // Rows of 40 KiB, rows of 16, and deleted ones, all after the cursor.
        let list = model.list(&amy());
        for (n, row) in list.iter().enumerate() {
            let (id, attempt) = (&row.session_id, attempt(NOW));
            match n % 3 {
                0 => {
                    model.update(&amy(), id, &largest_ext(), NOW);
                    store.update(&amy(), id, largest_ext(), &attempt).await.map(drop).unwrap();
                }
                1 => {
                    model.update(&amy(), id, "x", NOW);
                    store.update(&amy(), id, "x".into(), &attempt).await.map(drop).unwrap();
                }
                _ => {
                    model.delete(&amy(), std::slice::from_ref(id));
                    store.delete(&amy(), vec![id.clone()], &attempt).await.unwrap();
                }
            }
        }
        let left = model.list(&amy());
        let ids: HashSet<_> = list.iter().map(|row| row.session_id.clone()).collect();
        assert_eq!(syncs(&*store, SyncFrom::Cursor(before.clone()), true).await.1, ids);
        let (sizes, seen) = syncs(&*store, SyncFrom::Beginning, true).await;
        assert_eq!(seen.len(), left.len());
        assert!(sizes.len() > 1, "{sizes:?}");
        let (sizes, seen) = syncs(&*store, SyncFrom::Beginning, false).await;
        assert_eq!((sizes, seen.len()), (vec![left.len()], left.len()));
        let mut device = Device::default();
        device.sync(&*store, &amy(), 500).await;
        assert_eq!(device.list(), left);
        store.close().await;
    });
}

async fn sync(store: &dyn Store, from: SyncFrom, need_last_msg: bool) -> SyncPage {
    let request = SyncRequest { from, limit: 500, need_last_msg };
    let json = store.sync(&amy(), &request).await.unwrap().into_json();
    assert!(json.len() <= ANSWER_BYTES_MAX, "{} bytes", json.len());
    let page: SyncPage = serde_json::from_slice(&json).unwrap();
    // One more of the largest rows: 16 KiB of message, 24 of ext.
    let is_full = json.len() + LAST_MSG_BYTES_MAX + 25_000 + AROUND_BYTES > ANSWER_BYTES_MAX;
    assert_eq!(page.has_more, is_full, "of {} bytes", json.len());
    page
}

/// Syncs to the end: how many changes came each time, and of which sessions.
async fn syncs(
    store: &dyn Store,
    from: SyncFrom,
    need_last_msg: bool,
) -> (Vec<usize>, HashSet<SessionId>) {
    let (mut sizes, mut seen, mut from) = (Vec::new(), HashSet::new(), from);
    loop {
        let page = sync(store, from, need_last_msg).await;
        assert!(!page.reset);
        sizes.push(page.changes.len());
        for change in page.changes {
            let id = match change {
                SessionChange::Session(row) => row.session_id,
                SessionChange::Deleted(id) => id,
            };
            assert!(seen.insert(id), "a session twice");
        }
        if !page.has_more {
            return (sizes, seen);
        }
        from = SyncFrom::Cursor(page.cursor);
    }
}

/// A client that knows no tokens goes on from its last row's time. More ties than fit into one
/// answer only tokens can page: that is above.
pub fn within_4_mib_ties_never_stick_a_client_that_pages_by_time(make: Make<'_>) {
    block_on(async {
        for tied in [100, 240] {
            let (store, mut model) = (empty(make), Model::default());
            let times = (0..330).map(|n| if n < tied { 50_000 } else { 50_000 - 7 * (n - tied) });
            fill(&*store, &mut model, times).await;
            let (mut seen, mut max_timestamp) = (HashSet::new(), 0);
            loop {
                let option =
                    QueryMySessionOption { limit: 100, max_timestamp, ..Default::default() };
                let page = page(&*store, &option).await;
                let (rows, has_more) = model.page(&amy(), &option);
                assert_eq!((&page.session_list, page.has_more), (&rows, has_more));
                seen.extend(rows.iter().map(|row| row.session_id.clone()));
                if !has_more {
                    break;
                }
                let next = rows.last().unwrap().update_time;
                assert!(max_timestamp == 0 || next < max_timestamp, "stuck at {next}");
                max_timestamp = next;
            }
            assert_eq!(seen.len(), 330, "{tied} ties");
            store.close().await;
        }
    });
}

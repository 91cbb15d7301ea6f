//! What outlives a close and an opening: lists, walks, cursors, first results.

use huihua_core::QueryMySessionOption;
use huihua_event::{Event, Place};

use super::support::{Make, amy, attempt, block_on, message, sweep_all, whole_list};
use crate::{Attempt, IDEMPOTENCY_MS, IdempotencyKey, Store, SyncFrom, SyncRequest};

async fn times(store: &dyn Store) -> Vec<u64> {
    whole_list(store, &amy()).await.iter().map(|row| row.update_time).collect()
}

pub fn what_was_answered_is_there_after_the_store_is_opened_again(make: Make<'_>) {
    block_on(async {
        let open = make();
        for time in 1..4 {
            let store = open();
            store.ingest(&amy().app, vec![message(time)], 10).await.unwrap();
            store.close().await;
            let store = open();
            assert_eq!(times(&*store).await, [time]);
            store.close().await;
        }
    });
}

pub fn a_walk_goes_on_after_the_store_is_opened_again(make: Make<'_>) {
    block_on(async {
        let open = make();
        let option = QueryMySessionOption { limit: 1, ..Default::default() };
        let store = open();
        let other = Place::P2p { from: "carl".parse().unwrap(), to: "amy".parse().unwrap() };
        let Event::Message { post, .. } = message(2) else { panic!() };
        let second =
            Event::Message { place: other, post, updates_session: true, audience: Vec::new() };
        store.ingest(&amy().app, vec![message(1), second], 10).await.unwrap();
        let token = store.list_page(&amy(), &option).await.unwrap().next_page_token;
        store.close().await;
        let store = open();
        let option = QueryMySessionOption { page_token: token, ..option };
        let page = store.list_page(&amy(), &option).await.unwrap();
        assert_eq!(page.session_list[0].update_time, 1);
        store.close().await;
    });
}

/// A sync in pages names versions from before this opening: they must count as of their own era.
pub fn a_sync_from_the_beginning_in_pages_ends_after_the_store_is_opened_again(make: Make<'_>) {
    block_on(async {
        let open = make();
        let store = open();
        let id = |n: u64| format!("p2p|peer{n}").parse().unwrap();
        for n in 0..5 {
            store.update(&amy(), &id(n), "x".into(), &attempt(10)).await.unwrap();
        }
        store.close().await;
        let store = open();
        let (mut from, mut count) = (SyncFrom::Beginning, 0);
        loop {
            let option = SyncRequest { from, limit: 2, need_last_msg: true };
            let changes = store.sync_page(&amy(), &option).await.unwrap();
            assert!(!changes.reset);
            count += changes.changes.len();
            from = SyncFrom::Cursor(changes.cursor);
            if !changes.has_more {
                break;
            }
        }
        assert_eq!(count, 5);
        store.close().await;
    });
}

/// NIM's users retry. The first try of a delete took effect and its answer was lost; a message came
/// in; the retry must not hide it. So across a restart, and for 10 minutes.
pub fn a_retried_delete_does_not_hide_a_message_that_came_in_between(make: Make<'_>) {
    block_on(async {
        let open = make();
        let bob = || vec!["p2p|bob".parse().unwrap()];
        let tried = |now| Attempt { now, key: IdempotencyKey::new("call-1") };
        let store = open();
        store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
        store.delete(&amy(), bob(), &tried(10)).await.unwrap();
        store.ingest(&amy().app, vec![message(2)], 10).await.unwrap();
        store.delete(&amy(), bob(), &tried(11)).await.unwrap();
        assert_eq!(times(&*store).await, [2]);
        store.close().await;
        let store = open();
        sweep_all(&*store, 10 + IDEMPOTENCY_MS).await;
        store.delete(&amy(), bob(), &tried(10 + IDEMPOTENCY_MS)).await.unwrap();
        assert_eq!(times(&*store).await, [2], "after a restart and a sweep, within 10 minutes");
        sweep_all(&*store, 11 + IDEMPOTENCY_MS).await;
        store.delete(&amy(), bob(), &tried(11 + IDEMPOTENCY_MS)).await.unwrap();
        assert_eq!(times(&*store).await, Vec::<u64>::new(), "a new call by then");
        store.close().await;
    });
}

//! Paging: by time alone it never sticks and never loses; by token it is exact while the list
//! moves; both against the naive model.

use huihua_core::{QueryMySessionOption, RecentSession};
use huihua_event::{Event, Owner, Place, Post};

use super::{
    model::Model,
    scenario::{self, NOW},
    stories::ingest,
    support::{Make, amy, block_on, empty, over_stories},
};
use crate::{Error, Store};

pub fn first_pages_equal_the_model(make: Make<'_>) {
    let times = [0, 1, 2, 3, 60_002, 60_004, 200_001, 200_002];
    let strategy = (
        scenario::story(),
        proptest::sample::select(times.to_vec()),
        proptest::sample::select(times.to_vec()),
        1..5_u32,
    );
    over_stories(strategy, |(story, min, max, limit)| {
        block_on(async {
            let (store, mut model) = (empty(make), Model::default());
            for (app, event) in story.into_iter().flat_map(|segment| segment.events) {
                model.ingest(&app, &event);
                ingest(&*store, &(app, event)).await;
            }
            let option = QueryMySessionOption {
                min_timestamp: min,
                max_timestamp: max,
                limit,
                ..Default::default()
            };
            if option.validate().is_err() {
                return Ok(());
            }
            for owner in &scenario::owners() {
                let page = store.list_page(owner, &option).await.unwrap();
                let expected = model.page(owner, &option);
                proptest::prop_assert_eq!((page.session_list, page.has_more), expected);
            }
            store.close().await;
            Ok(())
        })
    });
}

/// `rows` sessions of amy; `tied` of them in one millisecond, the others before and after it.
async fn fill(store: &dyn Store, rows: u64, tied: u64) {
    let owner = amy();
    let events = (0..rows).map(|n| {
        let time = if n < tied { 50_000 } else { 50_000 + n - (rows + tied) / 2 };
        let from = format!("peer{n}").parse().unwrap();
        let post = Post { time, message_id: format!("{}", n + 1), last_msg: "{}".into() };
        let place = Place::P2p { from, to: owner.account.clone() };
        Event::Message { place, post, updates_session: true, audience: Vec::new() }
    });
    store.ingest(&owner.app, events.collect(), NOW).await.unwrap();
}

/// The client of NIM's demos: asks `limit`, then again from its last row's time, inclusive, and
/// drops what it holds; ends when there is no more. Returns its rows and its number of requests.
async fn page_by_time(store: &dyn Store, limit: u32) -> (Vec<RecentSession>, usize) {
    let (mut rows, mut max_timestamp, mut requests) = (Vec::<RecentSession>::new(), 0, 0);
    loop {
        let option = QueryMySessionOption { limit, max_timestamp, ..Default::default() };
        let page = store.list_page(&amy(), &option).await.unwrap();
        requests += 1;
        let before = rows.len();
        for row in page.session_list {
            if !rows.iter().any(|held| held.session_id == row.session_id) {
                rows.push(row);
            }
        }
        if !page.has_more {
            return (rows, requests);
        }
        assert!(rows.len() > before, "stuck at {max_timestamp} with {before} rows");
        max_timestamp = rows.last().map_or(0, |row| row.update_time);
    }
}

pub fn by_time_alone_nothing_sticks_and_nothing_is_lost(make: Make<'_>) {
    block_on(async {
        for (rows, tied) in [(0, 0), (1, 1), (25, 25), (60, 60), (300, 300), (320, 300), (90, 3)] {
            let store = empty(make);
            fill(&*store, rows, tied).await;
            for limit in [1, 2, 7, 20, 40, 99, 100] {
                let (got, requests) = page_by_time(&*store, limit).await;
                assert_eq!(got.len() as u64, rows, "{tied} ties, limit {limit}");
                assert!(got.is_sorted_by_key(|row| std::cmp::Reverse(row.update_time)));
                assert!(requests as u64 <= rows + 1);
            }
            store.close().await;
        }
    });
}

pub fn tokens_of_another_account_or_garbage_are_stale(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        fill(&*store, 5, 0).await;
        let ask = |owner: Owner, page_token: Option<String>| {
            let option = QueryMySessionOption { limit: 2, page_token, ..Default::default() };
            let store = &*store;
            async move { store.list_page(&owner, &option).await }
        };
        let token = ask(amy(), None).await.unwrap().next_page_token.unwrap();
        let other = Owner { account: "amx".parse().unwrap(), ..amy() };
        let other_app = Owner { app: "ap".parse().unwrap(), ..amy() };
        for (owner, token) in [
            (other, token.clone()),
            (other_app, token.clone()),
            (amy(), token[..token.len() - 1].to_owned()),
            (amy(), String::new()),
            (amy(), "§".to_owned()),
        ] {
            let Err(Error::StalePageToken) = ask(owner, Some(token.clone())).await else {
                // One character less may still be a token, of a shorter peer: then it is harmless.
                assert!(token.len() > 60);
                continue;
            };
        }
        assert_eq!(ask(amy(), Some(token)).await.unwrap().session_list.len(), 2);
        store.close().await;
    });
}

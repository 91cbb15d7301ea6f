//! Never sticks: NIM's three demo clients, as they page by time alone, over many rows in one
//! millisecond and over rows that move while they page.

use std::collections::HashSet;

use huihua_core::{Account, QueryMySessionOption, RecentSession, SessionId};
use huihua_event::{Event, Owner, Place, Post};

use super::support::{Make, block_on, empty, random};
use crate::{Attempt, Store};

/// The millisecond of the ties.
const TIED: u64 = 50_000;
/// Where rows that move go, ms.
const MOVED: u64 = 60_000;

/// How a client of NIM's demos asks, and what it does with the rows that it has already.
#[derive(Debug, Clone, Copy)]
enum Demo {
    /// Asks 40, tops up by 20; drops what comes up to the last contact that it shows.
    Android,
    /// Asks 20; drops every row that it holds.
    Ios,
    /// Asks 20; a row that it holds is put in the place of the old one.
    Pc,
}

impl Demo {
    const ALL: [Demo; 3] = [Demo::Android, Demo::Ios, Demo::Pc];

    fn limit(self, is_first: bool) -> u32 {
        match self {
            Self::Android if is_first => 40,
            Self::Android | Self::Ios | Self::Pc => 20,
        }
    }

    /// Shows the rows of one more page below the others.
    fn show(self, shown: &mut Vec<RecentSession>, page: Vec<RecentSession>) {
        let mut page = page;
        match self {
            Self::Android => {
                let last = shown.last().map(|row| row.session_id.clone());
                let at = page.iter().position(|row| Some(&row.session_id) == last.as_ref());
                shown.extend(page.drain(at.map_or(0, |at| at + 1)..));
            }
            Self::Ios => {
                page.retain(|row| shown.iter().all(|held| held.session_id != row.session_id));
                shown.append(&mut page);
            }
            Self::Pc => {
                for row in page {
                    match shown.iter_mut().find(|held| held.session_id == row.session_id) {
                        Some(held) => *held = row,
                        None => shown.push(row),
                    }
                }
            }
        }
    }

    /// Pages to the end, calling `meanwhile` between two requests; returns what is shown.
    async fn page(
        self,
        store: &dyn Store,
        owner: &Owner,
        mut meanwhile: impl AsyncFnMut(),
    ) -> Vec<RecentSession> {
        let (mut shown, mut max_timestamp) = (Vec::<RecentSession>::new(), 0);
        loop {
            let limit = self.limit(max_timestamp == 0);
            let option = QueryMySessionOption { limit, max_timestamp, ..Default::default() };
            let page = store.list_page(owner, &option).await.unwrap();
            self.show(&mut shown, page.session_list);
            if !page.has_more {
                return shown;
            }
            let next = shown.last().map_or(0, |row| row.update_time);
            let moves_on = max_timestamp == 0 || next < max_timestamp;
            assert!(moves_on, "{self:?} is stuck at {next} with {} rows", shown.len());
            max_timestamp = next;
            meanwhile().await;
        }
    }
}

fn owner(n: usize) -> Owner {
    Owner { app: "app".parse().unwrap(), account: format!("amy{n}").parse().unwrap() }
}

fn peer(n: u64) -> Account {
    format!("peer{n}").parse().unwrap()
}

fn message(owner: &Owner, from: u64, time: u64) -> Event {
    let post = Post { time, message_id: time.to_string(), last_msg: "{}".into() };
    let place = Place::P2p { from: peer(from), to: owner.account.clone() };
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

/// `tied` sessions in one millisecond, `before` older ones and `after` newer ones.
async fn fill(store: &dyn Store, owner: &Owner, [tied, before, after]: [u64; 3]) {
    let at = |n: u64| match n {
        n if n < tied => TIED,
        n if n < tied + before => TIED - (n - tied) - 1,
        n => TIED + (n - tied - before) + 1,
    };
    let events = (0..tied + before + after).map(|n| message(owner, n, at(n))).collect();
    store.ingest(&owner.app, events, MOVED).await.unwrap();
}

/// Runs every client over ties alone and ties among others, still and moving.
pub fn nim_clients_never_stick_and_lose_nothing_unchanged(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let mut number = 0;
        for tied in [1, 19, 20, 21, 25, 40, 41, 60, 300] {
            for (before, after) in [(0, 0), (30, 0), (0, 30), (50, 7)] {
                number += 1;
                let owner = owner(number);
                fill(&*store, &owner, [tied, before, after]).await;
                let rows = tied + before + after;
                for demo in Demo::ALL {
                    let shown = demo.page(&*store, &owner, async || {}).await;
                    assert_eq!(shown.len() as u64, rows, "{demo:?}: {tied} {before} {after}");
                    let ids: HashSet<_> = shown.iter().map(|row| &row.session_id).collect();
                    assert_eq!(ids.len() as u64, rows, "{demo:?} shows a row twice");
                    assert!(shown.is_sorted_by_key(|row| std::cmp::Reverse(row.update_time)));
                }
            }
        }
        for seed in 1..6 {
            for tied in [25, 60, 300] {
                for demo in Demo::ALL {
                    number += 1;
                    over_moving_rows(&*store, &owner(number), demo, tied, seed).await;
                }
            }
        }
        store.close().await;
    });
}

/// Between two requests some rows go to the top, some are deleted, some get an ext.
async fn over_moving_rows(store: &dyn Store, owner: &Owner, demo: Demo, tied: u64, seed: u64) {
    let (before, after) = (30, 30);
    fill(store, owner, [tied, before, after]).await;
    let rows = tied + before + after;
    let (mut changed, mut now, mut seed) = (HashSet::new(), MOVED, seed);
    let attempt = Attempt { now: MOVED, key: None };
    let shown = demo
        .page(store, owner, async || {
            for _ in 0..4 {
                let n = random(&mut seed, rows as usize) as u64;
                let id = SessionId::p2p(&peer(n));
                changed.insert(id.clone());
                match random(&mut seed, 4) {
                    0 => store.delete(owner, vec![id], &attempt).await.unwrap(),
                    1 => drop(store.update(owner, &id, "x".into(), &attempt).await.unwrap()),
                    _ => {
                        now += 1;
                        let event = message(owner, n, now);
                        store.ingest(&owner.app, vec![event], now).await.unwrap();
                    }
                }
            }
        })
        .await;
    let ids: HashSet<_> = shown.iter().map(|row| row.session_id.clone()).collect();
    let unchanged = (0..rows).map(|n| SessionId::p2p(&peer(n))).filter(|id| !changed.contains(id));
    for id in unchanged {
        assert!(ids.contains(&id), "{demo:?} lost {id} of {rows} rows");
    }
    assert!(!changed.is_empty(), "nothing moved");
}

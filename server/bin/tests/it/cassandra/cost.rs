//! What one account's calls cost among more and more others: the same, since a call reads and
//! writes its own partitions. A measurement, on a node named by `HUIHUA_CASSANDRA`:
//! `HUIHUA_ACCOUNTS=1000000 cargo test -p huihua-server --test it among_others -- --ignored
//! --nocapture`.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{INGEST_KEY, KEYSPACE, folder_with, node, token_of, unique, with_schema};
use crate::{
    config::ConfiguredServer,
    support::{Http, event},
};

/// Sessions of the account that is measured: a page.
const SESSIONS: u64 = 100;
/// Calls of each kind at each step; the median counts.
const CALLS: u64 = 201;
/// Events a request, and requests at once, when others are made.
const BATCH: u64 = 500;
const FILLERS: u64 = 4;
/// Who fills asks more often than an app may.
const RATES: &str = "account_requests_per_s = 1000000\napp_requests_per_s = 1000000\n\
     events_requests_per_s = 1000000\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: many accounts"]
async fn what_an_account_costs_among_others() {
    let Some(node) = node() else { return };
    let accounts_max: u64 =
        std::env::var("HUIHUA_ACCOUNTS").map_or(100_000, |text| text.parse().unwrap());
    with_schema(&node).await;
    let folder = folder_with(&node, KEYSPACE, RATES);
    let server = ConfiguredServer::start(folder.path(), &[]).await;
    let (http, name) = (&server.http, unique());
    let (amy, token) = (format!("amy{name}"), token_of(&format!("amy{name}")));
    let said: Vec<Value> =
        (1..=SESSIONS).map(|n| event("p2p", &format!("{n}{name}"), &amy, n)).collect();
    http.events(INGEST_KEY, json!(said)).await.ok();
    let (mut accounts, mut step, mut number) = (0, 1_000, SESSIONS);
    println!("accounts  page of 100  sync, nothing new  message  in ms, medians");
    while accounts < accounts_max {
        fill(&http.url, &name, accounts / 2, step / 2).await;
        accounts = step;
        step *= 10;
        let cursor = http.latest(&token).await;
        let page = median(async || drop(http.list(&token).await)).await;
        let nothing = format!("cursor={cursor}");
        let sync = median(async || drop(http.sync(&token, &nothing).await)).await;
        let mut messages = Vec::new();
        for _ in 0..CALLS {
            number += 1;
            let said = json!([event("p2p", &format!("1{name}"), &amy, number)]);
            messages.push(time_of(async { drop(http.events(INGEST_KEY, said).await.ok()) }).await);
        }
        let [page, sync, message] =
            [page, sync, middle(messages)].map(|time| time.as_secs_f64() * 1_000.0);
        println!("{accounts:>8}  {page:>11.2}  {sync:>17.2}  {message:>7.2}");
    }
}

/// Pairs of accounts that talk to each other, once.
async fn fill(url: &str, name: &str, from: u64, to: u64) {
    let tasks = (0..FILLERS).map(|filler| {
        let (http, name) = (Http::new(url.to_owned()), name.to_owned());
        tokio::spawn(async move {
            let starts = (from..to).step_by(BATCH as usize).enumerate();
            for (_, start) in starts.filter(|(at, _)| *at as u64 % FILLERS == filler) {
                let of = |n| event("p2p", &format!("f{n}{name}"), &format!("t{n}{name}"), n);
                let said: Vec<Value> = (start..to.min(start + BATCH)).map(of).collect();
                http.events(INGEST_KEY, json!(said)).await.ok();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn median(mut call: impl AsyncFnMut()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..CALLS {
        times.push(time_of(call()).await);
    }
    middle(times)
}

async fn time_of(call: impl Future<Output = ()>) -> Duration {
    let since = Instant::now();
    call.await;
    since.elapsed()
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

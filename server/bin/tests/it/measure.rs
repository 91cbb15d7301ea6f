//! Figures over the real server process, by hand:
//! `cargo test -p huihua-server --test it measure -- --ignored --nocapture --test-threads=1`.

#![allow(clippy::print_stdout, reason = "prints figures")]

use std::time::{Duration, Instant};

use huihua_core::{AccountForm, AppKey};
use huihua_http::app::{App, Secret};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{ServerProcess, T0, event, membership, token};

const CONNECTIONS: usize = 10_000;

/// Resident memory of the process, in bytes.
pub(crate) fn resident(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

pub(crate) fn app(server: &ServerProcess) -> App {
    App {
        key: AppKey::new(server.dev["appKey"].clone()).unwrap(),
        accounts: AccountForm::Nim,
        secret: Secret::new(""),
        token_keys: vec![Secret::new(server.dev["tokenKey"].clone())],
        ingest_keys: vec![Secret::new("")],
    }
}

#[tokio::test]
#[ignore = "a measurement: 10,000 connections"]
async fn ten_thousand_waiting_syncs_and_one_change() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let app = app(&server);
    let address = server.http.url.trim_start_matches("http://").to_owned();
    server.events(json!([event("p2p", "x", "y", 1)])).await;
    let before = resident(server.id());
    let began = Instant::now();
    let mut waiting = Vec::with_capacity(CONNECTIONS);
    for n in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "GET /v1/sync?cursor=latest&waitMs=30000 HTTP/1.1\r\nHost: x\r\n\
             Authorization: Bearer {}\r\n\r\n",
            token(&app, &format!("u{n}"))
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    // An answer after all of them means that the server has got through them.
    server.http.latest(&token(&app, "last")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = resident(server.id());
    let opened = began.elapsed();
    let each = (after - before) / CONNECTIONS;
    println!("{CONNECTIONS} waiting, opened in {opened:?}; {before} -> {after} B, {each} B each");
    let sent = Instant::now();
    server.events(json!([event("p2p", "x", "u5000", 2)])).await;
    waiting[5_000].readable().await.unwrap();
    println!("the one is woken {:?} after the event was sent", sent.elapsed());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_secs(29), "too slow a machine: waits have ended");
    let woken = |stream: &TcpStream| stream.try_read(&mut [0; 1]).is_ok();
    let woken: Vec<_> = (0..CONNECTIONS).filter(|n| woken(&waiting[*n])).collect();
    assert_eq!(woken, [5_000], "one change wakes one");
    drop(waiting);
}

/// Single events one after the other in four tasks, while `stop` is not reached; sorted latencies.
async fn write(server: &ServerProcess, from: u64, for_: Duration) -> Vec<Duration> {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4 {
        let (http, key) = (server.http.clone(), server.dev["ingestKey"].clone());
        tasks.spawn(async move {
            let (began, mut taken, mut n) = (Instant::now(), Vec::new(), from);
            while began.elapsed() < for_ {
                n += 1;
                let one = json!([event("p2p", &format!("w{task}"), "amy", n)]);
                let sent = Instant::now();
                http.events(&key, one).await.ok();
                taken.push(sent.elapsed());
            }
            taken
        });
    }
    let mut all = tasks.join_all().await.concat();
    all.sort();
    all
}

fn show(what: &str, taken: &[Duration]) {
    let at = |part: usize| taken[(taken.len() * part / 1_000).min(taken.len() - 1)];
    let (p50, p99, max) = (at(500), at(990), at(1_000));
    println!("{what}: {} writes, p50 {p50:?}, p99 {p99:?}, max {max:?}", taken.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: joins of 10,000"]
async fn other_writes_while_ten_thousand_join() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let accounts: Vec<String> = (0..10_000).map(|n| format!("m{n}")).collect();
    let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
    let for_ = Duration::from_secs(6);
    show("without a join", &write(&server, 0, for_).await);
    let (http, key) = (server.http.clone(), server.dev["ingestKey"].clone());
    let joins = async {
        let (began, mut taken) = (Instant::now(), Vec::new());
        while began.elapsed() < for_ {
            let team = taken.len().to_string();
            let sent = Instant::now();
            let done = http.events(&key, json!([membership("join", &team, &accounts, T0)])).await;
            assert_eq!(done.ok()["results"], json!([{"status": "applied"}]) as Value);
            taken.push(sent.elapsed());
        }
        taken.sort();
        taken
    };
    let (others, joins) = tokio::join!(write(&server, 1_000_000, for_), joins);
    show("while 10,000 join, again and again", &others);
    show("the joins", &joins);
}

//! `kill -9` during a stream of signed copies: after the restart everything that was answered 200
//! is in its lists. 5 rounds here; `HUIHUA_KILL_ROUNDS=50 cargo test -p huihua-server kill_9` for
//! more.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::support::{Process, T0, message, notice, printed_token};

/// Deliveries at one time, as NIM uses several connections.
const SENDERS: u64 = 8;

/// The copy of number `n` and the session of amy's that it must move. Few sessions, so that most
/// copies outrank an older one; teams, whose heads are written elsewhere; and a session of its own.
fn copy(n: u64) -> (String, String) {
    match n % 4 {
        0 => (message("TEAM", "bob", "1", n), "team|1".to_owned()),
        1 => (message("SUPER_TEAM", "bob", "1", n), "super_team|1".to_owned()),
        2 => (message("PERSON", "bob", "amy", n), "p2p|bob".to_owned()),
        _ => (message("PERSON", &format!("u{n}"), "amy", n), format!("p2p|u{n}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_outlives_kill_9() {
    let rounds = std::env::var("HUIHUA_KILL_ROUNDS").map_or(5, |text| text.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let next = Arc::new(AtomicU64::new(10));
    // The newest number answered 200, by session.
    let mut answered: HashMap<String, u64> = HashMap::new();
    for round in 0..rounds {
        let mut server = Process::start(folder.path()).await;
        if round == 0 {
            for (n, kind) in [(1, "TEAM"), (2, "SUPER_TEAM")] {
                let attach = serde_json::json!({"id": 0, "data": {"ids": ["amy"]}});
                let join = notice(kind, "bob", "1", n, &attach);
                assert_eq!(server.copy(&join).await.unwrap().status, 200);
            }
        }
        let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
        let server_copy = Arc::new((server.http.clone(), server.dev.clone()));
        for _ in 0..SENDERS {
            let (acknowledge, next) = (acknowledge.clone(), Arc::clone(&next));
            let server = Arc::clone(&server_copy);
            tokio::spawn(async move {
                let (http, dev) = &*server;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let (body, session) = copy(n);
                    match http.try_copy(&dev["appKey"], &dev["appSecret"], &body).await {
                        Ok(answer) if answer.status == 200 => {
                            acknowledge.send((session, n)).unwrap();
                        }
                        // Killed. What was not answered may be there or not.
                        _ => return,
                    }
                }
            });
        }
        drop(acknowledge);
        let kill_after = 30 + round * 41 % 170;
        let mut count = 0;
        while let Some((session, n)) = acknowledged.recv().await {
            let newest = answered.entry(session).or_default();
            *newest = n.max(*newest);
            count += 1;
            if count == kill_after {
                // The senders go on meanwhile: the kill falls between their writes and answers.
                server.kill();
            }
        }
        assert!(count >= kill_after, "round {round}: the stream broke before the kill");
        assert_all_there(folder.path(), &answered, round).await;
    }
}

async fn assert_all_there(folder: &std::path::Path, answered: &HashMap<String, u64>, round: u64) {
    let server = Process::start(folder).await;
    let rows = server.http.list(&printed_token(folder, "amy")).await;
    let listed: HashMap<&str, u64> = rows
        .iter()
        .map(|row| (row["sessionId"].as_str().unwrap(), row["updateTime"].as_u64().unwrap() - T0))
        .collect();
    for (session, n) in answered {
        let there = listed.get(session.as_str());
        assert!(there >= Some(n), "round {round}: {session} shows {there:?}, {n} was answered");
    }
    let senders = answered.keys().filter_map(|id| id.strip_prefix("p2p|u").map(|n| ("u", n)));
    for (letter, n) in senders.take(10) {
        let token = printed_token(folder, &format!("{letter}{n}"));
        assert_eq!(server.http.list(&token).await.len(), 1, "the sender's own list");
    }
}

//! Lists stay exact under load over HTTP: several connections write while clients walk by page
//! token and sync. When the writers pause, each client's list is the server's.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};

use crate::support::{TestServer, event, membership};

const ROUNDS: u64 = 12;
const WRITERS: u64 = 4;
const WRITES: u64 = 30;
const CLIENTS: [&str; 3] = ["amy", "bob", "cat"];

/// A client's list, as rows by id.
#[derive(Default)]
struct ListClient {
    rows: BTreeMap<String, Value>,
    cursor: Option<String>,
}

impl ListClient {
    /// Walks by token, with another page size on each page, and takes the first page's cursor.
    async fn walk(&mut self, server: &TestServer, token: &str, mut size: u64) {
        self.rows.clear();
        let (mut path, mut first) = (format!("/v1/sessions?limit={size}"), None);
        loop {
            let page = server.http.get(&path, token).await.ok();
            first.get_or_insert(page["syncCursor"].clone());
            for row in page["sessionList"].as_array().unwrap() {
                let id = row["sessionId"].as_str().unwrap().to_owned();
                assert!(self.rows.insert(id, row.clone()).is_none(), "a row twice in one walk");
            }
            let Some(next) = page["nextPageToken"].as_str() else { break };
            size = size % 7 + 1;
            path = format!("/v1/sessions?pageToken={next}&limit={size}");
        }
        self.cursor = first.unwrap().as_str().map(str::to_owned);
    }

    /// Syncs to the end.
    async fn sync(&mut self, server: &TestServer, token: &str, limit: u64) {
        loop {
            let cursor = self.cursor.take().map_or(String::new(), |text| format!("cursor={text}&"));
            let page = server.http.sync(token, &format!("{cursor}limit={limit}")).await;
            assert_eq!(page["reset"], false);
            for change in page["changes"].as_array().unwrap() {
                match change["deleted"].as_str() {
                    Some(id) => drop(self.rows.remove(id)),
                    None => {
                        let id = change["session"]["sessionId"].as_str().unwrap().to_owned();
                        self.rows.insert(id, change["session"].clone());
                    }
                }
            }
            self.cursor = page["cursor"].as_str().map(str::to_owned);
            if page["hasMore"] == false {
                return;
            }
        }
    }
}

/// Event number `n`: p2p, team, recall and edit before or after their message, with its time or
/// another, join, leave; about eight to a millisecond.
fn write_of(n: u64) -> Value {
    let client = CLIENTS[(n % 3) as usize];
    let peer = format!("u{}", n * 7 % 20);
    let message = |kind: &str, to: &str, n: u64| {
        let mut event = event(kind, &peer, to, n);
        event["time"] = json!(event["time"].as_u64().unwrap() - n + n / 8);
        event
    };
    let nearby = n + 9 - n % 18;
    match n % 11 {
        0..=3 => message("p2p", client, n),
        4 => message("team", "7", n),
        // The team that everybody is in from the first and nobody deletes.
        5 => message("team", "8", n),
        6 => {
            // Of a message nearby, which may come later.
            let of = message("p2p", client, nearby);
            let time = of["time"].as_u64().unwrap();
            let claimed = [time, time / 1_000, time - 2][(n % 3) as usize];
            json!({
                "type": "recall", "sessionType": "p2p", "from": of["from"], "to": of["to"],
                "messageTime": claimed, "messageId": of["messageId"], "time": of["time"],
            })
        }
        9 | 10 => {
            let (kind, to) = if n % 11 == 9 { ("p2p", client) } else { ("team", "8") };
            let of = message(kind, to, nearby);
            json!({
                "type": "edit", "sessionType": kind, "from": of["from"], "to": to,
                "messageId": of["messageId"], "time": of["time"], "body": format!("edit {n}"),
            })
        }
        7 => membership("join", "7", &[client], message("team", "7", n)["time"].as_u64().unwrap()),
        _ if n.is_multiple_of(2) => {
            membership("leave", "7", &[client], message("team", "7", n)["time"].as_u64().unwrap())
        }
        _ => message("super_team", "7", n),
    }
}

async fn writer(server: Arc<TestServer>, next: Arc<AtomicU64>, seed: u64) {
    for step in 0..WRITES {
        let n = next.fetch_add(1, Ordering::Relaxed);
        server.events(json!([write_of(n), write_of(n / 2)])).await;
        let client = CLIENTS[((n + seed) % 3) as usize];
        let token = server.token("a", client);
        let id = format!("p2p|u{}", n * 3 % 20);
        match (step + seed) % 5 {
            0 => assert_eq!(server.http.set_ext(&id, &token, &format!("{n}")).await.status, 200),
            1 => assert_eq!(server.http.delete(&[&id, "team|7"], &token).await.status, 204),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_over_http_are_exact_when_the_writers_pause() {
    let server = Arc::new(TestServer::start().await);
    server.events(json!([membership("join", "8", &CLIENTS, 1)])).await;
    let next = Arc::new(AtomicU64::new(1));
    let mut synced: Vec<ListClient> = CLIENTS.iter().map(|_| ListClient::default()).collect();
    let mut walked: Vec<ListClient> = CLIENTS.iter().map(|_| ListClient::default()).collect();
    for round in 0..ROUNDS {
        let writers: Vec<_> = (0..WRITERS)
            .map(|seed| tokio::spawn(writer(Arc::clone(&server), Arc::clone(&next), seed)))
            .collect();
        while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
            for (at, client) in CLIENTS.iter().enumerate() {
                let token = server.token("a", client);
                walked[at].walk(&server, &token, round % 7 + 1).await;
                synced[at].sync(&server, &token, round % 5 + 1).await;
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        for (at, client) in CLIENTS.iter().enumerate() {
            let token = server.token("a", client);
            let rows = server.http.list(&token).await;
            let list: BTreeMap<String, Value> = rows
                .into_iter()
                .map(|row| (row["sessionId"].as_str().unwrap().to_owned(), row))
                .collect();
            walked[at].sync(&server, &token, 3).await;
            synced[at].sync(&server, &token, 3).await;
            assert!(list.len() > 5);
            assert_eq!(walked[at].rows, list, "{client}, walked and synced, round {round}");
            assert_eq!(synced[at].rows, list, "{client}, synced alone, round {round}");
        }
    }
}

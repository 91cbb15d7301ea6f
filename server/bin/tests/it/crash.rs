//! `kill -9` under a load of signed copies, events, exts and deletes: after the restart everything
//! that was answered is in the lists, no batch is half there, and a device that syncs goes on from
//! its cursor. 10 rounds here; more by
//! `HUIHUA_KILL_ROUNDS=200 cargo test -p huihua-server --test it kill_9`.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinSet};

use crate::support::{
    Http, ServerProcess, T0, edit, event, message, notice, printed_token, recall,
};

/// Deliveries of copies at one time, as NIM uses several connections.
const COPIES: u64 = 5;
/// Senders of batches of events at one time.
const BATCHES: u64 = 2;
/// Messages of a batch, each of a session of its own.
const BATCH_MESSAGES: u64 = 7;

/// What one call was answered, by the number that it carried.
enum Answered {
    /// Amy's session shows this number or a later one.
    Copy(String, u64),
    /// All sessions of this sender's batches do.
    Batch(u64, u64),
    /// The ext of amy's session with bob.
    Ext(u64),
    /// Messages up to here of the sessions that are deleted are not seen again.
    Deleted(u64),
}

/// The latest of each.
#[derive(Default)]
struct NewestAnswered {
    copies: HashMap<String, u64>,
    batches: HashMap<u64, u64>,
    ext: u64,
    deleted: u64,
}

impl NewestAnswered {
    fn note(&mut self, answered: Answered) {
        let (newest, n) = match answered {
            Answered::Copy(session, n) => (self.copies.entry(session).or_default(), n),
            Answered::Batch(sender, n) => (self.batches.entry(sender).or_default(), n),
            Answered::Ext(n) => (&mut self.ext, n),
            Answered::Deleted(n) => (&mut self.deleted, n),
        };
        *newest = n.max(*newest);
    }
}

/// One sender's connection to a server that will be killed.
#[derive(Clone)]
struct LoadSender {
    http: Http,
    dev: HashMap<String, String>,
    token: String,
    next: Arc<AtomicU64>,
    acknowledge: mpsc::UnboundedSender<Answered>,
}

impl LoadSender {
    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether the call was answered with this status; what was not answered may be done or not.
    async fn call(
        &self,
        method: Method,
        path: &str,
        bearer: &str,
        body: Value,
        wanted: u16,
    ) -> bool {
        let (bearer, key) = (format!("Bearer {bearer}"), format!("k{}", self.next()));
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", key.as_str()),
        ];
        // The route for events ignores the key, like any unknown header.
        let answer = self.http.try_send(method, path, &headers, body.to_string()).await;
        answer.is_ok_and(|answer| answer.status == wanted)
    }

    async fn events(&self, events: Vec<Value>) -> bool {
        let body = json!({ "events": events });
        self.call(Method::POST, "/v1/events", &self.dev["ingestKey"], body, 200).await
    }

    /// Few sessions, so that most copies outrank an older one; teams, whose heads are written
    /// elsewhere; and now and then a session of its own.
    async fn copies(self) {
        loop {
            let n = self.next();
            let own = format!("u{n}");
            let (kind, from, to, session) = match n % 8 {
                0..3 => ("TEAM", "bob", "1", "team|1".to_owned()),
                3..5 => ("SUPER_TEAM", "bob", "1", "super_team|1".to_owned()),
                5..7 => ("PERSON", "bob", "amy", "p2p|bob".to_owned()),
                _ => ("PERSON", own.as_str(), "amy", format!("p2p|u{n}")),
            };
            let mut copies = vec![message(kind, from, to, n)];
            copies.extend(match is_amended(n) {
                Amended::No => None,
                Amended::Edited => Some(edit(kind, from, to, n, n + 5, &edited_text(n))),
                // By a backend that keeps seconds.
                Amended::Recalled => Some(recall(kind, from, to, n, (T0 + n) / 1_000)),
            });
            if n.is_multiple_of(2) {
                copies.reverse();
            }
            for copy in &copies {
                let (key, secret) = (&self.dev["appKey"], &self.dev["appSecret"]);
                let sent = self.http.try_copy(key, secret, copy).await;
                if sent.is_err() || sent.is_ok_and(|answer| answer.status != 200) {
                    return;
                }
            }
            self.acknowledge.send(Answered::Copy(session, n)).unwrap();
        }
    }

    async fn batches(self, sender: u64) {
        loop {
            let n = self.next();
            let batch = (0..BATCH_MESSAGES).map(|at| event("p2p", &peer(sender, at), "amy", n));
            if !self.events(batch.collect()).await {
                return;
            }
            self.acknowledge.send(Answered::Batch(sender, n)).unwrap();
        }
    }

    async fn exts(self) {
        loop {
            let (n, path) = (self.next(), "/v1/sessions/p2p%7Cbob/ext");
            let body = json!({ "ext": n.to_string() });
            if !self.call(Method::PUT, path, &self.token, body, 200).await {
                return;
            }
            self.acknowledge.send(Answered::Ext(n)).unwrap();
        }
    }

    /// A batch of messages, and the deletion of all their sessions.
    async fn deletes(self) {
        loop {
            let n = self.next();
            let senders: Vec<String> = (0..BATCH_MESSAGES).map(|at| format!("d{at}")).collect();
            let batch = senders.iter().map(|from| event("p2p", from, "amy", n)).collect();
            let ids: Vec<String> = senders.iter().map(|from| format!("p2p|{from}")).collect();
            let body = json!({ "sessionIds": ids });
            let path = "/v1/sessions/delete";
            if !self.events(batch).await
                || !self.call(Method::POST, path, &self.token, body, 204).await
            {
                return;
            }
            self.acknowledge.send(Answered::Deleted(n)).unwrap();
        }
    }
}

/// What happens to message `n` of the copies, before it or after it.
#[derive(Debug, PartialEq)]
enum Amended {
    No,
    Edited,
    Recalled,
}

fn is_amended(n: u64) -> Amended {
    match n / 8 % 3 {
        0 => Amended::No,
        1 => Amended::Edited,
        _ => Amended::Recalled,
    }
}

fn edited_text(n: u64) -> String {
    format!("edited {n}")
}

/// Whether the row shows message `n` as it was amended.
fn shows_amended(row: &Value, n: u64) -> bool {
    let (is_recall, text) = (row["lastMsgType"] == 1, &row["lastMsg"]["9"]);
    match is_amended(n) {
        Amended::No => !is_recall && *text == format!("body {n}"),
        Amended::Edited => !is_recall && *text == edited_text(n),
        Amended::Recalled => is_recall && text.is_null(),
    }
}

fn peer(sender: u64, at: u64) -> String {
    format!("e{sender}-{at}")
}

/// A device that lives through all crashes, and only syncs.
#[derive(Default)]
struct SyncingDevice {
    cursor: Option<String>,
    rows: BTreeMap<String, Value>,
}

impl SyncingDevice {
    /// Syncs once; `None` when the server is gone, else whether there is more.
    async fn sync(&mut self, http: &Http, token: &str) -> Option<bool> {
        let cursor = self.cursor.as_ref().map_or(String::new(), |at| format!("&cursor={at}"));
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        let path = format!("/v1/sync?limit=9{cursor}");
        let answer = http.try_send(Method::GET, &path, &headers, "").await.ok()?;
        let page = answer.ok();
        assert_eq!(page["reset"], false, "its cursor is forgotten");
        for change in page["changes"].as_array().unwrap() {
            match change["deleted"].as_str() {
                Some(id) => drop(self.rows.remove(id)),
                None => {
                    let session = change["session"].clone();
                    let id = session["sessionId"].as_str().unwrap().to_owned();
                    self.rows.insert(id, session);
                }
            }
        }
        self.cursor = Some(page["cursor"].as_str().unwrap().to_owned());
        Some(page["hasMore"] == true)
    }
}

/// Loads the server until it was answered so often, and kills it under way.
async fn load_and_kill(
    mut server: ServerProcess,
    (token, next): (&str, &Arc<AtomicU64>),
    (known, device): (&mut NewestAnswered, &mut SyncingDevice),
    kill_after: u64,
) {
    let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
    let (http, token) = (server.http.clone(), token.to_owned());
    let (dev, next) = (server.dev.clone(), Arc::clone(next));
    let load = LoadSender { http: http.clone(), dev, token: token.clone(), next, acknowledge };
    let mut senders = JoinSet::new();
    for _ in 0..COPIES {
        senders.spawn(load.clone().copies());
    }
    for sender in 0..BATCHES {
        senders.spawn(load.clone().batches(sender));
    }
    senders.spawn(load.clone().exts());
    senders.spawn(load.deletes());
    let mut count = 0;
    let answers = async {
        while let Some(answered) = acknowledged.recv().await {
            known.note(answered);
            count += 1;
            if count == kill_after {
                // The senders go on meanwhile: the kill falls between their writes and answers.
                server.kill();
            }
        }
    };
    let syncs = async { while device.sync(&http, &token).await.is_some() {} };
    tokio::join!(answers, syncs);
    assert!(count >= kill_after, "the stream broke before the kill");
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
}

async fn assert_all_there(
    server: &ServerProcess,
    folder: &Path,
    known: &NewestAnswered,
    device: &mut SyncingDevice,
) {
    let token = printed_token(folder, "amy");
    let list = server.http.list(&token).await;
    let rows = list.iter().map(|row| (row["sessionId"].as_str().unwrap(), row));
    let rows: HashMap<&str, &Value> = rows.collect();
    let number = |id: &str| rows.get(id).map(|row| row["updateTime"].as_u64().unwrap() - T0);
    for (session, n) in &known.copies {
        assert!(number(session) >= Some(*n), "{session} shows {:?}, not {n}", number(session));
        let row = rows[session.as_str()];
        let is_right = number(session) != Some(*n) || shows_amended(row, *n);
        assert!(is_right, "{row} where {n} was {:?}", is_amended(*n));
    }
    for (sender, n) in &known.batches {
        let shown = |at| number(&format!("p2p|{}", peer(*sender, at)));
        assert!(shown(0) >= Some(*n), "batch {n} of {sender} is not there");
        assert!((1..BATCH_MESSAGES).all(|at| shown(at) == shown(0)), "half a batch");
    }
    let deleted = |at| number(&format!("p2p|d{at}"));
    assert!((1..BATCH_MESSAGES).all(|at| deleted(at) == deleted(0)), "half a delete or a batch");
    assert!(deleted(0).is_none_or(|n| n > known.deleted), "back after its deletion");
    let ext = rows.get("p2p|bob").map_or("", |row| row["ext"].as_str().unwrap());
    let ext: u64 = ext.parse().unwrap_or(0);
    assert!(ext >= known.ext, "ext {ext} where {} was answered", known.ext);
    for id in known.copies.keys().filter_map(|id| id.strip_prefix("p2p|u")).take(5) {
        let of_sender = printed_token(folder, &format!("u{id}"));
        assert_eq!(server.http.list(&of_sender).await.len(), 1, "the sender's own list");
    }
    while device.sync(&server.http, &token).await.unwrap() {}
    let expected: BTreeMap<String, Value> = list
        .iter()
        .map(|row| (row["sessionId"].as_str().unwrap().to_owned(), row.clone()))
        .collect();
    assert_eq!(device.rows, expected, "a cursor skipped something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_outlives_kill_9() {
    let rounds = std::env::var("HUIHUA_KILL_ROUNDS").map_or(10, |text| text.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let next = Arc::new(AtomicU64::new(10));
    let (mut known, mut device) = (NewestAnswered::default(), SyncingDevice::default());
    let server = ServerProcess::start(folder.path()).await;
    for (n, kind) in [(1, "TEAM"), (2, "SUPER_TEAM")] {
        let attach = json!({"id": 0, "data": {"ids": ["amy"]}});
        let join = notice(kind, "bob", "1", n, &attach);
        assert_eq!(server.copy(&join).await.unwrap().status, 200);
    }
    let (mut server, token) = (server, printed_token(folder.path(), "amy"));
    for round in 0..rounds {
        let (calls, kept) = ((token.as_str(), &next), (&mut known, &mut device));
        load_and_kill(server, calls, kept, 40 + round * 41 % 170).await;
        server = ServerProcess::start(folder.path()).await;
        assert_all_there(&server, folder.path(), &known, &mut device).await;
    }
    println!("{rounds} kills, {} calls", next.load(Ordering::Relaxed));
    assert!(known.ext > 0 && known.deleted > 0 && known.batches.len() as u64 == BATCHES);
}

//! `kill -9` of two servers on one keyspace, in turn and under load: the SDK's clients go on with
//! the other one (`serverUrls`) without one failed call, nothing that was acknowledged is lost, and
//! what has a key is done once. 4 kills here; more by `HUIHUA_KILL_ROUNDS=50 cargo test -p
//! huihua-server --test it servers_that_are_killed`.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use huihua_core::{
    Code, QueryMySessionOption, SessionChange, SyncOption,
    client::{Options, SessionService},
};
use serde_json::{Value, json};

use super::{INGEST_KEY, KEYSPACE, folder, node, token_of, unique, with_schema};
use crate::{
    config::ConfiguredServer,
    nim::{sdk::Sdk, seed::Seed},
    sdk::{Fixed, code},
    support::{Http, event},
};

/// Calls of every kind between two kills.
const CALLS_A_ROUND: u64 = 12;
/// Longest wait for a call of the app's own server, which goes from server to server until it is
/// answered; and for the load to go on.
const WAIT_MAX: Duration = Duration::from_secs(90);

/// What all callers share.
struct Load {
    urls: [String; 2],
    name: String,
    is_over: AtomicBool,
    /// Calls that were answered, of each kind: the kills wait for all of them.
    answered: [AtomicU64; 5],
}

/// The kinds of calls.
const EXTS: usize = 0;
const MESSAGES: usize = 1;
const DELETES: usize = 2;
const TEAMS: usize = 3;
const SYNCS: usize = 4;

impl Load {
    fn account(&self, who: &str) -> String {
        format!("{who}{}", self.name)
    }

    /// The SDK of an account, which knows both servers.
    fn service(&self, who: &str) -> SessionService {
        let provider = Arc::new(Fixed(token_of(&self.account(who))));
        let options = Options::new("", provider);
        SessionService::new(Options { server_urls: self.urls.to_vec(), ..options }).unwrap()
    }

    /// Counts an answer; whether there are more calls to make.
    fn goes_on(&self, kind: usize) -> bool {
        self.answered[kind].fetch_add(1, Ordering::SeqCst);
        !self.is_over.load(Ordering::SeqCst)
    }

    /// Sends events as the app's own server does: to one server or the other, until it is answered.
    async fn send(&self, events: Value) {
        let body = json!({ "events": events }).to_string();
        let bearer = format!("Bearer {INGEST_KEY}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let servers = self.urls.each_ref().map(|url| Http::new(url.clone()));
        let since = Instant::now();
        for http in servers.iter().cycle() {
            assert!(since.elapsed() < WAIT_MAX, "events are not taken");
            let sent = http.try_send(reqwest::Method::POST, "/v1/events", &headers, body.clone());
            match sent.await {
                Ok(answer) if answer.status == 200 => return,
                Ok(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Amy's exts on one session; returns the last one that was acknowledged.
    async fn exts(&self) -> u64 {
        let (amy, id) = (self.service("amy"), format!("p2p|{}", self.account("bob")));
        let mut n = 0;
        loop {
            n += 1;
            let row = amy.update_my_session(&id, &n.to_string()).await.unwrap();
            assert_eq!(row.ext, n.to_string());
            if !self.goes_on(EXTS) {
                return n;
            }
        }
    }

    /// Messages to amy from three peers; returns the last number of each that was acknowledged.
    async fn messages(&self) -> BTreeMap<String, u64> {
        let mut last = BTreeMap::new();
        for n in 1.. {
            let from = self.account(&format!("u{}", n % 3));
            self.send(json!([event("p2p", &from, &self.account("amy"), n)])).await;
            last.insert(format!("p2p|{from}"), n);
            if !self.goes_on(MESSAGES) {
                break;
            }
        }
        last
    }

    /// A delete that is done a second time would hide the message that came after the first.
    async fn deletes(&self) -> u64 {
        let (dan, from) = (self.service("dan"), self.account("eve"));
        let id = format!("p2p|{from}");
        let mut n = 0;
        loop {
            n += 2;
            self.send(json!([event("p2p", &from, &self.account("dan"), n)])).await;
            assert_eq!(dan.query_my_session(&id).await.unwrap().session_id.to_string(), id);
            dan.delete_my_session(std::slice::from_ref(&id)).await.unwrap();
            let gone = dan.query_my_session(&id).await.unwrap_err();
            assert_eq!(code(gone), Code::NotFound);
            self.send(json!([event("p2p", &from, &self.account("dan"), n + 1)])).await;
            dan.query_my_session(&id).await.expect("a delete hid a message that came after it");
            if !self.goes_on(DELETES) {
                return n + 1;
            }
        }
    }

    /// Teams, each by a call of NIM's API with its request id, sent again until it is answered;
    /// returns how many.
    async fn teams(&self) -> u64 {
        let sdks = self.urls.each_ref().map(|url| Sdk::new(url, "a", "s", Seed::printed("kills")));
        let (own, members) = (self.account("own"), json!([self.account("amy")]).to_string());
        let mut n = 0;
        loop {
            n += 1;
            let parameters = [
                ("tname", "t"),
                ("owner", own.as_str()),
                ("members", members.as_str()),
                ("msg", "m"),
                ("magree", "0"),
                ("joinmode", "0"),
            ];
            let request = sdks[0].request("/team/create.action", &parameters);
            let since = Instant::now();
            for url in self.urls.iter().cycle() {
                assert!(since.elapsed() < WAIT_MAX, "a team is not made");
                let headers: Vec<_> =
                    request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let http = Http::new(url.clone());
                let (method, body) = (request.method.clone(), request.body.clone());
                let sent = http.try_send(method, &request.path, &headers, body).await;
                if sent.is_ok_and(|answer| answer.status == 200 && answer.json()["code"] == 200) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if !self.goes_on(TEAMS) {
                return n;
            }
        }
    }

    /// A device that only syncs, over every kill; returns its cursor and what it holds.
    async fn syncs(&self) -> Device {
        let amy = self.service("amy");
        let mut device = Device::default();
        loop {
            device.sync(&amy).await;
            if !self.goes_on(SYNCS) {
                return device;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends when so many calls of every kind were answered.
    async fn until(&self, calls: u64) {
        let since = Instant::now();
        while self.answered.iter().any(|count| count.load(Ordering::SeqCst) < calls) {
            assert!(since.elapsed() < WAIT_MAX, "{calls} calls: {:?}", self.answered);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[derive(Default)]
struct Device {
    cursor: Option<String>,
    rows: BTreeMap<String, Value>,
}

impl Device {
    /// Syncs to the end.
    async fn sync(&mut self, amy: &SessionService) {
        loop {
            let option = SyncOption { cursor: self.cursor.clone(), limit: 7, ..Default::default() };
            let page = amy.sync(&option).await.unwrap();
            assert!(!page.reset, "its cursor is forgotten");
            for change in page.changes {
                match change {
                    SessionChange::Session(row) => {
                        let row = serde_json::to_value(row).unwrap();
                        self.rows.insert(row["sessionId"].as_str().unwrap().to_owned(), row);
                    }
                    SessionChange::Deleted(id) => drop(self.rows.remove(&id.to_string())),
                }
            }
            self.cursor = Some(page.cursor);
            if !page.has_more {
                return;
            }
        }
    }
}

async fn whole_list(amy: &SessionService) -> BTreeMap<String, Value> {
    let mut option = QueryMySessionOption::default();
    let mut rows = BTreeMap::new();
    loop {
        let page = amy.query_my_session_list(&option).await.unwrap();
        for row in page.session_list {
            let row = serde_json::to_value(row).unwrap();
            rows.insert(row["sessionId"].as_str().unwrap().to_owned(), row);
        }
        option.page_token = page.next_page_token;
        if !page.has_more {
            return rows;
        }
    }
}

async fn start(folder: &Path, url: &str) -> ConfiguredServer {
    let listen = url.split_once("://").map_or("127.0.0.1:0", |(_, address)| address);
    ConfiguredServer::start(folder, &["--listen", listen]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_are_killed_lose_nothing_and_clients_go_on_with_the_other() {
    let Some(node) = node() else { return };
    let rounds = std::env::var("HUIHUA_KILL_ROUNDS").map_or(4, |text| text.parse().unwrap());
    with_schema(&node).await;
    let folders = [folder(&node, KEYSPACE), folder(&node, KEYSPACE)];
    let mut servers = [start(folders[0].path(), "").await, start(folders[1].path(), "").await];
    let urls = servers.each_ref().map(|server| server.http.url.clone());
    let (name, is_over) = (unique(), AtomicBool::new(false));
    let load = Arc::new(Load { urls, name, is_over, answered: Default::default() });
    let of = || Arc::clone(&load);
    let (a, b, c, d, e) = (of(), of(), of(), of(), of());
    let exts = tokio::spawn(async move { a.exts().await });
    let messages = tokio::spawn(async move { b.messages().await });
    let deletes = tokio::spawn(async move { c.deletes().await });
    let teams = tokio::spawn(async move { d.teams().await });
    let syncs = tokio::spawn(async move { e.syncs().await });
    for round in 0..rounds {
        let at = round % 2;
        // The callers go on meanwhile: the kill falls between their writes and answers.
        load.until((round as u64 + 1) * CALLS_A_ROUND).await;
        let url = load.urls[at].clone();
        // Dropped, it is killed; the new one takes its address.
        let [one, other] = servers;
        let (killed, left) = if at == 0 { (one, other) } else { (other, one) };
        drop(killed);
        load.until((round as u64 + 1) * CALLS_A_ROUND + CALLS_A_ROUND / 2).await;
        let new = start(folders[at].path(), &url).await;
        servers = if at == 0 { [new, left] } else { [left, new] };
    }
    load.until((rounds as u64 + 1) * CALLS_A_ROUND).await;
    load.is_over.store(true, Ordering::SeqCst);
    let (ext, last, said, made) = (
        exts.await.unwrap(),
        messages.await.unwrap(),
        deletes.await.unwrap(),
        teams.await.unwrap(),
    );
    let mut device = syncs.await.unwrap();

    let amy = load.service("amy");
    let list = whole_list(&amy).await;
    let with_bob = &list[&format!("p2p|{}", load.account("bob"))];
    assert_eq!(with_bob["ext"], ext.to_string());
    for (id, n) in &last {
        assert_eq!(list[id]["lastMsg"]["9"], format!("body {n}"), "{id}");
    }
    let dan = whole_list(&load.service("dan")).await;
    let with_eve = &dan[&format!("p2p|{}", load.account("eve"))];
    assert_eq!(with_eve["lastMsg"]["9"], format!("body {said}"));
    let sdk = Sdk::new(&load.urls[0], "a", "s", Seed::printed("kills"));
    let joined = sdk.ok("/team/joinTeams.action", &[("accid", &load.account("own"))]).await;
    let teams = joined["infos"].as_array().unwrap().len() as u64;
    assert_eq!(teams, made, "a team was made twice, or is lost");
    device.sync(&amy).await;
    assert_eq!(device.rows, list, "a cursor skipped something");
    for server in &servers {
        assert_eq!(server.http.list(&token_of(&load.account("amy"))).await.len(), list.len());
    }
    println!("{rounds} kills, answered: {:?}", load.answered);
}

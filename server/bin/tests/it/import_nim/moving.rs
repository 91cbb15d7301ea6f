//! A whole app moves from one real server, which plays NIM through its own server API, to another,
//! while copies stream into both and the importer is killed again and again. Then both ends are
//! compared. 1,000 accounts; fewer by
//! `HUIHUA_IMPORT_ACCOUNTS=150 cargo test -p huihua-server --test it moves_whole`.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use huihua_http::clock;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::run::Importing;
use crate::{
    nim::{sdk::Sdk, seed::Seed},
    support::{TestServer, app, notice},
};

/// How often the importer is killed.
const KILLS: u64 = 10;
/// Events of a request.
const BATCH: usize = 500;
/// Most accounts of one call that changes a team.
const CALL_MAX: usize = 200;

/// The sizes of an app.
struct Size {
    accounts: usize,
    teams: usize,
    /// Members of the largest team, and of both super teams.
    large: usize,
    super_teams: [usize; 2],
}

impl Size {
    fn of_environment() -> Self {
        let accounts =
            std::env::var("HUIHUA_IMPORT_ACCOUNTS").map_or(1_000, |n| n.parse().unwrap());
        Self {
            accounts,
            teams: accounts / 5,
            large: accounts * 3,
            super_teams: [accounts * 9 / 20 + 150, accounts / 10],
        }
    }
}

/// An app at NIM.
struct NimApp {
    server: TestServer,
    sdk: Sdk,
    accounts: Vec<String>,
    /// Kind of copy, id and members.
    teams: Vec<(&'static str, String, Vec<String>)>,
    /// The time of message 0; later numbers are later.
    start: u64,
}

/// The first ones of `all` from `at` on.
fn some(all: &[String], at: usize, count: usize) -> Vec<String> {
    (0..count.min(all.len())).map(|n| all[(at + n) % all.len()].clone()).collect()
}

impl NimApp {
    async fn new(size: &Size, seed: &mut Seed) -> Self {
        let server = TestServer::start().await;
        let secret = server.app("a").secret.expose();
        let sdk = Sdk::new(&server.http.url, "a", secret, seed.fork());
        let accounts: Vec<String> = (0..size.accounts).map(|n| format!("u{n}")).collect();
        let outside = (0..size.large).map(|n| format!("x{n}"));
        let everybody: Vec<String> = accounts.iter().cloned().chain(outside).collect();
        let mut app = Self { server, sdk, accounts, teams: Vec::new(), start: 0 };
        app.team("TEAM", &some(&everybody, 0, size.large)).await;
        for n in 1..size.teams {
            let members = some(&app.accounts, n * 7, 3 + n % 30);
            app.team("TEAM", &members).await;
        }
        for count in size.super_teams {
            app.team("SUPER_TEAM", &some(&everybody, 0, count)).await;
        }
        app.start = clock::now_ms();
        app
    }

    /// Creates a team; its members come in by calls of 200, each in one millisecond.
    async fn team(&mut self, kind: &'static str, members: &[String]) {
        let owner = members[0].as_str();
        let (create, add, list) = if kind == "TEAM" {
            ("/team/create.action", "/team/add.action", "members")
        } else {
            ("/superteam/create.action", "/superteam/invite.action", "inviteAccids")
        };
        let made = self.sdk.ok(create, &[("tname", "t"), ("owner", owner), (list, "[]")]).await;
        let tid = made["tid"].as_str().unwrap().to_owned();
        for part in members[1..].chunks(CALL_MAX) {
            let part = json!(part).to_string();
            let form = [
                ("tid", tid.as_str()),
                ("owner", owner),
                (list, &part),
                ("magree", "0"),
                ("msg", "m"),
            ];
            self.sdk.ok(add, &form).await;
        }
        self.teams.push((kind, tid, members.to_vec()));
    }

    async fn events(&self, events: Vec<Value>) {
        for part in events.chunks(BATCH) {
            for status in self.server.events(part.into()).await {
                assert_ne!(status, "rejected");
            }
        }
    }

    /// What happened before the copies were turned on: messages with ties, recalls, exts, deleted
    /// sessions, sessions without a message, members who left.
    async fn live(&self, seed: &mut Seed) {
        let mut events = Vec::new();
        for n in 0..self.accounts.len() as u64 * 8 {
            events.push(self.message(seed, n));
            if seed.one_in(12) {
                events.push(recall(events.last().unwrap()));
            }
        }
        self.events(events).await;
        for (kind, tid, members) in self.teams.iter().skip(1).step_by(9) {
            let (kick, leave, list) = if *kind == "TEAM" {
                ("/team/kick.action", "/team/leave.action", "members")
            } else {
                ("/superteam/kick.action", "/superteam/leave.action", "kickAccids")
            };
            let kicked = json!([members[1]]).to_string();
            let form = [("tid", tid.as_str()), ("owner", &members[0]), (list, &kicked)];
            self.sdk.ok(kick, &form).await;
            self.sdk.ok(leave, &[("tid", tid), ("accid", &members[2])]).await;
        }
        for account in self.accounts.iter().step_by(3) {
            let token = self.server.token("a", account);
            let ids = self.ids(&token).await;
            let some: Vec<&str> = ids.iter().map(String::as_str).collect();
            for id in seed.some(3, &some) {
                self.server.http.set_ext(id, &token, &format!("{{\"top\":\"{id}\"}}")).await.ok();
            }
            let gone = seed.some(2, &some);
            assert_eq!(self.server.http.delete(&gone, &token).await.status, 204);
            if seed.one_in(4) {
                self.server.http.set_ext("p2p|nobody", &token, "draft").await.ok();
            }
        }
    }

    /// The session ids of a list.
    async fn ids(&self, token: &str) -> Vec<String> {
        let rows = self.server.http.list(token).await;
        rows.iter().map(|row| row["sessionId"].as_str().unwrap().to_owned()).collect()
    }

    /// The message of this number, as an event; four share a millisecond.
    fn message(&self, seed: &mut Seed, n: u64) -> Value {
        let (kind, from, to) = self.place(seed);
        json!({"type": "message", "sessionType": kind, "from": from, "to": to,
            "time": self.start + n / 4, "messageId": (1_000_000 + n).to_string(),
            "clientId": format!("c{n}"), "msgType": if n.is_multiple_of(5) { "image" } else { "text" },
            "body": format!("body {n} 你好"), "attach": if n.is_multiple_of(5) { "{\"w\":1}" } else { "" },
            "ext": "{\"e\":1}", "fromClientType": "IOS"})
    }

    fn place(&self, seed: &mut Seed) -> (&'static str, String, String) {
        let any = |seed: &mut Seed, of: &[String]| of[seed.below(of.len())].clone();
        if seed.one_in(3) {
            let (kind, tid, members) = &self.teams[seed.below(self.teams.len())];
            // The first members stay.
            let from = if seed.one_in(2) { &members[0] } else { members.last().unwrap() };
            let kind = if *kind == "TEAM" { "team" } else { "super_team" };
            return (kind, from.clone(), tid.clone());
        }
        ("p2p", any(seed, &self.accounts), any(seed, &self.accounts))
    }
}

fn recall(message: &Value) -> Value {
    json!({"type": "recall", "sessionType": message["sessionType"], "from": message["from"],
        "to": message["to"], "messageTime": message["time"], "messageId": message["messageId"],
        "clientId": message["clientId"], "time": message["time"].as_u64().unwrap() + 1})
}

/// The copy of an event.
fn copy_of(event: &Value) -> String {
    let kind = event["sessionType"].as_str().unwrap();
    if event["type"] == "recall" {
        let number = match kind {
            "p2p" => 7,
            "team" => 8,
            _ => 25,
        };
        return json!({"eventType": number, "msgId": event["messageId"], "clientId": event["clientId"],
            "from": event["from"], "to": event["to"], "sendTime": event["messageTime"],
            "deleteTime": event["time"]})
        .to_string();
    }
    let conv = match kind {
        "p2p" => "PERSON",
        "team" => "TEAM",
        _ => "SUPER_TEAM",
    };
    let kind = if event["msgType"] == "image" { "PICTURE" } else { "TEXT" };
    json!({"eventType": 1, "convType": conv, "to": event["to"], "fromAccount": event["from"],
        "msgTimestamp": event["time"], "msgType": kind, "msgidServer": event["messageId"],
        "msgidClient": event["clientId"], "body": event["body"], "attach": event["attach"],
        "ext": event["ext"], "fromClientType": "IOS", "fromNick": "nick"})
    .to_string()
}

/// Copies stream into both servers until `stop`: messages, recalls, members who are kicked.
async fn stream(nim: &NimApp, ours: &TestServer, mut seed: Seed, stop: &AtomicBool) -> u64 {
    let mut n = nim.accounts.len() as u64 * 8;
    let mut kickable: Vec<_> = nim.teams.iter().skip(2).step_by(9).collect();
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let event = nim.message(&mut seed, n);
        let mut copies = vec![copy_of(&event)];
        if seed.one_in(6) {
            copies.push(copy_of(&recall(&event)));
        }
        if n.is_multiple_of(50)
            && let Some((kind, tid, members)) = kickable.pop()
        {
            let attach = json!({"id": 1, "data": {"ids": [members[1]]}});
            let mut kick: Value =
                serde_json::from_str(&notice(kind, &members[0], tid, n, &attach)).unwrap();
            kick["msgTimestamp"] = (nim.start + n / 4).into();
            kick["msgidServer"] = (1_000_000 + n).to_string().into();
            copies.push(kick.to_string());
        }
        if seed.one_in(2) {
            seed.shuffle(&mut copies);
        }
        for copy in copies {
            for server in [&nim.server, ours] {
                server.deliver(std::slice::from_ref(&copy)).await;
            }
        }
        // About 200 a second, so that the importer gets its turn.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    n
}

/// Writes the configuration of app `a`, which both servers have.
fn write_config(path: &Path) {
    let app = app("a");
    let text = format!(
        "data = \"unused\"\n[[app]]\nkey = \"a\"\naccounts = \"nim\"\nsecret = \"{}\"\ntoken_keys = [\"{}\"]\n\
         ingest_key = \"{}\"\n",
        app.secret.expose(),
        app.token_keys[0].expose(),
        app.ingest_key().expose()
    );
    std::fs::write(path, text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_moves_whole_while_copies_stream_and_the_importer_is_killed() {
    let (size, mut seed) = (Size::of_environment(), Seed::printed("import_nim"));
    let began = Instant::now();
    let nim = Arc::new(NimApp::new(&size, &mut seed).await);
    nim.live(&mut seed).await;
    let ours = Arc::new(TestServer::start().await);
    println!("the app lives after {:.1?}", began.elapsed());
    let folder = TempDir::new().unwrap();
    write_config(&folder.path().join("huihua.toml"));
    let importing = Importing {
        data: folder.path(),
        from: &format!("{}/nimserver", nim.server.http.url),
        server: &ours.http.url,
    };
    importing.accounts(&nim.accounts);
    let (stop, streamed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let streaming = tokio::spawn({
        let (nim, ours, stop) = (Arc::clone(&nim), Arc::clone(&ours), Arc::clone(&stop));
        let (streamed, seed) = (Arc::clone(&streamed), seed.fork());
        async move {
            let n = stream(&nim, &ours, seed, &stop).await;
            streamed.store(n - nim.accounts.len() as u64 * 8, Ordering::Relaxed);
        }
    });
    let state = folder.path().join("state");
    let more = ["--state", state.to_str().unwrap(), "--calls-per-second", "1000"];
    let lines = || std::fs::read_to_string(&state).map_or(0, |text| text.lines().count());
    // A whole run has about four lines for each account.
    let lines_max = size.accounts * 3 + size.teams;
    for kill in 0..KILLS {
        let mut running = importing.spawn(&more);
        let aim = lines_max * (kill as usize + 1) / (KILLS as usize + 1);
        while lines() < aim && running.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        assert!(
            running.try_wait().unwrap().is_none(),
            "it ended before kill {kill}: {} lines",
            lines()
        );
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let done = importing.run(&more).await;
    assert!(done.ok, "{done:#?}");
    stop.store(true, Ordering::Relaxed);
    streaming.await.unwrap();
    println!("imported after {:.1?}: {}", began.elapsed(), done.out);
    let compared = importing.run(&["--compare", "--calls-per-second", "1000"]).await;
    println!("compared after {:.1?}: {}", began.elapsed(), compared.out);
    compared.assert_ok(&format!("of {} accounts", size.accounts));
    assert!(compared.out.starts_with("0 differences"), "{}", compared.out);
    // Members of the large teams who are no accounts of the import.
    let outside: Vec<String> = (0..size.large).step_by(7).map(|n| format!("x{n}")).collect();
    importing.accounts(&outside);
    let compared = importing.run(&["--compare", "--calls-per-second", "1000"]).await;
    compared.assert_ok(&format!("of {} accounts", outside.len()));
    assert!(compared.out.starts_with("0 differences"), "{}", compared.out);
    println!("{KILLS} kills, {} copies streamed", streamed.load(Ordering::Relaxed));
}

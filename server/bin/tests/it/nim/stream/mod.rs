//! A stream of 10,000 copies on 8 connections, with everything that a network and an attacker may
//! do to it, against the real server: the lists are exactly those of a naive model, and the whole
//! stream once more changes nothing, not even a version. To repeat one run:
//! `HUIHUA_SEED=7 cargo test -p huihua-server --test it ten_thousand`.

mod facts;
mod loose;
mod model;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use huihua_core::AccountForm;
use huihua_http::app::App;
use md5::{Digest as _, Md5};
use reqwest::Method;
use serde_json::Value;
use sha1::Sha1;
use tempfile::TempDir;

use self::{
    facts::{ACCOUNTS, StreamMessage, StreamRecall},
    model::StreamModel,
};
use super::{lists::nim_row, schema, sdk::Sdk, seed::Seed};
use crate::support::{Http, ServerProcess, T0, app, changed_ids, token};

const DELIVERIES: usize = 10_000;
const CONNECTIONS: usize = 8;

/// One request of the stream, and its only right answer.
struct Delivery {
    headers: Vec<(&'static str, String)>,
    body: String,
    expected: (u16, &'static str),
}

const RECEIVED: (u16, &str) = (200, r#"{"code":200}"#);
const REFUSED: (u16, &str) = (403, r#"{"code":414}"#);
const MALFORMED: (u16, &str) = (400, r#"{"code":414}"#);

/// hex(sha1(app secret + hex(md5(body)) + CurTime)), from NIM's documents.
fn check_sum(secret: &str, body: &str, cur_time: &str) -> String {
    let md5 = hex::encode(Md5::digest(body));
    hex::encode(Sha1::digest(format!("{secret}{md5}{cur_time}")))
}

fn signed(app_key: &str, secret: &str, cur_time: u64, body: String) -> Delivery {
    let cur_time = cur_time.to_string();
    let sum = check_sum(secret, &body, &cur_time);
    let headers = vec![("AppKey", app_key.to_owned()), ("CurTime", cur_time), ("CheckSum", sum)];
    Delivery { headers, body, expected: RECEIVED }
}

/// The two apps of the server, and the model of each.
struct StreamApps {
    apps: [App; 2],
    worlds: [StreamModel; 2],
}

/// What is delivered, and what a repetition may take up.
struct Stream {
    apps: StreamApps,
    deliveries: Vec<Delivery>,
    messages: Vec<(usize, StreamMessage)>,
    recalls: Vec<(usize, StreamRecall)>,
}

impl Stream {
    /// 10,000 deliveries or a few more, with the model of them.
    fn new(seed: &mut Seed) -> Self {
        // Exact: one account of the stream has capitals, and the model folds nothing.
        let app = |key| App { accounts: AccountForm::Exact, ..app(key) };
        let apps = StreamApps { apps: ["a", "ab"].map(app), worlds: Default::default() };
        let mut stream =
            Self { apps, deliveries: Vec::new(), messages: Vec::new(), recalls: Vec::new() };
        let mut n = 0;
        while stream.deliveries.len() < DELIVERIES {
            n += 1;
            let at = usize::from(seed.one_in(5));
            let message = if seed.one_in(20) {
                StreamMessage::notice(seed, n)
            } else {
                StreamMessage::any(seed, n)
            };
            if seed.one_in(12) {
                let spoilt = stream.apps.spoil(seed, at, &message);
                stream.deliveries.push(spoilt);
                continue;
            }
            stream.deliver(seed, at, message);
            stream.deliver_more(seed, at, n);
        }
        // NIM leaves the app key out of many copies.
        for one in &mut stream.deliveries {
            if one.expected != REFUSED && !one.headers.is_empty() && seed.one_in(4) {
                one.headers.remove(0);
            }
        }
        seed.shuffle(&mut stream.deliveries);
        stream
    }

    fn deliver(&mut self, seed: &mut Seed, at: usize, message: StreamMessage) {
        self.apps.worlds[at].said.push(message.said());
        let body = message.copy(seed);
        self.deliveries.push(self.apps.sign(seed, at, body));
        self.messages.push((at, message));
    }

    fn deliver_recall(&mut self, seed: &mut Seed, at: usize, recall: StreamRecall) {
        self.apps.worlds[at].said.push(recall.said());
        let body = recall.copy(seed);
        self.deliveries.push(self.apps.sign(seed, at, body));
        self.recalls.push((at, recall));
    }

    /// What comes beside messages, each with its own frequency.
    fn deliver_more(&mut self, seed: &mut Seed, at: usize, n: u64) {
        let (of, earlier) = self.messages[seed.below(self.messages.len())].clone();
        match seed.below(40) {
            // The same once more, written otherwise.
            0..8 => self.deliver(seed, of, earlier),
            8..12 => self.deliver(seed, of, earlier.resent()),
            // One id, two bodies: everywhere the same one wins.
            12 => self.deliver(seed, of, earlier.with_another_body(n)),
            13..17 => {
                let recall = earlier.recall(seed);
                self.deliver_recall(seed, of, recall);
            }
            // Of a message that never comes.
            17 => {
                let recall = StreamMessage::any(seed, 5_000_000 + n).recall(seed);
                self.deliver_recall(seed, at, recall);
            }
            18..20 if !self.recalls.is_empty() => {
                let (of, recall) = self.recalls[seed.below(self.recalls.len())].clone();
                self.deliver_recall(seed, of, recall);
            }
            // The same ids in the other app: another message there.
            20 => self.deliver(seed, 1 - of, earlier.with_another_body(n)),
            21 => {
                let body = seed.pick(&OF_NO_CONCERN).to_owned();
                self.deliveries.push(self.apps.sign(seed, at, body));
            }
            22 => self.deliveries.push(Delivery {
                headers: Vec::new(),
                body: seed.pick(&["{}", " {\n}"]).to_owned(),
                expected: RECEIVED,
            }),
            _ => {}
        }
    }
}

/// Copies that move no list; they name real accounts and teams, and ids that outrank every other.
const OF_NO_CONCERN: [&str; 13] = [
    "{}",
    r#"{"accid":"amy","members":[]}"#,
    r#"{"eventType":"1","convType":"PERSON","to":"amy","fromAccount":"bob","msgTimestamp":"1700000999000","msgType":"CUSTOM","msgidServer":"0","attach":"{\"typing\":1}"}"#,
    r#"{"eventType":1,"convType":"TEAM","to":"1","fromAccount":"bob","msgTimestamp":1700000999000,"msgType":"TEXT","msgidServer":"","tMembers":"[amy, bob]"}"#,
    r#"{"eventType":1,"convType":"SUPER_TEAM","to":"2","fromAccount":"bob","msgTimestamp":1700000999000,"msgType":"NOTIFICATION","antispam":true,"attach":{"id":405}}"#,
    r#"{"eventType":"1","convType":"CUSTOM_PERSON","to":"amy","fromAccount":"bob","msgTimestamp":"1700000999000","msgType":"CUSTOM_P2P_MSG","msgidServer":"1","attach":"{\"id\":4}"}"#,
    r#"{"eventType":1,"convType":"CUSTOM_TEAM","to":"1","fromAccount":"bob","msgTimestamp":1700000999000,"msgType":"CUSTOM_TEAM_MSG","msgidServer":2,"tMembers":"[amy, bob]"}"#,
    r#"{"eventType":"1","convType":"PERSON","to":"amy","fromAccount":"bob","msgTimestamp":"1700000999000","msgType":"FRIEND_ADD","msgidServer":"3","attach":{"vt":1}}"#,
    r#"{"eventType":"1","convType":"PERSON","to":"amy","fromAccount":"bob","msgTimestamp":"1700000999000","msgType":"FRIEND_DELETE","msgidServer":"4"}"#,
    r#"{"eventType":"1","convType":"TEAM","to":"1","fromAccount":"bob","msgTimestamp":"1700000999000","msgType":"TEAM_APPLY","msgidServer":"5","attach":{"id":4,"data":{}}}"#,
    r#"{"eventType":"1","convType":"TEAM","to":"1","fromAccount":"bob","msgTimestamp":"1700000999000","msgType":"TEAM_INVITE","msgidServer":"6","attach":"{\"id\":0,\"data\":{\"ids\":[\"amy\"]}}"}"#,
    r#"{"eventType":"2","accid":"amy","ipport":"1.2.3.4:5","timestamp":"1700000999000"}"#,
    r#"{"eventType":3,"members":[{"accid":"amy","caller":true}],"status":"SUCCESS"}"#,
];

impl StreamApps {
    fn sign(&self, seed: &mut Seed, at: usize, body: String) -> Delivery {
        let app = &self.apps[at];
        signed(app.key.as_str(), app.secret.expose(), T0 + seed.next() % 1_000_000, body)
    }

    /// A delivery of this message that must be refused: it is in no model.
    fn spoil(&self, seed: &mut Seed, at: usize, message: &StreamMessage) -> Delivery {
        let body = message.copy(seed);
        let mut good = self.sign(seed, at, body);
        good.expected = REFUSED;
        let (own, other) = (&self.apps[at], &self.apps[1 - at]);
        match seed.below(10) {
            0..4 => {
                let body = message.malformed_copy(seed);
                return Delivery { expected: MALFORMED, ..self.sign(seed, at, body) };
            }
            // Altered on the way, by one blank.
            4 => good.body.push(' '),
            5 => {
                good.headers[2].1 = hex::encode(Sha1::digest(seed.next().to_le_bytes()));
            }
            6 => {
                let signed = signed(own.key.as_str(), other.secret.expose(), T0, good.body);
                return Delivery { expected: REFUSED, ..signed };
            }
            7 => good.headers[0].1 = seed.pick(&["nobody", other.key.as_str(), ""]).to_owned(),
            8 => {
                good.headers.remove(1 + seed.below(2));
            }
            _ => {
                let later = seed.pick(&["1700000000001", "", "soon", "1700000000000 "]);
                good.headers[1].1 = later.to_owned();
            }
        }
        good
    }
}

/// Sends all of it; each answer must be the expected one.
async fn deliver(url: &str, deliveries: &Arc<Vec<Delivery>>) {
    let next = Arc::new(AtomicUsize::new(0));
    let connections = (0..CONNECTIONS).map(|_| {
        // A client of its own, that is a connection of its own.
        let (http, next) = (Http::new(url.to_owned()), Arc::clone(&next));
        let deliveries = Arc::clone(deliveries);
        tokio::spawn(async move {
            while let Some(one) = deliveries.get(next.fetch_add(1, Ordering::Relaxed)) {
                let headers: Vec<(&str, &str)> =
                    one.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let answer = http.send(Method::POST, "/nim/copy", &headers, one.body.clone()).await;
                let got = (answer.status, answer.body.as_str());
                assert_eq!(got, one.expected, "{:?} {}", one.headers, one.body);
            }
        })
    });
    for connection in connections.collect::<Vec<_>>() {
        connection.await.unwrap();
    }
}

/// Two apps, instead of the one that `dev` makes.
fn write_config(data: &Path, apps: &[App]) {
    let mut text = format!("listen = \"127.0.0.1:0\"\ndata = {:?}\n", data.to_str().unwrap());
    for app in apps {
        let token_key = app.token_keys[0].expose();
        text.push_str(&format!(
            "\n[[app]]\nkey = \"{}\"\naccounts = \"{}\"\nsecret = \"{}\"\n\
             token_keys = [\"{token_key}\"]\ningest_key = \"{}\"\n",
            app.key,
            app.accounts.as_str(),
            app.secret.expose(),
            app.ingest_key().expose(),
        ));
    }
    std::fs::write(data.join("huihua.toml"), text).unwrap();
}

/// Every list of both apps, each with a cursor of after it.
async fn lists(http: &Http, apps: &[App]) -> Vec<(String, Vec<Value>, String)> {
    let mut lists = Vec::new();
    for app in apps {
        for account in ACCOUNTS {
            let token = token(app, account);
            let list = http.list(&token).await;
            lists.push((format!("{} {account}", app.key), list, http.latest(&token).await));
        }
    }
    lists
}

/// Returns how many rows are as expected.
fn assert_expected(worlds: &[StreamModel; 2], lists: &[(String, Vec<Value>, String)]) -> usize {
    let mut rows = 0;
    for (world, lists) in worlds.iter().zip(lists.chunks(ACCOUNTS.len())) {
        for (account, (name, list, _)) in ACCOUNTS.iter().zip(lists) {
            let expected = world.list(account);
            for (expected, got) in expected.iter().zip(list) {
                assert_eq!(got, expected, "{name}");
            }
            assert_eq!(list.len(), expected.len(), "{name}");
            rows += list.len();
        }
    }
    rows
}

/// What the accounts write themselves, so that a repetition could undo it.
async fn write_own(http: &Http, app: &App) {
    for account in &ACCOUNTS[..8] {
        let token = token(app, account);
        let list = http.list(&token).await;
        let ids: Vec<&str> = list.iter().map(|row| row["sessionId"].as_str().unwrap()).collect();
        assert_eq!(http.delete(&ids[..ids.len() / 2], &token).await.status, 204);
        http.set_ext(ids[0], &token, "kept").await.ok();
        http.set_ext(ids[ids.len() - 1], &token, "kept too").await.ok();
    }
}

/// Every list through `querySessionList`, with ids of every size and form.
async fn assert_nims_api_agrees(http: &Http, apps: &[App], seed: &mut Seed) {
    for app in apps {
        let sdk = Sdk::new(&http.url, app.key.as_str(), app.secret.expose(), seed.fork());
        for account in ACCOUNTS {
            let rows = http.list(&token(app, account)).await;
            let parameters = [("accid", account), ("needLastMsg", "1")];
            let page = sdk.ok("/history/querySessionList.action", &parameters).await;
            let expected: Vec<Value> = rows.iter().map(nim_row).collect();
            assert_eq!(schema::session_rows(&page), expected, "{} {account}", app.key);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_deliveries_leave_the_expected_lists_and_once_more_change_nothing() {
    let mut seed = Seed::printed("copy stream");
    let Stream { apps: StreamApps { apps, worlds }, mut deliveries, .. } = Stream::new(&mut seed);
    let folder = TempDir::new().unwrap();
    write_config(folder.path(), &apps);
    let server = ServerProcess::start(folder.path()).await;
    let http = &server.http;
    let mut order = Arc::new(deliveries);
    deliver(&http.url, &order).await;
    let rows = assert_expected(&worlds, &lists(http, &apps).await);
    assert!(rows > 500, "the stream fills lists: {rows}");

    write_own(http, &apps[0]).await;
    assert_nims_api_agrees(http, &apps, &mut seed).await;
    let before = lists(http, &apps).await;
    deliveries = Arc::into_inner(order).expect("all connections are done");
    seed.shuffle(&mut deliveries);
    order = Arc::new(deliveries);
    deliver(&http.url, &order).await;
    assert_eq!(lists(http, &apps).await, before, "lists and cursors of now");
    let owners = apps.iter().flat_map(|app| ACCOUNTS.iter().map(move |account| (app, account)));
    for ((app, account), (name, _, cursor)) in owners.zip(&before) {
        let page = http.sync(&token(app, account), &format!("cursor={cursor}")).await;
        assert_eq!(
            (changed_ids(&page).len(), &page["reset"]),
            (0, &false.into()),
            "{name}: {page}"
        );
    }
    println!("{} deliveries, twice; {rows} rows", order.len());
}

//! A stub that plays NIM: its reads of lists and teams, with its limits and its whims.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::Uri};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::T0;

pub(super) type Form = HashMap<String, String>;
type Answering = Pin<Box<dyn Future<Output = Option<Value>> + Send>>;
/// Answers a call in the stub's place; the path has no `.action`.
pub(super) type Hook = Box<dyn Fn(&str, &Form) -> Answering + Send + Sync>;

/// What the stub does wrong, by the number of the call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Whims {
    /// More calls in a second are answered 416.
    pub(super) calls_per_second: Option<usize>,
    /// Each so-many-th call is answered HTTP 500, code 500, or nothing at all.
    pub(super) fails_each: Option<u64>,
    pub(super) hangs_each: Option<u64>,
    /// Rows come twice, numbers as texts, objects as JSON texts.
    pub(super) odd: bool,
}

/// What NIM knows.
#[derive(Default)]
pub(super) struct World {
    /// The rows of each account's list.
    pub(super) lists: BTreeMap<String, Vec<Value>>,
    /// Members with their times, by the kind and id of the team.
    pub(super) teams: BTreeMap<(u8, u64), Vec<(String, u64)>>,
}

impl World {
    /// Adds a message to both lists of a conversation.
    pub(super) fn message(&mut self, from: &str, to: &str, n: u64) {
        for (owner, peer) in [(from, to), (to, from)] {
            self.row(owner, json!({"sessionType": 1, "accid": peer, "lastMsg": last(from, n)}), n);
        }
    }

    /// Adds a team of these members, who joined one after the other, and its last message.
    pub(super) fn team(&mut self, kind: u8, tid: u64, members: &[String], n: u64) {
        let joined =
            members.iter().enumerate().map(|(at, name)| (name.clone(), T0 + at as u64 / 3));
        self.teams.insert((kind, tid), joined.collect());
        for name in members {
            let row = json!({"sessionType": kind, "tid": tid, "lastMsg": last(&members[0], n)});
            self.row(name, row, n);
        }
    }

    pub(super) fn row(&mut self, owner: &str, mut row: Value, n: u64) {
        row["updateTime"] = (T0 + n).into();
        if row.get("lastMsgType").is_none() && row.get("lastMsg").is_some() {
            row["lastMsgType"] = "MESSAGE".into();
        }
        if row.get("ext").is_none() {
            row["ext"] = "".into();
        }
        let rows = self.lists.entry(owner.to_owned()).or_default();
        let id =
            |row: &Value| (row["sessionType"].clone(), row["accid"].clone(), row["tid"].clone());
        rows.retain(|known| id(known) != id(&row));
        rows.push(row);
        rows.sort_by_key(|row| std::cmp::Reverse(row["updateTime"].as_u64()));
    }
}

/// A text message of this number.
pub(super) fn last(from: &str, n: u64) -> Value {
    json!({"msgIdClient": format!("c{n}"), "msgIdServer": 1_000 + n, "from": from,
        "fromClientType": "AOS", "time": T0 + n, "type": 0, "body": format!("body {n}"),
        "attach": "", "ext": ""})
}

/// The running stub.
pub(super) struct NimStub {
    pub(super) url: String,
    shared: Arc<Shared>,
    running: JoinHandle<()>,
}

struct Shared {
    secret: String,
    world: Mutex<World>,
    whims: Mutex<Whims>,
    hook: Mutex<Option<Hook>>,
    calls: AtomicU64,
    refused: AtomicU64,
    /// The times of the calls of the last second.
    window: Mutex<VecDeque<Instant>>,
}

impl NimStub {
    pub(super) async fn start(secret: &str, world: World) -> Self {
        let shared = Arc::new(Shared {
            secret: secret.to_owned(),
            world: Mutex::new(world),
            whims: Mutex::default(),
            hook: Mutex::default(),
            calls: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            window: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/nimserver", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let running = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, running }
    }

    pub(super) fn set_whims(&self, whims: Whims) {
        *self.shared.whims.lock().unwrap() = whims;
    }

    pub(super) fn set_hook(&self, hook: Hook) {
        *self.shared.hook.lock().unwrap() = Some(hook);
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.shared.world.lock().unwrap());
    }

    /// How many calls there were, and how many of them were answered 416.
    pub(super) fn calls(&self) -> (u64, u64) {
        let [calls, refused] =
            [&self.shared.calls, &self.shared.refused].map(|count| count.load(Ordering::Relaxed));
        (calls, refused)
    }
}

impl Drop for NimStub {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Answers a call, NIM's way or as the whims want it.
async fn answer(
    State(stub): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (axum::http::StatusCode, String) {
    let ok = |answer: Value| (axum::http::StatusCode::OK, answer.to_string());
    let n = stub.calls.fetch_add(1, Ordering::Relaxed) + 1;
    let whims = *stub.whims.lock().unwrap();
    if whims.calls_per_second.is_some_and(|most| stub.is_too_frequent(most)) {
        stub.refused.fetch_add(1, Ordering::Relaxed);
        return ok(json!({"code": 416, "desc": "too frequently"}));
    }
    let each = |times: Option<u64>| times.is_some_and(|times| n.is_multiple_of(times));
    if each(whims.hangs_each) {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
    if each(whims.fails_each) {
        return match n % 3 {
            0 => (axum::http::StatusCode::BAD_GATEWAY, "<html>".to_owned()),
            1 => ok(json!({"code": 500, "desc": "oops"})),
            _ => (axum::http::StatusCode::OK, "<html>".to_owned()),
        };
    }
    let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    let signed = format!("{}{}{}", stub.secret, header("Nonce"), header("CurTime"));
    if header("CheckSum") != hex::encode(Sha1::digest(signed)) {
        return ok(json!({"code": 414, "desc": "bad CheckSum"}));
    }
    let url = reqwest::Url::parse(&format!("http://x?{}", String::from_utf8_lossy(&body))).unwrap();
    let form: Form = url.query_pairs().into_owned().collect();
    let path = uri.path().trim_start_matches("/nimserver").trim_end_matches(".action");
    let answering = stub.hook.lock().unwrap().as_ref().map(|hook| hook(path, &form));
    if let Some(answering) = answering
        && let Some(answer) = answering.await
    {
        return ok(answer);
    }
    let answer = stub.world.lock().unwrap().answer(path, &form, whims.odd);
    ok(answer)
}

impl Shared {
    fn is_too_frequent(&self, calls_per_second: usize) -> bool {
        let mut window = self.window.lock().unwrap();
        let now = Instant::now();
        while window.front().is_some_and(|first| now - *first >= Duration::from_secs(1)) {
            window.pop_front();
        }
        let refused = window.len() >= calls_per_second;
        if !refused {
            window.push_back(now);
        }
        refused
    }
}

impl World {
    fn answer(&self, path: &str, form: &Form, odd: bool) -> Value {
        let account = form.get("accid").map_or("", String::as_str);
        let tid = form.get("tid").map_or(0, |tid| tid.parse().unwrap());
        let in_teams = |kind: u8| -> Vec<Value> {
            let of_kind = self.teams.iter().filter(|((known, _), _)| *known == kind);
            let mine = of_kind.filter(|(_, all)| all.iter().any(|(name, _)| name == account));
            mine.map(|((_, tid), _)| json!({"tid": shown(*tid, odd)})).collect()
        };
        let member = |(name, time): &(String, u64)| json!({"accid": name, "createtime": shown(*time, odd), "jointime": shown(*time, odd)});
        match path {
            "/team/joinTeams" => json!({"code": 200, "infos": in_teams(2)}),
            "/superteam/joinTeams" => json!({"code": shown(200, odd), "tinfos": in_teams(3)}),
            "/team/queryDetail" => match self.teams.get(&(2, tid)) {
                None => json!({"code": 803, "desc": "team not exist"}),
                Some(all) => json!({"code": 200, "tinfo": {"owner": member(&all[0]), "admins": [],
                    "members": all[1..].iter().map(member).collect::<Vec<_>>()}}),
            },
            "/superteam/getTinfos" => {
                let tids: Vec<String> = serde_json::from_str(&form["tids"]).unwrap();
                let found = tids.iter().filter_map(|tid| {
                    let all = self.teams.get(&(3, tid.parse().unwrap()))?;
                    Some(json!({"tid": tid, "size": all.len()}))
                });
                json!({"code": 200, "tinfos": found.collect::<Vec<_>>()})
            }
            "/superteam/getTlists" => {
                assert_eq!(form["reverse"], "1", "oldest first");
                let after: u64 = form["timetag"].parse().unwrap();
                let all = self.teams[&(3, tid)].iter().filter(|(_, time)| *time > after);
                let page = all.take(form["limit"].parse().unwrap());
                json!({"code": 200, "tlists": page.map(member).collect::<Vec<_>>()})
            }
            "/history/querySessionList" => self.list(account, form, odd),
            _ => json!({"code": 404, "desc": "no such call"}),
        }
    }

    fn list(&self, account: &str, form: &Form, odd: bool) -> Value {
        let number = |name: &str| form.get(name).map_or(0, |text| text.parse().unwrap());
        let (min, max, limit) = (number("minTimestamp"), number("maxTimestamp"), number("limit"));
        let Some(rows) = self.lists.get(account) else {
            return json!({"code": 414, "desc": format!("{account} not register")});
        };
        let wanted = |row: &&Value| {
            let time = row["updateTime"].as_u64().unwrap();
            time >= min && (max == 0 || time <= max)
        };
        let rows: Vec<&Value> = rows.iter().filter(wanted).collect();
        let has_more = rows.len() > limit as usize;
        let mut page: Vec<Value> = rows.into_iter().take(limit as usize).cloned().collect();
        for row in &mut page {
            if form.get("needLastMsg").is_none_or(|need| need != "1") {
                row.as_object_mut().unwrap().retain(|name, _| !name.starts_with("lastMsg"));
            }
            if odd {
                make_odd(row);
            }
        }
        if odd && !page.is_empty() {
            page.insert(page.len() / 2, page[0].clone());
            let text = json!({"hasMore": if has_more { "1" } else { "0" }, "sessions": page});
            return json!({"code": "200", "data": text});
        }
        json!({"code": 200, "data": {"hasMore": has_more, "sessions": page}})
    }
}

fn shown(number: u64, odd: bool) -> Value {
    if odd { number.to_string().into() } else { number.into() }
}

fn make_odd(row: &mut Value) {
    for name in ["sessionType", "tid", "updateTime"] {
        if let Some(number) = row[name].as_u64() {
            row[name] = number.to_string().into();
        }
    }
    row.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    if let Some(last) = row.get("lastMsg") {
        row["lastMsg"] = last.to_string().into();
    }
    row["unknown"] = json!([1]);
}

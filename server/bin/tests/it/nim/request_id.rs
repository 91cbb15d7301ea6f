//! A repeated `RequestId` gets the first answer and acts once: at once, under many retries, over a
//! restart and a `kill -9`. Another body, path or app under it is another request.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinSet,
};

use super::{
    sdk::{Sdk, SdkRequest},
    seed::Seed,
};
use crate::support::{ServerProcess, TestServer, changed_ids};

/// A message from amy to bob.
const SEND: [(&str, &str); 5] =
    [("from", "amy"), ("to", "bob"), ("ope", "0"), ("type", "0"), ("body", "{\"msg\":\"hi\"}")];
/// Makes a team of amy's.
pub(super) const CREATE: [(&str, &str); 6] = [
    ("tname", "t"),
    ("owner", "amy"),
    ("members", "[\"bob\"]"),
    ("msg", "m"),
    ("magree", "0"),
    ("joinmode", "0"),
];

fn sdk_of(server: &TestServer, app: &str) -> Sdk {
    Sdk::new(&server.http.url, app, server.app(app).secret.expose(), Seed::printed("retries"))
}

pub(super) fn sdk_of_process(server: &ServerProcess, seed: Seed) -> Sdk {
    Sdk::new(&server.http.url, &server.dev["appKey"], &server.dev["appSecret"], seed)
}

/// The request under the name of another one, signed anew as the SDK signs each try.
fn under(sdk: &Sdk, request: &SdkRequest, path: &str, parameters: &[(&str, &str)]) -> SdkRequest {
    let name = request.clone().header("RequestId").clone();
    sdk.request(path, parameters).with("RequestId", &name)
}

/// The same once more.
pub(super) fn again(sdk: &Sdk, request: &SdkRequest) -> SdkRequest {
    let name = request.clone().header("RequestId").clone();
    let (path, body) = (request.path.clone(), request.body.clone());
    SdkRequest { path, body, ..sdk.request("", &[]).with("RequestId", &name) }
}

pub(super) async fn teams_of(sdk: &Sdk, account: &str) -> BTreeSet<u64> {
    let answer = sdk.ok("/team/joinTeams.action", &[("accid", account)]).await;
    let teams = answer["infos"].as_array().unwrap().iter();
    teams.map(|team| team["tid"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_acts_once() {
    let server = TestServer::start().await;
    let (sdk, other_app) = (sdk_of(&server, "a"), sdk_of(&server, "ab"));
    let token = server.token("a", "bob");
    let first = sdk.request("/msg/sendMsg.action", &SEND);
    let answer = sdk.send(&first).await;
    let cursor = server.http.latest(&token).await;
    for _ in 0..3 {
        assert_eq!(sdk.send(&again(&sdk, &first)).await, answer);
    }
    // On the next endpoint, which may be written with NIM's prefix or without.
    for prefix in ["", "/nimserver"] {
        let path = format!("{prefix}/msg/sendMsg.action");
        assert_eq!(sdk.send(&SdkRequest { path, ..again(&sdk, &first) }).await, answer, "{prefix}");
    }
    let page = server.http.sync(&token, &format!("cursor={cursor}")).await;
    assert_eq!(changed_ids(&page).len(), 0, "a retry changed something: {page}");
    // What is another request under the same name.
    let mut ids = BTreeSet::from([answer["data"]["msgid"].as_u64().unwrap()]);
    let mut other_body = SEND;
    other_body[4].1 = "{\"msg\":\"another\"}";
    let mut to_super = [("fromAccid", "amy"), ("tid", ""), ("type", "0"), SEND[4]];
    let team = sdk
        .ok(
            "/superteam/create.action",
            &[("tname", "t"), ("owner", "amy"), ("inviteAccids", "[\"bob\"]")],
        )
        .await;
    to_super[1].1 = team["tid"].as_str().unwrap();
    for (sdk, path, parameters) in [
        (&sdk, "/msg/sendMsg.action", &other_body[..]),
        (&sdk, "/superteam/sendMsg.action", &to_super),
    ] {
        let answer = sdk.send(&under(sdk, &first, path, parameters)).await;
        assert_eq!(answer["code"], 200, "{answer}");
        assert!(ids.insert(answer["data"]["msgid"].as_u64().unwrap()), "{answer} is no new one");
    }
    let there = other_app.send(&under(&other_app, &first, "/msg/sendMsg.action", &SEND)).await;
    assert_eq!(there["code"], 200, "{there}");
    assert_eq!(server.http.list(&server.token("ab", "bob")).await.len(), 1, "the other app's own");
    // Without a name, each is a request of its own; what is refused may be asked again.
    for _ in 0..2 {
        let nameless = sdk.request("/msg/sendMsg.action", &SEND).without("RequestId");
        let answer = sdk.send(&nameless).await;
        assert!(ids.insert(answer["data"]["msgid"].as_u64().unwrap()), "{answer} is no new one");
    }
}

#[tokio::test]
async fn every_call_that_writes_keeps_its_first_answer() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let refresh = sdk.request("/user/refreshToken.action", &[("accid", "amy")]);
    let create = sdk.request("/user/create.action", &[("accid", "new")]);
    let team = sdk.request("/team/create.action", &CREATE);
    let mut answers = Vec::new();
    for request in [&refresh, &create, &team] {
        answers.push(sdk.send(request).await);
    }
    for (request, first) in [&refresh, &create, &team].into_iter().zip(&answers) {
        assert_eq!(first["code"], 200, "{first}");
        assert_eq!(sdk.send(&again(&sdk, request)).await, *first, "{}", request.path);
    }
    let token = answers[0]["info"]["token"].as_str().unwrap();
    server.http.get("/v1/account", token).await.ok();
    let tid: u64 = answers[2]["tid"].as_str().unwrap().parse().unwrap();
    assert_eq!(teams_of(&sdk, "amy").await, BTreeSet::from([tid]));
    // A kick, an invitation and a kick by another name: the retried first kick must not kick again.
    let (tid, members) = (tid.to_string(), ("members", "[\"bob\"]"));
    let change = [("tid", tid.as_str()), ("owner", "amy"), members];
    let kick = sdk.request("/team/kick.action", &change);
    let first = sdk.send(&kick).await;
    sdk.ok("/team/add.action", &change).await;
    assert_eq!(sdk.send(&again(&sdk, &kick)).await, first);
    assert_eq!(teams_of(&sdk, "bob").await.len(), 1, "bob is still in");
    // A recall, and the next message: the retried recall hides nothing.
    let sent = sdk.ok("/msg/sendMsg.action", &SEND).await;
    let (id, time) = (sent["data"]["msgid"].to_string(), sent["data"]["timetag"].to_string());
    let recall = sdk.request(
        "/msg/recall.action",
        &[
            ("deleteMsgid", &*id),
            ("timetag", &*time),
            ("type", "7"),
            ("from", "amy"),
            ("to", "bob"),
        ],
    );
    let first = sdk.send(&recall).await;
    let bob = server.token("a", "bob");
    let before = server.http.list(&bob).await;
    assert_eq!(sdk.send(&again(&sdk, &recall)).await, first);
    assert_eq!(server.http.list(&bob).await, before);
    assert!(before.iter().any(|row| row["lastMsgType"] == 1), "the control: it was recalled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_retries_acts_once() {
    let server = TestServer::start().await;
    let sdk = Arc::new(sdk_of(&server, "a"));
    for round in 1..=5 {
        let first = sdk.request("/team/create.action", &CREATE);
        let mut tries = JoinSet::new();
        for _ in 0..16 {
            let (sdk, request) = (Arc::clone(&sdk), again(&sdk, &first));
            tries.spawn(async move { sdk.send(&request).await });
        }
        let mut answers: Vec<Value> = Vec::new();
        while let Some(answer) = tries.join_next().await {
            answers.push(answer.unwrap());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(answers[0]["code"], 200, "{answers:?}");
        assert_eq!(teams_of(&sdk, "amy").await.len(), round);
    }
}

#[tokio::test]
async fn the_first_answer_outlives_a_restart_and_kill_9() {
    let folder = TempDir::new().unwrap();
    let mut seed = Seed::printed("restart");
    let mut server = ServerProcess::start(folder.path()).await;
    let sdk = sdk_of_process(&server, seed.fork());
    let first = sdk.request("/team/create.action", &CREATE);
    let refresh = sdk.request("/user/refreshToken.action", &[("accid", "amy")]);
    let answers = (sdk.send(&first).await, sdk.send(&refresh).await);
    server.kill();
    for round in 0..2 {
        let mut server = ServerProcess::start(folder.path()).await;
        let sdk = sdk_of_process(&server, seed.fork());
        assert_eq!(sdk.send(&again(&sdk, &first)).await, answers.0, "round {round}");
        assert_eq!(sdk.send(&again(&sdk, &refresh)).await, answers.1, "round {round}");
        assert_eq!(teams_of(&sdk, "amy").await.len(), 1, "round {round}");
        let token = answers.1["info"]["token"].as_str().unwrap();
        server.http.get("/v1/account", token).await.ok();
        assert!(server.terminate().await);
    }
}

/// A request whose answer was lost on the way: `None`, it may be done or not.
type Lost = (SdkRequest, Option<u64>);

fn tid(answer: &Value) -> u64 {
    answer["tid"].as_str().unwrap_or_else(|| panic!("{answer}")).parse().unwrap()
}

/// Makes teams under a name each until the server dies. Every third answer is lost; the others are
/// reported.
async fn make_teams(sdk: Arc<Sdk>, report: UnboundedSender<u64>) -> Vec<Lost> {
    let mut lost = Vec::new();
    for n in 0.. {
        let request = sdk.request("/team/create.action", &CREATE);
        let Ok((200, _, body)) = sdk.try_send(&request).await else {
            lost.push((request, None));
            break;
        };
        let tid = tid(&serde_json::from_str(&body).unwrap());
        if n % 3 == 2 {
            lost.push((request, Some(tid)));
        } else if report.send(tid).is_err() {
            break;
        }
    }
    lost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_retried_over_kill_9_is_done_exactly_once() {
    const ROUNDS: usize = 6;
    const LINES: usize = 8;
    let mut seed = Seed::printed("kills");
    let folder = TempDir::new().unwrap();
    let mut answered: BTreeSet<u64> = BTreeSet::new();
    let mut lost: Vec<Lost> = Vec::new();
    let mut retried = 0;
    for round in 0..=ROUNDS {
        let mut server = ServerProcess::start(folder.path()).await;
        let sdk = Arc::new(sdk_of_process(&server, seed.fork()));
        for (request, first) in lost.drain(..) {
            let tid = tid(&sdk.send(&again(&sdk, &request)).await);
            assert!(first.is_none_or(|first| first == tid), "{first:?} became {tid}");
            assert!(answered.insert(tid), "{tid} was given twice");
            retried += 1;
        }
        assert_eq!(teams_of(&sdk, "amy").await, answered, "round {round}");
        if round == ROUNDS {
            break;
        }
        let mut lines = JoinSet::new();
        let (report, mut answers) = unbounded_channel();
        for _ in 0..LINES {
            lines.spawn(make_teams(Arc::clone(&sdk), report.clone()));
        }
        drop(report);
        let kill_at = 5 + round * 7;
        let mut count = 0;
        while let Some(tid) = answers.recv().await {
            assert!(answered.insert(tid), "{tid} was given twice");
            count += 1;
            if count == kill_at {
                server.kill();
            }
        }
        while let Some(line) = lines.join_next().await {
            lost.extend(line.unwrap());
        }
    }
    println!("{} teams, {retried} of them asked for again, over {ROUNDS} kills", answered.len());
}

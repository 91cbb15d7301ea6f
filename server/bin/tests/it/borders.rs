//! Nothing crosses from one app or account to another, with names that collide if glued together
//! (`ab`+`c`, `a`+`bc`) and one team id everywhere; and no secret does another's work.

use std::collections::HashSet;

use huihua_http::{
    app::{App, Secret},
    auth,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bad_input::CLIENT_ROUTES,
    support::{T0, TestServer, event, membership, message, notice},
};

/// The two who must not see each other, and both again with the other's account.
const OWNERS: [(&str, &str); 4] = [("ab", "c"), ("a", "bc"), ("ab", "bc"), ("a", "c")];
/// Sessions of the same names for everybody.
const IDS: [&str; 3] = ["p2p|bob", "team|1", "super_team|1"];

/// Gives every owner a message, team and super team of the same names, with a body that names him.
/// Both apps' teams have both accounts in, so a team's body names its app only.
async fn fill(server: &TestServer) {
    for (n, app) in [(100, "ab"), (200, "a")] {
        for kind in ["TEAM", "SUPER_TEAM"] {
            let n = n + kind.len() as u64;
            let attach = json!({"id": 0, "data": {"ids": ["c", "bc"]}});
            for copy in [
                notice(kind, "own", "1", n, &attach),
                message(kind, "own", "1", n + 20).replace("body ", &format!("{app} {kind} ")),
            ] {
                assert_eq!(server.copy(app, &copy).await.status, 200);
            }
        }
    }
    for (n, (app, account)) in (1..).zip(OWNERS) {
        let text = format!("{app}+{account} ");
        let copy = message("PERSON", "bob", account, n).replace("body ", &text);
        assert_eq!(server.copy(app, &copy).await.status, 200);
    }
}

async fn list(server: &TestServer, (app, account): (&str, &str)) -> Vec<Value> {
    server.http.list(&server.token(app, account)).await
}

#[tokio::test]
async fn everybody_reads_what_is_his() {
    let server = TestServer::start().await;
    fill(&server).await;
    for (app, account) in OWNERS {
        let token = server.token(app, account);
        let rows = list(&server, (app, account)).await;
        assert_eq!(rows.len(), 3, "{rows:?}");
        for row in rows {
            let id = row["sessionId"].as_str().unwrap();
            let body = row["lastMsg"]["9"].as_str().unwrap();
            let start = match id {
                "p2p|bob" => format!("{app}+{account} "),
                "team|1" => format!("{app} TEAM "),
                "super_team|1" => format!("{app} SUPER_TEAM "),
                other => panic!("{other}"),
            };
            assert!(body.starts_with(&start), "{app} {account}: {id} shows {body:?}");
            let path = format!("/v1/sessions/{}", id.replace('|', "%7C"));
            assert_eq!(server.http.get(&path, &token).await.ok(), row);
        }
        let me = server.http.get("/v1/account", &token).await.ok();
        assert_eq!((&me["appKey"], &me["account"]), (&app.into(), &account.into()));
    }
}

#[tokio::test]
async fn what_one_writes_and_deletes_nobody_else_notices() {
    let server = TestServer::start().await;
    fill(&server).await;
    for (app, account) in OWNERS {
        let token = server.token(app, account);
        let mut others: Vec<_> = OWNERS.into_iter().filter(|o| *o != (app, account)).collect();
        others.push((app, "bob"));
        others.push((app, "own"));
        let mut before = Vec::new();
        for other in &others {
            before.push(list(&server, *other).await);
        }
        for id in IDS {
            let text = format!("of {app}+{account}");
            assert_eq!(server.http.set_ext(id, &token, &text).await.ok()["ext"], text.as_str());
        }
        assert_eq!(server.http.delete(&["team|1", "super_team|1"], &token).await.status, 204);
        assert_eq!(list(&server, (app, account)).await.len(), 1);
        for (other, before) in others.iter().zip(before) {
            assert_eq!(list(&server, *other).await, before, "{app}+{account} moved {other:?}");
        }
    }
}

#[tokio::test]
async fn a_page_token_serves_its_owner_only() {
    let server = TestServer::start().await;
    fill(&server).await;
    for (app, account) in OWNERS {
        let page = server.http.get("/v1/sessions?limit=1", &server.token(app, account)).await.ok();
        let path = format!("/v1/sessions?pageToken={}", page["nextPageToken"].as_str().unwrap());
        for other in OWNERS {
            let answer = server.http.get(&path, &server.token(other.0, other.1)).await;
            if other == (app, account) {
                assert_eq!(answer.status, 200);
            } else {
                answer.assert_problem(400, 414, "pageToken");
            }
        }
    }
}

#[tokio::test]
async fn a_sync_serves_its_owner_only_and_its_cursor_nobody_else() {
    let server = TestServer::start().await;
    let mut cursors = Vec::new();
    for owner in OWNERS {
        cursors.push(server.http.latest(&server.token(owner.0, owner.1)).await);
    }
    fill(&server).await;
    for (own, cursor) in OWNERS.iter().zip(&cursors) {
        for other in OWNERS {
            let token = server.token(other.0, other.1);
            let page = server.http.sync(&token, &format!("cursor={cursor}")).await;
            assert_eq!(page["reset"], other != *own, "the cursor of {own:?} with {other:?}");
            let changes = page["changes"].as_array().unwrap();
            assert_eq!(changes.len(), if other == *own { 3 } else { 0 });
            for change in changes {
                let body = change["session"]["lastMsg"]["9"].as_str().unwrap();
                let starts = [format!("{}+{} ", own.0, own.1), format!("{} ", own.0)];
                assert!(starts.iter().any(|start| body.starts_with(start)), "{own:?}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn events_move_the_lists_of_their_keys_app_only() {
    let server = TestServer::start().await;
    fill(&server).await;
    let (a, ab) = (server.app("a").ingest_key().expose(), server.app("ab").ingest_key().expose());
    for (key, app, other) in [(a, "a", "ab"), (ab, "ab", "a")] {
        let mut before = Vec::new();
        for account in ["c", "bc", "bob", "own"] {
            before.push(list(&server, (other, account)).await);
        }
        let events = json!([
            event("p2p", "bob", "c", 500), event("p2p", "own", "bc", 501),
            event("team", "own", "1", 502), membership("leave", "1", &["bc"], T0 + 600),
            {"type": "dissolve", "sessionType": "super_team", "teamId": "1", "time": T0 + 601},
        ]);
        let answer = server.http.events(key, events).await.ok();
        let applied = |one: &Value| one["status"] == "applied";
        assert!(answer["results"].as_array().unwrap().iter().all(applied), "{app}: {answer}");
        for (account, before) in ["c", "bc", "bob", "own"].into_iter().zip(before) {
            assert_eq!(list(&server, (other, account)).await, before, "{app} moved {other}");
        }
    }
}

/// Every secret of both apps, by what it is.
fn secrets(server: &TestServer) -> Vec<(String, Secret)> {
    let of = |app: &App| {
        let name = |what: &str| format!("{what} of {}", app.key);
        vec![
            (name("app secret"), app.secret.clone()),
            (name("ingest key"), app.ingest_key().clone()),
            (name("token key"), app.token_keys[0].clone()),
            (name("token key"), app.token_keys[1].clone()),
        ]
    };
    ["a", "ab"].into_iter().flat_map(|key| of(server.app(key))).collect()
}

#[tokio::test]
async fn every_secret_is_useless_in_anothers_place() {
    let server = TestServer::start().await;
    fill(&server).await;
    let mut opened = HashSet::new();
    for (name, secret) in secrets(&server) {
        for app in ["a", "ab"] {
            let signer = App { token_keys: vec![secret.clone()], ..server.app(app).clone() };
            let now = huihua_http::clock::now_ms() / 1_000;
            let forged = auth::sign(&signer, &"c".parse().unwrap(), now, 60).unwrap();
            // As a key that signs tokens, and as a bearer token itself.
            for (way, token) in [("signs for", forged.as_str()), ("opens", secret.expose())] {
                for (method, path, body) in CLIENT_ROUTES {
                    let method = Method::from_bytes(method.as_bytes()).unwrap();
                    let answer = server.http.call(method, path, token, body).await;
                    if answer.status == 401 {
                        answer.assert_problem(401, 302, "");
                    } else {
                        opened.insert(format!("{name} {way} {app}"));
                    }
                }
            }
            let events = json!([event("p2p", "eve", "c", 901)]);
            for (way, key) in [("signs for", forged.as_str()), ("brings", secret.expose())] {
                let answer = server.http.events(key, events.clone()).await;
                if answer.status == 200 {
                    opened.insert(format!("{name} {way} events"));
                } else {
                    answer.assert_problem(401, 302, "");
                }
            }
            let copy = message("PERSON", "eve", "c", 900);
            let answer = server.http.try_copy(app, secret.expose(), &copy).await.unwrap();
            if answer.status == 200 {
                opened.insert(format!("{name} signs copies for {app}"));
            } else {
                assert_eq!((answer.status, answer.body.as_str()), (403, r#"{"code":414}"#));
            }
        }
    }
    let right = ["a", "ab"].into_iter().flat_map(|app| {
        [
            format!("app secret of {app} signs copies for {app}"),
            format!("token key of {app} signs for {app}"),
            format!("ingest key of {app} brings events"),
        ]
    });
    assert_eq!(opened, right.collect(), "each secret does its own work and no other");
}

/// Attachments hold URLs, and a server that fetched one would reach what its caller cannot.
#[tokio::test]
async fn an_address_in_a_message_is_never_called() {
    let server = TestServer::start().await;
    let bait = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bait.set_nonblocking(true).unwrap();
    let url = format!("http://{}/picture.png", bait.local_addr().unwrap());
    let attach = json!({"url": url, "ext": "png", "md5": url});
    let mut copy: Value = serde_json::from_str(&message("PERSON", "bob", "amy", 1)).unwrap();
    for field in ["body", "attach", "ext", "fromNick", "ip"] {
        copy[field] = if field == "attach" { attach.to_string() } else { url.clone() }.into();
    }
    copy["msgType"] = "PICTURE".into();
    assert_eq!(server.copy("a", &copy.to_string()).await.status, 200);
    let mut sent = event("p2p", "eve", "amy", 2);
    sent["body"] = url.clone().into();
    sent["attach"] = attach.to_string().into();
    assert_eq!(server.events(json!([sent])).await, ["applied"]);
    let token = server.token("a", "amy");
    assert_eq!(server.http.set_ext("p2p%7Cbob", &token, &url).await.status, 200);
    let rows = server.http.list(&token).await;
    assert!(rows.len() == 2 && rows.iter().all(|row| row.to_string().contains(&url)), "{rows:?}");
    let called = bait.accept().map(|(_, peer)| peer);
    assert_eq!(called.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody called");
}

//! Syncs that wait: which changes notify them, and what happens when their client goes away.

use std::time::{Duration, Instant};

use huihua_nim::check_sum;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};

use crate::support::{
    ServerProcess, T0, TestServer, WAIT_MAX, changed_ids, event, membership, message, printed_token,
};

/// A wait far longer than any test.
const LONG: &str = "waitMs=30000";

/// A sync of this account from now on, waiting for long.
async fn wait(server: &TestServer, app: &str, account: &str) -> JoinHandle<Value> {
    let token = server.token(app, account);
    let cursor = server.http.latest(&token).await;
    let (http, before) = (server.http.clone(), server.live.waiting());
    let waiting =
        tokio::spawn(async move { http.sync(&token, &format!("cursor={cursor}&{LONG}")).await });
    server.until_waiting(before + 1).await;
    waiting
}

/// What the wait is answered, at once.
async fn answer(waiting: JoinHandle<Value>) -> Value {
    let page = tokio::time::timeout(WAIT_MAX, waiting).await.expect("it is still waiting");
    page.unwrap()
}

#[tokio::test]
async fn a_change_notifies_the_lists_that_it_changes_and_no_other() {
    let server = TestServer::start().await;
    let others = [wait(&server, "a", "carol").await, wait(&server, "ab", "amy").await, {
        wait(&server, "ab", "bob").await
    }];
    for n in 1..=3 {
        let (amy, bob) = (wait(&server, "a", "amy").await, wait(&server, "a", "bob").await);
        let phone = wait(&server, "a", "amy").await;
        server.events(json!([event("p2p", "bob", "amy", n)])).await;
        for device in [amy, phone] {
            assert_eq!(changed_ids(&answer(device).await), ["p2p|bob"]);
        }
        assert_eq!(changed_ids(&answer(bob).await), ["p2p|amy"], "the sender's list moved too");
        server.until_waiting(others.len()).await;
    }
    // The account's own writes reach its other devices.
    let token = server.token("a", "amy");
    for n in 0..2 {
        let amy = wait(&server, "a", "amy").await;
        if n == 0 {
            server.http.set_ext("p2p|bob", &token, "x").await.ok();
            assert_eq!(answer(amy).await["changes"][0]["session"]["ext"], "x");
        } else {
            server.http.delete(&["p2p|bob"], &token).await;
            assert_eq!(changed_ids(&answer(amy).await), ["-p2p|bob"]);
        }
    }
    assert!(others.iter().all(|other| !other.is_finished()));
    assert_eq!(server.live.waiting(), others.len());
    // Three times three devices, and one each for ext and deletion: no other was even woken.
    assert_eq!(server.live.notified(), 11);
}

#[tokio::test]
async fn a_team_message_notifies_the_members_that_wait() {
    let server = TestServer::start().await;
    let (amy, bob) = (wait(&server, "a", "amy").await, wait(&server, "a", "bob").await);
    let eve = wait(&server, "a", "eve").await;
    // Who comes in is woken, though there is nothing to show yet.
    server.events(json!([membership("join", "7", &["amy", "bob"], T0)])).await;
    for member in [amy, bob] {
        assert_eq!(changed_ids(&answer(member).await), ["-team|7"]);
    }
    let (amy, bob) = (wait(&server, "a", "amy").await, wait(&server, "a", "bob").await);
    let of_another_app = wait(&server, "ab", "amy").await;
    server.events(json!([event("team", "x", "8", 2), event("super_team", "x", "7", 2)])).await;
    server.events(json!([event("team", "x", "7", 2)])).await;
    for member in [amy, bob] {
        let page = answer(member).await;
        assert_eq!(page["changes"][0]["session"]["updateTime"], T0 + 2);
    }
    // An account that leaves gets a change, and then none of the team.
    let (amy, bob) = (wait(&server, "a", "amy").await, wait(&server, "a", "bob").await);
    server.events(json!([membership("leave", "7", &["bob"], T0 + 3)])).await;
    assert_eq!(answer(bob).await["changes"][0]["session"]["updateTime"], T0 + 3);
    let bob = wait(&server, "a", "bob").await;
    server.events(json!([event("team", "x", "7", 4)])).await;
    assert_eq!(changed_ids(&answer(amy).await), ["team|7"]);
    assert!(!bob.is_finished() && !eve.is_finished() && !of_another_app.is_finished());
    server.events(json!([event("p2p", "x", "bob", 5)])).await;
    assert_eq!(changed_ids(&answer(bob).await), ["p2p|x"], "and nothing of the team");
}

#[tokio::test]
async fn it_answers_at_once_when_there_is_something_and_in_time_when_there_is_not() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    let asked = Instant::now();
    let page = server.http.sync(&token, "waitMs=400").await;
    assert!(asked.elapsed() >= Duration::from_millis(400), "an empty list waits for its first row");
    assert_eq!((changed_ids(&page).len(), &page["reset"]), (0, &false.into()));
    let cursor = page["cursor"].as_str().unwrap().to_owned();
    server.events(json!([event("p2p", "bob", "amy", 1), event("p2p", "eve", "amy", 2)])).await;
    let asked = Instant::now();
    let page = server.http.sync(&token, &format!("cursor={cursor}&limit=1&{LONG}")).await;
    assert_eq!((changed_ids(&page), &page["hasMore"]), (vec!["p2p|bob".to_owned()], &true.into()));
    assert!(asked.elapsed() < WAIT_MAX);
    // `latest` waits for what comes after it.
    let http = server.http.clone();
    let waiting =
        tokio::spawn(async move { http.sync(&token, &format!("cursor=latest&{LONG}")).await });
    server.until_waiting(1).await;
    server.events(json!([event("p2p", "dan", "amy", 3)])).await;
    assert_eq!(changed_ids(&answer(waiting).await), ["p2p|dan"]);
}

#[tokio::test]
async fn a_client_that_goes_away_waits_no_more() {
    let server = TestServer::start().await;
    let address = server.http.url.trim_start_matches("http://").to_owned();
    let token = server.token("a", "amy");
    let request = format!(
        "GET /v1/sync?cursor=latest&{LONG} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = TcpStream::connect(&address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        clients.push(client);
    }
    server.until_waiting(20).await;
    // Half of them close, one after half of its next request; half are reset.
    for (n, client) in clients.into_iter().enumerate() {
        if n % 2 == 0 {
            client.set_zero_linger().unwrap();
        }
        drop(client);
        server.until_waiting(19 - n).await;
    }
    let waiting = wait(&server, "a", "amy").await;
    waiting.abort();
    server.until_waiting(0).await;
}

#[tokio::test]
async fn a_stop_ends_every_wait_with_an_answer() {
    let server = TestServer::start().await;
    let mut waiting = Vec::new();
    for account in ["amy", "bob", "carol"] {
        waiting.push(wait(&server, "a", account).await);
    }
    let asked = Instant::now();
    server.stop().await;
    for one in waiting {
        let page = answer(one).await;
        assert_eq!((changed_ids(&page).len(), &page["reset"]), (0, &false.into()));
        assert!(!page["cursor"].as_str().unwrap().is_empty());
    }
    assert!(asked.elapsed() < Duration::from_secs(5), "they did not hold the stop");
}

#[tokio::test]
async fn sigterm_ends_the_waits_of_the_real_server() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path()).await;
    let token = printed_token(folder.path(), "amy");
    server.copy(&message("PERSON", "bob", "amy", 1)).await.unwrap();
    let cursor = server.http.latest(&token).await;
    let http = server.http.clone();
    let of_amy = token.clone();
    let waiting =
        tokio::spawn(async move { http.sync(&of_amy, &format!("cursor={cursor}&{LONG}")).await });
    // By the time that a later and short wait is over, the server has begun the long one.
    assert_eq!(changed_ids(&server.http.sync(&token, "cursor=latest&waitMs=300").await).len(), 0);
    assert!(!waiting.is_finished());
    let sent = Instant::now();
    assert!(server.terminate().await);
    assert!(sent.elapsed() < Duration::from_secs(5));
    assert_eq!(changed_ids(&answer(waiting).await).len(), 0);
}

/// A request that waits gives its connection's buffers back; what comes before and after it on the
/// same connection is served all the same.
#[tokio::test]
async fn requests_around_a_wait_are_answered_in_their_order() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    let request = |path: &str, more: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n")
    };
    let wait = format!("/v1/sync?cursor=latest&{LONG}");
    let requests = [
        request("/v1/account", ""),
        request(&wait, ""),
        request("/livez", ""),
        request(&wait, "Connection: keep-alive\r\n"),
        request(&wait, "Connection: Close\r\n"),
    ];
    let address = server.http.url.trim_start_matches("http://");
    for at_once in [true, false] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if at_once {
            stream.write_all(requests.concat().as_bytes()).await.unwrap();
        }
        let (mut reads, mut writes) = stream.split();
        let mut answers = Vec::new();
        let exchange = async {
            for (n, request) in requests.iter().enumerate() {
                if !at_once {
                    writes.write_all(request.as_bytes()).await.unwrap();
                    while answers.windows(12).filter(|w| w == b"HTTP/1.1 200").count() <= n {
                        assert!(reads.read_buf(&mut answers).await.unwrap() > 0, "closed early");
                    }
                }
            }
            // The last answer ends the connection.
            reads.read_to_end(&mut answers).await.unwrap();
        };
        let messages = async {
            for n in 1.. {
                server.events(json!([event("p2p", "bob", "amy", n)])).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = messages => {}
            exchanged = tokio::time::timeout(WAIT_MAX, exchange) => exchanged.unwrap(),
        }
        let answers = String::from_utf8(answers).unwrap();
        let told = answers.split("HTTP/1.1 200").skip(1).map(|answer| {
            ["appKey", "p2p|bob", "ok\n"].into_iter().find(|text| answer.contains(text))
        });
        let told: Vec<_> = told.map(|text| text.unwrap_or(&answers)).collect();
        assert_eq!(told, ["appKey", "p2p|bob", "ok\n", "p2p|bob", "p2p|bob"]);
        assert_eq!(answers.to_ascii_lowercase().matches("connection: close").count(), 1);
    }
}

/// A token of the directory may be replaced while it waits: the wait ends at once.
#[tokio::test]
async fn a_token_that_ends_ends_its_wait_and_no_other() {
    let server = TestServer::start().await;
    let give = async |token: &str| {
        let form = format!("accid=amy&token={token}");
        let now = (huihua_http::clock::now_ms() / 1_000).to_string();
        let sum = check_sum::of(server.app("a").secret.expose(), "n", &now);
        let headers = [("AppKey", "a"), ("Nonce", "n"), ("CurTime", &now), ("CheckSum", &sum)];
        let path = "/user/update.action";
        let answer = server.http.send(Method::POST, path, &headers, form).await;
        assert_eq!(answer.ok()["code"], 200);
    };
    give("first").await;
    let jwt = wait(&server, "a", "amy").await;
    let path = format!("/v1/sync?cursor={}&{LONG}", server.http.latest("first").await);
    let http = server.http.clone();
    let waiting = tokio::spawn(async move { http.get(&path, "first").await });
    server.until_waiting(2).await;
    give("first").await;
    server.until_waiting(2).await;
    assert!(!waiting.is_finished(), "it was given once more");
    give("second").await;
    let ended = tokio::time::timeout(WAIT_MAX, waiting).await.expect("it is still waiting");
    ended.unwrap().assert_problem(401, 302, "was replaced");
    assert!(!jwt.is_finished());
    server.events(json!([event("p2p", "bob", "amy", 1)])).await;
    assert_eq!(changed_ids(&answer(jwt).await), ["p2p|bob"]);
}

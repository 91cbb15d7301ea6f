//! Who may log in over a link, and how a login ends by the server's will.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use huihua_http::{
    auth,
    clock::{self, Clock},
    server::{Limits, LinkDoor},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{BOTH, Framing, Link, NEW, OLD, PAGE, Parameter, ask, login, start, start_as};
use crate::{
    every_route::{OWNERS, Walk, credentials},
    nim::{sdk::Sdk, seed::Seed},
    support::{TestServer, event},
};

/// NIM's server API of one of the apps.
fn sdk_of(server: &TestServer, app: &str) -> Sdk {
    Sdk::new(&server.http.url, app, server.app(app).secret.expose(), Seed::printed("links"))
}

#[tokio::test]
async fn a_login_of_either_form_takes_a_jwt_and_a_token_of_user_create() {
    let server = start().await;
    server.events(json!([event("p2p", "bob", "amy", 1)])).await;
    let created = sdk_of(&server, "a").ok("/user/create.action", &[("accid", "amy")]).await;
    let created = created["info"]["token"].as_str().unwrap().to_owned();
    for framing in BOTH {
        for (sid, token) in [
            (2, server.token("a", "amy")),
            (26, server.token("a", "amy")),
            (2, created.clone()),
            (26, created.clone()),
        ] {
            let mut link = Link::open(server.http.address(), framing).await;
            // NIM's form of ids: the client may write them as it likes.
            let mut tags = login(&token, "a", "Amy", NEW);
            (tags["13"], tags["38"]) = (json!("device"), json!("custom"));
            let answer = link.call(sid, 3, Parameter::Tags(tags)).await;
            assert_eq!(answer["code"], 200, "{answer}");
            let says = &answer["r"][0];
            match sid {
                2 => assert_eq!(says["38"], "custom"),
                // Without tag 12 the SDK never syncs.
                _ => assert_eq!((&says["1"], &says["12"]), (&json!("device"), &json!("1"))),
            }
            let row = link.tags(20, json!({"1": "p2p|bob"})).await;
            assert_eq!(row["code"], 200, "{row}");
        }
    }
    server.stop().await;
}

/// Asserts that a login is refused, and that the link ends with it.
async fn assert_refused(server: &TestServer, framing: Framing, tags: Value, code: u16) {
    for sid in [2, 26] {
        let mut link = Link::open(server.http.address(), framing).await;
        let answer = link.call(sid, 3, Parameter::Tags(tags.clone())).await;
        assert_eq!((&answer["code"], &answer["r"]), (&json!(code), &json!([])), "{answer}");
        assert_eq!(link.next().await, None);
    }
}

#[tokio::test]
async fn a_wrong_token_another_apps_key_and_another_accounts_name_are_refused() {
    let server = start().await;
    let amy = server.token("a", "amy");
    let now = clock::now_ms() / 1_000;
    let expired = auth::sign(server.app("a"), &"amy".parse().unwrap(), now - 3_600, 60).unwrap();
    for framing in BOTH {
        for (token, app, account) in [
            ("x", "a", "amy"),
            ("", "a", "amy"),
            (&*expired, "a", "amy"),
            (&amy, "ab", "amy"),
            (&amy, "", "amy"),
            (&amy, "a", "bob"),
            (&amy, "a", ""),
        ] {
            assert_refused(&server, framing, login(token, app, account, OLD), 302).await;
        }
        // Another way to log in than by a token.
        let mut dynamic = login(&amy, "a", "amy", OLD);
        dynamic["115"] = json!(1);
        assert_refused(&server, framing, dynamic, 302).await;
    }
    sdk_of(&server, "a").ok("/user/block.action", &[("accid", "amy")]).await;
    assert_refused(&server, Framing::Text, login(&amy, "a", "amy", NEW), 422).await;
    server.stop().await;
}

/// The same credentials with which every route is tried.
#[tokio::test]
async fn no_credential_logs_in_as_anybody_but_its_own_account() {
    let folder = TempDir::new().unwrap();
    let walk = Walk::start(folder.path(), &[], "info").await;
    let address = walk.server.http.address();
    let (mut right, mut wrong) = (0, 0);
    for credential in credentials(&walk.nim_tokens) {
        let Some((token, opens)) = credential.bearer_token() else { continue };
        for (n, (app, account)) in OWNERS.into_iter().enumerate() {
            let framing = BOTH[n % 2];
            let mut link = Link::open(address, framing).await;
            let tags = login(&token, app, account, NEW);
            let answer = link.call(26, 3, Parameter::Tags(tags)).await;
            let is_own = opens == Some((app, account));
            let code = if is_own { 200 } else { 302 };
            assert_eq!(answer["code"], code, "{} as {app} {account}", credential.name);
            *(if is_own { &mut right } else { &mut wrong }) += 1;
        }
    }
    assert!(right >= 8 && wrong > 150, "{right} right, {wrong} wrong");
}

#[tokio::test]
async fn whoever_has_not_logged_in_gets_nothing_and_nobody_logs_in_twice() {
    let server = start().await;
    for framing in BOTH {
        for cid in 19..=22 {
            let mut link = Link::open(server.http.address(), framing).await;
            link.send(7, cid, &Parameter::Tags(json!({"1": "p2p|bob"}))).await;
            assert_eq!(link.next().await, None, "7/{cid} before a login");
        }
        let mut early = Link::open(server.http.address(), framing).await;
        assert!(early.call(6, 23, Parameter::Nothing).await["r"][0].is_u64());
        for _ in 0..15 {
            assert_eq!(early.heartbeat().await, 200);
        }
        assert_eq!(early.heartbeat().await, 302, "it says much and does not log in");
        assert_eq!(early.next().await, None);
        let mut twice = Link::logged_in(&server, framing, "amy", OLD).await;
        let tags = login(&server.token("a", "bob"), "a", "bob", OLD);
        assert_eq!(twice.call(2, 3, Parameter::Tags(tags)).await["code"], 403);
        assert_eq!(twice.next().await, None);
    }
    server.stop().await;
}

/// The kick of either form: client type, NIM's reason "by the server", words.
async fn assert_kicked(link: &mut Link, form: u8, reason: &str) {
    let numbers = if form == 2 { (2, 5) } else { (26, 9) };
    let kick = link.frame().await;
    assert_eq!((&kick["sid"], &kick["cid"]), (&json!(numbers.0), &json!(numbers.1)), "{kick}");
    assert_eq!(kick["r"], json!([32, 2, reason, 0]));
    assert_eq!(link.next().await, None);
}

#[tokio::test]
async fn an_expired_a_replaced_and_a_blocked_token_end_the_link_with_their_reason() {
    let server = start().await;
    let sdk = sdk_of(&server, "a");
    for framing in BOTH {
        for form in [2, 26] {
            let open = async |token: &str, account: &str| {
                let mut link = Link::open(server.http.address(), framing).await;
                let tags = login(token, "a", account, NEW);
                let answer = link.call(form, 3, Parameter::Tags(tags)).await;
                assert_eq!(answer["code"], 200, "{answer}");
                link
            };
            let mut other = Link::logged_in(&server, framing, "carol", OLD).await;
            let amy = [("accid", "amy")];
            let given = sdk.ok("/user/refreshToken.action", &amy).await;
            let given = given["info"]["token"].as_str().unwrap().to_owned();
            let mut two = [open(&given, "amy").await, open(&given, "amy").await];
            let mut by_jwt = open(&server.token("a", "amy"), "amy").await;
            sdk.ok("/user/refreshToken.action", &amy).await;
            for link in &mut two {
                assert_kicked(link, form, "token replaced").await;
            }
            assert_eq!(by_jwt.heartbeat().await, 200, "a JWT cannot be replaced");
            sdk.ok("/user/block.action", &amy).await;
            assert_kicked(&mut by_jwt, form, "account blocked").await;
            sdk.ok("/user/unblock.action", &amy).await;
            // Clocks may differ by 30 seconds: this one is accepted for one more.
            let (account, now) = ("amy".parse().unwrap(), clock::now_ms() / 1_000);
            let ends = auth::sign(server.app("a"), &account, now - 60, 31).unwrap();
            let mut ends = open(&ends, "amy").await;
            assert_kicked(&mut ends, form, "token expired").await;
            assert_eq!(other.heartbeat().await, 200);
        }
    }
    server.stop().await;
}

/// No wait of the link notices a clock that jumps: the command does.
#[tokio::test]
async fn a_command_after_the_end_of_its_token_is_not_served() {
    static AHEAD_MS: AtomicU64 = AtomicU64::new(0);
    let clock = Clock::new(|| clock::now_ms() + AHEAD_MS.load(Relaxed));
    let folder = TempDir::new().unwrap();
    let server = start_as(folder, Limits::default(), clock, LinkDoor::default()).await;
    server.events(json!([event("p2p", "bob", "amy", 1)])).await;
    let one = || json!({"1": "p2p|bob"});
    for framing in BOTH {
        let mut links = Vec::new();
        for cid in 19..=22 {
            let parameter = match cid {
                22 => Parameter::List(vec![one()]),
                _ => Parameter::Tags(one()),
            };
            let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
            assert_eq!(link.tags(20, one()).await["code"], 200);
            links.push((link, cid, parameter));
        }
        AHEAD_MS.store(2 * 3_600_000, Relaxed);
        for (mut link, cid, parameter) in links {
            assert_eq!(link.heartbeat().await, 200, "which opens no list");
            link.send(7, cid, &parameter).await;
            assert_kicked(&mut link, 2, "token expired").await;
        }
        AHEAD_MS.store(0, Relaxed);
        let rows = server.http.list(&server.token("a", "amy")).await;
        assert_eq!((rows.len(), &rows[0]["ext"]), (1, &json!("")), "nothing was done");
    }
    server.stop().await;
}

#[tokio::test]
async fn links_are_found_by_the_lbs_and_only_by_pages_of_known_origins() {
    let server = start().await;
    let host = server.http.address().to_owned();
    let lbs = server.http.get("/nim/lbs?k=a&id=amy", "").await;
    assert!(lbs.headers.get("access-control-allow-origin").is_none());
    assert_eq!(lbs.ok()["common"]["link"], json!([host]));
    for (origin, is_let_in) in [(PAGE, true), ("https://evil.example", false), ("null", false)] {
        for path in ["/nim/lbs?k=a", "/socket.io/1/?t=1"] {
            for method in [reqwest::Method::GET, reqwest::Method::OPTIONS] {
                let answer = server.http.send(method, path, &[("Origin", origin)], "").await;
                let allowed = answer.headers.get("access-control-allow-origin");
                assert_eq!(allowed.is_some_and(|allowed| allowed == origin), is_let_in, "{path}");
                assert_eq!(answer.status == 403, !is_let_in, "{answer:?}");
                // A browser kept the handshake of 9.x back without it.
                let with_cookies = answer.headers.get("access-control-allow-credentials");
                assert_eq!(with_cookies.is_some_and(|yes| yes == "true"), is_let_in, "{path}");
            }
        }
        for framing in BOTH {
            let more = format!("Origin: {origin}\r\n");
            let (head, _stream) = ask(&host, super::path(framing), &more).await;
            assert_eq!(head.starts_with("HTTP/1.1 101 "), is_let_in, "{head}");
        }
    }
    let session = server.http.get("/socket.io/1/?t=1", "").await.body;
    assert!(session.ends_with(":60:60:websocket"), "{session}");
    server.stop().await;
}

/// RFC 6455, section 4.2.1. What is no handshake is answered as a path that is not there.
#[tokio::test]
async fn only_a_whole_handshake_of_websocket_opens_a_link() {
    let server = start().await;
    let host = server.http.address().to_owned();
    let status = async |line: &str, headers: [&str; 4]| {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        let head = format!("{line}\r\nHost: {host}\r\n{}\r\n\r\n", headers.join("\r\n"));
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[9..]).into_owned()
    };
    let good = [
        "Upgrade: WebSocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for path in BOTH.map(super::path) {
        let get = format!("GET {path} HTTP/1.1");
        assert_eq!(status(&get, good).await, "101", "the control");
        for line in [format!("POST {path} HTTP/1.1"), format!("GET {path} HTTP/1.0")] {
            assert_eq!(status(&line, good).await, "404", "{line}");
        }
        for (n, wrong) in [
            (0, "Upgrade: h2c"),
            (0, "X: websocket"),
            (1, "Connection: close"),
            (1, "X: Upgrade"),
            (2, "Sec-WebSocket-Version: 8"),
            (2, "X: 13"),
            (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"),
            (3, "X: dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            let mut headers = good;
            headers[n] = wrong;
            assert_eq!(status(&get, headers).await, "404", "{path} {wrong}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_without_the_door_has_none_of_its_paths() {
    let closed = TestServer::start().await;
    for path in ["/websocket", "/socket.io/1/websocket/7f", "/socket.io/1/", "/nim/lbs"] {
        let (head, _stream) = ask(closed.http.address(), path, "").await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
    }
    tokio::time::timeout(Duration::from_secs(5), closed.stop()).await.unwrap();
}

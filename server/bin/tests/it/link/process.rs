//! Links of the real process: its settings, what an idle link costs, metrics and log, its end.

use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

use super::{BOTH, Framing, Link, NEW, PAGE, Parameter, ask, ids, login, path};
use crate::{
    config::{ConfiguredServer, signed, write_config},
    measure::{app, resident},
    operator::{admin, value},
    support::{ServerProcess, event, printed_token, token},
};

const OPEN: [(&str, &str); 2] = [("HUIHUA_LINK", "true"), ("HUIHUA_LINK_ORIGINS", PAGE)];

async fn log_in(server: &ServerProcess, framing: Framing, account: &str) -> Link {
    let mut link = Link::open(server.http.address(), framing).await;
    let token = token(&app(server), account);
    let tags = login(&token, &server.dev["appKey"], account, NEW);
    assert_eq!(link.call(2, 3, Parameter::Tags(tags)).await["code"], 200);
    link
}

/// A thousand of them, and twice: what the first thousand has cost once is not the links' own.
#[tokio::test]
async fn an_idle_link_costs_at_most_10_kib() {
    const LINKS: usize = 1_000;
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start_set(folder.path(), &OPEN).await;
    server.events(json!([event("p2p", "x", "y", 1)])).await;
    let mut links = Vec::new();
    let mut costs = Vec::new();
    for round in 0..2 {
        let before = resident(server.id());
        for n in 0..LINKS {
            let account = format!("u{}", round * LINKS + n);
            links.push(log_in(&server, BOTH[n % 2], &account).await);
        }
        // Each has said something since its login, as after half a minute.
        for link in &mut links {
            assert_eq!(link.heartbeat().await, 200);
        }
        costs.push(resident(server.id()).saturating_sub(before) / LINKS);
    }
    println!("bytes of a link: {costs:?}");
    assert!(costs.iter().min().unwrap() <= &(10 * 1_024), "{costs:?} bytes");
    server.events(json!([event("p2p", "x", "u500", 2)])).await;
    assert_eq!(links[500].pushed().await["1"], "p2p|x");
    for (n, link) in links.iter_mut().enumerate().step_by(97) {
        assert_eq!(link.heartbeat().await, 200, "{n}");
    }
}

#[tokio::test]
async fn sigterm_ends_links_at_once_and_well() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start_set(folder.path(), &OPEN).await;
    let mut links = Vec::new();
    for (n, framing) in (0..20).zip(BOTH.into_iter().cycle()) {
        links.push(log_in(&server, framing, &format!("u{n}")).await);
    }
    // One that never logs in, and one that has asked and reads nothing.
    let silent = Link::open(server.http.address(), Framing::Text).await;
    links[0].send(7, 19, &Parameter::Tags(json!({}))).await;
    let sent = Instant::now();
    assert!(server.terminate().await, "it ends well");
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    for link in &mut links[1..] {
        assert_eq!(link.next().await, None);
    }
    assert_eq!(links[0].frame().await["cid"], 19, "what was asked is answered");
    drop(silent);
    // Whoever serves next takes them, with what was written meanwhile.
    let server = ServerProcess::start_set(folder.path(), &OPEN).await;
    log_in(&server, Framing::Binary, "u1").await.cut().await;
    let token = printed_token(folder.path(), "u1");
    assert_eq!(server.http.list(&token).await.len(), 0);
}

#[tokio::test]
async fn the_door_is_opened_by_its_settings_and_counts_and_logs_what_it_does() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("huihua.toml");
    write_config(&config, &["t"]);
    let settings = [
        "--set",
        "link=true",
        "--set",
        "link_address=sessions.example.com:443",
        "--set",
        "access_log=true",
    ];
    let server = ConfiguredServer::start(folder.path(), &settings).await;
    let lbs = server.http.get("/nim/lbs?k=a", "").await.ok();
    assert_eq!(lbs["common"]["link"], json!(["sessions.example.com:443"]));
    // No page was named.
    let more = format!("Origin: {PAGE}\r\n");
    let (head, _stream) = ask(server.http.address(), path(Framing::Text), &more).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    let mut link = Link::open(server.http.address(), Framing::Text).await;
    let tags = login(&signed("t"), "a", "amy", NEW);
    assert_eq!(link.call(26, 3, Parameter::Tags(tags)).await["code"], 200);
    assert_eq!(link.tags(19, json!({"3": "PRIVATE"})).await["code"], 414);
    assert_eq!(link.tags(20, json!({"1": "p2p|private"})).await["code"], 404);
    let admin = admin(&server);
    let metrics = async || admin.send(reqwest::Method::GET, "/metrics", &[], "").await.body;
    let now = metrics().await;
    assert_eq!(value(&now, "huihua_links"), 1.0);
    for (command, code) in [("login", 200), ("list", 414), ("get", 404)] {
        let name = format!(r#"huihua_link_commands_total{{command="{command}",code="{code}"}}"#);
        assert_eq!(value(&now, &name), 1.0, "{name}");
    }
    let upgrades = r#"route="/socket.io/1/websocket/{id}",method="GET",status="101""#;
    assert_eq!(value(&now, &format!("huihua_http_requests_total{{{upgrades}}}")), 1.0);
    link.cut().await;
    let since = Instant::now();
    while value(&metrics().await, "huihua_links") != 0.0 {
        assert!(since.elapsed() < Duration::from_secs(10), "the link is counted still");
    }
    let log = server.log();
    for line in ["method=\"LINK\" route=\"login\" status=200", "route=\"list\" status=414"] {
        assert!(log.contains(line), "{line} is not in {log}");
    }
    assert!(!log.to_lowercase().contains("private") && !log.contains("amy"), "{log}");
}

/// A library of WebSockets writes whole messages at this level.
#[tokio::test]
async fn nothing_that_a_client_says_or_reads_is_in_the_log_at_its_most_talkative_level() {
    let folder = TempDir::new().unwrap();
    write_config(&folder.path().join("huihua.toml"), &["t"]);
    let set = ["--set", "link=true", "--set", "access_log=true"];
    let mut server = ConfiguredServer::start_logging(folder.path(), &set, "trace").await;
    let token = signed("t");
    for framing in BOTH {
        let mut link = Link::open(server.http.address(), framing).await;
        let mut tags = login(&token, "a", "amy", NEW);
        (tags["13"], tags["38"]) = (json!("PRIVATE device"), json!("PRIVATE tag"));
        assert_eq!(link.call(2, 3, Parameter::Tags(tags)).await["code"], 200);
        let mut event = event("p2p", "PRIVATE", "amy", framing as u64 + 1);
        event["body"] = json!("PRIVATE words");
        server.http.events(&"i".repeat(32), json!([event])).await.ok();
        assert_eq!(link.pushed().await["1"], "p2p|private");
        assert_eq!(ids(&link.tags(19, json!({})).await), ["p2p|private"]);
        let update = json!({"1": "p2p|private", "3": "PRIVATE ext"});
        assert_eq!(link.tags(21, update).await["code"], 200);
        assert_eq!(link.tags(21, json!({"1": "PRIVATE", "3": "PRIVATE"})).await["code"], 414);
        assert_eq!(link.tags(99, json!({"1": "PRIVATE"})).await["code"], 404);
        let frame = CloseFrame { code: CloseCode::Normal, reason: "PRIVATE reason".into() };
        link.socket.close(Some(frame)).await.unwrap();
        while link.next().await.is_some() {}
        let mut wrong = Link::open(server.http.address(), framing).await;
        let tags = login("PRIVATE token", "a", "PRIVATE", NEW);
        assert_eq!(wrong.call(26, 3, Parameter::Tags(tags)).await["code"], 302);
        let mut garbage = Link::open(server.http.address(), framing).await;
        garbage.send_text("PRIVATE garbage").await;
        while garbage.next().await.is_some() {}
    }
    assert!(server.terminate().await);
    let log = server.log();
    assert!(log.contains("DEBUG") && log.contains("a link ended"), "{log}");
    for private in ["private", "amy", &token.to_lowercase()] {
        let lines: Vec<_> =
            log.lines().filter(|line| line.to_lowercase().contains(private)).collect();
        assert!(lines.is_empty(), "{private}: {:#?}", &lines[..lines.len().min(3)]);
    }
}

#[tokio::test]
async fn the_door_is_closed_unless_it_is_configured() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    for framing in BOTH {
        let (head, _): (String, TcpStream) = ask(server.http.address(), path(framing), "").await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    }
}

//! Stopping over TLS and HTTP/2: requests in flight are answered, waits end, nobody is told a lie,
//! and slow peers do not hold the process.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{body::Bytes, http::Request};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use super::{Authority, HTTP1, HTTP2};
use crate::{
    config::{ConfiguredServer, signed, write_config},
    operator,
    support::{Http, WAIT_MAX, event},
};

/// Longest time for requests in flight, with something for the start and end of the process.
const DRAIN_MAX: Duration = Duration::from_secs(14);

pub(super) async fn start(folder: &Path, authority: &Authority) -> ConfiguredServer {
    write_config(&folder.join("huihua.toml"), &["o"]);
    authority.write(folder);
    let set =
        ["tls_certificate=certificate.pem", "tls_key=key.pem", "connections_per_address=5000"];
    ConfiguredServer::start(folder, &set.map(|set| ["--set", set]).concat()).await
}

/// Ends when this many syncs wait, by the metrics.
pub(super) async fn until_waiting(admin: &Http, count: usize) {
    let since = Instant::now();
    loop {
        let metrics = admin.get("/metrics", "").await.body;
        if metrics.contains(&format!("huihua_sync_waits {count}\n")) {
            return;
        }
        assert!(since.elapsed() < WAIT_MAX, "{metrics}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn requests_in_flight_are_answered_waits_end_and_the_server_is_not_ready() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let mut server = start(folder.path(), &authority).await;
    let (admin, token) = (operator::admin(&server), signed("o"));
    let bearer = format!("Bearer {token}");
    let put = || {
        Request::put("https://x/v1/sessions/p2p%7Cbob/ext")
            .header("authorization", &bearer)
            .header("content-type", "application/json")
            .body(())
            .unwrap()
    };
    // A request of HTTP/2 whose body is under way, and one of HTTP/1.1.
    let stream = authority.connect(server.http.address(), HTTP2).await;
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut send = send.ready().await.unwrap();
    let (answer, mut body) = send.send_request(put(), false).unwrap();
    body.send_data(Bytes::from_static(b"{\"ext\""), false).unwrap();
    let mut old = authority.connect(server.http.address(), HTTP1).await;
    let head = format!(
        "PUT /v1/sessions/p2p%7Ceve/ext HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\
         Content-Type: application/json\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n"
    );
    old.write_all(head.as_bytes()).await.unwrap();
    old.read_exact(&mut [0; 25]).await.unwrap();
    // And a wait of each.
    let mut waits = JoinSet::new();
    for protocol in [HTTP1, HTTP2] {
        let (http, token) = (authority.http(server.http.address(), protocol), token.clone());
        waits.spawn(async move { http.get("/v1/sync?cursor=latest&waitMs=30000", &token).await });
    }
    until_waiting(&admin, 2).await;
    assert_eq!(admin.get("/readyz", "").await.status, 200);
    let address = server.http.address().to_owned();
    let sent = Instant::now();
    let during = async {
        let waited = tokio::time::timeout(Duration::from_secs(5), waits.join_all()).await.unwrap();
        for answer in waited {
            assert!(answer.status == 200 || answer.status == 503, "{answer:?}");
        }
        admin.get("/readyz", "").await.assert_problem(503, 503, "the server is stopping");
        assert!(TcpStream::connect(&address).await.is_err());
        // The connection's end is announced: no new request goes out on it.
        let since = Instant::now();
        while let Ok(mut ready) = send.clone().ready().await {
            if ready.send_request(put(), true).is_err() {
                break;
            }
            assert!(since.elapsed() < WAIT_MAX, "no GOAWAY");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        body.send_data(Bytes::from_static(b":\"x\"}"), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
        old.write_all(br#"{"ext":"y"}"#).await.unwrap();
        let mut answer = String::new();
        old.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        connection.await.unwrap().unwrap();
    };
    let (ended_well, ()) = tokio::join!(server.terminate(), during);
    assert!(ended_well && sent.elapsed() < DRAIN_MAX, "{:?}", sent.elapsed());
    let server = start(folder.path(), &authority).await;
    let http = authority.http(server.http.address(), HTTP2);
    for (id, ext) in [("bob", "x"), ("eve", "y")] {
        let path = format!("/v1/sessions/p2p%7C{id}");
        assert_eq!(http.get(&path, &token).await.ok()["ext"], ext);
    }
}

/// Writes one event after the other; returns how many were answered when the server went away.
async fn write_until_refused(http: Http, sender: String) -> u64 {
    let key = "i".repeat(32);
    for n in 1.. {
        let body = json!({ "events": [event("p2p", &sender, "amy", n)] }).to_string();
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let sent = http.try_send(reqwest::Method::POST, "/v1/events", &headers, body).await;
        if !sent.is_ok_and(|answer| answer.status == 200) {
            return n - 1;
        }
    }
    unreachable!("it writes for ever")
}

/// What the last message of this sender in amy's list is.
async fn last_of(http: &Http, sender: &str) -> u64 {
    let row = http.get(&format!("/v1/sessions/p2p%7C{sender}"), &signed("o")).await.ok();
    row["lastMsg"]["12"].as_str().unwrap().parse().unwrap()
}

/// Peers that never end by themselves: silent ones, half a head, half a body, an answer untaken.
async fn slow_peers(server: &ConfiguredServer, authority: Option<&Authority>) -> JoinSet<()> {
    let half =
        ["", "GET /li", "POST /nim/copy HTTP/1.1\r\nAppKey: a\r\nContent-Length: 99\r\n\r\n{"];
    let address = server.http.address();
    let mut peers = JoinSet::new();
    for says in half {
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(says.as_bytes()).await.unwrap();
        let Some(authority) = authority else {
            peers.spawn(hold(plain));
            continue;
        };
        // As it is, it is no TLS: what holds are peers that have shaken hands.
        peers.spawn(hold(TcpStream::connect(address).await.unwrap()));
        for protocol in [HTTP1, HTTP2] {
            let mut stream = authority.connect(address, protocol).await;
            stream.write_all(says.as_bytes()).await.unwrap();
            peers.spawn(hold(stream));
        }
    }
    if let Some(authority) = authority {
        // It never answers the ping of a goodbye, and one of its bodies never ends.
        let mut stream = authority.connect(address, HTTP2).await;
        let begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let head = b"\x83\x87\x04\x09/nim/copy";
        let frame = [&[0, 0, head.len() as u8, 1, 4, 0, 0, 0, 1], &head[..]].concat();
        stream.write_all(&[&begin[..], &frame].concat()).await.unwrap();
        peers.spawn(hold(stream));
    }
    peers
}

async fn hold<S>(stream: S) {
    std::future::pending::<()>().await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_and_with_slow_peers_it_ends_in_time_and_keeps_what_it_answered() {
    for is_tls in [false, true] {
        let (folder, authority) = (TempDir::new().unwrap(), Arc::new(Authority::new()));
        write_config(&folder.path().join("huihua.toml"), &["o"]);
        let start = async || match is_tls {
            true => start(folder.path(), &authority).await,
            false => ConfiguredServer::start(folder.path(), &[]).await,
        };
        let mut server = start().await;
        let protocols = if is_tls { vec![HTTP1, HTTP2] } else { vec![HTTP1] };
        let client = |server: &ConfiguredServer, protocol| match is_tls {
            true => authority.http(server.http.address(), protocol),
            false => Http::new(server.http.url.clone()),
        };
        let peers = slow_peers(&server, is_tls.then_some(&*authority)).await;
        let mut writers = Vec::new();
        for n in 0..8 {
            let http = client(&server, protocols[n % protocols.len()]);
            let sender = format!("u{n}");
            writers.push((sender.clone(), tokio::spawn(write_until_refused(http, sender))));
        }
        let (http, since) = (client(&server, protocols[0]), Instant::now());
        while http.get("/v1/sessions/p2p%7Cu7", &signed("o")).await.status != 200 {
            assert!(since.elapsed() < WAIT_MAX, "nothing is written");
        }
        let sent = Instant::now();
        assert!(server.terminate().await, "exit status 0");
        assert!(sent.elapsed() < DRAIN_MAX, "{:?}", sent.elapsed());
        drop(peers);
        let server = start().await;
        let http = client(&server, protocols[0]);
        for (sender, writer) in writers {
            let answered = writer.await.unwrap();
            assert!(answered > 0, "{sender} wrote nothing");
            assert!(last_of(&http, &sender).await >= answered, "{sender} lost an answered event");
        }
    }
}

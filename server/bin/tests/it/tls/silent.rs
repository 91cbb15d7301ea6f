//! Peers that say nothing, or not enough, before they have shaken hands.

use std::time::{Duration, Instant};

use huihua_http::server::Limits;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{HTTP1, HTTP2, TlsServer};
use crate::support::{Http, TestServer, WAIT_MAX};

/// The record of a handshake that never comes whole.
const HALF_A_HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

async fn connect(address: &str, says: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(says).await.unwrap();
    stream
}

/// `/livez` in a median time of at most 100 ms, by a new connection each time.
async fn assert_health_is_quick(http: impl Fn() -> Http) {
    let mut times = Vec::new();
    for _ in 0..9 {
        let http = http();
        let asked = Instant::now();
        assert_eq!(http.get("/livez", "").await.status, 200);
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    assert!(times[4] <= Duration::from_millis(100), "{times:?}");
}

/// 160 silent peers on 100 places made `/livez` wait for 28 s.
#[tokio::test]
async fn silent_peers_on_all_places_held_up_the_health_checks_in_clear_and_over_tls() {
    let limits = Limits { connections_max: 50, ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(connect(server.http.address(), b"").await);
    }
    assert_health_is_quick(|| Http::new(server.http.url.clone())).await;

    let tls = TlsServer::start(limits).await;
    for n in 0..160 {
        silent.push(connect(tls.address(), [b"", HALF_A_HELLO][n % 2]).await);
    }
    for protocol in [HTTP1, HTTP2] {
        assert_health_is_quick(|| tls.http(protocol)).await;
    }
    // Peers that have shaken hands and then are silent.
    drop(silent);
    let mut silent = Vec::new();
    for n in 0..100 {
        silent.push(tls.connect([HTTP1, HTTP2][n % 2]).await);
    }
    for protocol in [HTTP1, HTTP2] {
        assert_health_is_quick(|| tls.http(protocol)).await;
        // Anybody else is told when to come again, over a connection that then ends.
        let token = tls.server.token("a", "amy");
        let answer = tls.http(protocol).get("/v1/account", &token).await;
        answer.assert_problem(503, 503, "too many connections");
        assert_eq!(answer.header("retry-after"), "1");
    }
    silent.truncate(49);
    let (http, token, since) = (tls.http(HTTP2), tls.server.token("a", "amy"), Instant::now());
    while http.get("/v1/account", &token).await.status != 200 {
        assert!(since.elapsed() < WAIT_MAX, "a place was left free");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_shake_hands_in_time_loses_its_place() {
    let handshake_wait = Duration::from_secs(2);
    let limits = Limits { handshake_wait, connections_per_address: Some(3), ..Limits::default() };
    let tls = TlsServer::start(limits).await;
    let since = Instant::now();
    let mut slow = Vec::new();
    for says in [b"", &HALF_A_HELLO[..1], HALF_A_HELLO] {
        slow.push(connect(tls.address(), says).await);
    }
    let http = tls.http(HTTP2);
    let asked = http.try_send(reqwest::Method::GET, "/livez", &[], "").await;
    assert!(asked.is_err(), "those that shake hands count in the share of their address");
    for stream in &mut slow {
        let read = tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut Vec::new())).await;
        assert!(read.is_ok(), "it is never let go");
    }
    assert!(since.elapsed() >= handshake_wait);
    let since = Instant::now();
    while http.try_send(reqwest::Method::GET, "/livez", &[], "").await.is_err() {
        assert!(since.elapsed() < WAIT_MAX, "their share is not given back");
    }
}

/// A hello may be 16 MiB long by its format.
#[tokio::test]
async fn a_hello_without_an_end_is_cut_before_it_is_kept() {
    let tls = TlsServer::start(Limits::default()).await;
    let record = [&[0x16, 3, 1, 0x0f, 0xa0], &[0; 4_000][..]].concat();
    let mut hello = record.clone();
    hello[5..9].copy_from_slice(&[1, 0, 0xea, 0x60]);
    let since = Instant::now();
    let mut stream = connect(tls.address(), &hello).await;
    for _ in 0..4 {
        // It may be cut before.
        let _ = stream.write_all(&record).await;
    }
    let read = tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut Vec::new())).await;
    assert!(read.is_ok() && since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    assert_eq!(tls.http(HTTP2).get("/livez", "").await.status, 200);
}

#[tokio::test]
async fn bytes_that_are_no_tls_end_their_connection_and_no_other() {
    let tls = TlsServer::start(Limits::default()).await;
    let http = tls.http(HTTP2);
    let before = tls.server.token("a", "amy");
    assert_eq!(http.get("/v1/account", &before).await.status, 200);
    for says in [&[0x16; 600][..], &[0x16, 3, 1, 0, 5, 9, 9, 9, 9, 9], &[0; 100], &[0xff; 20_000]] {
        let mut stream = connect(tls.address(), says).await;
        let _ = stream.shutdown().await;
        let read = tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut Vec::new())).await;
        assert!(read.is_ok(), "it hangs at {:?}", &says[..5]);
    }
    assert_eq!(http.get("/v1/account", &before).await.status, 200);
}

//! Slow peers: they hold a connection for a limited time, and never the server.

use std::time::{Duration, Instant};

use huihua_http::server::Limits;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{TestServer, message};

/// Far above the limits of these tests, far below the default ones.
const WAIT_MAX: Duration = Duration::from_secs(10);

#[tokio::test]
async fn peers_that_never_finish_a_head_make_room_for_others() {
    let limits =
        Limits { connections_max: 4, head_wait: Duration::from_millis(300), ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    let address = server.http.url.trim_start_matches("http://").to_owned();
    let mut slow = Vec::new();
    for head in ["", "GET", "GET / HTTP/1.1\r\nHost: x\r\nA", "P"].iter().cycle().take(12) {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let asked = Instant::now();
    let token = server.token("a", "amy");
    let answer = tokio::time::timeout(WAIT_MAX, server.http.get("/v1/account", &token)).await;
    assert_eq!(answer.expect("the slow ones keep their places").status, 200);
    assert!(asked.elapsed() > Duration::from_millis(250), "the control: they did hold them");
    for mut stream in slow {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap_or(0);
    }
}

#[tokio::test]
async fn a_peer_that_takes_nothing_of_its_answer_is_let_go() {
    let server = TestServer::start().await;
    let long = "x".repeat(15_000);
    for n in 1..=100 {
        let copy = message("PERSON", &format!("u{n}"), "amy", n).replace("body ", &long);
        server.deliver(&[copy]).await;
    }
    let limits =
        Limits { connections_max: 1, answer_wait: Duration::from_millis(300), ..Limits::default() };
    // A server of its own, so that no connection of the deliveries is left.
    let server = TestServer::start_in(server.stop().await, limits).await;
    let token = server.token("a", "amy");
    let request =
        format!("GET /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let address = server.http.url.trim_start_matches("http://").to_owned();
    let mut stuck = TcpStream::connect(&address).await.unwrap();
    // 30 answers of 1.5 MB fit into no socket's buffers.
    stuck.write_all(request.repeat(30).as_bytes()).await.unwrap();
    stuck.read_exact(&mut [0]).await.unwrap();
    let asked = Instant::now();
    let answer = tokio::time::timeout(WAIT_MAX, server.http.get("/v1/account", &token)).await;
    assert_eq!(answer.expect("the stuck one keeps its place").status, 200);
    assert!(asked.elapsed() > Duration::from_millis(100), "the control: it did hold its place");
    drop(stuck);
}

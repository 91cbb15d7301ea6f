//! Peers that would take all of the server before it knows who they are, or with one account:
//! memory, places, time. Each gets its share, and others are served meanwhile.

use std::time::{Duration, Instant};

use huihua_http::server::Limits;
use huihua_nim::copy;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::support::{T0, TestServer, WAIT_MAX, changed_ids, event, message};

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.http.url.trim_start_matches("http://")).await.unwrap()
}

/// The head of a copy that nobody has checked yet.
fn copy_head(app_key: &str, length: usize) -> String {
    format!(
        "POST /nim/copy HTTP/1.1\r\nHost: x\r\nAppKey: {app_key}\r\nCurTime: 1\r\nCheckSum: 0\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// What is answered until the connection closes or stays silent for a while.
async fn rest(stream: &mut TcpStream, wait: Duration) -> String {
    let mut answer = Vec::new();
    let read = async { while stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {} };
    let _ = tokio::time::timeout(wait, read).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// 256 of them with nothing but an app key took 1.2 GB.
#[tokio::test]
async fn unfinished_bodies_took_all_memory() {
    const MIB: usize = 1 << 20;
    let limits = Limits { body_bytes_max: 2 * MIB, ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    let mut greedy = JoinSet::new();
    for _ in 0..16 {
        let mut stream = connect(&server).await;
        greedy.spawn(async move {
            stream.write_all(copy_head("a", MIB).as_bytes()).await.unwrap();
            // All but the end: nine tenths of a MiB each.
            let body = vec![b'x'; MIB - 100_000];
            stream.write_all(&body).await.unwrap();
            stream
        });
    }
    let mut greedy = greedy.join_all().await;
    // Two fit, and their sum is wrong; the others have no room, and what they held is free.
    let mut without_room = 0;
    for stream in &mut greedy {
        stream.write_all(&vec![b'x'; 100_000]).await.unwrap();
        let answer = rest(stream, Duration::from_millis(300)).await;
        let is_refused = answer.starts_with("HTTP/1.1 503") || answer.starts_with("HTTP/1.1 403");
        assert!(is_refused, "{answer}");
        without_room += usize::from(answer.starts_with("HTTP/1.1 503"));
    }
    assert!(without_room >= 12, "{without_room} of 16 had no room");
    drop(greedy);
    let since = Instant::now();
    let good = message("PERSON", "bob", "amy", 1);
    while server.copy("a", &good).await.status != 200 {
        assert!(since.elapsed() < WAIT_MAX, "what was held is not given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The refusal of a body comes for want of room, and names it; a smaller one still fits.
#[tokio::test]
async fn a_body_without_room_is_refused_with_a_time_to_come_again() {
    let limits = Limits { body_bytes_max: 100_000, ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    let key = server.app("a").ingest_key().expose().to_owned();
    let mut long = event("p2p", "bob", "amy", 1);
    long["attach"] = "x".repeat(120_000).into();
    let refused = server.http.events(&key, json!([long])).await;
    refused.assert_problem(503, 503, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(server.events(json!([event("p2p", "bob", "amy", 2)])).await, ["applied"]);
}

#[tokio::test]
async fn one_address_has_half_of_the_room_for_bodies_if_it_is_told_so() {
    let limits = Limits { body_bytes_per_address: Some(60_000), ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    let mut long = event("p2p", "bob", "amy", 1);
    long["attach"] = "x".repeat(70_000).into();
    let key = server.app("a").ingest_key().expose().to_owned();
    let refused = server.http.events(&key, json!([long])).await;
    refused.assert_problem(503, 503, "of your address");
}

#[tokio::test]
async fn a_copy_of_nobody_in_particular_is_256_kib_long_at_most() {
    let server = TestServer::start().await;
    let time = [("CurTime", "1")];
    for (length, unnamed) in [(70_000, 200), (270_000, 413)] {
        let body = message("PERSON", "bob", "amy", 1).replace("body 1", &"x".repeat(length));
        let sum = copy::check_sum(server.app("a").secret.expose(), body.as_bytes(), "1");
        let (key, sum) = ([("AppKey", "a")], [("CheckSum", sum.as_str())]);
        for (headers, status) in [
            ([&time[..], &sum].concat(), unnamed),
            ([&time[..], &key].concat(), 403),
            ([&time[..], &key, &sum].concat(), 200),
        ] {
            let answer =
                server.http.send(reqwest::Method::POST, "/nim/copy", &headers, body.clone());
            assert_eq!(answer.await.status, status, "{length} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_trickles_in_is_cut_at_its_deadline() {
    let limits = Limits { body_wait: Duration::from_millis(500), ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    let mut stream = connect(&server).await;
    stream.write_all(copy_head("a", 1_000).as_bytes()).await.unwrap();
    let sent = Instant::now();
    let (mut reads, mut writes) = stream.split();
    let drip = async {
        while writes.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut answer = [0; 12];
    tokio::select! {
        () = drip => panic!("no answer"),
        read = reads.read_exact(&mut answer) => { read.unwrap(); }
    }
    assert_eq!(&answer, b"HTTP/1.1 503");
    assert!((Duration::from_millis(400)..WAIT_MAX).contains(&sent.elapsed()));
}

#[tokio::test]
async fn a_head_is_16_kib_at_most() {
    let server = TestServer::start().await;
    for (bytes, status) in [(12_000, "HTTP/1.1 200"), (20_000, "HTTP/1.1 431")] {
        let mut stream = connect(&server).await;
        let long = "x".repeat(bytes);
        let head = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut stream, Duration::from_millis(500)).await;
        assert!(answer.starts_with(status), "{bytes}: {answer}");
    }
}

/// Every write went on a little, so that no write ever took its 30 s: 100 readers held 1 GB.
#[tokio::test]
async fn an_answer_that_is_read_by_drops_was_held_for_ever() {
    let server = TestServer::start().await;
    let long = "x".repeat(15_000);
    let copies: Vec<_> = (1..=250)
        .map(|n| message("PERSON", &format!("u{n}"), "amy", n).replace("body ", &long))
        .collect();
    server.deliver(&copies).await;
    let answer_wait = Duration::from_secs(3);
    let limits = Limits { connections_max: 1, answer_wait, ..Limits::default() };
    let server = TestServer::start_in(server.stop().await, limits).await;
    let token = server.token("a", "amy");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    // So that each drop that it takes lets the server write a drop more.
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let address = server.http.url.trim_start_matches("http://").parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /v1/sync?limit=500 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    // 15 answers of nearly 4 MiB fit into no socket's buffers.
    stream.write_all(request.repeat(15).as_bytes()).await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    let drops = async {
        let mut drop_of_it = vec![0; 12_000];
        loop {
            let _ = stream.read(&mut drop_of_it).await;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    };
    let asked = Instant::now();
    let others = async {
        while server.http.get("/v1/account", &token).await.status != 200 {
            assert!(asked.elapsed() < WAIT_MAX, "it keeps its place on and on");
        }
    };
    tokio::select! {
        () = drops => unreachable!(),
        () = others => {}
    }
    assert!(asked.elapsed() > Duration::from_millis(500), "the control: it did hold its place");
}

/// 160 silent peers on 100 places made `/livez` wait for 28 s.
#[tokio::test]
async fn silent_peers_on_all_places_held_up_the_health_checks() {
    let limits = Limits { connections_max: 100, ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(connect(&server).await);
    }
    for path in ["/livez", "/readyz"].repeat(5) {
        let asked = Instant::now();
        let answer = server.http.get(path, "").await;
        assert_eq!((answer.status, answer.header("connection")), (200, "close"), "{path}");
        assert!(asked.elapsed() < Duration::from_secs(2), "{path} took {:?}", asked.elapsed());
    }
    // Anybody else waits a while for a place, and then is told when to come again.
    let answer = server.http.get("/v1/account", &server.token("a", "amy")).await;
    answer.assert_problem(503, 503, "too many connections");
    assert_eq!((answer.header("retry-after"), answer.header("connection")), ("1", "close"));
    // Of those without a place the oldest had to go, and those with one had not.
    let mut gone = Vec::new();
    for (n, stream) in silent.iter_mut().enumerate() {
        let read = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut [0])).await;
        if read.is_ok() {
            gone.push(n);
        }
    }
    assert!(gone.len() >= 60 && gone.iter().all(|n| (100..200).contains(n)), "{gone:?}");
    silent.truncate(99);
    let token = server.token("a", "amy");
    let since = Instant::now();
    while server.http.get("/v1/account", &token).await.status != 200 {
        assert!(since.elapsed() < WAIT_MAX, "a place was left free");
    }
}

#[tokio::test]
async fn one_address_has_its_share_of_connections() {
    let limits = Limits { connections_per_address: Some(3), ..Limits::default() };
    let server = TestServer::start_with(limits).await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&server).await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        stream.read_exact(&mut [0; 12]).await.unwrap();
        kept.push(stream);
    }
    assert!(server.http.try_send(reqwest::Method::GET, "/livez", &[], "").await.is_err());
    kept.pop();
    let since = Instant::now();
    while server.http.try_send(reqwest::Method::GET, "/livez", &[], "").await.is_err() {
        assert!(since.elapsed() < WAIT_MAX, "its connection is not given back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// 8,000 of them held 581 MB, and one message cost 7.7 s of CPU.
#[tokio::test]
async fn one_account_waited_as_often_as_it_liked() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    let cursor = server.http.latest(&token).await;
    let path = format!("/v1/sync?cursor={cursor}&waitMs=30000");
    let mut waits = JoinSet::new();
    for _ in 0..200 {
        let (http, path, token) = (server.http.clone(), path.clone(), token.clone());
        waits.spawn(async move { http.get(&path, &token).await });
    }
    for _ in 0..200 - 32 {
        let refused = waits.join_next().await.unwrap().unwrap();
        refused.assert_problem(429, 416, "at most 32 waiting syncs");
        assert_eq!(refused.header("retry-after"), "5");
    }
    server.until_waiting(32).await;
    // It may do anything else, and another account may wait.
    assert_eq!(server.http.sync(&token, &format!("cursor={cursor}")).await["hasMore"], false);
    let (http, bobs) = (server.http.clone(), server.token("a", "bob"));
    let bob = tokio::spawn(async move { http.sync(&bobs, "cursor=latest&waitMs=30000").await });
    server.until_waiting(33).await;
    server.events(json!([event("p2p", "eve", "amy", 1)])).await;
    let woken = tokio::time::timeout(WAIT_MAX, waits.join_all()).await.expect("some still wait");
    assert_eq!(woken.len(), 32);
    for answer in woken {
        let page = answer.ok();
        assert_eq!(changed_ids(&page), ["p2p|eve"]);
        assert_eq!(page["changes"][0]["session"]["updateTime"], T0 + 1);
    }
    assert!(!bob.is_finished());
    server.until_waiting(1).await;
    let again = tokio::spawn({
        let (http, token) = (server.http.clone(), token.clone());
        async move { http.sync(&token, "cursor=latest&waitMs=30000").await }
    });
    server.until_waiting(2).await;
    server.events(json!([event("p2p", "eve", "amy", 2)])).await;
    assert_eq!(changed_ids(&again.await.unwrap()), ["p2p|eve"], "those that ended count no more");
}

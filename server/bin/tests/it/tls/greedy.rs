//! HTTP/2 peers that would take more than their share: streams, resets, heads, answers nobody
//! takes, connections that idle.

use std::time::{Duration, Instant};

use axum::{
    body::Bytes,
    http::{HeaderName, Request},
};
use h2::{RecvStream, client::SendRequest};
use huihua_http::server::Limits;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{HTTP2, TlsServer};
use crate::support::{TestServer, WAIT_MAX, message};

/// Kinds of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
/// Flags of a request without a body: the end of its headers, and of its stream.
const END: u8 = 5;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET https:/livez` as a header block.
const GET_LIVEZ: &[u8] = b"\x82\x87\x04\x06/livez";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A connection that has said what HTTP/2 begins with.
async fn raw(tls: &TlsServer) -> TlsStream<TcpStream> {
    let mut stream = tls.connect(HTTP2).await;
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    stream
}

/// The kinds of the frames that come until the connection ends; each GOAWAY with its reason.
async fn until_end(stream: &mut TlsStream<TcpStream>) -> Vec<(u8, Option<u32>)> {
    let mut kinds = Vec::new();
    let read = async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            let reason = || u32::from_be_bytes(payload[4..8].try_into().unwrap());
            kinds.push((head[3], (head[3] == GOAWAY).then(reason)));
        }
    };
    tokio::time::timeout(WAIT_MAX, read).await.expect("the connection does not end");
    kinds
}

/// What h2 says to a flood.
const CALM: (u8, Option<u32>) = (GOAWAY, Some(11));

async fn client(tls: &TlsServer, window: Option<u32>) -> SendRequest<Bytes> {
    let mut builder = h2::client::Builder::new();
    if let Some(window) = window {
        builder.initial_window_size(window);
    }
    let (send, connection) = builder.handshake(tls.connect(HTTP2).await).await.unwrap();
    tokio::spawn(connection);
    send.ready().await.unwrap()
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(format!("https://x{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

async fn whole(mut body: RecvStream) -> Result<usize, h2::Error> {
    let mut bytes = 0;
    while let Some(data) = body.data().await {
        let length = data?.len();
        bytes += length;
        let _ = body.flow_control().release_capacity(length);
    }
    Ok(bytes)
}

/// Until this server answers others again.
async fn assert_serves(tls: &TlsServer) {
    let token = tls.server.token("a", "amy");
    let http = tls.http(HTTP2);
    let answer = http.get("/v1/account", &token);
    let answer = tokio::time::timeout(WAIT_MAX, answer).await.expect("others are not served");
    assert_eq!(answer.status, 200);
}

/// CVE-2023-44487: each request is reset before it is looked at, so that none ever counts.
#[tokio::test]
async fn a_peer_that_resets_its_requests_at_once_is_cut() {
    let tls = TlsServer::start(Limits::default()).await;
    let mut stream = raw(&tls).await;
    let mut flood = Vec::new();
    for n in 0..400 {
        flood.extend(frame(HEADERS, END, 2 * n + 1, GET_LIVEZ));
        flood.extend(frame(RST_STREAM, 0, 2 * n + 1, &8_u32.to_be_bytes()));
    }
    // It may be cut before all of it is sent.
    let _ = stream.write_all(&flood).await;
    let came = until_end(&mut stream).await;
    assert!(came.contains(&CALM), "{came:?}");
    assert_serves(&tls).await;
}

#[tokio::test]
async fn a_connection_has_100_streams_and_a_head_16_kib() {
    let tls = TlsServer::start(Limits::default()).await;
    let token = tls.server.token("a", "amy");
    let mut stream = raw(&tls).await;
    let mut flood = Vec::new();
    // Bodies that never come keep them open.
    for n in 0..=100 {
        let block = [b"\x83\x87\x04\x09/nim/copy".as_slice()].concat();
        flood.extend(frame(HEADERS, 4, 2 * n + 1, &block));
    }
    stream.write_all(&flood).await.unwrap();
    let mut head = [0; 9];
    let refused = async {
        loop {
            stream.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            stream.read_exact(&mut payload).await.unwrap();
            if head[3] == RST_STREAM {
                return (u32::from_be_bytes(head[5..9].try_into().unwrap()), payload);
            }
        }
    };
    let (number, reason) = tokio::time::timeout(WAIT_MAX, refused).await.unwrap();
    assert_eq!((number, reason), (201, 7_u32.to_be_bytes().to_vec()), "REFUSED_STREAM");

    let mut send = client(&tls, None).await;
    for (bytes, status) in [(12_000, 200), (20_000, 431)] {
        let long = "x".repeat(bytes);
        let bearer = format!("Bearer {token}");
        let headers = [("x-long", long.as_str()), ("authorization", bearer.as_str())];
        let (answer, _) = send.send_request(request("GET", "/v1/account", &headers), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), status, "{bytes}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_and_settings_without_number_are_cut() {
    let answer_wait = Duration::from_millis(500);
    let tls = TlsServer::start(Limits { answer_wait, ..Limits::default() }).await;
    let mut stream = raw(&tls).await;
    let mut flood = frame(HEADERS, 1, 1, GET_LIVEZ);
    for _ in 0..2_000 {
        flood.extend(frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b"));
    }
    let _ = stream.write_all(&flood).await;
    let came = until_end(&mut stream).await;
    assert!(came.contains(&CALM), "{came:?}");
    // Each of these is answered; nobody reads the answers.
    for one in [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &[0; 8])] {
        let mut stream = raw(&tls).await;
        let flood = one.repeat(1_000);
        let since = Instant::now();
        let floods = async { while stream.write_all(&flood).await.is_ok() {} };
        let cut = tokio::time::timeout(3 * WAIT_MAX, floods).await;
        assert!(cut.is_ok(), "it goes on after {:?}", since.elapsed());
    }
    assert_serves(&tls).await;
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_told_to_go_and_cut_if_it_stays() {
    let head_wait = Duration::from_millis(400);
    let tls = TlsServer::start(Limits { head_wait, ..Limits::default() }).await;
    for asks in [vec![], frame(HEADERS, END, 1, GET_LIVEZ), frame(HEADERS, 1, 1, GET_LIVEZ)] {
        let mut stream = raw(&tls).await;
        let since = Instant::now();
        stream.write_all(&asks).await.unwrap();
        // It never answers the ping that comes with the goodbye.
        let came = until_end(&mut stream).await;
        assert!(since.elapsed() >= head_wait, "{:?}", since.elapsed());
        assert!(came.contains(&(GOAWAY, Some(0))), "{came:?}");
    }
    // One that has chosen HTTP/2 and does not even begin with it.
    let mut stream = tls.connect(HTTP2).await;
    until_end(&mut stream).await;
    // A wait is longer, and is none of this.
    let (http, token) = (tls.http(HTTP2), tls.server.token("a", "amy"));
    let cursor = http.latest(&token).await;
    http.sync(&token, &format!("cursor={cursor}&waitMs=1500")).await;
}

/// A server in which amy's list is an answer of 750 kB.
async fn with_a_long_list(limits: Limits) -> TlsServer {
    let server = TestServer::start().await;
    let long = "x".repeat(15_000);
    for n in 1..=50 {
        let copy = message("PERSON", &format!("u{n}"), "amy", n).replace("body ", &long);
        server.deliver(&[copy]).await;
    }
    TlsServer::start_in(server.stop().await, limits).await
}

/// One connection would leave a hundred of them unread, where one of HTTP/1.1 leaves one.
#[tokio::test]
async fn answers_that_nobody_takes_have_a_budget() {
    let limits = Limits { answer_bytes_max: 2 << 20, ..Limits::default() };
    let tls = with_a_long_list(limits).await;
    let bearer = format!("Bearer {}", tls.server.token("a", "amy"));
    let headers = [("authorization", bearer.as_str())];
    let mut send = client(&tls, Some(1_000)).await;
    let mut untaken = Vec::new();
    let mut refused = 0;
    for _ in 0..8 {
        let (answer, _) =
            send.send_request(request("GET", "/v1/sessions", &headers), true).unwrap();
        let answer = answer.await.unwrap();
        match answer.status().as_u16() {
            200 => untaken.push(answer.into_body()),
            503 => {
                assert_eq!(answer.headers()["retry-after"], "1");
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((untaken.len(), refused), (2, 6));
    // What is short is answered, and what is taken or given up is free again.
    assert_serves(&tls).await;
    assert!(whole(untaken.pop().unwrap()).await.unwrap() > 500_000);
    drop(untaken);
    let (http, token) = (tls.http(HTTP2), tls.server.token("a", "amy"));
    let since = Instant::now();
    while http.get("/v1/sessions", &token).await.status != 200 {
        assert!(since.elapsed() < WAIT_MAX, "it is not given back");
    }
}

/// Each request has begun, so that no count of unseen resets stops it.
#[tokio::test]
async fn a_peer_that_takes_back_one_request_after_the_other_is_told_to_go() {
    let tls = TlsServer::start(Limits::default()).await;
    let bearer = format!("Bearer {}", tls.server.token("a", "amy"));
    let headers = [("authorization", bearer.as_str())];
    let mut send = client(&tls, None).await;
    let mut taken_back = 0;
    let since = Instant::now();
    loop {
        assert!(since.elapsed() < 3 * WAIT_MAX, "{taken_back} are not enough");
        let wait = request("GET", "/v1/sync?cursor=latest&waitMs=30000", &headers);
        let Ok((answer, _)) = send.send_request(wait, true) else { break };
        tokio::select! {
            ended = answer => { assert!(ended.is_err(), "{ended:?}"); break; }
            () = tls.server.until_waiting(1) => {}
        }
        taken_back += 1;
        tls.server.until_waiting(0).await;
        match send.ready().await {
            Ok(ready) => send = ready,
            Err(_) => break,
        }
    }
    assert!((100..110).contains(&taken_back), "{taken_back}");
    assert_serves(&tls).await;
}

/// A window that never opens holds an answer while the connection is alive by other means.
#[tokio::test]
async fn an_answer_that_is_not_taken_costs_its_connection() {
    let answer_wait = Duration::from_millis(600);
    let tls = with_a_long_list(Limits { answer_wait, ..Limits::default() }).await;
    let bearer = format!("Bearer {}", tls.server.token("a", "amy"));
    let headers = [("authorization", bearer.as_str())];
    let list = || request("GET", "/v1/sessions", &headers);
    // Who takes it gets it.
    let mut send = client(&tls, None).await;
    let (answer, _) = send.send_request(list(), true).unwrap();
    assert!(whole(answer.await.unwrap().into_body()).await.unwrap() > 500_000);

    let mut send = client(&tls, Some(1_000)).await;
    let since = Instant::now();
    let (answer, _) = send.send_request(list(), true).unwrap();
    let stuck = answer.await.unwrap().into_body();
    let mut alive = 0;
    let cut = loop {
        let (answer, _) = match send.send_request(request("GET", "/livez", &[]), true) {
            Ok(sent) => sent,
            Err(_) => break since.elapsed(),
        };
        match answer.await {
            Ok(_) => alive += 1,
            Err(_) => break since.elapsed(),
        }
        assert!(since.elapsed() < WAIT_MAX, "it is never cut");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    drop(stuck);
    assert!(alive > 3 && cut >= answer_wait, "{alive} {cut:?}");
}

#[tokio::test]
async fn a_body_that_trickles_in_over_http2_is_cut_at_its_deadline_and_counts() {
    let body_wait = Duration::from_millis(1_500);
    let limits = Limits { body_wait, body_bytes_max: 100_000, ..Limits::default() };
    let tls = TlsServer::start(limits).await;
    let copy =
        || request("POST", "/nim/copy", &[("appkey", "a"), ("curtime", "1"), ("checksum", "0")]);
    let mut send = client(&tls, None).await;
    let sent = Instant::now();
    let (answer, mut body) = send.send_request(copy(), false).unwrap();
    let drip = async {
        loop {
            if body.send_data(Bytes::from_static(b"x"), false).is_err() {
                return std::future::pending().await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answer = tokio::select! {
        answer = answer => answer.unwrap(),
        never = drip => never,
    };
    assert_eq!(answer.status(), 503);
    assert!((Duration::from_millis(1_400)..WAIT_MAX).contains(&sent.elapsed()));

    // Heads of streams are in the same room as bodies: a hundred of them would be 1.6 MB.
    let long = "x".repeat(15_000);
    let mut waiting = Vec::new();
    let mut refused = 0;
    for _ in 0..12 {
        let mut copy = copy();
        copy.headers_mut().insert(HeaderName::from_static("x-long"), long.parse().unwrap());
        let (answer, body) = send.send_request(copy, false).unwrap();
        waiting.push((answer, body));
    }
    for (answer, body) in waiting {
        let mut answer = answer.await.unwrap().into_body();
        let problem = answer.data().await.unwrap().unwrap();
        let problem = String::from_utf8_lossy(&problem).into_owned();
        refused += usize::from(problem.contains("too many bytes of bodies are in memory"));
        drop(body);
    }
    assert!(refused >= 6, "{refused}");
    assert_serves(&tls).await;
}

#[tokio::test]
async fn frames_out_of_order_end_their_connection_and_no_other() {
    let tls = TlsServer::start(Limits::default()).await;
    for wrong in [
        frame(DATA, 0, 1, b"x"),
        frame(CONTINUATION, 4, 1, b""),
        frame(HEADERS, END, 2, GET_LIVEZ),
        frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]),
        frame(HEADERS, END, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
        [vec![0xff, 0xff, 0xff, HEADERS, 0, 0, 0, 0, 1], vec![0; 100]].concat(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
    ] {
        let mut stream = raw(&tls).await;
        stream.write_all(&wrong).await.unwrap();
        until_end(&mut stream).await;
    }
    assert_serves(&tls).await;
}

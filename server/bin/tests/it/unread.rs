//! A peer that is refused before its body was read gets the answer, and its connection serves the
//! next request: a refusal must not cost the good copy that a proxy sends after it.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::TestServer;

/// More than fits into a socket's buffers.
const BODY_BYTES: usize = 400_000;
/// Whether a connection breaks is a race: each route is tried so often.
const TRIES: usize = 12;

/// Requests that are answered without a look at their body: method, path, and the status.
const REFUSED: [(&str, &str, u16); 10] = [
    ("POST", "/nim/copy", 403),
    ("POST", "/v1/events", 401),
    ("PUT", "/v1/sessions/p2p%7Cbob/ext", 401),
    ("POST", "/v1/sessions/delete", 401),
    ("POST", "/v1/account", 405),
    ("GET", "/v1/sessions", 401),
    ("POST", "/nowhere", 404),
    ("POST", "/msg/sendMsg.action", 200),
    ("PUT", "/nimserver/msg/sendMsg.action", 200),
    ("POST", "/x.action", 200),
];

/// One request and its answer's status on a connection that stays; `None` when it broke.
async fn exchange(stream: &mut TcpStream, head: &str, body: &[u8]) -> Option<u16> {
    let (mut reads, mut writes) = stream.split();
    let request = format!("{head}Content-Length: {}\r\n\r\n", body.len());
    let write = async {
        writes.write_all(request.as_bytes()).await?;
        writes.write_all(body).await
    };
    let read = async {
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if length.is_some_and(|length| body.len() >= length.parse::<usize>().unwrap()) {
                    return Some(head[9..12].parse::<u16>().unwrap());
                }
            }
            if reads.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
        }
    };
    let (written, status) = tokio::join!(write, read);
    written.ok()?;
    status
}

#[tokio::test]
async fn a_refusal_reaches_a_peer_that_still_sends_and_its_connection_lives_on() {
    let server = TestServer::start().await;
    let address = server.http.url.trim_start_matches("http://").to_owned();
    for (method, path, status) in REFUSED {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        for bytes in [1, BODY_BYTES] {
            for n in 0..TRIES {
                // Of an unknown app; other routes ignore the header.
                let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAppKey: nobody\r\n");
                let answer = exchange(&mut stream, &head, &vec![b'x'; bytes]).await;
                assert_eq!(answer, Some(status), "{method} {path}, {bytes} bytes, try {n}");
                let alive = exchange(&mut stream, "GET /livez HTTP/1.1\r\nHost: x\r\n", b"").await;
                assert_eq!(alive, Some(200), "after {method} {path}, {bytes} bytes, try {n}");
            }
        }
    }
}

/// A peer that sends more than anybody reads, or never the rest, is answered and let go.
#[tokio::test]
async fn a_body_without_end_is_not_read_for_ever() {
    let server = TestServer::start().await;
    let address = server.http.url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let head = "POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 0x1_0000], b"\r\n".to_vec()].concat();
    let (mut reads, mut writes) = stream.split();
    let mut sent = 0;
    let write = async {
        while writes.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
            assert!(sent < 200 * 1024 * 1024, "it reads on for ever");
        }
    };
    let mut answer = Vec::new();
    let read = async { while reads.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {} };
    tokio::join!(write, read);
    assert!(sent > 8 * 1024 * 1024, "the control: it did read on for a while: {sent}");
}

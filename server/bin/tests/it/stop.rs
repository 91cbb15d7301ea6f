//! Stopping: requests in flight are answered, what was answered stays, nothing hangs.

use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::{io::AsyncReadExt as _, io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{ServerProcess, Signal, message, printed_token};

#[tokio::test]
async fn sigterm_and_ctrl_c_end_it_well_and_lose_nothing() {
    let folder = TempDir::new().unwrap();
    for (n, signal) in [(1, Signal::TERM), (2, Signal::INT)] {
        let mut server = ServerProcess::start(folder.path()).await;
        let address = server.http.url.trim_start_matches("http://").to_owned();
        let answer = server.copy(&message("PERSON", &format!("u{n}"), "amy", n)).await.unwrap();
        assert_eq!(answer.status, 200);
        // An idle connection must not hold the server back.
        let mut idle = TcpStream::connect(&address).await.unwrap();
        let sent = Instant::now();
        assert!(server.signal(signal).await, "{signal:?} is a success");
        assert!(sent.elapsed() < Duration::from_secs(5), "idle connections are closed at once");
        assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
        assert!(TcpStream::connect(&address).await.is_err(), "nobody listens any more");
    }
    let server = ServerProcess::start(folder.path()).await;
    let token = printed_token(folder.path(), "amy");
    assert_eq!(server.http.list(&token).await.len(), 2);
}

#[tokio::test]
async fn a_request_in_flight_is_answered() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path()).await;
    let token = printed_token(folder.path(), "amy");
    let address = server.http.url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT /v1/sessions/p2p%7Cbob/ext HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The interim answer proves that the handler waits for the body.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));
    let rest = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stream.write_all(br#"{"ext":"x"}"#).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (ended_well, answer) = tokio::join!(server.terminate(), rest);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(ended_well);
    let server = ServerProcess::start(folder.path()).await;
    assert_eq!(server.http.list(&token).await[0]["ext"], "x");
}

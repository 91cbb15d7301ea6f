//! Compressed answers: asked for, read, bounded after inflating, and damaged in every way.

use std::time::Duration;

use huihua_core::{
    QueryMySessionOption,
    client::{Error, SessionService},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{
    ScriptedReply::{Bytes, BytesThenClose},
    ScriptedServer, gzip, gzipped, json, options, problem, service,
};

const ROW: &str = r#"{"sessionId":"p2p|bob","updateTime":7}"#;
const INFLATED_MAX: usize = 8 * 1024 * 1024;

/// The code of a failure, or 1000 and the status of a foreign answer.
fn number(error: &Error) -> u16 {
    match error {
        Error::Failed { code, .. } => code.number(),
        Error::Answer { status, .. } => 1_000 + status,
        other => panic!("{other:?}"),
    }
}

/// Makes one attempt that gets these bytes; gives the row's time or the number of the failure.
async fn one(bytes: Vec<u8>) -> Result<u64, u16> {
    let server = ScriptedServer::start(move |_, _| BytesThenClose(bytes.clone())).await;
    let mut options = options(server.url());
    options.attempts_max = 1;
    let service = SessionService::new(options).unwrap();
    let row = service.query_my_session("p2p|bob").await;
    row.map(|row| row.update_time).map_err(|error| number(&error))
}

#[tokio::test]
async fn a_compressed_answer_is_asked_for_and_read() {
    let row = r#"{"sessionId":"p2p|bob","updateTime":7,"lastMsg":{"9":"\u4f60\u597d"}}"#;
    let rows = [row; 100].join(",");
    let page = format!(r#"{{"sessionList":[{rows}],"hasMore":false,"syncCursor":"c"}}"#);
    let body = gzip(page.as_bytes());
    assert!(body.len() < page.len() / 10, "{} of {}", body.len(), page.len());
    let server = ScriptedServer::start(move |_, seen| {
        assert_eq!(seen.header("accept-encoding"), Some("gzip"));
        Bytes(gzipped(200, &body))
    })
    .await;
    let page = service(&server).query_my_session_list(&QueryMySessionOption::default()).await;
    assert_eq!(page.unwrap().session_list.len(), 100);
}

#[tokio::test]
async fn a_compressed_error_is_read_as_another() {
    let crate::support::ScriptedReply::Bytes(plain) = problem(429, 416, "") else {
        panic!("a whole answer");
    };
    let body = plain.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(one(gzipped(429, &gzip(&plain[body..]))).await, Err(416));
}

#[tokio::test]
async fn the_limit_is_of_the_inflated_bytes() {
    let longest = format!("{}{ROW}", " ".repeat(INFLATED_MAX - ROW.len()));
    assert_eq!(one(gzipped(200, &gzip(longest.as_bytes()))).await, Ok(7));
    assert_eq!(one(gzipped(200, &gzip(format!(" {longest}").as_bytes()))).await, Err(1_200));
}

/// A server that sends the same bytes until the client goes, after the head of a chunked answer.
/// Returns its address, and how many bytes it got rid of.
async fn endless(first: Vec<u8>, then: Vec<u8>) -> (String, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4_096]).await.unwrap();
        let head =
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut sent, mut bytes) = (0, first);
        loop {
            let chunk = format!("{:x}\r\n", bytes.len());
            let chunk = [chunk.as_bytes(), &bytes, b"\r\n"].concat();
            if stream.write_all(&chunk).await.is_err() {
                return sent;
            }
            sent += bytes.len();
            bytes.clone_from(&then);
        }
    });
    (url, sent)
}

/// 1,000 spaces for each byte on the wire, without end: the client hangs up.
#[tokio::test]
async fn an_endless_bomb_ends_at_eight_mebibytes() {
    // The middle of a stream that was not ended, and so can be repeated.
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut block = Vec::with_capacity(1024 * 1024);
    let spaces = vec![b' '; 50 * 1024 * 1024];
    compress.compress_vec(&spaces, &mut block, flate2::FlushCompress::Full).unwrap();
    assert!(block.len() < spaces.len() / 900);
    let (url, sent) = endless(gzip(b"")[..10].to_vec(), block).await;
    let error = SessionService::new(options(url)).unwrap().query_my_session("p2p|bob").await;
    let error = error.unwrap_err();
    assert_eq!(number(&error), 1_200);
    assert!(error.to_string().contains("longer than 8388608 bytes"), "{error}");
    // What was on its way when the client hung up, and no more.
    let sent = tokio::time::timeout(Duration::from_secs(20), sent).await.unwrap().unwrap();
    assert!(sent < 64 * 1024 * 1024, "{sent}");
}

/// Nothing is inflated, so no limit of bytes is reached: the attempt's time is.
#[tokio::test]
async fn an_endless_gzip_head_ends_with_the_attempt() {
    // A head with a file name that does not end.
    let head = vec![0x1f, 0x8b, 8, 0x08, 0, 0, 0, 0, 0, 3];
    let (url, sent) = endless(head, vec![b'n'; 64 * 1024]).await;
    let mut options = options(url);
    (options.attempt_timeout_ms, options.attempts_max) = (400, 1);
    let service = SessionService::new(options).unwrap();
    let error = service.query_my_session("p2p|bob").await.unwrap_err();
    assert_eq!(number(&error), 408);
    tokio::time::timeout(Duration::from_secs(20), sent).await.unwrap().unwrap();
}

#[tokio::test]
async fn damaged_and_truncated_compressed_answers_are_distinguished() {
    let good = gzip(ROW.as_bytes());
    assert_eq!(one(gzipped(200, &good)).await, Ok(7));
    // Whole, but no gzip: somebody else's answer.
    assert_eq!(one(gzipped(200, b"<html>not compressed</html>")).await, Err(1_200));
    // Cut short by the connection.
    let whole = gzipped(200, &good);
    assert_eq!(one(whole[..whole.len() - 10].to_vec()).await, Err(415));
    // Cut short, and said to be whole.
    for end in 1..good.len() {
        assert_eq!(one(gzipped(200, &good[..end])).await, Err(415), "{end} of {}", good.len());
    }
    // That is worth another attempt.
    let script = move |n, _: &_| match n {
        0 => BytesThenClose(whole[..whole.len() - 10].to_vec()),
        _ => json(ROW),
    };
    let server = ScriptedServer::start(script).await;
    service(&server).query_my_session("p2p|bob").await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

/// The sum at gzip's end finds what the format does not.
#[tokio::test]
async fn no_flipped_bit_of_a_compressed_answer_gives_another_row() {
    let good = gzip(ROW.as_bytes());
    let mut refused = 0;
    for bit in 0..good.len() * 8 {
        let mut damaged = good.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match one(gzipped(200, &damaged)).await {
            // Bits of the head that mean nothing: its time, its system.
            Ok(time) => assert_eq!(time, 7, "bit {bit}"),
            Err(1_200 | 415) => refused += 1,
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
    assert!(refused > good.len() * 8 * 3 / 4, "{refused}");
}

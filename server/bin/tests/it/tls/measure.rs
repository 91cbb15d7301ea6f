//! What a connection costs, by hand:
//! `cargo test -p huihua-server --test it tls::measure -- --ignored --nocapture`.

#![allow(clippy::print_stdout, reason = "prints figures")]

use std::time::Duration;

use axum::http::Request;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use super::{Authority, HTTP1, HTTP2, stop};
use crate::{
    config::{ConfiguredServer, signed_for},
    measure::resident,
    operator,
};

const CONNECTIONS: usize = 1_000;

#[tokio::test]
#[ignore = "a measurement: memory of 1,000 connections"]
async fn what_a_wait_and_an_idle_connection_cost_over_tls() {
    for (protocol, waits) in [(HTTP1, true), (HTTP2, true), (HTTP1, false), (HTTP2, false)] {
        let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
        let server = stop::start(folder.path(), &authority).await;
        let admin = operator::admin(&server);
        let mut kept: Vec<Box<dyn Send>> = Vec::new();
        // What the first connections bring about is not counted.
        let mut before = 0;
        for n in 0..CONNECTIONS + 50 {
            if n == 50 {
                tokio::time::sleep(Duration::from_millis(500)).await;
                before = resident(server.id());
            }
            kept.push(open(&server, &authority, protocol, waits.then_some(n)).await);
        }
        if waits {
            stop::until_waiting(&admin, CONNECTIONS + 50).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let each = (resident(server.id()) - before) / CONNECTIONS;
        let protocol = String::from_utf8_lossy(protocol).into_owned();
        println!("{protocol}, {}: {each} B", if waits { "waiting" } else { "idle" });
    }
}

/// Opens a connection, with a wait of this number's account.
async fn open(
    server: &ConfiguredServer,
    authority: &Authority,
    protocol: &[u8],
    waits: Option<usize>,
) -> Box<dyn Send> {
    let mut stream = authority.connect(server.http.address(), protocol).await;
    let path = "/v1/sync?cursor=latest&waitMs=30000";
    let bearer = waits.map(|n| format!("Bearer {}", signed_for("o", &format!("u{n}"))));
    if protocol == HTTP1 {
        if let Some(bearer) = bearer {
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
        }
        return Box::new(stream);
    }
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut send = send.ready().await.unwrap();
    let answer = bearer.map(|bearer| {
        let request = Request::get(format!("https://x{path}")).header("authorization", bearer);
        send.send_request(request.body(()).unwrap(), true).unwrap()
    });
    Box::new((send, answer.map(|(answer, _)| tokio::spawn(answer))))
}

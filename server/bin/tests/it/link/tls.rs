//! Links over TLS, of the real process: what is true of those in clear is true of them, and a
//! certificate is replaced while they live.

use std::{ops::RangeInclusive, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{BOTH, Framing, Link, NEW, OLD, PAGE, Parameter, ask_over, ids, login, path};
use crate::{
    config::{ConfiguredServer, signed, write_config},
    support::event,
    tls::{Authority, HTTP1, HTTP2},
};

type TlsLink = Link<TlsStream<TcpStream>>;

async fn start(folder: &Path, authority: &Authority) -> ConfiguredServer {
    write_config(&folder.join("huihua.toml"), &["o"]);
    authority.write(folder);
    let origins = format!("link_origins={PAGE}");
    let set = ["tls_certificate=certificate.pem", "tls_key=key.pem", "link=true", &origins];
    ConfiguredServer::start(folder, &set.map(|set| ["--set", set]).concat()).await
}

async fn open(server: &ConfiguredServer, authority: &Authority, framing: Framing) -> TlsLink {
    let address = server.http.address();
    Link::over(authority.connect(address, HTTP1).await, address, framing).await
}

/// Amy's link, in the form of login that each generation has.
async fn log_in(
    server: &ConfiguredServer,
    authority: &Authority,
    framing: Framing,
    (sid, version): (u8, u32),
) -> TlsLink {
    let mut link = open(server, authority, framing).await;
    let tags = login(&signed("o"), "a", "amy", version);
    assert_eq!(link.call(sid, 3, Parameter::Tags(tags)).await["code"], 200);
    link
}

/// Sends a message of each of these friends to amy.
async fn write(
    server: &ConfiguredServer,
    authority: &Authority,
    friends: RangeInclusive<u64>,
    body: &str,
) {
    let events: Vec<Value> = friends
        .map(|n| {
            let mut event = event("p2p", &format!("u{n}"), "amy", n);
            event["body"] = body.into();
            event
        })
        .collect();
    let http = authority.http(server.http.address(), HTTP2);
    http.events(&"i".repeat(32), events.into()).await.ok();
}

fn certificate(link: &TlsLink) -> Vec<u8> {
    link.socket.get_ref().get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// A browser asks over HTTP/2 wherever it can, in which no request has a `Host`.
#[tokio::test]
async fn the_lbs_tells_where_the_links_are_over_both_versions_of_http() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let server = start(folder.path(), &authority).await;
    let address = server.http.address();
    for protocol in [HTTP1, HTTP2] {
        let http = authority.http(address, protocol);
        let get = async |path, origin| {
            http.send(reqwest::Method::GET, path, &[("Origin", origin)], "").await
        };
        let lbs = get("/nim/lbs?k=a&id=amy", PAGE).await;
        assert_eq!(lbs.header("access-control-allow-origin"), PAGE);
        assert_eq!(lbs.ok()["common"]["link"], json!([address]), "{protocol:?}");
        let session = get("/socket.io/1/?t=1", PAGE).await.body;
        assert!(session.ends_with(":60:60:websocket"), "{session}");
        assert_eq!(get("/nim/lbs", "https://evil.example").await.status, 403);
    }
}

#[tokio::test]
async fn a_web_client_does_over_tls_what_it_does_in_clear() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let mut server = start(folder.path(), &authority).await;
    // A list of 1.5 MB goes in many records.
    write(&server, &authority, 1..=100, &"x".repeat(15_000)).await;
    let mut links = Vec::new();
    for framing in BOTH {
        for form in [(2, OLD), (26, NEW)] {
            let id = format!("p2p|u{}", links.len() + 1);
            let mut link = log_in(&server, &authority, framing, form).await;
            assert_eq!(link.heartbeat().await, 200);
            let page = link.tags(19, json!({})).await;
            assert_eq!(ids(&page).len(), 100 - links.len());
            let ext = "置顶".repeat(600);
            let update = Parameter::Tags(json!({"1": id, "3": ext}));
            assert_eq!(link.call(7, 21, update).await["code"], 200);
            assert_eq!(link.tags(20, json!({"1": id})).await["r"][0]["3"], ext);
            let one = Parameter::List(vec![json!({"1": id})]);
            assert_eq!(link.call(7, 22, one).await["code"], 200);
            assert_eq!(link.tags(20, json!({"1": id})).await["code"], 404);
            assert_eq!(link.call(28, 1, Parameter::Nothing).await["code"], 404);
            let wrong = login("x", "a", "amy", form.1);
            let mut refused = open(&server, &authority, framing).await;
            assert_eq!(refused.call(form.0, 3, Parameter::Tags(wrong)).await["code"], 302);
            assert_eq!(refused.next().await, None);
            links.push(link);
        }
    }
    write(&server, &authority, 101..=101, "你好").await;
    for link in &mut links {
        // Before it come the exts that the links after this one have set.
        let row = loop {
            let row = link.pushed().await;
            if row["3"] == "" {
                break row;
            }
        };
        assert_eq!(row["1"], "p2p|u101");
        assert!(row["4"].as_str().unwrap().contains("你好"), "{row}");
    }
    let mut stream = authority.connect(server.http.address(), HTTP1).await;
    let more = "Origin: https://evil.example\r\n";
    let address = server.http.address();
    let head = ask_over(&mut stream, address, path(Framing::Text), more).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert!(server.terminate().await, "it ends well");
    for link in &mut links {
        assert_eq!(link.next().await, None);
    }
}

#[tokio::test]
async fn a_link_lives_on_while_the_certificate_is_replaced_and_the_next_one_gets_the_new_one() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let server = start(folder.path(), &authority).await;
    for (round, framing) in (1_u64..).zip(BOTH) {
        let mut before = log_in(&server, &authority, framing, (2, NEW)).await;
        authority.write(folder.path());
        server.hang_up();
        server.until_logged_times("configuration reloaded", round as usize).await;
        let mut after = log_in(&server, &authority, framing, (26, NEW)).await;
        assert_ne!(certificate(&before), certificate(&after), "the new one is shown");
        assert_eq!(before.heartbeat().await, 200);
        write(&server, &authority, round..=round, "after it").await;
        for link in [&mut before, &mut after] {
            assert_eq!(link.pushed().await["1"], format!("p2p|u{round}"));
            assert_eq!(link.tags(19, json!({"4": 1})).await["code"], 200);
        }
    }
}

//! What links may hold and send: long, torn and senseless messages, slow readers, many links.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use futures_util::SinkExt as _;
use huihua_http::{
    clock::Clock,
    server::{Limits, LinkDoor, RateLimits},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpSocket};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::{
    BOTH, Framing, Link, NEW, OLD, Parameter, again, ask, ids, login, path, start, start_as,
    start_in, start_with, write_binary, write_text,
};
use crate::support::{T0, WAIT_MAX, event};

const FRAME_BYTES_MAX: usize = 64 * 1_024;

/// A command of exactly so many bytes.
fn long(framing: Framing, bytes: usize) -> Message {
    let tags = |length: usize| Parameter::Tags(json!({"1": "x".repeat(length)}));
    let measure = |length: usize| match framing {
        Framing::Text => Message::text(write_text(7, 99, 1, &tags(length))),
        Framing::Binary => Message::binary(write_binary(7, 99, 1, &tags(length))),
    };
    // The lengths of lengths do not change between the two.
    let rest = measure(bytes - 100).len() - (bytes - 100);
    measure(bytes - rest)
}

#[tokio::test]
async fn a_message_may_have_64_kib_whole_or_in_fragments_and_ends_the_link_beyond() {
    let server = start().await;
    for framing in BOTH {
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        let longest = long(framing, FRAME_BYTES_MAX);
        assert_eq!(longest.len(), FRAME_BYTES_MAX);
        link.socket.send(longest.clone()).await.unwrap();
        assert_eq!(link.frame().await["code"], 404);
        let data = longest.into_data();
        let kind = if framing == Framing::Text { Data::Text } else { Data::Binary };
        let fragments = async |link: &mut Link, data: &[u8]| {
            let last = data.len().div_ceil(1_000) - 1;
            for (n, part) in data.chunks(1_000).enumerate() {
                let code = if n == 0 { kind } else { Data::Continue };
                let frame = Frame::message(part.to_vec(), OpCode::Data(code), n == last);
                // A link that has ended takes no more.
                let _ = link.socket.send(Message::Frame(frame)).await;
            }
        };
        fragments(&mut link, &data).await;
        assert_eq!(link.frame().await["code"], 404, "what is put together is one message");
        fragments(&mut link, &[&data[..], &[b' '; 1_000]].concat()).await;
        assert_eq!(link.next().await, None, "{framing:?}: fragments without end");
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        let _ = link.socket.send(long(framing, FRAME_BYTES_MAX + 1)).await;
        assert_eq!(link.next().await, None, "{framing:?}: one byte too many");
    }
    server.stop().await;
}

#[tokio::test]
async fn torn_messages_and_garbage_end_their_link_and_nothing_else() {
    let server = start().await;
    let mut bystander = Link::logged_in(&server, Framing::Text, "carol", NEW).await;
    let get = Parameter::Tags(json!({"1": "p2p|bob"}));
    let text = write_text(7, 20, 1, &get);
    for at in [0, 1, 2, 4, 10, text.len() - 1] {
        let mut link = Link::logged_in(&server, Framing::Text, "amy", OLD).await;
        link.send_text(&text[..at]).await;
        assert_eq!(link.next().await, None, "{:?}", &text[..at]);
    }
    let bytes = write_binary(7, 20, 1, &get);
    for at in 0..6 {
        let mut link = Link::logged_in(&server, Framing::Binary, "amy", OLD).await;
        link.socket.send(Message::binary(bytes[..at].to_vec())).await.unwrap();
        assert_eq!(link.next().await, None, "{at} bytes");
    }
    // After the header there is a call to answer.
    for at in 7..bytes.len() {
        let mut link = Link::logged_in(&server, Framing::Binary, "amy", OLD).await;
        link.socket.send(Message::binary(bytes[..at].to_vec())).await.unwrap();
        assert_eq!(link.frame().await["code"], 414, "{at} bytes");
    }
    let mut state = 7_u32;
    for n in 0..60 {
        let garbage: Vec<u8> = (0..n * 3)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        // In both kinds of message, over both kinds of link, and as no WebSocket at all.
        let mut link = Link::open(server.http.address(), BOTH[n % 2]).await;
        let _ = link.socket.send(Message::binary(garbage.clone())).await;
        let text = String::from_utf8_lossy(&garbage).into_owned();
        let _ = link.socket.send(Message::text(text)).await;
        while link.next().await.is_some() {}
        let (_, mut stream) = ask(server.http.address(), path(BOTH[n % 2]), "").await;
        stream.write_all(&garbage).await.unwrap();
    }
    assert_eq!(bystander.heartbeat().await, 200);
    bystander.cut().await;
    server.until_waiting(0).await;
    server.stop().await;
}

/// A frame whose bytes come one by one is whole once the last has come.
#[tokio::test]
async fn a_frame_that_arrives_byte_by_byte_is_answered() {
    let server = start().await;
    let mut link = Link::logged_in(&server, Framing::Text, "amy", OLD).await;
    let text = write_text(1, 2, 99, &Parameter::Nothing);
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(text.as_bytes());
    for byte in frame {
        link.socket.get_mut().write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(link.frame().await["ser"], 99);
    server.stop().await;
}

#[tokio::test]
async fn a_slow_reader_loses_its_link_and_what_it_was_owed() {
    let server = start().await;
    let long = "x".repeat(15_000);
    for n in 1..=100 {
        let mut event = event("p2p", &format!("u{n}"), "amy", n);
        event["body"] = json!(long);
        server.events(json!([event])).await;
    }
    let limits = Limits { answer_wait: Duration::from_millis(300), ..Limits::default() };
    let server = start_in(server.stop().await, limits).await;
    for framing in BOTH {
        let mut slow = Link::logged_in(&server, framing, "amy", NEW).await;
        server.until_waiting(1).await;
        // 30 answers of 1.5 MB fit into no socket's buffers.
        for _ in 0..30 {
            slow.send(7, 19, &Parameter::Tags(json!({}))).await;
        }
        server.until_waiting(0).await;
        // One that reads gets them all.
        let mut quick = Link::logged_in(&server, framing, "amy", NEW).await;
        for _ in 0..3 {
            assert_eq!(ids(&quick.call(7, 19, Parameter::Tags(json!({}))).await).len(), 100);
        }
        quick.cut().await;
        server.until_waiting(0).await;
    }
    server.stop().await;
}

/// What is pushed waits for no reader either, and is not lost for one that comes back.
#[tokio::test]
async fn a_link_that_reads_no_pushes_ends_and_its_client_is_told_all_when_it_comes_back() {
    const FRIENDS: u64 = 300;
    // One place, so that its end is seen: the next login gets it.
    let answer_wait = Duration::from_millis(300);
    let limits = Limits { answer_wait, waits_per_account: 1, ..Limits::default() };
    let server = start_with(limits).await;
    for (framing, account) in BOTH.into_iter().zip(["amy", "ann"]) {
        let try_login = async |mut link: Link| {
            let answer = link.call(26, 3, Parameter::Tags(again(&server, account, "d"))).await;
            (link, answer["code"].clone())
        };
        // Nothing is read ahead for it.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let address = server.http.address();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let (mut slow, code) = try_login(Link::over(stream, address, framing).await).await;
        assert_eq!(code, 200);
        for n in 1..=FRIENDS {
            let mut event = event("p2p", &format!("u{n}"), account, n);
            event["body"] = json!("x".repeat(15_000));
            server.events(json!([event])).await;
        }
        let since = Instant::now();
        let mut back = loop {
            let (link, code) = try_login(Link::open(address, framing).await).await;
            if code == 200 {
                break link;
            }
            assert_eq!(code, 416, "the slow one has the place");
            assert!(since.elapsed() < WAIT_MAX, "it keeps the place");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        for n in 1..=FRIENDS {
            assert_eq!(back.pushed().await["1"], format!("p2p|u{n}"), "it had confirmed nothing");
        }
        let mut read = 0;
        while slow.next().await.is_some() {
            read += 1;
        }
        assert!(read < FRIENDS, "{read} were in the socket");
        back.cut().await;
        server.until_waiting(0).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_link_without_a_login_and_a_silent_one_end_and_one_with_heartbeats_lives() {
    let wait = Duration::from_millis(600);
    let never = LinkDoor { login_wait: wait, silence: WAIT_MAX, ..LinkDoor::default() };
    let silent = LinkDoor { login_wait: WAIT_MAX, silence: wait, ..LinkDoor::default() };
    let start = async |door| {
        let folder = TempDir::new().unwrap();
        start_as(folder, Limits::default(), Clock::default(), door).await
    };
    let server = start(never).await;
    for framing in BOTH {
        let mut link = Link::open(server.http.address(), framing).await;
        let opened = Instant::now();
        assert_eq!(link.heartbeat().await, 200, "which is no login");
        assert_eq!(link.next().await, None);
        assert!((wait / 2..WAIT_MAX / 2).contains(&opened.elapsed()), "{:?}", opened.elapsed());
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        tokio::time::sleep(2 * wait).await;
        assert_eq!(link.heartbeat().await, 200, "it has logged in");
    }
    server.stop().await;
    let server = start(silent).await;
    for framing in BOTH {
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        for _ in 0..8 {
            tokio::time::sleep(wait / 4).await;
            assert_eq!(link.heartbeat().await, 200);
        }
        let since = Instant::now();
        // What it is told is no word of its own.
        server.events(json!([event("p2p", "bob", "amy", 1)])).await;
        while link.next().await.is_some() {}
        assert!((wait / 2..WAIT_MAX / 2).contains(&since.elapsed()), "{:?}", since.elapsed());
    }
    server.stop().await;
}

/// Answers that nobody takes are bounded, as those of `/v1` are.
#[tokio::test]
async fn an_answer_that_there_is_no_room_for_is_refused() {
    let limits = Limits { answer_bytes_max: 20_000, ..Limits::default() };
    let server = start_with(limits).await;
    for n in 1..=2 {
        let mut event = event("p2p", &format!("u{n}"), "amy", n);
        event["body"] = json!("x".repeat(15_000));
        server.events(json!([event])).await;
    }
    for framing in BOTH {
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        assert_eq!(link.tags(19, json!({})).await["code"], 503);
        assert_eq!(link.tags(19, json!({"4": 1})).await["code"], 200);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_account_has_as_many_links_and_waits_as_it_may() {
    let server = start_with(Limits { waits_per_account: 3, ..Limits::default() }).await;
    let try_login = async |framing| {
        let mut link = Link::open(server.http.address(), framing).await;
        let tags = again(&server, "amy", "d");
        let answer = link.call(26, 3, Parameter::Tags(tags)).await;
        (link, answer)
    };
    let (first, answer) = try_login(Framing::Text).await;
    assert_eq!(answer["code"], 200);
    let (second, answer) = try_login(Framing::Binary).await;
    assert_eq!(answer["code"], 200);
    let token = server.token("a", "amy");
    let waiting = tokio::spawn({
        let (http, token) = (server.http.clone(), token.clone());
        async move { http.get("/v1/sync?cursor=latest&waitMs=30000", &token).await }
    });
    server.until_waiting(3).await;
    let (mut refused, answer) = try_login(Framing::Text).await;
    // 9.x refuses the command itself for so many seconds.
    assert_eq!((&answer["code"], &answer["r"]), (&json!(416), &json!([5])));
    assert_eq!(refused.next().await, None);
    let wait = server.http.get("/v1/sync?cursor=latest&waitMs=1", &token).await;
    wait.assert_problem(429, 416, "waiting syncs and links");
    second.cut().await;
    server.until_waiting(2).await;
    let (_third, answer) = try_login(Framing::Binary).await;
    assert_eq!(answer["code"], 200, "one has gone");
    Link::logged_in(&server, Framing::Text, "bob", OLD).await.cut().await;
    server.events(json!([event("p2p", "bob", "amy", 1)])).await;
    assert_eq!(waiting.await.unwrap().status, 200);
    first.cut().await;
    server.stop().await;
}

#[tokio::test]
async fn each_message_of_a_link_counts_as_a_request_of_its_account() {
    let rates =
        RateLimits { account_requests_per_s: NonZeroU32::new(2).unwrap(), ..RateLimits::default() };
    for (sid, cid) in [(1, 2), (7, 19), (28, 1)] {
        let server = start_with(Limits { rates, ..Limits::default() }).await;
        let mut link = Link::logged_in(&server, Framing::Text, "amy", OLD).await;
        let mut codes = Vec::new();
        for _ in 0..30 {
            let answer = link.call(sid, cid, Parameter::Tags(json!({}))).await;
            if answer["code"] == 416 {
                assert_eq!(answer["r"], json!([1]), "when it may come again");
            }
            codes.push(answer["code"].as_u64().unwrap());
        }
        let refused = codes.iter().filter(|code| **code == 416).count();
        assert!((5..=12).contains(&refused), "{sid}/{cid}: ten seconds' worth come: {codes:?}");
        // What cannot be answered with a code ends the link.
        for _ in 0..30 {
            let _ = link.socket.send(Message::text("2::")).await;
        }
        while link.next().await.is_some() {}
        let mut pings = Link::logged_in(&server, Framing::Binary, "bob", OLD).await;
        for _ in 0..40 {
            let _ = pings.socket.send(Message::Ping(Vec::new().into())).await;
        }
        assert_eq!(pings.next().await, None, "a flood of pings");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_link_waits_for_a_place_as_any_request() {
    let server = start_with(Limits { connections_max: 1, ..Limits::default() }).await;
    let first = Link::logged_in(&server, Framing::Text, "amy", OLD).await;
    let address = server.http.address().to_owned();
    let second = tokio::spawn(async move { Link::open(&address, Framing::Binary).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!second.is_finished(), "the control: there is no place");
    first.cut().await;
    let mut second = tokio::time::timeout(WAIT_MAX, second).await.unwrap().unwrap();
    let tags = login(&server.token("a", "amy"), "a", "amy", OLD);
    assert_eq!(second.call(2, 3, Parameter::Tags(tags)).await["code"], 200);
    server.stop().await;
}

/// Nobody knows who writes before a login, so all of them together may hold what bodies may.
#[tokio::test]
async fn links_without_a_login_hold_no_more_than_bodies_may() {
    let limits = Limits { body_bytes_max: 2 * FRAME_BYTES_MAX, ..Limits::default() };
    let server = start_with(limits).await;
    let address = server.http.address();
    let mut first = Link::open(address, Framing::Text).await;
    let second = Link::open(address, Framing::Binary).await;
    let (head, _stream) = ask(address, path(Framing::Text), "").await;
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after"), "{head}");
    let tags = login(&server.token("a", "amy"), "a", "amy", OLD);
    assert_eq!(first.call(2, 3, Parameter::Tags(tags)).await["code"], 200);
    assert_eq!(first.heartbeat().await, 200);
    let third = Link::open(address, Framing::Text).await;
    drop((first, second, third));
    server.stop().await;
}

/// A page of pushes is read as the socket takes it: changes beyond a page follow it.
#[tokio::test]
async fn more_changes_than_a_page_come_all_and_in_order() {
    let server = start().await;
    let mut link = Link::open(server.http.address(), Framing::Binary).await;
    let answer = link.call(2, 3, Parameter::Tags(again(&server, "amy", "d"))).await;
    assert_eq!(answer["code"], 200);
    let events = (1..=250).map(|n| event("p2p", &format!("u{n}"), "amy", n));
    server.events(Value::Array(events.collect())).await;
    for n in 1..=250 {
        let row = link.pushed().await;
        assert_eq!(
            (&row["1"], &row["2"]),
            (&json!(format!("p2p|u{n}")), &json!((T0 + n).to_string()))
        );
    }
    server.stop().await;
}

//! The session service over links: each command with its options, in both framings.

use std::{collections::BTreeSet, time::Instant};

use serde_json::{Value, json};

use super::{BOTH, Link, NEW, OLD, Parameter, ids, start};
use crate::support::{T0, TestServer, WAIT_MAX, event, recall};

async fn server_with_three() -> TestServer {
    let server = start().await;
    let events = (1..=3).map(|n| event("p2p", &format!("friend{n}"), "amy", n));
    server.events(Value::Array(events.collect())).await;
    server
}

#[tokio::test]
async fn a_web_client_lists_reads_updates_and_deletes_over_a_link() {
    for framing in BOTH {
        let server = server_with_three().await;
        let mut link = Link::logged_in(&server, framing, "amy", OLD).await;
        assert_eq!(link.heartbeat().await, 200);
        for (sid, cid) in [(6, 23), (5, 1), (27, 1)] {
            let time = link.call(sid, cid, Parameter::Nothing).await;
            assert!(time["r"][0].as_u64().unwrap() > T0, "{time}");
        }
        let page = link.tags(19, json!({"4": 2})).await;
        assert_eq!(page["r"][0], json!({"1": (T0 + 2).to_string(), "5": "1"}));
        assert_eq!(ids(&page), ["p2p|friend3", "p2p|friend2"]);
        let row = &page["r"][1][0];
        assert_eq!((&row["2"], &row["5"]), (&json!((T0 + 3).to_string()), &json!("0")));
        let last_msg: Value = serde_json::from_str(row["4"].as_str().unwrap()).unwrap();
        assert_eq!((&last_msg["9"], &last_msg["12"]), (&json!("body 3"), &json!("3")));
        assert_eq!(link.tags(20, json!({"1": "p2p|Friend1"})).await["r"][0]["3"], "");
        // A change is pushed to the link that made it too, before its answer or after it.
        let update = Parameter::Tags(json!({"1": "p2p|friend1", "3": "你好\"\\"}));
        link.send(7, 21, &update).await;
        let two = [link.frame().await, link.frame().await];
        let of = |cid: u64| two.iter().find(|frame| frame["cid"] == cid).unwrap();
        assert_eq!(of(21)["code"], 200);
        assert_eq!(of(121)["r"][0]["3"], "你好\"\\");
        assert_eq!(link.tags(20, json!({"1": "p2p|friend1"})).await["r"][0]["3"], "你好\"\\");
        assert_eq!(link.tags(21, json!({"1": "p2p|friend1"})).await["code"], 200);
        assert_eq!(link.tags(20, json!({"1": "p2p|friend1"})).await["r"][0]["3"], "", "emptied");
        let two = vec![json!({"1": "p2p|friend1"}), json!({"1": "p2p|friend2"})];
        assert_eq!(link.call(7, 22, Parameter::List(two)).await["code"], 200);
        assert_eq!(link.tags(20, json!({"1": "p2p|friend1"})).await["code"], 404);
        assert_eq!(ids(&link.tags(19, json!({})).await), ["p2p|friend3"]);
        assert_eq!(link.call(2, 6, Parameter::Nothing).await["code"], 200);
        assert_eq!(link.next().await, None, "a logout ends the link");
        server.stop().await;
    }
}

/// What a list is asked with, in tags and as a query of `/v1/sessions`.
const OPTIONS: [(&str, &str); 8] = [
    ("{}", ""),
    (r#"{"1": 0, "2": 0, "3": 1, "4": 100}"#, ""),
    (r#"{"4": "2"}"#, "limit=2"),
    (r#"{"3": 0}"#, "needLastMsg=0"),
    (r#"{"3": true, "4": 1}"#, "limit=1"),
    (r#"{"1": 1700000000002}"#, "minTimestamp=1700000000002"),
    (r#"{"2": 1700000000002}"#, "maxTimestamp=1700000000002"),
    (
        r#"{"1": "1700000000002", "2": 1700000000002}"#,
        "minTimestamp=1700000000002&maxTimestamp=1700000000002",
    ),
];

#[tokio::test]
async fn a_list_takes_each_option_and_shows_what_v1_shows() {
    let server = server_with_three().await;
    server.events(json!([event("p2p", "tied", "amy", 2)])).await;
    server.deliver(&[recall("PERSON", "friend3", "amy", 3, T0 + 3)]).await;
    let token = server.token("a", "amy");
    for framing in BOTH {
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        for (tags, query) in OPTIONS {
            let page = link.tags(19, serde_json::from_str(tags).unwrap()).await;
            let expected = server.http.get(&format!("/v1/sessions?{query}"), &token).await.ok();
            let has_more = if expected["hasMore"] == true { "1" } else { "0" };
            assert_eq!(page["r"][0]["5"], has_more, "{tags}");
            let expected = expected["sessionList"].as_array().unwrap();
            assert!(!expected.is_empty(), "{query} shows something");
            assert_eq!(page["r"][1].as_array().unwrap().len(), expected.len(), "{tags}");
            for (row, expected) in page["r"][1].as_array().unwrap().iter().zip(expected) {
                let last_msg = row
                    .get("4")
                    .map(|text| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap());
                assert_eq!(last_msg.as_ref(), expected.get("lastMsg"), "{tags}");
                let time = expected["updateTime"].to_string();
                let kind = expected["lastMsgType"].to_string();
                let shown = [&row["1"], &row["2"], &row["3"], &row["5"]];
                let expected =
                    [&expected["sessionId"], &json!(time), &expected["ext"], &json!(kind)];
                assert_eq!(shown, expected, "{tags}");
            }
        }
        for tags in [
            json!({"4": 0}),
            json!({"4": 101}),
            json!({"4": "many"}),
            json!({"1": 2, "2": 1}),
            json!({"1": -1}),
            json!({"3": 2}),
        ] {
            assert_eq!(link.tags(19, tags.clone()).await["code"], 414, "{tags}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn paging_by_time_over_ties_never_sticks_and_misses_nobody() {
    const ACCOUNTS: usize = 33;
    let server = start().await;
    // Eleven sessions of each of three times, and pages of four.
    let events = (0..ACCOUNTS).map(|n| {
        let mut event = event("p2p", &format!("u{n}"), "amy", n as u64 + 1);
        event["time"] = json!(T0 + (n % 3) as u64);
        event
    });
    server.events(Value::Array(events.collect())).await;
    for framing in BOTH {
        let mut link = Link::logged_in(&server, framing, "amy", OLD).await;
        let (mut seen, mut tags) = (BTreeSet::new(), json!({"4": 4}));
        for pages in 1.. {
            assert!(pages <= ACCOUNTS, "it sticks at {tags}");
            let page = link.tags(19, tags.clone()).await;
            seen.extend(ids(&page));
            if page["r"][0]["5"] == "0" {
                break;
            }
            tags["2"] = page["r"][0]["1"].clone();
        }
        assert_eq!(seen.len(), ACCOUNTS);
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_414_and_what_is_unknown_is_404_at_once() {
    let server = server_with_three().await;
    for framing in BOTH {
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        for (cid, tags) in [
            (20, json!({})),
            (20, json!({"1": "bob"})),
            (21, json!({"3": "ext of nothing"})),
            (21, json!({"1": "p2p|friend1", "3": "x".repeat(4_097)})),
        ] {
            assert_eq!(link.tags(cid, tags.clone()).await["code"], 414, "{cid} {tags}");
        }
        let many = |count| Parameter::List(vec![json!({"1": "p2p|nobody"}); count]);
        for (count, code) in [(0, 414), (1, 200), (100, 200), (101, 414)] {
            assert_eq!(link.call(7, 22, many(count)).await["code"], code, "{count} ids");
        }
        assert_eq!(link.tags(20, json!({"1": "p2p|nobody"})).await["code"], 404);
        let since = Instant::now();
        // Those that the SDKs call after a login, V10's conversations, and what nobody calls.
        let unknown = [(6, 26), (6, 27), (28, 1), (28, 9), (7, 1), (7, 18), (3, 1), (255, 255)];
        for (sid, cid) in unknown {
            let answer = link.call(sid, cid, Parameter::Tags(json!({"1": "x"}))).await;
            assert_eq!((&answer["code"], &answer["r"]), (&json!(404), &json!([])), "{answer}");
        }
        // The SDKs wait 8 seconds for each.
        assert!(since.elapsed() < WAIT_MAX / 2, "{:?}", since.elapsed());
    }
    server.stop().await;
}

#[tokio::test]
async fn heartbeats_of_both_kinds_are_answered() {
    let server = start().await;
    for framing in BOTH {
        let mut link = Link::logged_in(&server, framing, "amy", NEW).await;
        assert_eq!(link.heartbeat().await, 200);
        if framing == super::Framing::Text {
            link.send_text("2::").await;
            assert_eq!(link.next().await, Some(json!("2::")));
            link.send_text("8::").await;
            assert_eq!(link.heartbeat().await, 200, "a packet without a meaning");
            link.send_text("0::").await;
            assert_eq!(link.next().await, None, "socket.io's goodbye");
        }
    }
    server.stop().await;
}

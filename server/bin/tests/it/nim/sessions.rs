//! `history/querySessionList` at its limits: bounds of time, ties, rows without a message, ids that
//! are not numbers, and both of its flags.

use serde_json::{Value, json};

use super::{fixture::sdk_of, schema, sdk::Sdk};
use crate::support::{T0, TestServer, event, membership};

const LIST: &str = "/history/querySessionList.action";

async fn page(sdk: &Sdk, more: &[(&str, &str)]) -> (Vec<Value>, bool) {
    let answer = sdk.ok(LIST, &[&[("accid", "amy")], more].concat()).await;
    let has_more = answer["data"]["hasMore"].as_bool().unwrap();
    (schema::session_rows(&answer), has_more)
}

fn times(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["updateTime"].as_u64().unwrap() - T0).collect()
}

#[tokio::test]
async fn bounds_are_inclusive_and_ties_never_stick() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let mut events: Vec<Value> =
        (1..=9).map(|n| event("p2p", &format!("u{n}"), "amy", n)).collect();
    // Five rows of one millisecond, in the order of their ids.
    for n in 0..5 {
        let mut tie = event("p2p", &format!("t{n}"), "amy", 5);
        tie["messageId"] = json!((50 + n).to_string());
        events.push(tie);
    }
    server.events(json!(events)).await;
    let at = |n: u64| (T0 + n).to_string();
    for (min, max, limit, expected, has_more) in [
        (0, 0, "100", &[9, 8, 7, 6, 5, 5, 5, 5, 5, 5, 4, 3, 2, 1][..], false),
        (0, 0, "14", &[9, 8, 7, 6, 5, 5, 5, 5, 5, 5, 4, 3, 2, 1], false),
        (0, 0, "13", &[9, 8, 7, 6, 5, 5, 5, 5, 5, 5, 4, 3, 2], true),
        (7, 8, "100", &[8, 7], false),
        (8, 8, "1", &[8], false),
        (0, 8, "1", &[8, 7], true),
        (9, 0, "1", &[9], false),
        (0, 1, "5", &[1], false),
        (0, 5, "3", &[5, 5, 5, 5, 5, 5, 4], true),
        (5, 5, "3", &[5, 5, 5, 5, 5, 5], false),
        (0, 6, "3", &[6, 5, 5], true),
    ] {
        let bound = |n: u64| if n == 0 { "0".to_owned() } else { at(n) };
        let (min, max) = (bound(min), bound(max));
        let parameters = [("minTimestamp", min.as_str()), ("maxTimestamp", &max), ("limit", limit)];
        let (rows, more) = page(&sdk, &parameters).await;
        assert_eq!((times(&rows).as_slice(), more), (expected, has_more), "{parameters:?}");
    }
    let (ties, _) = page(&sdk, &[("minTimestamp", &at(5)), ("maxTimestamp", &at(5))]).await;
    let peers: Vec<&str> = ties.iter().map(|row| row["accid"].as_str().unwrap()).collect();
    assert_eq!(peers, ["t0", "t1", "t2", "t3", "t4", "u5"]);
}

#[tokio::test]
async fn rows_without_a_message_and_ids_that_are_no_numbers() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    assert_eq!(page(&sdk, &[]).await, (vec![], false), "an account that nobody knows");
    let teams = ["9007199254740993", "9223372036854775807", "9223372036854775808", "007", "room"];
    let mut events = Vec::new();
    for (n, team) in (1..).zip(teams) {
        events.push(membership("join", team, &["amy"], 1));
        events.push(event("team", "bob", team, n));
    }
    events[1]["messageId"] = "9007199254740993".into();
    events[3]["messageId"] = "18446744073709551616".into();
    events[5]["messageId"] = "c0ffee".into();
    server.events(json!(events)).await;
    let token = server.token("a", "amy");
    server.http.set_ext("p2p|zoe", &token, "only mine").await.ok();
    let (rows, _) = page(&sdk, &[("needLastMsg", "1")]).await;
    let zoe = &rows[0];
    assert_eq!((&zoe["accid"], &zoe["ext"]), (&"zoe".into(), &"only mine".into()));
    assert!(zoe.get("lastMsg").is_none() && zoe.get("lastMsgType").is_none(), "{zoe}");
    let shown: Vec<(&Value, &Value)> =
        rows[1..].iter().rev().map(|row| (&row["tid"], &row["lastMsg"]["msgIdServer"])).collect();
    let expected = [
        (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_993_u64)),
        (json!(9_223_372_036_854_775_807_u64), json!(0)),
        (json!("9223372036854775808"), json!(0)),
        (json!("007"), json!(4)),
        (json!("room"), json!(5)),
    ];
    for (shown, (tid, id)) in shown.iter().zip(&expected) {
        assert_eq!(*shown, (tid, id));
    }
    assert_eq!(shown.len(), expected.len());
    for (flag, shows) in [("0", false), ("false", false), ("1", true), ("true", true)] {
        let (rows, _) = page(&sdk, &[("needLastMsg", flag)]).await;
        let with = rows.iter().filter(|row| row.get("lastMsg").is_some()).count();
        assert_eq!(with, if shows { teams.len() } else { 0 }, "needLastMsg={flag}");
    }
    let (rows, _) = page(&sdk, &[]).await;
    assert!(rows.iter().all(|row| row.get("lastMsg").is_none()), "absent means 0: {rows:?}");
}

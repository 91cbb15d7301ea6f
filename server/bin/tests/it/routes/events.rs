//! `/v1/events`: every kind of event, what it does, and every way to be refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ReceivedAnswer, T0, TestServer, event, ids, membership};

const APPLIED: &str = "applied";
const STALE: &str = "stale";

async fn send(server: &TestServer, body: &str) -> ReceivedAnswer {
    let key = server.app("a").ingest_key().expose();
    server.http.call(Method::POST, "/v1/events", key, body).await
}

/// The event with one field set.
fn with(mut event: Value, field: &str, value: Value) -> Value {
    event[field] = value;
    event
}

fn without(mut event: Value, field: &str) -> Value {
    event.as_object_mut().unwrap().remove(field);
    event
}

fn recall(kind: &str, from: &str, to: &str, id: u64, time: u64) -> Value {
    json!({
        "type": "recall", "sessionType": kind, "from": from, "to": to, "messageTime": T0 + id,
        "messageId": id.to_string(), "time": T0 + time,
    })
}

#[tokio::test]
async fn a_message_moves_both_lists_and_keeps_every_field() {
    let server = TestServer::start().await;
    let full = json!({
        "type": "message", "sessionType": "p2p", "from": "bob", "to": "amy", "time": T0,
        "messageId": "90071992547409931234", "clientId": "c-1", "msgType": "custom",
        "body": "你好", "attach": "{\"a\":1}", "ext": "{}", "fromNick": "Bob",
        "fromClientType": "AOS", "needUpdateSession": true,
    });
    assert_eq!(server.events(json!([full])).await, [APPLIED]);
    let last = json!({
        "0": 0, "1": "amy", "2": "bob", "4": 1, "6": "Bob", "7": T0, "8": 100, "9": "你好",
        "10": "{\"a\":1}", "11": "c-1", "12": "90071992547409931234", "15": "{}", "28": 1,
    });
    for (account, id) in [("amy", "p2p|bob"), ("bob", "p2p|amy")] {
        let rows = server.http.list(&server.token("a", account)).await;
        assert_eq!((ids(&rows), &rows[0]["lastMsg"]), (vec![id], &last), "{account}");
    }
    let types = [
        ("text", 0),
        ("image", 1),
        ("audio", 2),
        ("video", 3),
        ("location", 4),
        ("notification", 5),
        ("file", 6),
        ("avchat", 7),
        ("tip", 10),
        ("robot", 11),
        ("call", 12),
        ("custom", 100),
    ];
    let messages: Vec<_> = (1..)
        .zip(types)
        .map(|(n, (name, _))| {
            with(event("p2p", &format!("u{n}"), "eve", n), "msgType", name.into())
        })
        .collect();
    assert_eq!(server.events(json!(messages)).await, [APPLIED; 12]);
    let mut rows = server.http.list(&server.token("a", "eve")).await;
    rows.reverse();
    let numbers: Vec<_> = rows.iter().map(|row| row["lastMsg"]["8"].as_u64().unwrap()).collect();
    assert_eq!(numbers, types.map(|(_, number)| number));
}

#[tokio::test]
async fn a_copy_and_an_event_of_one_message_are_one() {
    let server = TestServer::start().await;
    server.deliver(&[crate::support::message("PERSON", "bob", "amy", 7)]).await;
    let same = with(event("p2p", "bob", "amy", 7), "clientId", "c7".into());
    assert_eq!(server.events(json!([same])).await, [STALE]);
}

#[tokio::test]
async fn each_event_gets_its_own_result_in_order() {
    let server = TestServer::start().await;
    let ahead = huihua_http::clock::now_ms() + 11 * 60 * 1_000;
    let message = event("p2p", "bob", "amy", 5);
    let answer = send(
        &server,
        &json!({"events": [
            message, message, event("p2p", "bob", "amy", 4), {"type": "message"},
            with(event("p2p", "bob", "amy", 6), "needUpdateSession", false.into()),
            with(message.clone(), "time", ahead.into()),
            membership("join", "7", &["amy"], ahead),
            recall("p2p", "bob", "amy", 5, 9), recall("p2p", "bob", "amy", 5, 9),
            recall("p2p", "bob", "amy", 4, 9), "no object", with(message.clone(), "x", 1.into()),
        ]})
        .to_string(),
    )
    .await
    .ok();
    let too_far = "time: more than 10 minutes ahead of this server's clock";
    assert_eq!(
        answer,
        json!({"results": [
            {"status": "applied"}, {"status": "stale"}, {"status": "stale"},
            {"status": "rejected", "reason": "sessionType: is missing"},
            {"status": "ignored"}, {"status": "rejected", "reason": too_far},
            {"status": "rejected", "reason": too_far},
            {"status": "applied"}, {"status": "stale"}, {"status": "stale"},
            {"status": "rejected", "reason": "event: must be a JSON object"},
            {"status": "rejected", "reason": "x: unknown field"},
        ]})
    );
    let rows = server.http.list(&server.token("a", "amy")).await;
    assert_eq!((rows.len(), &rows[0]["lastMsgType"]), (1, &1.into()));
    let server = server.restart().await;
    assert_eq!(server.http.list(&server.token("a", "amy")).await, rows, "durable");
}

#[tokio::test]
async fn a_recall_keeps_every_field_and_counts_before_its_message_too() {
    let server = TestServer::start().await;
    let mut full = recall("team", "bob", "7", 3, 8);
    for (field, value) in [
        ("operator", "root"),
        ("clientId", "c3"),
        ("fromNick", "Root"),
        ("ps", "sorry"),
        ("attach", "{}"),
    ] {
        full[field] = value.into();
    }
    let events = json!([membership("join", "7", &["amy"], T0), full, event("team", "bob", "7", 3)]);
    assert_eq!(server.events(events).await, [APPLIED, APPLIED, STALE]);
    let rows = server.http.list(&server.token("a", "amy")).await;
    assert_eq!((&rows[0]["updateTime"], &rows[0]["lastMsgType"]), (&(T0 + 3).into(), &1.into()));
    assert_eq!(
        rows[0]["lastMsg"],
        json!({
            "0": T0 + 8, "1": 8, "2": "7", "3": "root", "4": "sorry", "5": "{}", "10": "c3",
            "11": "3", "14": T0 + 3, "15": "Root", "16": "root",
        })
    );
    let equal = recall("p2p", "bob", "amy", 8, 8);
    assert_eq!(server.events(json!([equal])).await, [APPLIED], "at the time of its message");
}

#[tokio::test]
async fn membership_is_by_time() {
    let server = TestServer::start().await;
    let all: Vec<String> = (0..10_000).map(|n| format!("m{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let body = |id: &str, rows: &[Value]| {
        rows.iter().find(|row| row["sessionId"] == id).map(|row| row["lastMsg"].clone())
    };
    // The last message, a join of ten thousand in one request, an ext of nobody.
    let events = json!([
        membership("join", "7", &all, T0),
        event("team", "bob", "7", 1),
        membership("leave", "7", &["m5"], T0 + 2),
        event("team", "bob", "7", 3),
        membership("join", "7", &["m5"], T0 + 4),
    ]);
    assert_eq!(server.events(events).await, [APPLIED; 5]);
    let list = async |account: &str| server.http.list(&server.token("a", account)).await;
    assert_eq!(body("team|7", &list("m9999").await).unwrap()["9"], "body 3");
    assert_eq!(body("team|7", &list("m5").await), None, "in again, and nothing said since");
    assert!(list("bob").await.is_empty(), "a sender need not be in");
    let dissolve =
        json!({"type": "dissolve", "sessionType": "team", "teamId": "7", "time": T0 + 6});
    let events = json!([event("team", "bob", "7", 5), dissolve, event("team", "bob", "7", 7)]);
    assert_eq!(server.events(events).await, [APPLIED; 3]);
    let notice = json!({"0": 1, "1": "7", "7": T0 + 6, "8": 5});
    assert_eq!(body("team|7", &list("m5").await), Some(notice.clone()));
    assert_eq!(body("team|7", &list("m1").await), Some(notice));
    // Notices of type notification are messages here, and no more: joins have events.
    let attach = json!({"id": 0, "data": {"ids": ["amy"]}}).to_string();
    let notification = with(event("team", "bob", "9", 1), "msgType", "notification".into());
    server.events(json!([with(notification, "attach", attach.into())])).await;
    assert!(list("amy").await.is_empty());
    let of_super_team =
        with(membership("join", "7", &["amy"], T0), "sessionType", "super_team".into());
    server.events(json!([of_super_team, event("super_team", "bob", "7", 2)])).await;
    assert_eq!(ids(&list("amy").await), ["super_team|7"]);
}

/// Bad events, and what the reason must start with.
fn bad_events() -> Vec<(Value, &'static str)> {
    let message = || event("p2p", "bob", "amy", 1);
    let back = || recall("p2p", "bob", "amy", 1, 2);
    let join = || membership("join", "7", &["amy"], T0);
    let edit = || {
        json!({"type": "edit", "sessionType": "p2p", "from": "bob", "to": "amy",
            "messageId": "1", "time": T0, "body": "text"})
    };
    let dissolve = || json!({"type": "dissolve", "sessionType": "team", "teamId": "7", "time": T0});
    let mut bad = vec![
        (json!(null), "event: must be a JSON object"),
        (json!([]), "event: must be"),
        (json!({}), "type: is missing"),
        (with(message(), "type", "Message".into()), "type: must be message, recall"),
        (with(message(), "type", 1.into()), "type: must be a string"),
        (with(message(), "sessionType", "P2P".into()), "sessionType: must be p2p, team"),
        (with(message(), "msgType", "TEXT".into()), "msgType: must be text, image"),
        (with(message(), "msgType", "avChat".into()), "msgType"),
        (with(message(), "messageId", "".into()), "messageId: must be 1..=64 bytes"),
        (with(message(), "messageId", "1".repeat(65).into()), "messageId: must be 1..=64"),
        (with(message(), "messageId", "1\n".into()), "messageId: must hold no control"),
        (with(message(), "messageId", 1.into()), "messageId: must be a string"),
        (with(message(), "from", "a|b".into()), "from: "),
        (with(message(), "from", "".into()), "from: "),
        (with(message(), "to", "a".repeat(129).into()), "to: "),
        (with(event("team", "bob", "7", 1), "to", "7".repeat(65).into()), "to: "),
        (with(message(), "time", (T0 as f64 + 0.5).into()), "time: must be a whole number"),
        (with(message(), "time", (-1).into()), "time: must be"),
        (with(message(), "time", T0.to_string().into()), "time: must be"),
        (with(message(), "needUpdateSession", 0.into()), "needUpdateSession: must be true or"),
        (with(message(), "body", json!({"a": 1})), "body: must be a string"),
        (with(message(), "body", json!(null)), "body: must be a string"),
        (with(message(), "body", "x".repeat(16 * 1024).into()), "lastMsg: is longer than 16384"),
        (with(message(), "ext", "\"".repeat(9 * 1024).into()), "lastMsg: is longer than 16384"),
        (with(message(), "teamId", "7".into()), "teamId: unknown field"),
        (with(message(), "a\nb", "7".into()), "a\\nb: unknown field"),
        (with(message(), "time", (T0 / 1_000).into()), "time: must be ms since 1970, but looks"),
        (with(back(), "time", (T0 / 1_000).into()), "time: must be ms since 1970, but looks"),
        (with(edit(), "time", (T0 / 1_000).into()), "time: must be ms since 1970, but looks"),
        (without(edit(), "body"), "edit: changes nothing: give body, attach or ext"),
        (with(edit(), "body", "".into()), "edit: changes nothing"),
        (with(edit(), "body", 1.into()), "body: must be a string"),
        (with(edit(), "operator", "a|b".into()), "operator: "),
        (with(edit(), "messageTime", T0.into()), "messageTime: unknown field"),
        (with(edit(), "ext", "x".repeat(16 * 1024).into()), "lastMsg: is longer than 16384"),
        (with(back(), "time", T0.into()), "messageTime: must not be after time"),
        (with(back(), "operator", "".into()), "operator: "),
        (with(back(), "ps", "x".repeat(16 * 1024).into()), "lastMsg: is longer"),
        (with(back(), "msgType", "text".into()), "msgType: unknown field"),
        (with(join(), "sessionType", "p2p".into()), "sessionType: must be team or super_team"),
        (with(join(), "teamId", "7|8".into()), "teamId: "),
        (with(join(), "teamId", 7.into()), "teamId: must be a string"),
        (with(join(), "accounts", json!([])), "accounts: must hold 1..=10000 accounts"),
        (with(join(), "accounts", json!(vec!["a"; 10_001])), "accounts: must hold 1..=10000"),
        (with(join(), "accounts", "amy".into()), "accounts: must be a list of strings"),
        (with(join(), "accounts", json!(["amy", "a|b"])), "accounts[1]: "),
        (with(join(), "from", "bob".into()), "from: unknown field"),
        (with(dissolve(), "accounts", json!(["amy"])), "accounts: unknown field"),
    ];
    for (event, needed) in [
        (message(), ["sessionType", "from", "to", "time", "messageId", "msgType"].as_slice()),
        (back(), &["sessionType", "from", "to", "messageTime", "messageId", "time"]),
        (edit(), &["sessionType", "from", "to", "messageId", "time"]),
        (join(), &["sessionType", "teamId", "accounts", "time"]),
        (with(join(), "type", "leave".into()), &["sessionType", "teamId", "accounts", "time"]),
        (dissolve(), &["sessionType", "teamId", "time"]),
    ] {
        bad.extend(needed.iter().map(|field| (without(event.clone(), field), *field)));
    }
    bad
}

#[tokio::test]
async fn a_bad_event_is_rejected_alone_by_the_name_of_its_field() {
    let server = TestServer::start().await;
    let amy = server.token("a", "amy");
    let mut good = 0;
    for (bad, reason) in bad_events() {
        good += 1;
        let events = json!([event("p2p", "eve", "dan", good), bad, event("p2p", "x", "dan", good)]);
        let key = server.app("a").ingest_key().expose();
        let answer = server.http.events(key, events).await.ok();
        let results = answer["results"].as_array().unwrap();
        assert_eq!(
            (&results[0]["status"], &results[2]["status"]),
            (&APPLIED.into(), &APPLIED.into())
        );
        assert_eq!(results[1]["status"], "rejected", "{bad}");
        let reason_text = results[1]["reason"].as_str().unwrap();
        assert!(reason_text.starts_with(reason), "{reason_text:?} instead of {reason:?}");
        assert!(!reason_text.contains("xxxx"), "no value is repeated");
    }
    assert!(server.http.list(&amy).await.is_empty());
    // Half a surrogate pair is valid JSON and no text: it spoils its own event only.
    let half = json!({"events": [event("p2p", "bob", "amy", 1), event("p2p", "bob", "amy", 2)]});
    let half = half.to_string().replace("body 1", r"\ud83d");
    let answer = send(&server, &half).await.ok();
    assert_eq!(answer["results"][0]["reason"], "body: must be a string");
    assert_eq!(answer["results"][1]["status"], APPLIED);
}

#[tokio::test]
async fn a_bad_envelope_refuses_all() {
    let server = TestServer::start().await;
    let good = event("p2p", "bob", "amy", 1);
    let many = json!({"events": vec![&good; 501]}).to_string();
    let most = json!({"events": vec![&good; 500]}).to_string();
    let extra = json!({"events": [good], "x": 1}).to_string();
    let list = format!("[{good}]");
    for (body, detail) in [
        (" ", "must be a JSON object"),
        ("{", "must be a JSON object"),
        (&*list, "must be a JSON object"),
        ("{}", "events: must be a list"),
        (r#"{"events":[]}"#, "1..=500"),
        (r#"{"events":{}}"#, "events: must be a list"),
        (&*many, "events: must be a list of 1..=500"),
        (&*extra, "events and no other"),
    ] {
        send(&server, body).await.assert_problem(400, 414, detail);
    }
    let key = server.app("a").ingest_key().expose();
    let huge = vec![b' '; 4 * 1024 * 1024 + 1];
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let answer = server.http.send(Method::POST, "/v1/events", &headers, huge).await;
    answer.assert_problem(413, 414, "larger than 4194304 bytes");
    let answer = server.http.send(Method::POST, "/v1/events", &headers[..1], extra).await;
    answer.assert_problem(415, 414, "application/json");
    let answer = server.http.call(Method::POST, "/v1/events?x=1", key, &most).await;
    answer.assert_problem(400, 414, "x: unknown");
    server.http.call(Method::GET, "/v1/events", key, "").await.assert_problem(405, 414, "method");
    assert!(server.http.list(&server.token("a", "amy")).await.is_empty());
    assert_eq!(send(&server, &most).await.ok()["results"].as_array().unwrap().len(), 500);
    assert_eq!(server.http.list(&server.token("a", "amy")).await.len(), 1, "the control");
}

#[tokio::test]
async fn only_an_ingest_key_opens_it() {
    let server = TestServer::start().await;
    let app = server.app("a");
    let good = app.ingest_key().expose();
    let [token, cut, more] = [server.token("a", "amy"), good[1..].to_owned(), format!("{good}x")];
    for key in [&token, &cut, &more, app.secret.expose(), app.token_keys[0].expose(), ""] {
        let answer = server.http.events(key, json!([event("p2p", "bob", "amy", 1)])).await;
        answer.assert_problem(401, 302, "");
    }
    server.http.send(Method::POST, "/v1/events", &[], "").await.assert_problem(401, 302, "Bearer");
    assert!(server.http.list(&token).await.is_empty());
    // Both of a rotation do.
    for (n, key) in app.ingest_keys.iter().enumerate() {
        let events = json!([event("p2p", "bob", "amy", n as u64 + 1)]);
        let answer = server.http.events(key.expose(), events).await.ok();
        assert_eq!(answer["results"], json!([{ "status": "applied" }]));
    }
    assert_eq!(app.ingest_keys.len(), 2);
}

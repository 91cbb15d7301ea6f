//! `POST /nim/copy`: what is answered, and what it does to lists.

use reqwest::Method;
use serde_json::json;

use crate::support::{T0, TestServer, ids, message, notice};

#[tokio::test]
async fn a_message_is_in_the_lists_of_both() {
    let server = TestServer::start().await;
    server.deliver(&[message("PERSON", "bob", "amy", 2), message("PERSON", "bob", "amy", 1)]).await;
    for (account, peer) in [("amy", "p2p|bob"), ("bob", "p2p|amy")] {
        let rows = server.http.list(&server.token("a", account)).await;
        assert_eq!(ids(&rows), [peer]);
        assert_eq!(rows[0]["updateTime"], T0 + 2);
        assert_eq!(rows[0]["lastMsgType"], 0);
        assert_eq!(
            rows[0]["lastMsg"],
            json!({"0": 0, "1": "amy", "2": "bob", "7": T0 + 2, "8": 0, "9": "body 2",
                "11": "c2", "12": "2"})
        );
    }
    server.deliver(&[message("PERSON", "me", "me", 3)]).await;
    assert_eq!(ids(&server.http.list(&server.token("a", "me")).await), ["p2p|me"]);
}

#[tokio::test]
async fn a_recall_replaces_its_message_even_when_it_comes_first() {
    let server = TestServer::start().await;
    let recall = json!({"eventType": 7, "clientId": "c2", "msgId": "2", "from": "bob", "to": "amy",
        "fromClientType": "AOS", "sendTime": T0 + 2, "deleteTime": T0 + 9, "selfMsg": "oops"});
    let copies = [
        message("PERSON", "bob", "amy", 1),
        recall.to_string(),
        message("PERSON", "bob", "amy", 2),
        recall.to_string(),
    ];
    server.deliver(&copies).await;
    let rows = server.http.list(&server.token("a", "amy")).await;
    assert_eq!((ids(&rows), &rows[0]["updateTime"]), (vec!["p2p|bob"], &json!(T0 + 2)));
    assert_eq!(rows[0]["lastMsgType"], 1);
    assert_eq!(
        rows[0]["lastMsg"],
        json!({"0": T0 + 9, "1": 7, "2": "amy", "3": "bob", "4": "oops", "10": "c2", "11": "2",
            "14": T0 + 2, "16": "bob"})
    );
}

#[tokio::test]
async fn notices_decide_who_sees_a_team() {
    let server = TestServer::start().await;
    let invite =
        |kind, id, n| notice(kind, "own", "7", n, &json!({"id": id, "data": {"ids": ["amy"]}}));
    let kick = notice("TEAM", "own", "7", 5, &json!({"id": 1, "data": {"ids": ["amy"]}}));
    server.deliver(&[message("TEAM", "own", "7", 1), invite("TEAM", 0, 2)]).await;
    server.deliver(&[invite("SUPER_TEAM", 401, 3), message("SUPER_TEAM", "own", "7", 4)]).await;
    let [amy, own, bob] = ["amy", "own", "bob"].map(|name| server.token("a", name));
    assert_eq!(ids(&server.http.list(&amy).await), ["super_team|7", "team|7"]);
    assert_eq!(ids(&server.http.list(&own).await), ["super_team|7", "team|7"], "who invites is in");
    assert!(server.http.list(&bob).await.is_empty());
    server.deliver(&[kick, message("TEAM", "own", "7", 6)]).await;
    let team = server.http.get("/v1/sessions/team%7C7", &amy).await.ok();
    assert_eq!((&team["updateTime"], &team["lastMsg"]["8"]), (&json!(T0 + 5), &json!(5)));
    let head = server.http.get("/v1/sessions/team%7C7", &own).await.ok();
    assert_eq!(head["lastMsg"]["9"], "body 6");
    let end = notice("TEAM", "own", "7", 8, &json!({"id": 4, "data": {}}));
    server.deliver(&[end, message("TEAM", "own", "7", 9)]).await;
    let head = server.http.get("/v1/sessions/team%7C7", &own).await.ok();
    assert_eq!(head["updateTime"], T0 + 8, "after the end nothing is shown");
}

/// A copy with more fields.
fn with(copy: &str, more: &str) -> String {
    format!("{},{more}}}", copy.strip_suffix('}').unwrap())
}

#[tokio::test]
async fn a_blocked_senders_text_was_on_top_of_the_victims_list() {
    let server = TestServer::start().await;
    let amy = server.token("a", "amy");
    server.deliver(&[message("PERSON", "bob", "amy", 1), message("PERSON", "cat", "amy", 2)]).await;
    let (before, cursor) = (server.http.list(&amy).await, server.http.latest(&amy).await);
    for (n, value) in (3..).zip(["true", "1", "\"true\"", "\"1\""]) {
        let text = with(&message("PERSON", "bob", "amy", n), &format!("\"blacklist\":{value}"));
        server.deliver(&[text]).await;
        let own = server.http.list(&server.token("a", "bob")).await;
        assert_eq!((ids(&own), &own[0]["updateTime"]), (vec!["p2p|amy"], &json!(T0 + n)));
    }
    let moderated = with(&message("PERSON", "dan", "amy", 8), r#""antispam":"true""#);
    server.deliver(&[moderated]).await;
    assert_eq!(ids(&server.http.list(&server.token("a", "dan")).await), ["p2p|amy"]);
    assert_eq!(server.http.list(&amy).await, before);
    let page = server.http.sync(&amy, &format!("cursor={cursor}")).await;
    assert_eq!(page["changes"], json!([]), "nor does a device hear of it");
    server.deliver(&[with(&message("PERSON", "bob", "amy", 9), r#""blacklist":"false""#)]).await;
    assert_eq!(ids(&server.http.list(&amy).await), ["p2p|bob", "p2p|cat"]);
}

#[tokio::test]
async fn moderated_text_in_a_team_was_in_the_lists_of_all() {
    let server = TestServer::start().await;
    let [invite, kick] = [0, 1].map(|id| json!({"id": id, "data": {"ids": ["amy"]}}));
    let amy = server.token("a", "amy");
    for kind in ["TEAM", "SUPER_TEAM"] {
        server.deliver(&[notice(kind, "own", "7", 1, &invite)]).await;
    }
    let before = (server.http.list(&amy).await, server.http.latest(&amy).await);
    for kind in ["TEAM", "SUPER_TEAM"] {
        for flag in [r#""antispam":true"#, r#""antispam":"1""#, r#""blacklist":1"#] {
            let more = format!("{flag},\"tMembers\":\"[bob]\"");
            server.deliver(&[with(&message(kind, "own", "7", 2), &more)]).await;
            server.deliver(&[with(&notice(kind, "own", "7", 3, &kick), flag)]).await;
        }
    }
    assert_eq!((server.http.list(&amy).await, server.http.latest(&amy).await), before);
    assert!(server.http.list(&server.token("a", "bob")).await.is_empty(), "no hint either");
}

#[tokio::test]
async fn typing_signs_with_server_id_0_were_last_messages() {
    let server = TestServer::start().await;
    let amy = server.token("a", "amy");
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let before = server.http.list(&amy).await;
    for id in [r#""msgidServer":0,"#, r#""msgidServer":"0","#, r#""msgidServer":"","#, ""] {
        let sign = message("PERSON", "bob", "amy", 2);
        let sign = sign.replace(r#""msgidServer":"2","#, "");
        let sign = sign.replace(r#","msgidServer":"2""#, "");
        let sign = sign.replacen('{', &format!("{{{id}"), 1);
        assert!(!sign.contains(r#""msgidServer":"2""#), "{sign}");
        server.deliver(&[sign.clone(), with(&sign, r#""antispam":true"#)]).await;
    }
    assert_eq!(server.http.list(&amy).await, before);
}

/// The list of an account, as pairs of session id and server id of the last message.
async fn shown(server: &TestServer, account: &str) -> Vec<(String, String)> {
    let rows = server.http.list(&server.token("a", account)).await;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    rows.iter().map(|row| (text(&row["sessionId"]), text(&row["lastMsg"]["12"]))).collect()
}

fn pair(id: &str, message: &str) -> (String, String) {
    (id.to_owned(), message.to_owned())
}

#[tokio::test]
async fn the_creator_of_a_super_team_did_not_see_his_own_message() {
    let server = TestServer::start().await;
    // As NIM copies a creation: the team's facts, no id; the first message is of a REST caller, so
    // that the creation alone makes him a member.
    let facts = json!({"1": "70", "3": "fans", "5": "amy", "8": "1", "9": 1});
    server.deliver(&[message("SUPER_TEAM", "own", "70", 5)]).await;
    assert_eq!(shown(&server, "amy").await, []);
    server.deliver(&[notice("SUPER_TEAM", "amy", "70", 3, &facts)]).await;
    assert_eq!(shown(&server, "amy").await, [pair("super_team|70", "5")]);
    let in_text = notice("SUPER_TEAM", "bob", "71", 3, &json!({"tinfo": facts.to_string()}));
    server.deliver(&[in_text, message("SUPER_TEAM", "bob", "71", 4)]).await;
    assert_eq!(shown(&server, "bob").await, [pair("super_team|71", "4")]);
    assert_eq!(shown(&server, "own").await, []);
}

#[tokio::test]
async fn a_team_of_300_whose_copy_has_no_audience_was_shown_to_nobody() {
    let server = TestServer::start().await;
    for (kind, id) in [("TEAM", "team|300"), ("SUPER_TEAM", "super_team|300")] {
        let from = |from: &str, n: u64, client: &str| {
            with(&message(kind, from, "300", n), &format!(r#""fromClientType":"{client}""#))
        };
        server.deliver(&[from("backend", 1, "REST"), from("zoe", 2, "AOS")]).await;
        let newest = |account: &'static str| {
            let server = &server;
            async move {
                let shown = shown(server, account).await;
                shown.into_iter().find(|(session, _)| session == id).map(|(_, message)| message)
            }
        };
        assert_eq!(newest("zoe").await.as_deref(), Some("2"), "{kind}: who writes sees it at once");
        assert_eq!(newest("backend").await, None, "{kind}: a server may write without being in");
        server.deliver(&[from("yan", 3, "1")]).await;
        assert_eq!(newest("zoe").await.as_deref(), Some("3"), "{kind}");
        assert_eq!(newest("yan").await.as_deref(), Some("3"), "{kind}");
    }
    // Whoever was sent away, and whose text comes late, is not brought back by it.
    let kick = json!({"id": 1, "data": {"ids": ["zoe"]}});
    let late = with(&message("TEAM", "zoe", "300", 5), r#""fromClientType":"IOS""#);
    server.deliver(&[notice("TEAM", "own", "300", 6, &kick), late]).await;
    assert!(shown(&server, "zoe").await.contains(&pair("team|300", "6")));
}

#[tokio::test]
async fn a_notice_that_changes_no_members_did_not_tell_who_is_in() {
    let server = TestServer::start().await;
    let audience = r#""tMembers":"[amy, bob]""#;
    let renamed = notice("TEAM", "own", "8", 1, &json!({"id": 3, "data": {}}));
    server.deliver(&[with(&renamed, audience)]).await;
    for account in ["amy", "bob"] {
        assert_eq!(shown(&server, account).await, [pair("team|8", "1")]);
    }
    let kick = json!({"id": 1, "data": {"ids": ["bob"]}});
    server.deliver(&[with(&notice("TEAM", "own", "9", 2, &kick), audience)]).await;
    assert_eq!(shown(&server, "amy").await, [pair("team|8", "1")], "the audience of a kick");
}

#[tokio::test]
async fn a_team_made_again_under_its_id_after_a_dissolution_stayed_silent() {
    let invite = |n, names: &[&str]| {
        notice("TEAM", "own", "50", n, &json!({"id": 0, "data": {"ids": names}}))
    };
    let end = notice("TEAM", "own", "50", 10, &json!({"id": 4, "data": {}}));
    let stale = with(&message("TEAM", "bob", "50", 30), r#""fromClientType":"IOS""#);
    let copies = [
        invite(1, &["amy", "bob"]),
        message("TEAM", "own", "50", 2),
        end,
        invite(20, &["amy"]),
        message("TEAM", "own", "50", 21),
        stale,
    ];
    let mut orders = vec![copies.to_vec(), copies.iter().rev().cloned().collect()];
    orders.extend((1..copies.len()).map(|at| [&copies[at..], &copies[..at]].concat()));
    for order in orders {
        let server = TestServer::start().await;
        server.deliver(&order).await;
        assert_eq!(shown(&server, "amy").await, [pair("team|50", "30")], "in its second life");
        assert_eq!(shown(&server, "own").await, [pair("team|50", "30")], "who invited again");
        // A client that did not hear of the end writes: that makes nobody a member again.
        assert_eq!(shown(&server, "bob").await, [pair("team|50", "10")], "the notice of the end");
    }
}

#[tokio::test]
async fn copies_without_an_app_key_were_refused() {
    let server = TestServer::start().await;
    let time = T0.to_string();
    for (n, app, other) in [(1, "a", "ab"), (2, "ab", "a")] {
        let body = message("PERSON", "bob", app, n);
        let secret = server.app(app).secret.expose();
        let sum = huihua_nim::copy::check_sum(secret, body.as_bytes(), &time);
        let send = async |body: &str| {
            let headers = [("CurTime", time.as_str()), ("CheckSum", sum.as_str())];
            server.http.send(Method::POST, "/nim/copy", &headers, body.to_owned()).await
        };
        let altered = send(&format!("{body} ")).await;
        assert_eq!((altered.status, altered.body.as_str()), (403, r#"{"code":414}"#));
        let answer = send(&body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"code":200}"#));
        assert_eq!(ids(&server.http.list(&server.token(app, app)).await), ["p2p|bob"]);
        assert!(server.http.list(&server.token(other, app)).await.is_empty());
    }
}

#[tokio::test]
async fn the_address_check_is_answered_signed_and_unsigned() {
    let server = TestServer::start().await;
    let unsigned = server.http.send(Method::POST, "/nim/copy", &[], "{}").await;
    let signed = server.copy("a", "{}").await;
    for answer in [unsigned, signed] {
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"code":200}"#));
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_copy_from_the_future_is_to_be_sent_again() {
    let server = TestServer::start().await;
    let ahead = (huihua_http::clock::now_ms() + 11 * 60 * 1_000).to_string();
    let body = message("PERSON", "bob", "amy", 1).replace(&(T0 + 1).to_string(), &ahead);
    let answer = server.copy("a", &body).await;
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"code":503}"#));
    assert!(server.http.list(&server.token("a", "amy")).await.is_empty());
}

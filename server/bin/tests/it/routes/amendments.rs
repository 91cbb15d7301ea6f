//! Recalls and edits through both doors: they name their message by id, come in any order, and
//! claim any time.

use serde_json::{Value, json};

use crate::support::{T0, TestServer, changed_ids, edit, ids, message, notice, recall};

/// The kinds of a copy with their receiver, and amy's session.
const KINDS: [(&str, &str, &str); 3] =
    [("PERSON", "amy", "p2p|bob"), ("TEAM", "7", "team|7"), ("SUPER_TEAM", "7", "super_team|7")];

/// A server where amy and bob are in the teams since before all messages.
async fn server() -> TestServer {
    let server = TestServer::start().await;
    let invite = json!({"id": 0, "data": {"ids": ["amy"]}});
    server.deliver(&["TEAM", "SUPER_TEAM"].map(|kind| notice(kind, "bob", "7", 1, &invite))).await;
    server
}

/// Every order of the copies.
fn orders(copies: &[String]) -> Vec<Vec<String>> {
    if copies.is_empty() {
        return vec![Vec::new()];
    }
    let each = |at: usize| {
        let mut rest = copies.to_vec();
        let first = rest.remove(at);
        let with_first = move |mut order: Vec<String>| {
            order.insert(0, first.clone());
            order
        };
        orders(&rest).into_iter().map(with_first)
    };
    (0..copies.len()).flat_map(each).collect()
}

/// Delivers the copies of message `id` in every order, with an id of its own for each order, and
/// compares what amy's session shows.
async fn check_every_order(
    copies: impl Fn(&str, &str, u64) -> Vec<String>,
    check: impl Fn(&Value, u64),
) {
    let server = server().await;
    let token = server.token("a", "amy");
    let mut id = 1_000;
    for (kind, to, session) in KINDS {
        let count = copies(kind, to, id).len();
        for order in 0..(1..=count).product() {
            id += 1_000;
            let copies = orders(&copies(kind, to, id)).swap_remove(order);
            server.deliver(&copies).await;
            let path = format!("/v1/sessions/{}", session.replace('|', "%7C"));
            let row = server.http.get(&path, &token).await.ok();
            check(&row, id);
            server.deliver(&copies).await;
            assert_eq!(server.http.get(&path, &token).await.ok(), row, "{copies:?} again");
        }
    }
}

#[tokio::test]
async fn a_streamed_answer_kept_its_first_words() {
    let copies = |kind: &str, to: &str, id| {
        vec![
            message(kind, "bob", to, id),
            edit(kind, "bob", to, id, id + 10, "The answer is"),
            edit(kind, "bob", to, id, id + 20, "The answer is 42."),
        ]
    };
    check_every_order(copies, |row, id| {
        assert_eq!((&row["updateTime"], &row["lastMsgType"]), (&json!(T0 + id), &json!(0)));
        let last = &row["lastMsg"];
        assert_eq!((&last["9"], &last["7"]), (&json!("The answer is 42."), &json!(T0 + id)));
        let by = (&last["62"], &last["63"]);
        assert_eq!(by, (&json!((T0 + id + 20).to_string()), &json!("bob")));
        assert_eq!(last["11"], format!("c{id}"), "what no edit names stays");
    })
    .await;
}

#[tokio::test]
async fn an_edit_before_after_and_among_recalls_brought_the_text_back() {
    let copies = |kind: &str, to: &str, id| {
        vec![
            message(kind, "bob", to, id),
            edit(kind, "bob", to, id, id + 10, "edited"),
            recall(kind, "bob", to, id, T0 + id),
            edit(kind, "bob", to, id, id + 20, "edited again"),
        ]
    };
    check_every_order(copies, |row, id| {
        assert_eq!((&row["updateTime"], &row["lastMsgType"]), (&json!(T0 + id), &json!(1)));
        assert_eq!((&row["lastMsg"]["4"], &row["lastMsg"]["9"]), (&json!("oops"), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn a_recall_with_another_time_left_the_text() {
    for (what, claimed) in [
        ("seconds", (|time| time / 1_000) as fn(u64) -> u64),
        ("earlier", |time| time - 1),
        ("later", |time| time + 1),
    ] {
        let copies = |kind: &str, to: &str, id| {
            vec![message(kind, "bob", to, id), recall(kind, "bob", to, id, claimed(T0 + id))]
        };
        check_every_order(copies, |row, id| {
            assert_eq!(row["lastMsgType"], 1, "{what}: {row}");
            assert_eq!(row["updateTime"], T0 + id, "{what}: the message's time stays");
            assert_eq!(row["lastMsg"]["11"], id.to_string(), "{what}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_resend_with_a_later_time_outlived_its_recall() {
    let copies = |kind: &str, to: &str, id: u64| {
        let mut resend: Value = serde_json::from_str(&message(kind, "bob", to, id)).unwrap();
        resend["msgTimestamp"] = json!(T0 + id + 50);
        resend["resendFlag"] = json!("1");
        vec![message(kind, "bob", to, id), resend.to_string(), recall(kind, "bob", to, id, T0 + id)]
    };
    check_every_order(copies, |row, id| {
        assert_eq!((&row["updateTime"], &row["lastMsgType"]), (&json!(T0 + id + 50), &json!(1)));
    })
    .await;
}

/// A waiting sync ends with the new text; an edit that waits for its message wakes nobody.
#[tokio::test]
async fn an_edit_wakes_a_waiting_sync_and_carries_the_new_text() {
    let server = server().await;
    let token = server.token("a", "amy");
    for (kind, to, session) in KINDS {
        server.deliver(&[message(kind, "bob", to, 5)]).await;
        let cursor = server.http.latest(&token).await;
        let (http, waiter) = (server.http.clone(), token.clone());
        let query = format!("cursor={cursor}&waitMs=30000");
        let waiting = tokio::spawn(async move { http.sync(&waiter, &query).await });
        server.until_waiting(1).await;
        server.deliver(&[edit(kind, "bob", to, 6, 7, "not sent yet")]).await;
        assert_eq!(server.http.latest(&token).await, cursor, "{kind}: no version");
        server.deliver(&[edit(kind, "bob", to, 5, 6, "new text")]).await;
        let page = waiting.await.unwrap();
        assert_eq!(changed_ids(&page), [session]);
        let row = &page["changes"][0]["session"];
        assert_eq!(
            (&row["updateTime"], &row["lastMsg"]["9"]),
            (&json!(T0 + 5), &json!("new text"))
        );
        let page = server.http.sync(&token, &format!("cursor={cursor}")).await;
        assert_eq!(page["changes"][0]["session"], *row);
    }
}

#[tokio::test]
async fn an_edit_alone_makes_no_session_and_nobody_a_member() {
    let server = TestServer::start().await;
    let copies = KINDS.map(|(kind, to, _)| edit(kind, "bob", to, 5, 6, "text"));
    server.deliver(&copies).await;
    for account in ["amy", "bob"] {
        assert!(server.http.list(&server.token("a", account)).await.is_empty());
    }
    server.deliver(&[message("TEAM", "bob", "7", 5)]).await;
    assert!(server.http.list(&server.token("a", "amy")).await.is_empty());
}

/// The event of an app's own server: every field, and what it answers.
#[tokio::test]
async fn an_edit_of_the_apps_own_server_changes_what_it_names() {
    let server = TestServer::start().await;
    let amy = server.token("a", "amy");
    let edit = json!({
        "type": "edit", "sessionType": "p2p", "from": "bob", "to": "amy", "messageId": "5",
        "time": T0 + 9, "operator": "moderator", "body": "new", "attach": "{}", "ext": "x",
    });
    let first = server.events(json!([edit])).await;
    assert_eq!(first, ["stale"], "it waits for its message");
    let sent = crate::support::event("p2p", "bob", "amy", 5);
    assert_eq!(server.events(json!([sent, edit])).await, ["applied", "stale"]);
    let rows = server.http.list(&amy).await;
    assert_eq!((ids(&rows), &rows[0]["updateTime"]), (vec!["p2p|bob"], &json!(T0 + 5)));
    let last = json!({
        "0": 0, "1": "amy", "2": "bob", "7": T0 + 5, "8": 0, "9": "new", "10": "{}", "12": "5",
        "15": "x", "62": (T0 + 9).to_string(), "63": "moderator",
    });
    assert_eq!(rows[0]["lastMsg"], last);
    let text = json!({
        "type": "edit", "sessionType": "p2p", "from": "bob", "to": "amy", "messageId": "5",
        "time": T0 + 10, "body": "newer",
    });
    assert_eq!(server.events(json!([text])).await, ["applied"]);
    let rows = server.http.list(&amy).await;
    // The latest edit counts alone: what it does not name is the message's own.
    let last = json!({
        "0": 0, "1": "amy", "2": "bob", "7": T0 + 5, "8": 0, "9": "newer", "12": "5",
        "62": (T0 + 10).to_string(), "63": "bob",
    });
    assert_eq!(rows[0]["lastMsg"], last);
}

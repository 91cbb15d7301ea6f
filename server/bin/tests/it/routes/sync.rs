//! `/v1/sync`: its changes, their order, and which cursors are valid.

use serde_json::json;

use crate::support::{T0, TestServer, changed_ids, event, membership};

/// Syncs in steps of `limit` until there is no more; all changes, and the last cursor.
async fn whole(
    server: &TestServer,
    token: &str,
    cursor: &str,
    limit: u32,
) -> (Vec<String>, String) {
    let mut all = Vec::new();
    let mut query = format!("limit={limit}{cursor}");
    loop {
        let page = server.http.sync(token, &query).await;
        assert_eq!(page["reset"], false);
        assert!(changed_ids(&page).len() <= limit as usize);
        all.extend(changed_ids(&page));
        let cursor = page["cursor"].as_str().unwrap();
        if page["hasMore"] == false {
            return (all, format!("&cursor={cursor}"));
        }
        assert_eq!(changed_ids(&page).len(), limit as usize, "there is more, so the page is full");
        query = format!("limit={limit}&cursor={cursor}");
    }
}

#[tokio::test]
async fn it_returns_each_changed_session_once_in_the_order_of_changes() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    let messages: Vec<_> = (1..=5).map(|n| event("p2p", &format!("u{n}"), "amy", n)).collect();
    assert_eq!(server.events(json!(messages)).await, ["applied"; 5]);
    let ids: Vec<_> = (1..=5).map(|n| format!("p2p|u{n}")).collect();
    for limit in [1, 2, 5, 500] {
        let (all, cursor) = whole(&server, &token, "", limit).await;
        assert_eq!(all, ids, "no cursor: from the beginning");
        assert_eq!(whole(&server, &token, &cursor, limit).await.0, Vec::<String>::new());
    }
    let (_, cursor) = whole(&server, &token, "", 100).await;
    let latest = format!("&cursor={}", server.http.latest(&token).await);
    // Twice the same session, an ext, a deletion of one that is there and of one that is not.
    server.events(json!([event("p2p", "u2", "amy", 8), event("p2p", "u2", "amy", 9)])).await;
    server.http.set_ext("p2p|u5", &token, "x").await.ok();
    assert_eq!(server.http.delete(&["p2p|u1", "p2p|nobody"], &token).await.status, 204);
    for (since, limit) in [(&cursor, 1), (&cursor, 3), (&latest, 500)] {
        let (all, _) = whole(&server, &token, since, limit).await;
        assert_eq!(all, ["p2p|u2", "p2p|u5", "-p2p|u1"], "limit {limit}");
    }
    let page = server.http.sync(&token, &cursor[1..]).await;
    assert_eq!(page["changes"][0]["session"]["lastMsg"]["9"], "body 9", "the latest state");
    assert_eq!(page["changes"][0]["session"]["updateTime"], T0 + 9);
    let page = server.http.sync(&token, &format!("needLastMsg=0{cursor}")).await;
    assert_eq!(changed_ids(&page).len(), 3);
    assert!(page["changes"][0]["session"].get("lastMsg").is_none());
    assert_eq!(
        whole(&server, &token, "", 100).await.0.len(),
        4,
        "without a cursor, no deletion is returned"
    );
}

#[tokio::test]
async fn a_walk_by_token_and_a_sync_from_its_cursor_are_the_list() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    for n in 1..=9 {
        server.events(json!([event("p2p", &format!("u{n}"), "amy", n)])).await;
    }
    let page = server.http.get("/v1/sessions?limit=4", &token).await.ok();
    server.http.delete(&["p2p|u9"], &token).await;
    server.events(json!([event("p2p", "u1", "amy", 20)])).await;
    let cursor = page["syncCursor"].as_str().unwrap();
    let (all, _) = whole(&server, &token, &format!("&cursor={cursor}"), 100).await;
    assert_eq!(all, ["-p2p|u9", "p2p|u1"]);
}

#[tokio::test]
async fn a_cursor_that_is_not_known_resets() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    server.events(json!([event("p2p", "bob", "amy", 1)])).await;
    let good = server.http.latest(&token).await;
    let of_bob = server.http.latest(&server.token("a", "bob")).await;
    let of_another_app = server.http.latest(&server.token("ab", "amy")).await;
    let page_token = {
        server.events(json!([event("p2p", "eve", "amy", 2)])).await;
        let page = server.http.get("/v1/sessions?limit=1", &token).await.ok();
        page["nextPageToken"].as_str().unwrap().to_owned()
    };
    let cut = good[..good.len() - 1].to_owned();
    let bad = [of_bob, of_another_app, page_token, cut, "LATEST".into(), "%00".into(), "".into()];
    for cursor in bad {
        // A reset does not wait: the client must list again.
        let page = server.http.sync(&token, &format!("cursor={cursor}&waitMs=30000")).await;
        assert_eq!((&page["reset"], &page["hasMore"]), (&true.into(), &false.into()), "{cursor}");
        assert!(changed_ids(&page).is_empty());
        let now = page["cursor"].as_str().unwrap();
        let page = server.http.sync(&token, &format!("cursor={now}")).await;
        assert_eq!(
            (&page["reset"], changed_ids(&page).len()),
            (&false.into(), 0),
            "its cursor is now"
        );
    }
    assert_eq!(
        changed_ids(&server.http.sync(&token, &format!("cursor={good}")).await),
        ["p2p|eve"]
    );
    let server = server.restart().await;
    let page = server.http.sync(&token, &format!("cursor={good}")).await;
    assert_eq!((&page["reset"], changed_ids(&page)), (&false.into(), vec!["p2p|eve".to_owned()]));
}

#[tokio::test]
async fn messages_outside_an_accounts_time_in_a_team_are_never_shown() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    let start = format!("&cursor={}", server.http.latest(&token).await);
    server.events(json!([event("team", "bob", "7", 1)])).await;
    server.http.set_ext("team|7", &token, "mine").await.ok();
    let page = server.http.sync(&token, &start[1..]).await;
    assert!(page["changes"][0]["session"].get("lastMsg").is_none(), "an ext lets nobody in");
    server.events(json!([membership("join", "7", &["amy"], T0 + 5)])).await;
    let page = server.http.sync(&token, &start[1..]).await;
    assert!(page["changes"][0]["session"].get("lastMsg").is_none(), "nothing of before the join");
    server.events(json!([event("team", "bob", "7", 6)])).await;
    let (all, cursor) = whole(&server, &token, &start, 100).await;
    assert_eq!(all, ["team|7"]);
    let left = server
        .events(json!([membership("leave", "7", &["amy"], T0 + 7), event("team", "bob", "7", 8),]));
    assert_eq!(left.await, ["applied", "applied"]);
    let page = server.http.sync(&token, &cursor[1..]).await;
    let last = &page["changes"][0]["session"]["lastMsg"];
    assert_eq!(last, &json!({"0": 1, "1": "7", "7": T0 + 7, "8": 5}), "the notice and no more");
    let (_, cursor) = whole(&server, &token, &cursor, 100).await;
    server.events(json!([event("team", "bob", "7", 9)])).await;
    assert!(whole(&server, &token, &cursor, 100).await.0.is_empty());
}

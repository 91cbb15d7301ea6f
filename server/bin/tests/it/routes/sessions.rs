//! The list, one session, its ext, deletion: what the HTTP API adds to the store's rules.

use reqwest::Method;

use crate::support::{T0, TestServer, ids, message};

#[tokio::test]
async fn pages_follow_each_other_by_token_and_by_time() {
    let server = TestServer::start().await;
    let copies: Vec<_> = (1..=7).map(|n| message("PERSON", &format!("u{n}"), "amy", n)).collect();
    server.deliver(&copies).await;
    let token = server.token("a", "amy");
    let all: Vec<_> = (1..=7).rev().map(|n| format!("p2p|u{n}")).collect();

    let mut walked = Vec::new();
    let mut query = "limit=3".to_owned();
    let mut cursors = Vec::new();
    loop {
        let page = server.http.get(&format!("/v1/sessions?{query}"), &token).await.ok();
        walked.extend(ids(page["sessionList"].as_array().unwrap()).iter().map(|id| id.to_string()));
        cursors.push(page["syncCursor"].as_str().unwrap().to_owned());
        let Some(next) = page["nextPageToken"].as_str() else { break };
        query = format!("pageToken={next}&limit=3&needLastMsg=0");
        assert!(walked.len() < 9, "never ends");
    }
    assert_eq!(walked, all);
    cursors.dedup();
    assert_eq!(cursors.len(), 1, "the first page fixes the cursor of the walk");

    let between = format!("minTimestamp={}&maxTimestamp={}", T0 + 3, T0 + 5);
    let page = server.http.get(&format!("/v1/sessions?{between}"), &token).await.ok();
    assert_eq!(ids(page["sessionList"].as_array().unwrap()), ["p2p|u5", "p2p|u4", "p2p|u3"]);
    assert_eq!(page["hasMore"], false);
}

#[tokio::test]
async fn last_messages_come_when_they_are_asked_for() {
    let server = TestServer::start().await;
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let token = server.token("a", "amy");
    for (query, comes) in [
        ("", true),
        ("?needLastMsg=true", true),
        ("?needLastMsg=1", true),
        ("?needLastMsg=false", false),
        ("?needLastMsg=0", false),
    ] {
        let page = server.http.get(&format!("/v1/sessions{query}"), &token).await.ok();
        assert_eq!(page["sessionList"][0].get("lastMsg").is_some(), comes, "{query}");
    }
}

#[tokio::test]
async fn one_session_is_sent_again_only_when_it_changed() {
    let server = TestServer::start().await;
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let token = server.token("a", "amy");
    let path = "/v1/sessions/p2p%7Cbob";
    let first = server.http.get(path, &token).await;
    let tag = first.header("etag").to_owned();
    assert_eq!(first.ok()["lastMsg"]["9"], "body 1");
    let bearer = format!("Bearer {token}");
    let ask = async |tags: String| {
        let headers = [("Authorization", bearer.as_str()), ("If-None-Match", &tags)];
        server.http.send(Method::GET, path, &headers, "").await
    };
    for tags in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let answer = ask(tags).await;
        assert_eq!((answer.status, answer.body.as_str()), (304, ""));
        assert_eq!(answer.header("etag"), tag);
    }
    assert_eq!(ask("\"x\"".to_owned()).await.status, 200);
    server.http.set_ext("p2p|bob", &token, "new").await.ok();
    assert_eq!(ask(tag).await.ok()["ext"], "new");
}

#[tokio::test]
async fn ext_makes_a_session_and_deletion_takes_it_away_for_good() {
    let server = TestServer::start().await;
    let token = server.token("a", "amy");
    let ext = "é\"\\\u{0}\n🎉".to_owned() + &"x".repeat(4_096 - 10);
    assert_eq!(ext.len(), 4_096);
    let id = "p2p|a/b c%2f|".trim_end_matches('|');
    let path = "/v1/sessions/p2p%7Ca%2Fb%20c%252f";
    let body = serde_json::json!({ "ext": ext }).to_string();
    let made = server.http.call(Method::PUT, &format!("{path}/ext"), &token, &body).await.ok();
    assert_eq!((made["sessionId"].as_str(), made["ext"].as_str()), (Some(id), Some(&*ext)));
    assert!(made["updateTime"].as_u64().unwrap() > T0, "now, not the time of any message");
    assert!(made.get("lastMsg").is_none());
    assert_eq!(server.http.get(path, &token).await.ok(), made);

    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let gone = server.http.delete(&[id, "p2p|bob", "team|5"], &token).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert!(server.http.list(&token).await.is_empty());
    server.http.get(path, &token).await.assert_problem(404, 404, "no such session");
    let server = server.restart().await;
    assert!(server.http.list(&token).await.is_empty(), "deletions outlive a restart");
    server.deliver(&[message("PERSON", "bob", "amy", 2)]).await;
    let rows = server.http.list(&token).await;
    assert_eq!((ids(&rows), rows[0]["ext"].as_str()), (vec!["p2p|bob"], Some("")));
}

#[tokio::test]
async fn health_is_told_to_whoever_asks() {
    let server = TestServer::start().await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.http.send(Method::GET, path, &[], "").await.status, 200, "{path}");
    }
}

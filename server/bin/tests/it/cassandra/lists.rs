//! Lists that a server keeps in Cassandra: over a restart, and between two servers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use huihua_core::{
    client::{Options, SessionService, WatchOption},
    paths,
};
use serde_json::json;

use super::{INGEST_KEY, KEYSPACE, folder_with, node, server, token_of, unique, with_schema};
use crate::{
    config::ConfiguredServer,
    nim::{sdk::Sdk, seed::Seed},
    sdk::{Fixed, next_change},
    support::{changed_ids, event, ids, membership},
};

#[tokio::test]
async fn what_a_server_keeps_in_cassandra_is_there_after_its_restart() {
    let Some(node) = node() else { return };
    let (folder, mut server) = server(&node).await;
    let name = |who: &str| format!("{who}{}", unique());
    let (amy, bob, cat) = (name("amy"), name("bob"), name("cat"));
    let token = token_of(&amy);
    let (with_bob, with_cat) = (format!("p2p|{bob}"), format!("p2p|{cat}"));
    let http = &server.http;
    let cursor = http.latest(&token).await;
    let said = [event("p2p", &bob, &amy, 1), event("p2p", &cat, &amy, 2)];
    let answer = http.events(INGEST_KEY, json!(said)).await.ok();
    assert_eq!(answer["results"][1]["status"], "applied", "{answer}");
    assert_eq!(ids(&http.list(&token).await), [with_cat.as_str(), &with_bob]);
    let changes = http.sync(&token, &format!("cursor={cursor}")).await;
    assert_eq!(changed_ids(&changes), [with_bob.as_str(), &with_cat]);
    let cursor = changes["cursor"].as_str().unwrap().to_owned();
    assert_eq!(http.set_ext(&with_bob, &token, "pinned").await.ok()["ext"], "pinned");
    assert_eq!(http.delete(&[&with_cat], &token).await.status, 204);

    let sdk = Sdk::new(&http.url, "a", "s", Seed::printed("cassandra"));
    let nims = name("nims");
    let own = format!("{nims}_token");
    sdk.ok("/user/create.action", &[("accid", &amy), ("token", &own)]).await;
    let members = json!([amy]).to_string();
    let create = [
        ("tname", "t"),
        ("owner", &cat),
        ("members", &members),
        ("msg", "m"),
        ("magree", "0"),
        ("joinmode", "0"),
    ];
    let team = sdk.ok("/team/create.action", &create).await["tid"].as_str().unwrap().to_owned();
    let send = [
        ("from", cat.as_str()),
        ("ope", "1"),
        ("to", &team),
        ("type", "0"),
        ("body", r#"{"msg":"hi"}"#),
    ];
    sdk.ok("/msg/sendMsg.action", &send).await;
    let with_team = format!("team|{team}");
    let list = http.list(&own).await;
    assert_eq!(ids(&list), [with_team.as_str(), &with_bob]);
    assert!(server.terminate().await, "{}", server.log());

    let server = ConfiguredServer::start(folder.path(), &[]).await;
    let http = &server.http;
    assert_eq!(http.list(&own).await, list, "the token of NIM's API, and the same list");
    let changes = http.sync(&token, &format!("cursor={cursor}")).await;
    let changed = changed_ids(&changes);
    assert_eq!(changes["reset"], false, "a restart is no reason to list again");
    assert_eq!(changed.len(), 3, "{changed:?}");
    assert!(changed.contains(&format!("-{with_cat}")) && changed.contains(&with_team));
    let sdk = Sdk::new(&http.url, "a", "s", Seed::printed("cassandra"));
    let block = [("accid", amy.as_str())];
    sdk.ok("/user/block.action", &block).await;
    assert_eq!(http.get("/v1/sessions", &token).await.status, 403);
    assert!(!server.log().contains("iiii"), "{}", server.log());
}

/// The doors of both show one list, and what one gave is good at the other.
#[tokio::test]
async fn cursors_and_page_tokens_of_one_server_are_good_at_another() {
    let Some(node) = node() else { return };
    let ((_one, one), (_other, other)) = tokio::join!(server(&node), server(&node));
    let amy = format!("amy{}", unique());
    let token = token_of(&amy);
    let peers: Vec<String> = (1..=5).map(|n| format!("u{n}{amy}")).collect();
    let said: Vec<_> = (1..).zip(&peers).map(|(n, peer)| event("p2p", peer, &amy, n)).collect();
    one.http.events(INGEST_KEY, json!(said)).await.ok();
    let first = one.http.get("/v1/sessions?limit=2", &token).await.ok();
    let [next, cursor] = ["nextPageToken", "syncCursor"].map(|key| first[key].as_str().unwrap());
    // It moves while the list is walked, through the server that did not give the first page.
    let moved = event("p2p", &peers[0], &amy, 9);
    other.http.events(INGEST_KEY, json!([moved])).await.ok();
    let second =
        other.http.get(&format!("/v1/sessions?limit=9&pageToken={next}"), &token).await.ok();
    let shown = |n: usize| format!("p2p|{}", peers[n]);
    assert_eq!(ids(second["sessionList"].as_array().unwrap()), [shown(2), shown(1)]);
    let changes = other.http.sync(&token, &format!("cursor={cursor}")).await;
    assert_eq!((changed_ids(&changes), &changes["reset"]), (vec![shown(0)], &json!(false)));
    let cursor = changes["cursor"].as_str().unwrap();
    let nothing = one.http.sync(&token, &format!("cursor={cursor}")).await;
    assert_eq!((changed_ids(&nothing).len(), &nothing["reset"]), (0, &json!(false)));
    let lists = [one.http.list(&token).await, other.http.list(&token).await];
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[0].len(), 5);
}

/// Also with teams kept in memory, of which the waiting server knows the one that is talked in.
#[tokio::test]
async fn a_wait_on_one_server_wakes_within_two_seconds_of_a_change_through_another() {
    let Some(node) = node() else { return };
    with_schema(&node).await;
    let cached = || folder_with(&node, KEYSPACE, "cassandra_head_cache_ms = 1000\n");
    let (here, there) = (cached(), cached());
    let (one, other) = tokio::join!(
        ConfiguredServer::start(here.path(), &[]),
        ConfiguredServer::start(there.path(), &[])
    );
    let name = unique();
    let (amy, bob, team) = (format!("amy{name}"), format!("bob{name}"), format!("t{name}"));
    let token = token_of(&amy);
    let joins = membership("join", &team, &[amy.as_str(), bob.as_str()], 1);
    one.http.events(INGEST_KEY, json!([joins])).await.ok();
    for round in 1..=4 {
        // Of the one the account, of the other its team.
        let (said, id) = match round % 2 {
            0 => (event("p2p", &bob, &amy, round), format!("p2p|{bob}")),
            _ => (event("team", &bob, &team, round), format!("team|{team}")),
        };
        other.http.list(&token).await;
        let cursor = other.http.latest(&token).await;
        let waits = async {
            let sync = format!("cursor={cursor}&waitMs=25000");
            let woken = other.http.sync(&token, &sync).await;
            (woken, Instant::now())
        };
        let says = async {
            // The wait is on its way before: else it would be no wait.
            tokio::time::sleep(Duration::from_millis(300)).await;
            one.http.events(INGEST_KEY, json!([said])).await.ok();
            Instant::now()
        };
        let ((woken, at), since) = tokio::join!(waits, says);
        assert_eq!(changed_ids(&woken), [id], "round {round}");
        let late = at.saturating_duration_since(since);
        assert!(late < Duration::from_secs(2), "woken after {late:?}");
    }
}

/// The SDK's live changes come through the first of its servers as long as that one lives.
#[tokio::test]
async fn a_watch_on_one_server_reports_what_is_written_through_the_other_and_goes_on_there() {
    let Some(node) = node() else { return };
    let ((_here, one), (_there, other)) = (server(&node).await, server(&node).await);
    let name = unique();
    let amy = format!("amy{name}");
    let options = Options::new("", Arc::new(Fixed(token_of(&amy))));
    let server_urls = [&one, &other].map(|server| server.http.url.clone()).to_vec();
    let sdk = SessionService::new(Options { server_urls, ..options }).unwrap();
    let latest = Some(paths::SYNC_LATEST.to_owned());
    let mut watch = sdk.watch(WatchOption { cursor: latest, need_last_msg: true });
    while watch.cursor() == Some(paths::SYNC_LATEST) {
        watch.next().await.unwrap();
    }
    let mut one = Some(one);
    for round in 1..=6 {
        if round == 4 {
            // Dropped, it is killed.
            one = None;
        }
        let bob = format!("bob{round}{name}");
        let says = async {
            // Of most rounds the wait has begun by then.
            tokio::time::sleep(Duration::from_millis(300)).await;
            other.http.events(INGEST_KEY, json!([event("p2p", &bob, &amy, round)])).await.ok();
        };
        let (change, ()) = tokio::join!(next_change(&mut watch), says);
        assert_eq!(change, format!("p2p|{bob}"), "round {round}");
    }
    assert!(one.is_none(), "the last rounds were without it");
}

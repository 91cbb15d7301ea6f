//! The SDK's live list over the real server: what it kept on the device meets what happened since.

use std::{path::Path, sync::Arc, time::Duration};

use huihua_core::{
    QueryMySessionOption, RecentSession,
    client::{CacheOptions, ListOption, Options, SessionList, SessionService},
};
use serde_json::json;

use crate::{
    sdk::Fixed,
    support::{T0, TestServer, WAIT_MAX, event, membership},
};

fn service(server: &TestServer, folder: &Path, account: &str) -> SessionService {
    let (app_key, named) = ("a".to_owned(), account.to_owned());
    let cache = CacheOptions { folder: folder.to_owned(), app_key, account: named };
    let token = Arc::new(Fixed(server.token("a", account)));
    let options = Options { cache: Some(cache), ..Options::new(server.http.url.clone(), token) };
    SessionService::new(options).unwrap()
}

/// Drives the list until it shows the server's newest sessions, each as the server has it.
async fn until_current(service: &SessionService, list: &mut SessionList) -> Vec<RecentSession> {
    let option = QueryMySessionOption { limit: 40, ..Default::default() };
    let expected = service.query_my_session_list(&option).await.unwrap().session_list;
    let shown = async {
        while list.is_from_cache() || list.sessions() != expected {
            list.next().await.expect("the list ended");
        }
    };
    tokio::time::timeout(WAIT_MAX, shown).await.expect("the list stays behind");
    expected
}

#[tokio::test]
async fn a_kept_list_shows_at_once_and_becomes_what_happened_while_the_app_was_away() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let joins = ["7", "8"].map(|team| membership("join", team, &["amy", "bob"], T0 + 1));
    server.events(json!(joins)).await;
    let sent: Vec<_> = (2..30).map(|n| event("p2p", &format!("u{n}"), "amy", n)).collect();
    server.events(sent.into()).await;
    server.events(json!([event("team", "bob", "7", 40), event("team", "bob", "8", 41)])).await;
    let amy = service(&server, folder.path(), "amy");
    let mut list = amy.list(ListOption::default());
    let before = until_current(&amy, &mut list).await;
    list.flush().await;
    drop(list);

    server.events(json!([event("p2p", "u5", "amy", 50), event("team", "bob", "7", 51)])).await;
    server.events(json!([membership("leave", "8", &["amy"], T0 + 52)])).await;
    amy.delete_my_session(&["p2p|u9".to_owned(), "p2p|u29".to_owned()]).await.unwrap();
    amy.update_my_session("p2p|u3", "草稿").await.unwrap();
    let mut list = amy.list(ListOption::default());
    list.next().await.unwrap();
    assert!(list.is_from_cache());
    assert_eq!(list.sessions(), before, "what was shown last");
    let after = until_current(&amy, &mut list).await;
    assert_eq!(after.len(), before.len() - 2);

    // The same folder, another account of the same server.
    let bob = service(&server, folder.path(), "bob");
    let mut bobs = bob.list(ListOption::default());
    let first = tokio::time::timeout(Duration::from_secs(5), bobs.next()).await.unwrap();
    assert!(!bobs.is_from_cache() && bobs.sessions().is_empty(), "{first:?}");
    until_current(&bob, &mut bobs).await;
}

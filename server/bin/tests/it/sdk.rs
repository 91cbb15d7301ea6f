//! The SDK's client against the real server: every call.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use huihua_core::{
    Code, LastMsgType, QueryMySessionOption, SessionChange, SyncOption,
    client::{
        Error, Options, ProviderError, SessionService, TokenProvider, Watch, WatchEvent,
        WatchOption, WatchStatus,
    },
    paths,
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{ServerProcess, TestServer, WAIT_MAX, event, printed_token};

pub(crate) struct Fixed(pub(crate) String);

impl TokenProvider for Fixed {
    fn token(
        &self,
        _: bool,
    ) -> Pin<Box<dyn Future<Output = Result<String, ProviderError>> + Send + '_>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

pub(crate) fn service(server: &TestServer, token: String) -> SessionService {
    let options = Options::new(server.http.url.clone(), Arc::new(Fixed(token)));
    SessionService::new(options).unwrap()
}

pub(crate) fn code(error: Error) -> Code {
    match error {
        Error::Failed { code, .. } => code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_four_calls_do_what_they_say() {
    let server = TestServer::start().await;
    let amy = service(&server, server.token("a", "amy"));
    let events: Vec<_> = (1..=5).map(|n| event("p2p", &format!("u{n}"), "amy", n)).collect();
    server.events(events.into()).await;
    assert_eq!(amy.account().await.unwrap().account, "amy");
    let mut option = QueryMySessionOption { limit: 2, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = amy.query_my_session_list(&option).await.unwrap();
        seen.extend(page.session_list.iter().map(|row| row.session_id.to_string()));
        assert_eq!(page.has_more, page.next_page_token.is_some());
        option.page_token = page.next_page_token;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen, ["p2p|u5", "p2p|u4", "p2p|u3", "p2p|u2", "p2p|u1"]);
    let row = amy.update_my_session("p2p|u3", "草稿").await.unwrap();
    assert_eq!((row.ext.as_str(), row.last_msg_type), ("草稿", LastMsgType::Message));
    assert_eq!(amy.query_my_session("p2p|u3").await.unwrap(), row);
    amy.delete_my_session(&["p2p|u3".to_owned(), "team|7".to_owned()]).await.unwrap();
    assert_eq!(code(amy.query_my_session("p2p|u3").await.unwrap_err()), Code::NotFound);
    let stranger = service(&server, "wrong".to_owned());
    assert_eq!(code(stranger.query_my_session("p2p|u1").await.unwrap_err()), Code::Unauthorized);
}

#[tokio::test]
async fn a_sync_waits_for_what_concerns_it_and_a_dropped_one_ends_the_servers_wait() {
    let server = TestServer::start().await;
    let amy = service(&server, server.token("a", "amy"));
    let latest = SyncOption { cursor: Some(paths::SYNC_LATEST.into()), ..Default::default() };
    let cursor = amy.sync(&latest).await.unwrap().cursor;
    let wait = SyncOption { cursor: Some(cursor), wait_ms: 30_000, ..Default::default() };
    let waiting = {
        let (amy, wait) = (amy.clone(), wait.clone());
        tokio::spawn(async move { amy.sync(&wait).await })
    };
    server.until_waiting(1).await;
    server.events(json!([event("p2p", "bob", "carl", 1)])).await;
    server.events(json!([event("p2p", "bob", "amy", 2)])).await;
    let page = waiting.await.unwrap().unwrap();
    let [SessionChange::Session(row)] = page.changes.as_slice() else { panic!("{page:?}") };
    assert_eq!(row.session_id.to_string(), "p2p|bob");

    amy.delete_my_session(&["p2p|bob".to_owned()]).await.unwrap();
    let page = amy.sync(&SyncOption { cursor: Some(page.cursor), ..wait.clone() }).await.unwrap();
    assert_eq!(page.changes, [SessionChange::Deleted("p2p|bob".parse().unwrap())]);

    let wait = SyncOption { cursor: Some(page.cursor), ..wait };
    let dropped = tokio::time::timeout(Duration::from_millis(300), amy.sync(&wait));
    assert!(dropped.await.is_err());
    server.until_waiting(0).await;
    let garbage = SyncOption { cursor: Some("garbage".into()), ..Default::default() };
    assert!(amy.sync(&garbage).await.unwrap().reset);
}

/// The next change of sessions that a watch reports; breaks and what follows them are passed over,
/// and waited out by nobody. Each change as `id` or `-id`.
pub(crate) async fn next_change(watch: &mut Watch) -> String {
    let poke = watch.poker();
    let change = async {
        loop {
            match watch.next().await {
                Some(WatchEvent::Changes(page)) if page.reset => return "reset".to_owned(),
                Some(WatchEvent::Changes(page)) => match page.changes.as_slice() {
                    [] => {}
                    [SessionChange::Session(row)] => return row.session_id.to_string(),
                    [SessionChange::Deleted(id)] => return format!("-{id}"),
                    more => panic!("{more:?}"),
                },
                Some(WatchEvent::Status(WatchStatus::Broken { .. })) => poke.poke(),
                Some(WatchEvent::Status(WatchStatus::Connecting | WatchStatus::Live)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(3 * WAIT_MAX, change).await.expect("no change was reported")
}

/// `kill -9` in the middle of each wait. What is written before, while and after is reported once.
#[tokio::test]
async fn a_watch_reports_each_change_once_over_kills_of_its_server() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start(folder.path()).await;
    let address = server.http.url.trim_start_matches("http://").to_owned();
    let token = Arc::new(Fixed(printed_token(folder.path(), "amy")));
    let amy = SessionService::new(Options::new(server.http.url.clone(), token)).unwrap();
    let latest = Some(paths::SYNC_LATEST.to_owned());
    let mut watch = amy.watch(WatchOption { cursor: latest, need_last_msg: true });
    while watch.cursor() == Some(paths::SYNC_LATEST) {
        watch.next().await.unwrap();
    }
    for round in 0..3 {
        let id = |n| format!("u{round}{n}");
        server.events(json!([event("p2p", &id(1), "amy", round)])).await;
        assert_eq!(next_change(&mut watch).await, format!("p2p|{}", id(1)));
        amy.delete_my_session(&[format!("p2p|{}", id(1))]).await.unwrap();
        assert_eq!(next_change(&mut watch).await, format!("-p2p|{}", id(1)));
        let killing = async {
            // The question has gone out by then, and nobody listens while nothing changes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            server.events(json!([event("p2p", "bob", "carl", round)])).await;
            server.kill();
            server = ServerProcess::start_at(folder.path(), &address).await;
            server.events(json!([event("p2p", &id(2), "amy", round)])).await;
        };
        let (change, ()) = tokio::join!(next_change(&mut watch), killing);
        assert_eq!(change, format!("p2p|{}", id(2)));
    }
}

//! `user/block` and `user/unblock`: a blocked account is refused with 422 on every route, whatever
//! its token, at once; its list moves on, and is there when it is unblocked.

use huihua_core::{Code, client::WatchEvent, client::WatchOption, client::WatchStatus, paths};
use tempfile::TempDir;

use super::{
    fixture::sdk_of,
    request_id::{again, sdk_of_process},
    sdk::Sdk,
    seed::Seed,
};
use crate::{
    bad_input::CLIENT_ROUTES,
    sdk::{code, service},
    support::{Http, ServerProcess, TestServer, WAIT_MAX, event, message, printed_token},
};

const AMY: [(&str, &str); 1] = [("accid", "amy")];

async fn given(sdk: &Sdk, call: &str) -> String {
    let answer = sdk.ok(&format!("/user/{call}.action"), &AMY).await;
    answer["info"]["token"].as_str().unwrap().to_owned()
}

/// Asserts that no route accepts the token because its account is blocked.
async fn assert_blocked(http: &Http, token: &str, what: &str) {
    for (method, path, body) in CLIENT_ROUTES {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = http.call(method, path, token, body).await;
        assert_eq!(answer.status, 403, "{what}: {path}");
        answer.assert_problem(403, 422, "blocked");
    }
}

#[tokio::test]
async fn a_block_ends_every_token_and_the_list_moves_on() {
    let server = TestServer::start().await;
    let (sdk, http) = (sdk_of(&server, "a"), &server.http);
    let (jwt, old) = (server.token("a", "amy"), given(&sdk, "create").await);
    sdk.ok("/user/block.action", &[("accid", "amy"), ("needkick", "true")]).await;
    assert_blocked(http, &jwt, "a JWT").await;
    assert_blocked(http, &old, "a token of NIM's API").await;
    assert_blocked(http, &server.token("a", "amy"), "a JWT that was signed after the block").await;
    for (app, account) in [("a", "bob"), ("a", "amya"), ("ab", "amy")] {
        http.get("/v1/account", &server.token(app, account)).await.ok();
    }
    // A token that nothing replaced is ended all the same.
    let created = sdk.ok("/user/create.action", &[("accid", "cat")]).await;
    let cats = created["info"]["token"].as_str().unwrap();
    for call in ["/user/block.action", "/user/unblock.action"] {
        sdk.ok(call, &[("accid", "cat")]).await;
    }
    http.get("/v1/account", cats).await.assert_problem(401, 302, "");
    // It is blocked, not gone.
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let rows = sdk.ok("/history/querySessionList.action", &AMY).await;
    assert_eq!(rows["data"]["sessions"].as_array().unwrap().len(), 1);
    // Tokens may be set, but they open nothing before it is unblocked.
    let refreshed = given(&sdk, "refreshToken").await;
    assert_blocked(http, &refreshed, "a token that was set after the block").await;
    sdk.ok("/user/block.action", &AMY).await;
    assert_blocked(http, &refreshed, "blocked once more").await;
    let new = given(&sdk, "refreshToken").await;
    sdk.ok("/user/unblock.action", &AMY).await;
    assert_eq!(http.list(&jwt).await.len(), 1, "a JWT cannot be ended alone");
    assert_eq!(http.list(&new).await.len(), 1);
    for ended in [&old, &refreshed] {
        http.get("/v1/account", ended).await.assert_problem(401, 302, "");
    }
}

/// A retry of a block that was answered must not block again who was unblocked meanwhile.
#[tokio::test]
async fn a_retried_block_blocks_once() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let block = sdk.request("/user/block.action", &AMY);
    let first = sdk.send(&block).await;
    sdk.ok("/user/unblock.action", &AMY).await;
    assert_eq!(sdk.send(&again(&sdk, &block)).await, first);
    server.http.get("/v1/account", &server.token("a", "amy")).await.ok();
}

/// The waits of a blocked account once lasted to their end, and would have told it what came.
#[tokio::test]
async fn a_block_ends_the_waits_of_its_account_at_once_and_no_others() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let tokens = [server.token("a", "amy"), given(&sdk, "create").await, server.token("a", "bob")];
    let wait = |token: &String| {
        let (http, token) = (server.http.clone(), token.clone());
        tokio::spawn(async move { http.get("/v1/sync?cursor=latest&waitMs=30000", &token).await })
    };
    let [jwt, nim, bobs] = &tokens;
    let (of_jwt, of_nim, of_bob) = (wait(jwt), wait(nim), wait(bobs));
    server.until_waiting(3).await;
    sdk.ok("/user/block.action", &AMY).await;
    for (waiting, what) in [(of_jwt, "a JWT"), (of_nim, "a token of NIM's API")] {
        let answer = tokio::time::timeout(WAIT_MAX, waiting).await;
        let answer = answer.unwrap_or_else(|_| panic!("the wait of {what} lasts")).unwrap();
        answer.assert_problem(403, 422, "blocked");
    }
    server.until_waiting(1).await;
    server.deliver(&[message("PERSON", "amy", "bob", 1)]).await;
    let answer = tokio::time::timeout(WAIT_MAX, of_bob).await.unwrap().unwrap();
    assert_eq!(answer.ok()["changes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_sdks_calls_fail_with_422_and_its_watch_ends() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let amy = service(&server, server.token("a", "amy"));
    let latest = Some(paths::SYNC_LATEST.to_owned());
    let mut watch = amy.watch(WatchOption { cursor: latest, need_last_msg: true });
    while watch.cursor() == Some(paths::SYNC_LATEST) {
        watch.next().await.unwrap();
    }
    let ended = tokio::spawn(async move {
        loop {
            match watch.next().await {
                Some(WatchEvent::Status(WatchStatus::Ended { cause })) => return cause,
                Some(_) => {}
                None => panic!("it ended without a word"),
            }
        }
    });
    server.until_waiting(1).await;
    sdk.ok("/user/block.action", &AMY).await;
    let cause = tokio::time::timeout(WAIT_MAX, ended).await.expect("it still watches").unwrap();
    assert_eq!(code(cause), Code::AccountBlocked);
    assert_eq!(code(amy.account().await.unwrap_err()), Code::AccountBlocked, "signing in");
    let refused = amy.update_my_session("p2p|bob", "x").await.unwrap_err();
    assert_eq!(code(refused), Code::AccountBlocked);
    sdk.ok("/user/unblock.action", &AMY).await;
    amy.account().await.unwrap();
}

#[tokio::test]
async fn a_block_and_its_end_outlive_kill_9() {
    let folder = TempDir::new().unwrap();
    let mut seed = Seed::printed("blocks");
    let mut server = ServerProcess::start(folder.path()).await;
    let jwt = printed_token(folder.path(), "amy");
    let old = given(&sdk_of_process(&server, seed.fork()), "create").await;
    for round in 0..3 {
        sdk_of_process(&server, seed.fork()).ok("/user/block.action", &AMY).await;
        server.kill();
        server = ServerProcess::start(folder.path()).await;
        assert_blocked(&server.http, &jwt, &format!("round {round}")).await;
        server.events(serde_json::json!([event("p2p", "bob", "amy", round)])).await;
        sdk_of_process(&server, seed.fork()).ok("/user/unblock.action", &AMY).await;
        server.kill();
        server = ServerProcess::start(folder.path()).await;
        assert_eq!(server.http.list(&jwt).await.len(), 1);
        server.http.get("/v1/account", &old).await.assert_problem(401, 302, "");
    }
}

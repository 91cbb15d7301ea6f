//! Tokens that `user/create`, `user/update` and `user/refreshToken` give: a client's bearer beside
//! JWTs, each of one account of one app, until the next one; and on the disk only as a hash.

use huihua_core::{Code, QueryMySessionOption};
use serde_json::Value;
use tempfile::TempDir;

use super::{schema, sdk::Sdk, seed::Seed};
use crate::{
    bad_input::CLIENT_ROUTES,
    sdk::{code, service},
    support::{Http, ServerProcess, TestServer, WAIT_MAX, message},
};

fn sdk_of(server: &TestServer, app: &str) -> Sdk {
    Sdk::new(&server.http.url, app, server.app(app).secret.expose(), Seed::printed("tokens"))
}

async fn given(sdk: &Sdk, call: &str, account: &str, token: Option<&str>) -> String {
    let mut parameters = vec![("accid", account)];
    parameters.extend(token.map(|token| ("token", token)));
    let answer = sdk.ok(&format!("/user/{call}.action"), &parameters).await;
    answer["info"]["token"].as_str().unwrap().to_owned()
}

/// Its owner, as app and account; `None`: no route accepts it.
async fn holder(http: &Http, token: &str) -> Option<(String, String)> {
    let answer = http.get("/v1/account", token).await;
    if answer.status == 200 {
        let account: Value = answer.json();
        let text = |name: &str| account[name].as_str().unwrap().to_owned();
        return Some((text("appKey"), text("account")));
    }
    for (method, path, body) in CLIENT_ROUTES {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        http.call(method, path, token, body).await.assert_problem(401, 302, "");
    }
    None
}

fn is(app: &str, account: &str) -> Option<(String, String)> {
    Some((app.to_owned(), account.to_owned()))
}

#[tokio::test]
async fn a_token_opens_its_accounts_list_until_the_next_one() {
    let server = TestServer::start().await;
    let (sdk, http) = (sdk_of(&server, "a"), &server.http);
    let first = given(&sdk, "create", "amy", None).await;
    assert!(first.len() >= 32, "it can be guessed: {first}");
    assert_eq!(holder(http, &first).await, is("a", "amy"));
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    assert_eq!(http.list(&first).await, http.list(&server.token("a", "amy")).await);
    http.set_ext("p2p|bob", &first, "x").await.ok();
    let second = given(&sdk, "refreshToken", "amy", None).await;
    assert_ne!(first, second);
    assert_eq!(holder(http, &first).await, None, "the old one ended");
    assert_eq!(holder(http, &second).await, is("a", "amy"));
    // The app may choose it; an update without a token changes none.
    sdk.ok("/user/update.action", &[("accid", "amy"), ("token", "chosen by the app")]).await;
    assert_eq!(holder(http, &second).await, None);
    assert_eq!(holder(http, "chosen by the app").await, is("a", "amy"));
    sdk.ok("/user/update.action", &[("accid", "amy")]).await;
    assert_eq!(holder(http, "chosen by the app").await, is("a", "amy"));
    let third = given(&sdk, "refreshToken", "amy", None).await;
    assert_eq!(holder(http, "chosen by the app").await, None);
    assert_eq!(holder(http, &third).await, is("a", "amy"));
    assert_eq!(holder(http, &server.token("a", "amy")).await, is("a", "amy"), "beside JWTs");
    // An account that was never created gets one too.
    let never = given(&sdk, "refreshToken", "never created", None).await;
    assert_eq!(holder(http, &never).await, is("a", "never created"));
}

/// The SDK itself, with a token that `user/create` gave, and one that the next one ended.
#[tokio::test]
async fn the_sdk_works_with_a_token_of_nims_api() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let token = given(&sdk, "create", "amy", None).await;
    let amy = service(&server, token);
    assert_eq!(amy.account().await.unwrap().account, "amy");
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let page = amy.query_my_session_list(&QueryMySessionOption::default()).await.unwrap();
    assert_eq!(page.session_list[0].session_id.to_string(), "p2p|bob");
    assert_eq!(amy.update_my_session("p2p|bob", "x").await.unwrap().ext, "x");
    given(&sdk, "refreshToken", "amy", None).await;
    let refused = amy.query_my_session("p2p|bob").await.unwrap_err();
    assert_eq!(code(refused), Code::Unauthorized);
}

/// A sync that waits with a token that was replaced meanwhile gets that error, and nothing else.
#[tokio::test]
async fn a_wait_ends_with_its_token() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let old = given(&sdk, "create", "amy", None).await;
    let path = format!("/v1/sync?cursor={}&waitMs=30000", server.http.latest(&old).await);
    let (http, of_old) = (server.http.clone(), old.clone());
    let waiting = tokio::spawn(async move { http.get(&path, &of_old).await });
    server.until_waiting(1).await;
    let new = given(&sdk, "refreshToken", "amy", None).await;
    server.deliver(&[message("PERSON", "bob", "amy", 1)]).await;
    let answer = tokio::time::timeout(WAIT_MAX, waiting).await.expect("it still waits").unwrap();
    answer.assert_problem(401, 302, "");
    assert_eq!(server.http.list(&new).await.len(), 1);
}

/// Apps choose tokens, and choose badly: what two of them chose must open neither's list to the
/// other.
#[tokio::test]
async fn a_token_never_opens_another_ones_list() {
    let server = TestServer::start().await;
    let (a, ab, http) = (sdk_of(&server, "a"), sdk_of(&server, "ab"), &server.http);
    given(&a, "create", "amy", Some("123456")).await;
    assert_eq!(holder(http, "123456").await, is("a", "amy"));
    let taken = ab.call("/user/create.action", &[("accid", "eve"), ("token", "123456")]).await;
    assert_eq!(holder(http, "123456").await, None, "after {taken}");
    let own = given(&ab, "create", "amy", None).await;
    assert_eq!(holder(http, &own).await, is("ab", "amy"));
    let of_a = given(&a, "refreshToken", "amy", None).await;
    assert_eq!(holder(http, &of_a).await, is("a", "amy"));
    assert_eq!(holder(http, &own).await, is("ab", "amy"), "the other app's amy is another");
    assert_eq!(holder(http, "123456").await, is("ab", "eve"), "amy has another one now");
    // Two accounts of one app with one token: it opens neither, until one of them has another.
    given(&a, "create", "bob", Some("654321")).await;
    given(&a, "create", "cat", Some("654321")).await;
    assert_eq!(holder(http, "654321").await, None);
    given(&a, "refreshToken", "bob", None).await;
    assert_eq!(holder(http, "654321").await, is("a", "cat"));
    for nobody in ["", "12345", "1234567", "x", &"t".repeat(128)] {
        assert_eq!(holder(http, nobody).await, None, "{nobody:?}");
    }
}

/// A token goes as an HTTP header: one that cannot is refused when it is chosen, not when it fails.
#[tokio::test]
async fn a_token_that_no_header_can_carry_is_not_taken() {
    let server = TestServer::start().await;
    let (sdk, http) = (sdk_of(&server, "a"), &server.http);
    for token in ["密码", "a\u{7f}", "a\tb", " a", "a ", "é", "a\n"] {
        for call in ["/user/create.action", "/user/update.action"] {
            let answer = sdk.call(call, &[("accid", "amy"), ("token", token)]).await;
            schema::assert_refused(&answer, 414, &format!("{call} {token:?}"));
        }
    }
    for token in ["a", "a b", "~!@#$%^&*()_+`-={}|[]\\:\";'<>?,./"] {
        sdk.ok("/user/update.action", &[("accid", "amy"), ("token", token)]).await;
        assert_eq!(holder(http, token).await, is("a", "amy"), "{token:?}");
    }
}

#[tokio::test]
async fn no_token_lies_on_the_disk_or_in_the_log() {
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start_logging(folder.path(), "debug").await;
    let seed = Seed::printed("tokens");
    let sdk = Sdk::new(&server.http.url, &server.dev["appKey"], &server.dev["appSecret"], seed);
    let chosen = "a-token-that-the-app-chose";
    let drawn = given(&sdk, "create", "amy", None).await;
    given(&sdk, "create", "bob", Some(chosen)).await;
    let refreshed = given(&sdk, "refreshToken", "cat", None).await;
    for (token, account) in [(chosen, "bob"), (&drawn, "amy"), (&refreshed, "cat")] {
        let held = holder(&server.http, token).await;
        assert_eq!(held, is(&server.dev["appKey"], account));
    }
    assert!(server.terminate().await);
    let mut read = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        read += bytes.len();
        for token in [chosen, &drawn, &refreshed] {
            let found = bytes.windows(token.len()).any(|window| window == token.as_bytes());
            assert!(!found, "{token} lies in {}", path.display());
        }
    }
    assert!(read > 10_000, "the control: the store was read");
    let mut server = ServerProcess::start(folder.path()).await;
    assert_eq!(holder(&server.http, &drawn).await, is(&server.dev["appKey"], "amy"));
    server.kill();
    let server = ServerProcess::start(folder.path()).await;
    assert_eq!(holder(&server.http, &refreshed).await, is(&server.dev["appKey"], "cat"));
    assert_eq!(holder(&server.http, chosen).await, is(&server.dev["appKey"], "bob"));
}

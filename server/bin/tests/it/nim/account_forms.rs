//! One account under two spellings: NIM lower-cases account ids, backends keep their own spelling.
//! App `a` writes its ids as NIM does, app `ab` exactly; both are on one server.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use huihua_core::Code;
use huihua_event::{Event, Team};
use huihua_store::{Engine as _, Store as _};
use huihua_store_redb::{Memory, RedbStore};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fixture::sdk_of;
use crate::{
    sdk::{code, service},
    support::{
        Http, ServerProcess, T0, TestServer, WAIT_MAX, binary, changed_ids, event, ids, membership,
        message, notice, printed_token,
    },
};

/// What of a last message names accounts or teams.
fn named(row: &Value) -> Vec<&str> {
    ["1", "2", "3", "16", "63"].iter().filter_map(|key| row["lastMsg"][key].as_str()).collect()
}

/// Copies, as an app sends them that did not keep to one spelling.
fn copies() -> Vec<String> {
    let recall = json!({
        "eventType": 7, "from": "CAT", "to": "Alice_1", "sendTime": T0 + 3, "deleteTime": T0 + 9,
        "msgId": "3", "clientId": "c3",
    });
    let edit = json!({
        "eventType": 89, "from": "dan", "to": "ALICE_1", "msgId": 2, "modifyAccountId": "DAN",
        "modifyTime": T0 + 9, "text": "edited",
    });
    let invited = json!({ "id": 0, "data": { "ids": ["ALICE_1"] } });
    let super_team = json!({ "id": 401, "data": { "id": "[\"ALICE_1\"]" } });
    let mut listed: Value = serde_json::from_str(&message("TEAM", "Bob", "Team_B", 6)).unwrap();
    listed["tMembers"] = "[Bob, Alice_1]".into();
    vec![
        message("PERSON", "Bob", "Alice_1", 1),
        message("PERSON", "alice_1", "DAN", 2),
        recall.to_string(),
        edit.to_string(),
        notice("TEAM", "Bob", "Team_A", 4, &invited),
        notice("SUPER_TEAM", "Bob", "Team_S", 5, &super_team),
        listed.to_string(),
    ]
}

#[tokio::test]
async fn alice_1_in_a_token_and_alice_1_in_copies_are_one_account_with_one_list() {
    let server = TestServer::start().await;
    server.deliver(&copies()).await;
    let lists = ["Alice_1", "alice_1", "ALICE_1"].map(|name| server.token("a", name));
    for token in &lists {
        assert_eq!(server.http.get("/v1/account", token).await.ok()["account"], "alice_1");
        let rows = server.http.list(token).await;
        let shown: Vec<_> =
            rows.iter().map(|row| (ids(std::slice::from_ref(row))[0], named(row))).collect();
        assert_eq!(
            shown,
            [
                ("team|Team_B", vec!["Team_B", "bob"]),
                ("super_team|Team_S", vec!["Team_S", "bob"]),
                ("team|Team_A", vec!["Team_A", "bob"]),
                ("p2p|cat", vec!["alice_1", "cat", "cat"]),
                ("p2p|dan", vec!["dan", "alice_1", "dan"]),
                ("p2p|bob", vec!["alice_1", "bob"]),
            ]
        );
    }
    // The inviter is in as well, under one spelling.
    let bob = server.http.list(&server.token("a", "bOB")).await;
    assert_eq!(
        ids(&bob),
        ["team|Team_B", "super_team|Team_S", "team|Team_A", "p2p|alice_1"],
        "{bob:?}"
    );
}

#[tokio::test]
async fn accounts_of_events_are_one_under_two_spellings() {
    let server = TestServer::start().await;
    let recall = json!({
        "type": "recall", "sessionType": "p2p", "from": "BOB", "to": "Alice_1", "operator": "Bob",
        "messageTime": T0 + 2, "messageId": "2", "time": T0 + 2,
    });
    let events = json!([
        event("p2p", "Bob", "ALICE_1", 1),
        recall,
        json!({
            "type": "edit", "sessionType": "team", "from": "Bob", "to": "Team_A", "messageId": "3",
            "time": T0 + 9, "operator": "BOB", "body": "edited",
        }),
        membership("join", "Team_A", &["Alice_1", "Eve"], T0),
        membership("leave", "Team_A", &["EVE"], T0 + 1),
        event("team", "Bob", "Team_A", 3),
    ]);
    let results = server.events(events).await;
    assert_eq!(results, ["applied", "applied", "stale", "applied", "applied", "applied"]);
    let rows = server.http.list(&server.token("a", "aLICE_1")).await;
    assert_eq!(ids(&rows), ["team|Team_A", "p2p|bob"]);
    assert_eq!(named(&rows[0]), ["Team_A", "bob", "bob"]);
    assert_eq!(named(&rows[1]), ["alice_1", "bob", "bob"]);
    let left = server.http.list(&server.token("a", "eve")).await;
    assert_eq!(left[0]["updateTime"], T0 + 1, "she was sent away");
}

#[tokio::test]
async fn a_session_id_with_capitals_names_the_session_of_the_account() {
    let server = TestServer::start().await;
    server.deliver(&[message("PERSON", "bob", "alice_1", 1)]).await;
    let (http, token) = (&server.http, server.token("a", "Alice_1"));
    for path in ["p2p%7CBOB", "p2p%7CBob", "p2p%7Cbob"] {
        let session = http.get(&format!("/v1/sessions/{path}"), &token).await.ok();
        assert_eq!(session["sessionId"], "p2p|bob");
    }
    let changed = http.set_ext("p2p|BOB", &token, "pinned").await.ok();
    assert_eq!((&changed["sessionId"], &changed["ext"]), (&json!("p2p|bob"), &json!("pinned")));
    assert_eq!(ids(&http.list(&token).await), ["p2p|bob"]);
    let made = http.set_ext("team|Room_A", &token, "x").await.ok();
    assert_eq!(made["sessionId"], "team|Room_A", "a team's id is not an account");
    assert_eq!(http.delete(&["p2p|Bob", "team|Room_A"], &token).await.status, 204);
    assert!(http.list(&token).await.is_empty());
    // Letters of other alphabets are not touched: Ä and ä are two, İ is no i.
    for (id, shown) in [("p2p|ÄB", "p2p|Äb"), ("p2p|äB", "p2p|äb"), ("p2p|İI", "p2p|İi")] {
        assert_eq!(http.set_ext(id, &token, "x").await.ok()["sessionId"], shown);
    }
    assert_eq!(http.list(&token).await.len(), 3);
    assert!(http.list(&server.token("a", "Älice")).await.is_empty());
}

#[tokio::test]
async fn the_sdks_calls_take_a_session_id_with_capitals() {
    let server = TestServer::start().await;
    server.deliver(&[message("PERSON", "Bob", "alice_1", 1)]).await;
    let alice = service(&server, server.token("a", "Alice_1"));
    assert_eq!(alice.account().await.unwrap().account, "alice_1");
    let row = alice.update_my_session("p2p|BOB", "草稿").await.unwrap();
    assert_eq!((row.session_id.to_string(), row.ext.as_str()), ("p2p|bob".to_owned(), "草稿"));
    assert_eq!(alice.query_my_session("p2p|Bob").await.unwrap(), row);
    alice.delete_my_session(&["p2p|BOB".to_owned()]).await.unwrap();
    assert_eq!(code(alice.query_my_session("p2p|bob").await.unwrap_err()), Code::NotFound);
}

#[tokio::test]
async fn cursors_and_page_tokens_are_good_under_both_spellings() {
    let server = TestServer::start().await;
    let [upper, lower] = ["Alice_1", "alice_1"].map(|name| server.token("a", name));
    let peers = ["Bob", "CAT", "dan"];
    for (n, peer) in peers.iter().enumerate() {
        server.deliver(&[message("PERSON", peer, "alice_1", n as u64 + 1)]).await;
    }
    let page = server.http.get("/v1/sessions?limit=1", &upper).await.ok();
    let next = page["nextPageToken"].as_str().unwrap();
    let rest = server.http.get(&format!("/v1/sessions?pageToken={next}"), &lower).await.ok();
    assert_eq!(ids(rest["sessionList"].as_array().unwrap()), ["p2p|cat", "p2p|bob"]);
    let cursor = page["syncCursor"].as_str().unwrap();
    server.deliver(&[message("PERSON", "Bob", "ALICE_1", 9)]).await;
    let changes = server.http.sync(&lower, &format!("cursor={cursor}")).await;
    assert_eq!((changed_ids(&changes), &changes["reset"]), (vec!["p2p|bob".into()], &json!(false)));
}

#[tokio::test]
async fn a_waiting_sync_wakes_for_a_message_to_the_other_spelling() {
    let server = TestServer::start().await;
    let token = server.token("a", "Alice_1");
    let cursor = server.http.latest(&token).await;
    let (http, waiting_token) = (server.http.clone(), token.clone());
    let waiting = tokio::spawn(async move {
        http.sync(&waiting_token, &format!("cursor={cursor}&waitMs=20000")).await
    });
    server.until_waiting(1).await;
    server.deliver(&[message("PERSON", "Bob", "aliCE_1", 1)]).await;
    assert_eq!(changed_ids(&waiting.await.unwrap()), ["p2p|bob"]);
}

#[tokio::test]
async fn an_idempotency_key_of_one_account_is_one_under_two_spellings() {
    let server = TestServer::start().await;
    let delete = async |account: &str, id: &str| {
        let bearer = format!("Bearer {}", server.token("a", account));
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "k"),
        ];
        let body = json!({ "sessionIds": [id] }).to_string();
        let path = "/v1/sessions/delete";
        server.http.send(Method::POST, path, &headers, body).await.status
    };
    server.deliver(&[message("PERSON", "bob", "alice_1", 1)]).await;
    assert_eq!(delete("Alice_1", "p2p|Bob").await, 204);
    server.deliver(&[message("PERSON", "bob", "alice_1", 2)]).await;
    assert_eq!(delete("alice_1", "p2p|bob").await, 204);
    let rows = server.http.list(&server.token("a", "alice_1")).await;
    assert_eq!(ids(&rows), ["p2p|bob"], "the retry hid the message that came in between");
}

#[tokio::test]
async fn calls_of_nims_server_api_name_one_account_under_two_spellings() {
    let server = TestServer::start().await;
    let sdk = sdk_of(&server, "a");
    let made = sdk.ok("/user/create.action", &[("accid", "Alice_1"), ("token", "hers")]).await;
    assert_eq!(made["info"]["accid"], "alice_1");
    assert_eq!(server.http.get("/v1/account", "hers").await.ok()["account"], "alice_1");
    let again = sdk.call("/user/create.action", &[("accid", "ALICE_1")]).await;
    assert_eq!(again["code"], 414, "it is the same account");
    let text = [("type", "0"), ("body", "{\"msg\":\"hi\"}")];
    let sent = [&[("from", "Bob"), ("ope", "0"), ("to", "ALICE_1")], &text[..]].concat();
    sdk.ok("/msg/sendMsg.action", &sent).await;
    let batch = [
        &[
            ("fromAccid", "CAT"),
            ("toAccids", "[\"Alice_1\",\"ALICE_1\",\"Bob\"]"),
            ("returnMsgid", "true"),
        ],
        &text[..],
    ];
    let batch = sdk.ok("/msg/sendBatchMsg.action", &batch.concat()).await;
    let sent_to: Vec<_> = batch["msgids"].as_object().unwrap().keys().collect();
    assert_eq!(sent_to, ["alice_1", "bob"]);
    for (path, who, owner, members) in [
        ("/team/create.action", "members", "Bob", "[\"Alice_1\",\"Eve\"]"),
        ("/superteam/create.action", "inviteAccids", "BOB", "[\"ALICE_1\",\"Eve\"]"),
    ] {
        let mut create = vec![("tname", "t"), ("owner", owner), (who, members)];
        create.extend([("msg", "m"), ("magree", "0"), ("joinmode", "0")]);
        let team = sdk.ok(path, &create).await["tid"].as_str().unwrap().to_owned();
        let (kick, kicked) = match who {
            "members" => ("/team/kick.action", "members"),
            _ => ("/superteam/kick.action", "kickAccids"),
        };
        sdk.ok(kick, &[("tid", &team), ("owner", "bob"), (kicked, "[\"EVE\"]")]).await;
    }
    let joined = sdk.ok("/team/joinTeams.action", &[("accid", "aLiCe_1")]).await;
    let infos = joined["infos"].as_array().unwrap();
    assert_eq!((infos.len(), &infos[0]["owner"], &infos[0]["size"]), (1, &json!("bob"), &json!(2)));
    let list = sdk.ok("/history/querySessionList.action", &[("accid", "ALICE_1")]).await;
    let peers: Vec<_> = list["data"]["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["accid"].as_str())
        .collect();
    assert_eq!(peers, ["cat", "bob"]);
    let mine = server.http.list(&server.token("a", "alice_1")).await;
    assert_eq!(mine.len(), 4);
    let recall = [
        ("deleteMsgid", batch["msgids"]["alice_1"].to_string()),
        ("timetag", batch["timetag"].to_string()),
        ("type", "7".to_owned()),
        ("from", "Cat".to_owned()),
        ("to", "Alice_1".to_owned()),
    ];
    let recall: Vec<_> = recall.iter().map(|(name, value)| (*name, value.as_str())).collect();
    sdk.ok("/msg/recall.action", &recall).await;
    let recalled = server.http.get("/v1/sessions/p2p%7Ccat", "hers").await.ok();
    assert_eq!(
        (named(&recalled), &recalled["lastMsgType"]),
        (vec!["alice_1", "cat", "cat"], &json!(1))
    );
}

#[tokio::test]
async fn an_app_with_exact_ids_keeps_two_spellings_apart_beside_an_app_that_does_not() {
    let server = TestServer::start().await;
    for copy in [message("PERSON", "Bob", "Alice_1", 1), message("PERSON", "CAT", "alice_1", 2)] {
        for app in ["a", "ab"] {
            assert_eq!(server.copy(app, &copy).await.status, 200);
        }
    }
    for (app, account, expected) in [
        ("a", "Alice_1", vec!["p2p|cat", "p2p|bob"]),
        ("a", "alice_1", vec!["p2p|cat", "p2p|bob"]),
        ("ab", "Alice_1", vec!["p2p|Bob"]),
        ("ab", "alice_1", vec!["p2p|CAT"]),
        ("ab", "ALICE_1", vec![]),
    ] {
        let token = server.token(app, account);
        assert_eq!(ids(&server.http.list(&token).await), expected, "{app} {account}");
        let shown = &server.http.get("/v1/account", &token).await.ok()["account"];
        assert_eq!(shown, if app == "a" { "alice_1" } else { account });
    }
    let token = server.token("ab", "Alice_1");
    for (id, status) in [("p2p%7CBob", 200), ("p2p%7Cbob", 404)] {
        let found = server.http.get(&format!("/v1/sessions/{id}"), &token).await;
        assert_eq!(found.status, status, "{id}");
    }
    let events = json!([event("p2p", "Dan", "Alice_1", 3)]);
    server.http.events(server.app("ab").ingest_key().expose(), events).await.ok();
    sdk_of(&server, "ab").ok("/user/create.action", &[("accid", "Alice_1"), ("token", "x")]).await;
    assert_eq!(ids(&server.http.list("x").await), ["p2p|Dan", "p2p|Bob"]);
    assert_eq!(server.http.get("/v1/sessions/p2p%7CDan", "x").await.status, 200);
    assert_eq!(server.http.get("/v1/sessions/p2p%7Cdan", "x").await.status, 404);
    // The two are kept apart after a restart, too.
    let server = server.restart().await;
    assert_eq!(server.http.list(&token).await.len(), 2);
    assert_eq!(server.http.list(&server.token("a", "aLice_1")).await.len(), 2);
}

/// `members import` on the server of this folder.
async fn import(data: &Path, http: &Http, text: &str) {
    let file = data.join("members.jsonl");
    std::fs::write(&file, text).unwrap();
    let mut command = binary();
    command.args(["members", "import", "--url", &http.url, "--file"]).arg(file);
    command.arg("--data").arg(data);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_members_file_and_the_token_command_may_have_their_own_spelling() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let server = ServerProcess::start(data).await;
    let line = |accounts: Value| {
        json!({"sessionType": "team", "teamId": "Team_A", "accounts": accounts, "time": T0})
            .to_string()
    };
    import(data, &server.http, &line(json!(["Alice_1", "BOB"]))).await;
    server.events(json!([event("team", "Bob", "Team_A", 1)])).await;
    for account in ["ALICE_1", "alice_1", "bob"] {
        let token = printed_token(data, account);
        let shown = &server.http.get("/v1/account", &token).await.ok()["account"];
        assert_eq!(shown, &account.to_ascii_lowercase());
        assert_eq!(ids(&server.http.list(&token).await), ["team|Team_A"], "{account}");
    }
    // A token names its account as the server will: backends that read `sub` see one spelling.
    let token = printed_token(data, "Alice_1");
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, payload);
    assert!(String::from_utf8(payload.unwrap()).unwrap().contains("\"sub\":\"alice_1\""));
}

/// Starts the real server on this configuration and returns why it does not start.
async fn refusal(config: &Path) -> String {
    let mut command = binary();
    command.args(["serve", "--config"]).arg(config).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > WAIT_MAX {
            child.kill().unwrap();
            panic!("it serves");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_start_without_the_choice_or_with_the_other_one_is_refused_in_words() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let mut server = ServerProcess::start(data).await;
    server.events(json!([event("p2p", "Bob", "Alice_1", 1)])).await;
    let key = server.dev["appKey"].clone();
    assert!(server.terminate().await);
    let config = data.join("huihua.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    assert_eq!(text.matches("accounts = \"nim\"\n").count(), 1, "dev chooses NIM's form");
    let write = |line: &str| {
        let text = text.replace("accounts = \"nim\"\n", line);
        let text = text.lines().filter(|line| !line.starts_with("listen")).collect::<Vec<_>>();
        std::fs::write(&config, format!("listen = \"127.0.0.1:0\"\n{}", text.join("\n"))).unwrap();
    };
    for (line, parts) in [
        ("", ["app[0].accounts: is missing", "Write accounts = \"nim\" if"]),
        (
            "accounts = \"lower\"\n",
            ["must be \"nim\" or \"exact\"", "Write accounts = \"exact\" if"],
        ),
        (
            "accounts = \"exact\"\n",
            ["was begun with accounts = \"nim\", but", "Write accounts = \"nim\" for this app"],
        ),
    ] {
        write(line);
        let shown = refusal(&config).await;
        for part in parts.into_iter().chain([key.as_str()]) {
            assert!(shown.contains(part), "{shown} does not say {part}");
        }
    }
    std::fs::write(&config, text).unwrap();
    let server = ServerProcess::start(data).await;
    let rows = server.http.list(&printed_token(data, "alice_1")).await;
    assert_eq!(ids(&rows), ["p2p|bob"], "what was refused has changed nothing");
}

#[tokio::test]
async fn a_store_from_before_the_choice_with_capitals_is_served_exactly_and_not_as_nim() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let server = ServerProcess::start(data).await;
    let key = server.dev["appKey"].clone();
    drop(server);
    std::fs::remove_file(data.join("huihua.redb")).unwrap();
    // As a server of before wrote it: nothing was chosen.
    let store = RedbStore::open(data, Memory::default()).unwrap();
    let (app, team) = (key.parse().unwrap(), Team::normal("7".parse().unwrap()));
    let accounts = ["Alice_1", "Bob"].map(|name| name.parse().unwrap()).into();
    let join = Event::Join { team, accounts, inviter: None, time: T0 };
    store.ingest(&app, vec![join], T0).await.unwrap();
    store.close().await;
    let config = data.join("huihua.toml");
    let shown = refusal(&config).await;
    for part in [&*key, "2 account ids with capital letters", "Write accounts = \"exact\""] {
        assert!(shown.contains(part), "{shown} does not say {part}");
    }
    assert!(shown.contains("'Alice_1'") && !shown.contains("Bob"), "one id: {shown}");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"nim\"", "\"exact\"")).unwrap();
    let server = ServerProcess::start(data).await;
    server.events(json!([event("team", "Bob", "7", 1)])).await;
    for (account, rows) in [("Alice_1", 1), ("alice_1", 0)] {
        assert_eq!(server.http.list(&printed_token(data, account)).await.len(), rows, "{account}");
    }
}

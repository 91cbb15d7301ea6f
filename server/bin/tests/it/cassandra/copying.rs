//! A store that is copied from a folder to Cassandra and back, broken off on the way by Ctrl-C and
//! by `kill -9`: every list is the same at each end, and a copy into a store that is in use is
//! refused.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output, Stdio},
    time::Instant,
};

use serde_json::{Value, json};

use super::{APP, INGEST_KEY, config_of, folder, node, session, token_of, unique};
use crate::{
    config::{ConfiguredServer, write_private},
    nim::{sdk::Sdk, seed::Seed},
    support::{Signal, WAIT_MAX, binary, event, membership, send},
};

/// Peers of amy.
const PEERS: u64 = 1_500;

fn copy(folder: &Path, from: &str, to: &str) -> Command {
    let mut command = binary();
    command.args(["copy", "--from", from, "--to", to]).current_dir(folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

/// Lets it run until it has noted something, then sends the signal; returns how it ended.
fn broken_off(mut command: Command, state: &Path, signal: Signal) -> Output {
    let child = command.spawn().unwrap();
    let since = Instant::now();
    while !state.exists() {
        assert!(since.elapsed() < 3 * WAIT_MAX, "nothing is noted");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    send(&child, signal);
    child.wait_with_output().unwrap()
}

/// What some accounts see, and what a team's owner has.
async fn seen(server: &ConfiguredServer, accounts: &[&str]) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    for account in accounts {
        let list = server.http.list(&token_of(account)).await;
        seen.insert((*account).to_owned(), list.into());
    }
    let sdk = Sdk::new(&server.http.url, "a", "s", Seed::printed("copying"));
    let joined = sdk.ok("/team/joinTeams.action", &[("accid", "own")]).await;
    seen.insert("teams".to_owned(), joined);
    let by_token = server.http.get("/v1/account", "amys_token").await.ok();
    seen.insert("token".to_owned(), by_token["account"].clone());
    seen
}

async fn fill(server: &ConfiguredServer) {
    let all: Vec<Value> = (1..=PEERS).map(|n| event("p2p", &format!("u{n}"), "amy", n)).collect();
    for part in all.chunks(500) {
        server.http.events(INGEST_KEY, part.into()).await.ok();
    }
    let team = [
        membership("join", "7", &["amy", "bob"], crate::support::T0),
        event("team", "bob", "7", 9_000),
    ];
    server.http.events(INGEST_KEY, json!(team)).await.ok();
    let token = token_of("amy");
    server.http.set_ext("p2p|u1", &token, "pinned").await.ok();
    server.http.set_ext("p2p|nobody", &token, "alone").await.ok();
    assert_eq!(server.http.delete(&["p2p|u2"], &token).await.status, 204);
    let sdk = Sdk::new(&server.http.url, "a", "s", Seed::printed("copying"));
    sdk.ok("/user/create.action", &[("accid", "amy"), ("token", "amys_token")]).await;
    let create = [
        ("tname", "t"),
        ("owner", "own"),
        ("members", r#"["amy"]"#),
        ("msg", "m"),
        ("magree", "0"),
        ("joinmode", "0"),
    ];
    sdk.ok("/team/create.action", &create).await;
}

#[tokio::test]
async fn a_store_is_copied_to_cassandra_and_back_and_goes_on_where_it_was_broken_off() {
    const ACCOUNTS: [&str; 5] = ["amy", "bob", "own", "u1", "u2"];
    let Some(node) = node() else { return };
    let keyspace = format!("huihua_{}", unique());
    let there = folder(&node, &keyspace);
    let run = |arguments: &[&str]| binary().args(arguments).current_dir(there.path()).output();
    assert!(run(&["schema", "apply", "--config", "huihua.toml"]).unwrap().status.success());
    let here = tempfile::tempdir().unwrap();
    let of_folder = |data: &str| format!("listen = \"127.0.0.1:0\"\ndata = \"{data}\"\n{APP}");
    write_private(&config_of(here.path()), &of_folder("data"));
    let mut server = ConfiguredServer::start(here.path(), &[]).await;
    fill(&server).await;
    let before = seen(&server, &ACCOUNTS).await;
    let from = format!("redb:{}", here.path().join("data").display());
    let to = format!("cassandra:{}", config_of(there.path()).display());
    let held = copy(here.path(), &from, &to).output().unwrap();
    assert!(!held.status.success(), "its server runs: {held:?}");
    assert!(server.terminate().await);

    let state = here.path().join("huihua-copy.state");
    let interrupted = broken_off(copy(here.path(), &from, &to), &state, Signal::INT);
    assert_eq!(interrupted.status.code(), Some(1), "{interrupted:?}");
    assert!(text(&interrupted).contains("start it again"), "{interrupted:?}");
    let noted = std::fs::read(&state).unwrap();
    let killed = broken_off(copy(here.path(), &from, &to), &state, Signal::KILL);
    assert!(!killed.status.success() && !noted.is_empty());
    let other = copy(here.path(), &from, "redb:elsewhere").output().unwrap();
    assert!(text(&other).contains("is of a copy from "), "{other:?}");
    let done = copy(here.path(), &from, &to).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    // Amy, bob, own, and 1,500 peers have lists; two teams have heads; one account has an entry.
    let said = text(&done);
    assert!(said.contains(" lists and teams compared, all are equal"), "{said}");
    assert!(!state.exists(), "all is done");
    let mut server = ConfiguredServer::start(there.path(), &[]).await;
    assert_eq!(seen(&server, &ACCOUNTS).await, before);
    assert!(server.terminate().await);
    let again = copy(here.path(), &from, &to).output().unwrap();
    assert!(text(&again).contains("holds lists already"), "{again:?}");

    let back = copy(there.path(), &to, "redb:back").output().unwrap();
    assert!(back.status.success(), "{back:?}");
    write_private(&config_of(here.path()), &of_folder(there.path().join("back").to_str().unwrap()));
    let server = ConfiguredServer::start(here.path(), &[]).await;
    assert_eq!(seen(&server, &ACCOUNTS).await, before);
    let session = session(&node).await;
    session.query_unpaged(format!("DROP KEYSPACE {keyspace}"), ()).await.unwrap();
}

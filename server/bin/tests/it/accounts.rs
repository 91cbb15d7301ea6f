//! `accounts export` and `accounts erase`, by the real binary: through a running server, on a
//! stopped one's store, and killed in the middle.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{ServerProcess, binary, event, ids, membership, printed_token};

/// Runs `accounts`; returns its exit code, what it printed, what it reported.
fn accounts(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = binary();
    command.arg("accounts").args(arguments).args(["--account", "Amy", "--data"]).arg(data);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn records(text: &str) -> Vec<Value> {
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.last().unwrap()["type"], "end", "{text}");
    records
}

fn sessions(records: &[Value]) -> usize {
    records.iter().filter(|record| record["type"] == "session").count()
}

async fn fill(server: &ServerProcess, sessions: u64) {
    for from in (0..sessions).step_by(500) {
        let events = from..(from + 500).min(sessions);
        let events: Vec<_> = events.map(|n| event("p2p", &format!("u{n}"), "amy", n + 1)).collect();
        server.events(events.into()).await;
    }
}

#[tokio::test]
async fn an_account_is_exported_and_erased_while_its_server_runs_and_when_it_is_stopped() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let mut server = ServerProcess::start(data).await;
    fill(&server, 700).await;
    let team = membership("join", "7", &["amy", "bob"], 1_700_000_000_000);
    server.events(json!([team, event("team", "bob", "7", 900)])).await;
    let [amy, bob] = ["amy", "bob"].map(|name| printed_token(data, name));
    assert_eq!(server.http.set_ext("p2p|u7", &amy, "pinned").await.status, 200);
    let cursor = server.http.latest(&amy).await;

    let (code, printed, reported) = accounts(data, &["export"]);
    assert_eq!((code, reported.as_str()), (Some(0), ""));
    let all = records(&printed);
    assert_eq!((sessions(&all), all.len()), (701, 703), "the account's record, and the end");
    let pinned = all.iter().find(|record| record["sessionId"] == "p2p|u7").unwrap();
    assert_eq!(
        (&pinned["ext"], &pinned["session"]["lastMsg"]["9"]),
        (&"pinned".into(), &"body 8".into())
    );
    let to = data.join("amy.jsonl");
    let (code, printed, _) = accounts(data, &["export", "--to", to.to_str().unwrap()]);
    assert!(code == Some(0) && printed.starts_with("702 records of amy in "), "{printed}");
    assert_eq!(records(&std::fs::read_to_string(&to).unwrap()).len(), 703);
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, _, reported) = accounts(data, &["export", "--to", to.to_str().unwrap()]);
    assert!(code == Some(1) && reported.contains("exists already"), "{reported}");

    let (code, _, reported) = accounts(data, &["erase"]);
    assert!(code == Some(1) && reported.contains("give --yes"), "{reported}");
    assert_eq!(server.http.list(&amy).await.len(), 701);
    let waiting = server.http.clone();
    let query = format!("cursor={cursor}&waitMs=30000");
    let token = amy.clone();
    let waits = tokio::spawn(async move { waiting.sync(&token, &query).await });
    let erased = {
        let data = data.to_owned();
        tokio::task::spawn_blocking(move || accounts(&data, &["erase", "--yes"])).await.unwrap()
    };
    assert_eq!(erased.0, Some(0), "{}", erased.2);
    assert!(erased.1.starts_with("erased amy: 701 sessions, "), "{}", erased.1);
    assert_eq!(waits_or_panics(waits).await["reset"], true);
    assert!(server.http.list(&amy).await.is_empty());
    assert_eq!(server.http.list(&bob).await.len(), 1, "the team's message is there");
    let of_peer = printed_token(data, "u7");
    assert_eq!(server.http.list(&of_peer).await[0]["sessionId"], "p2p|amy");
    let (_, printed, _) = accounts(data, &["erase", "--yes"]);
    assert_eq!(printed, "nothing is stored of amy\n");

    // What comes later begins a new list.
    server.events(json!([event("p2p", "u9", "amy", 2_000)])).await;
    assert_eq!(ids(&server.http.list(&amy).await), ["p2p|u9"]);
    assert!(server.terminate().await);
    let (_, printed, _) = accounts(data, &["export"]);
    assert_eq!(sessions(&records(&printed)), 1);
    let (code, printed, reported) = accounts(data, &["erase", "--yes"]);
    assert!(code == Some(0) && printed.starts_with("erased amy: 1 sessions"), "{reported}");
    let (_, printed, _) = accounts(data, &["export"]);
    assert_eq!(records(&printed).len(), 2);
}

async fn waits_or_panics(waits: tokio::task::JoinHandle<Value>) -> Value {
    tokio::time::timeout(crate::support::WAIT_MAX, waits).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_erasure_killed_in_the_middle_is_ended_by_the_next() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let mut left = Vec::new();
    for round in 0..4_u64 {
        let mut server = ServerProcess::start(data).await;
        fill(&server, 3_000).await;
        let amy = printed_token(data, "amy");
        let mut command = binary();
        command.args(["accounts", "erase", "--yes", "--account", "amy", "--data"]).arg(data);
        let mut erase = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(40 * (round + 1))).await;
        server.kill();
        assert!(!erase.wait().unwrap().success() || round > 0);
        let mut server = ServerProcess::start(data).await;
        left.push(server.http.list(&amy).await.len());
        let (code, _, reported) = accounts(data, &["erase", "--yes"]);
        assert_eq!(code, Some(0), "{reported}");
        assert!(server.http.list(&amy).await.is_empty());
        assert_eq!(server.http.list(&printed_token(data, "u2999")).await.len(), 1);
        assert!(server.terminate().await);
        let verified = binary().args(["verify", "--data"]).arg(data).output().unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
    println!("left of 3,000 sessions after the kills: {left:?}");
}

#[test]
fn a_folder_without_a_store_and_an_unknown_app_are_refused() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let (code, _, reported) = accounts(data, &["export"]);
    assert!(code == Some(1) && reported.contains("huihua.toml"), "{reported}");
}

//! Copies of a store and what kills do to them: a backup under load is the store of one moment, in
//! every list; a backup or a compaction that is killed leaves the store and all its lists.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use huihua_store_redb::FILE_NAME;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    ServerProcess, WAIT_MAX, binary, changed_ids, event, membership, printed_token,
};

const PEERS: u64 = 3_000;
/// Accounts whose lists are compared.
const COMPARED: [&str; 6] = ["amy", "bob", "u0", "u1", "u1500", "u2999"];

fn command(arguments: &[&str], folder: &Path) -> std::process::Command {
    let mut command = binary();
    command.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn succeeds(arguments: &[&str], folder: &Path) -> bool {
    command(arguments, folder).status().unwrap().success()
}

fn said(arguments: &[&str], folder: &Path) -> String {
    let output = binary().args(arguments).current_dir(folder).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Some thousand lists, most of them of one session, two of many.
async fn fill(server: &ServerProcess) {
    for from in (0..PEERS).step_by(500) {
        let events: Vec<_> = (from..from + 500)
            .flat_map(|n| {
                let peer = format!("u{n}");
                [event("p2p", &peer, "amy", n + 1), event("p2p", "bob", &peer, n + 5_000)]
            })
            .collect();
        for events in events.chunks(500) {
            server.events(events.to_vec().into()).await;
        }
    }
    let join = membership("join", "7", &["amy", "bob", "u1"], 1_700_000_000_000);
    server.events(json!([join, event("team", "bob", "7", 9_000)])).await;
}

async fn lists(server: &ServerProcess, data: &Path) -> BTreeMap<&'static str, Vec<Value>> {
    let mut lists = BTreeMap::new();
    for account in COMPARED {
        lists.insert(account, server.http.list(&printed_token(data, account)).await);
    }
    lists
}

async fn until_there(path: &Path, child: &mut Child) {
    let since = Instant::now();
    while !path.exists() && child.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < WAIT_MAX);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What a list shows of messages up to this number.
fn up_to(list: &[Value], n: u64) -> Vec<Value> {
    let is_old = |row: &&Value| row["lastMsg"]["12"].as_str().unwrap().parse::<u64>().unwrap() < n;
    list.iter().filter(is_old).cloned().collect()
}

/// Each later message makes a session of its own in two lists: a backup has both or neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_restored_elsewhere_has_every_list_of_one_moment() {
    const LATER: u64 = 20_000;
    let folder = TempDir::new().unwrap();
    let first = folder.path().join("first");
    std::fs::create_dir(&first).unwrap();
    let mut server = ServerProcess::start(&first).await;
    fill(&server).await;
    let before = lists(&server, &first).await;
    let mut backup =
        command(&["backup", "--data", "first", "--to", "b.redb"], folder.path()).spawn().unwrap();
    let mut later = LATER;
    while backup.try_wait().unwrap().is_none() {
        let peer = format!("l{later}");
        let both = [event("p2p", &peer, "amy", later), event("p2p", &peer, "bob", later)];
        server.events(both.to_vec().into()).await;
        later += 1;
    }
    assert!(backup.wait().unwrap().success());
    assert!(server.terminate().await);
    assert!(succeeds(&["restore", "--from", "b.redb", "--data", "second"], folder.path()));
    let verified = said(&["verify", "--data", "second"], folder.path());
    assert!(verified.contains("none is damaged"), "{verified}");
    let second = folder.path().join("second");
    std::fs::copy(first.join("huihua.toml"), second.join("huihua.toml")).unwrap();
    let server = ServerProcess::start(&second).await;
    let after = lists(&server, &second).await;
    for (account, list) in &before {
        assert_eq!(up_to(&after[account], LATER), *list, "{account}");
    }
    let came = |account: &str| after[account].len() - before[account].len();
    assert_eq!(came("amy"), came("bob"), "one moment");
    assert!(came("amy") as u64 <= later - LATER);
}

#[tokio::test]
async fn a_server_killed_in_a_backup_leaves_no_half_backup_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut server = ServerProcess::start(&data).await;
    fill(&server).await;
    let before = lists(&server, &data).await;
    let mut none = 0;
    for round in 0..6_u64 {
        let name = format!("b{round}.redb");
        let arguments = ["backup", "--data", "data", "--to", &name];
        let mut backup = command(&arguments, folder.path()).spawn().unwrap();
        until_there(&folder.path().join(format!("{name}.part")), &mut backup).await;
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
        server.kill();
        let is_made = backup.wait().unwrap().success();
        let is_there = folder.path().join(&name).exists();
        assert!(is_there || !is_made, "round {round}");
        none += u64::from(!is_there);
        let to = format!("r{round}");
        let is_whole = succeeds(&["restore", "--from", &name, "--data", &to], folder.path());
        assert_eq!(is_whole, is_there, "round {round}");
        server = ServerProcess::start(&data).await;
        assert_eq!(lists(&server, &data).await, before, "round {round}");
        // What the killed one left is no hindrance.
        if !is_there {
            assert!(succeeds(&arguments, folder.path()), "round {round}");
        }
    }
    assert!(none > 0, "no kill came in the middle");
}

#[tokio::test]
async fn a_compaction_makes_the_file_smaller_and_a_killed_one_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut server = ServerProcess::start(&data).await;
    fill(&server).await;
    let amy = printed_token(&data, "amy");
    let cursor = server.http.latest(&amy).await;
    let compact = ["compact", "--data", "data"];
    let refused = said(&compact, folder.path());
    assert!(refused.contains("held by another process"), "{refused}");
    server.events(json!([event("p2p", "late", "amy", 30_000)])).await;
    let erase = ["accounts", "erase", "--yes", "--data", "data", "--account", "bob"];
    assert!(succeeds(&erase, folder.path()));
    let before = lists(&server, &data).await;
    assert!(server.terminate().await);
    let store = data.join(FILE_NAME);
    let size = || std::fs::metadata(&store).unwrap().len();
    let (mut killed, old) = (0, size());
    for round in 0..8_u64 {
        let mut child = command(&compact, folder.path()).spawn().unwrap();
        until_there(&data.join(format!("{FILE_NAME}.part")), &mut child).await;
        tokio::time::sleep(Duration::from_millis(15 * round)).await;
        let _ = child.kill();
        killed += u64::from(!child.wait().unwrap().success());
        assert!(succeeds(&["verify", "--data", "data"], folder.path()), "round {round}");
    }
    assert!(killed > 0, "no kill came in the middle");
    let compacted = said(&compact, folder.path());
    assert!(compacted.starts_with("compacted: "), "{compacted}");
    assert!(size() < old, "{} where {old} were", size());
    let server = ServerProcess::start(&data).await;
    assert_eq!(lists(&server, &data).await, before);
    let since = server.http.sync(&amy, &format!("cursor={cursor}")).await;
    assert_eq!(
        (&since["reset"], changed_ids(&since)),
        (&false.into(), vec!["p2p|late".to_owned()])
    );
    assert!(!data.join(format!("{FILE_NAME}.part")).exists(), "what a killed one left goes");
}

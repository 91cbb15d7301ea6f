//! Backup of a running server and restore, as an operator does it: by the real binary.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{ServerProcess, binary, changed_ids, event, ids, printed_token};

fn run(arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = binary().args(arguments).current_dir(folder).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn message(n: u64) -> serde_json::Value {
    serde_json::json!([event("p2p", &format!("u{n}"), "amy", n)])
}

/// Two thousand rows are there before the backup begins; more are written while it runs. All of
/// the first are in it, of the later ones a beginning: it is one moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_server_is_one_moment_and_restores_by_itself() {
    let folder = TempDir::new().unwrap();
    let first = folder.path().join("first");
    std::fs::create_dir(&first).unwrap();
    let mut server = ServerProcess::start(&first).await;
    for n in (0..2_000).step_by(500) {
        let events: Vec<_> = (n..n + 500).map(|n| message(n)[0].clone()).collect();
        server.events(events.into()).await;
    }
    let token = printed_token(&first, "amy");
    let early = server.http.latest(&token).await;
    let mut later = 2_000;
    let backup = {
        let folder = folder.path().to_owned();
        tokio::task::spawn_blocking(move || {
            run(&["backup", "--data", "first", "--to", "copy.redb"], &folder)
        })
    };
    while !backup.is_finished() {
        server.events(message(later)).await;
        later += 1;
    }
    let (done, text) = backup.await.unwrap();
    assert!(done && text.contains("copy.redb"), "{text}");
    server.events(message(later)).await;
    let late = server.http.latest(&token).await;
    let (done, text) = run(&["backup", "--data", "first", "--to", "copy.redb"], folder.path());
    assert!(!done && text.contains("exists already"), "{text}");
    assert!(server.terminate().await);
    assert!(!first.join("admin.sock").exists());
    let (done, text) = run(&["backup", "--data", "first", "--to", "stopped.redb"], folder.path());
    assert!(done, "of a server that is stopped: {text}");

    let (done, text) = run(&["restore", "--from", "copy.redb", "--data", "second"], folder.path());
    assert!(done, "{text}");
    let second = folder.path().join("second");
    std::fs::copy(first.join("huihua.toml"), second.join("huihua.toml")).unwrap();
    let server = ServerProcess::start(&second).await;
    let rows = server.http.list(&token).await;
    let mut peers: Vec<u64> = ids(&rows).iter().map(|id| id[5..].parse().unwrap()).collect();
    peers.sort_unstable();
    assert!(peers.len() >= 2_000 && peers.len() as u64 <= later);
    assert_eq!(peers, (0..peers.len() as u64).collect::<Vec<_>>());
    let since = server.http.sync(&token, &format!("cursor={early}&limit=500")).await;
    assert_eq!((&since["reset"], changed_ids(&since).len()), (&false.into(), peers.len() - 2_000));
    let lost = server.http.sync(&token, &format!("cursor={late}")).await;
    assert_eq!(lost["reset"], true, "it names what the restored store never had");
    let (done, text) = run(&["restore", "--from", "copy.redb", "--data", "second"], folder.path());
    assert!(!done && text.contains("exists already"), "{text}");
}

#[test]
fn what_is_no_store_or_no_backup_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let (done, text) = run(&["backup", "--data", "none", "--to", "copy.redb"], folder.path());
    assert!(!done && text.contains("no data folder none"), "{text}");
    assert!(!folder.path().join("none").exists());
    std::fs::write(folder.path().join("copy.redb"), "no backup").unwrap();
    let (done, text) = run(&["restore", "--from", "copy.redb", "--data", "new"], folder.path());
    assert!(!done && text.contains("copy.redb"), "{text}");
    let (done, text) = run(&["restore", "--from", "none.redb", "--data", "new"], folder.path());
    assert!(!done && text.contains("none.redb"), "{text}");
}

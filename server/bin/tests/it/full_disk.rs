//! A full disk under the real server: 503, nothing acknowledged is lost, and it works again by
//! itself when there is room. The limit of a file's size plays the disk.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{ServerProcess, message, printed_token};

/// Room for about 200 messages, in bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Messages sent at most until the disk is full.
pub(crate) const MESSAGES_MAX: u64 = 2_000;
/// Messages tried while it is.
const TRIES: u64 = 20;

/// A long message to a session of its own.
pub(crate) fn long(n: u64) -> String {
    let mut copy: Value =
        serde_json::from_str(&message("PERSON", &format!("u{n}"), "amy", n)).unwrap();
    copy["body"] = "x".repeat(8_000).into();
    copy.to_string()
}

pub(crate) fn is_permitted() -> bool {
    let limit = Command::new("prlimit").args(["--fsize=4096:unlimited", "true"]).status();
    limit.is_ok_and(|status| status.success())
}

async fn listed(server: &ServerProcess, token: &str) -> Vec<String> {
    let rows = server.http.list(token).await;
    rows.iter().map(|row| row["sessionId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_full_disk_answers_503_and_the_server_works_again_by_itself_when_there_is_room() {
    if !is_permitted() {
        println!("skipped: prlimit(1) is not here or may not limit a file's size");
        return;
    }
    let folder = TempDir::new().unwrap();
    let mut server = ServerProcess::start_limited(folder.path(), FILE_BYTES_MAX).await;
    let token = printed_token(folder.path(), "amy");
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for n in 1..MESSAGES_MAX {
        let answer = server.copy(&long(n)).await.unwrap();
        match answer.status {
            200 => acknowledged.push(format!("p2p|u{n}")),
            503 => refused += 1,
            _ => panic!("{answer:?}"),
        }
        if refused > 0 {
            // NIM sends again on 503, and on nothing else that we may answer.
            let list = server.http.get("/v1/sessions", &token).await;
            assert!(matches!(list.status, 200 | 503), "{list:?}");
        }
        if refused == TRIES {
            break;
        }
    }
    assert_eq!(refused, TRIES, "never full");
    assert!(acknowledged.len() > 50, "full from the start");

    server.raise_file_limit();
    let n = MESSAGES_MAX;
    let answer = server.copy(&long(n)).await.unwrap();
    assert_eq!(answer.status, 200, "not by itself: {answer:?}");
    acknowledged.push(format!("p2p|u{n}"));
    let list = listed(&server, &token).await;
    assert!(acknowledged.iter().all(|id| list.contains(id)), "lost while it was full");

    server.kill();
    let server = ServerProcess::start(folder.path()).await;
    let list = listed(&server, &token).await;
    assert!(acknowledged.iter().all(|id| list.contains(id)), "lost by the restart");
}

//! `huihua-server members import`: the real command against the real server.

use std::{path::Path, process::Output};

use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::support::{ServerProcess, T0, binary, event, ids, printed_token};

/// Runs the command on a file of this text.
fn import(data: &Path, url: &str, name: &str, text: &str, more: &[&str]) -> JoinHandle<Output> {
    let file = data.join(name);
    std::fs::write(&file, text).unwrap();
    let mut command = binary();
    command.args(["members", "import", "--url", url, "--file"]).arg(file);
    command.arg("--data").arg(data).args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap())
}

/// Success, what it printed, and what it reported on the way but for its progress: how many lines
/// of that there are depends on the machine.
fn reported(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let is_progress = |line: &str| line.ends_with(" memberships\n");
    let lines = text(&output.stderr);
    let lines = lines.split_inclusive('\n').filter(|line| !is_progress(line)).collect();
    (output.status.success(), text(&output.stdout), lines)
}

fn line(kind: &str, team: &str, accounts: &[String], time: u64) -> String {
    json!({"sessionType": kind, "teamId": team, "accounts": accounts, "time": time}).to_string()
}

#[tokio::test]
async fn memberships_come_in_and_a_second_import_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let server = ServerProcess::start(data).await;
    let many: Vec<String> = (0..9_001).map(|n| format!("m{n}")).collect();
    let lines = [line("team", "7", &many, T0), line("super_team", "7", &many[..2], T0)];
    let text = lines.join("\n");
    let output = import(data, &server.http.url, "m.jsonl", &text, &[]).await.unwrap();
    // 9,001 accounts are three joins of one request each; the super team's goes with the last.
    let first = "9003 memberships: 4 joins applied, 0 known already, 0 rejected\n";
    assert_eq!(reported(&output), (true, first.to_owned(), String::new()));
    server.events(json!([event("team", "x", "7", 1), event("super_team", "x", "7", 2)])).await;
    for (account, sessions) in [("m0", vec!["super_team|7", "team|7"]), ("m9000", vec!["team|7"])] {
        let rows = server.http.list(&printed_token(data, account)).await;
        assert_eq!(ids(&rows), sessions, "{account}");
    }
    let cursor = server.http.latest(&printed_token(data, "m0")).await;
    let output = import(data, &server.http.url, "m.jsonl", &text, &[]).await.unwrap();
    let second = "9003 memberships: 0 joins applied, 4 known already, 0 rejected\n";
    assert_eq!(reported(&output), (true, second.to_owned(), String::new()));
    let page = server.http.sync(&printed_token(data, "m0"), &format!("cursor={cursor}")).await;
    assert_eq!(page["changes"], json!([]));

    let mut csv = "sessionType,teamId,account,time\n".to_owned();
    csv.extend((0..1_200).map(|n| format!("team,{n},amy,{T0}\n")));
    let output = import(data, &server.http.url, "m.csv", &csv, &[]).await.unwrap();
    let third = "1200 memberships: 1200 joins applied, 0 known already, 0 rejected\n";
    assert_eq!(reported(&output), (true, third.to_owned(), String::new()));
    server.events(json!([event("team", "x", "1199", 3)])).await;
    let rows = server.http.list(&printed_token(data, "amy")).await;
    assert_eq!(ids(&rows), ["team|1199", "team|7"]);
}

#[tokio::test]
async fn wrong_lines_of_a_file_are_reported_and_nothing_is_sent() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let server = ServerProcess::start(data).await;
    let url = server.http.url.clone();
    let good = line("team", "7", &["amy".to_owned()], T0);
    let bad = format!("{good}\n{}\n{good}\nnothing\n", good.replace("team\"", "p2p\""));
    let (ok, printed, report) = reported(&import(data, &url, "m", &bad, &[]).await.unwrap());
    assert!(!ok && printed.is_empty());
    assert!(report.contains("2 lines of ") && report.contains("nothing was sent"), "{report}");
    assert!(report.contains("\nline 2: column 39: unknown variant `p2p`"), "{report}");
    assert!(report.contains("\nline 4: column 2: expected ident"), "{report}");
    let (ok, _, report) = reported(&import(data, &url, "m", &"x\n".repeat(30), &[]).await.unwrap());
    assert!(!ok && report.contains("30 lines") && report.contains("\nand 10 more"), "{report}");
    let (ok, _, report) = reported(&import(data, &url, "m", "\n", &[]).await.unwrap());
    assert!(!ok && report.contains("holds no membership"), "{report}");
    let (ok, _, report) = reported(&import(data, "ftp://x", "m", &good, &[]).await.unwrap());
    assert!(!ok && report.contains("url: must be https://"), "{report}");
    // What only the server can check is reported by line too, and the rest is done.
    let ahead = huihua_http::clock::now_ms() + 3_600_000;
    let mixed = format!("{good}\n{}", line("team", "8", &["amy".to_owned()], ahead));
    let (ok, printed, report) = reported(&import(data, &url, "m", &mixed, &[]).await.unwrap());
    assert!(!ok && printed.contains("1 joins applied, 0 known already, 1 rejected"), "{printed}");
    assert!(report.contains("line 2: rejected: time: more than 10 minutes ahead"), "{report}");
}

#[tokio::test]
async fn it_tries_again_while_the_server_is_busy_or_away() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    // Makes the keys.
    drop(ServerProcess::start(data).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let url = format!("http://{address}");
    let good = line("team", "7", &["amy".to_owned()], T0);
    let importing = import(data, &url, "m", &good, &["--retry-for", "60s"]);
    let (mut busy, _) = listener.accept().await.unwrap();
    let mut head = [0; 20];
    busy.read_exact(&mut head).await.unwrap();
    assert!(head.starts_with(b"POST /v1/events"));
    let answer =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    busy.write_all(answer.as_bytes()).await.unwrap();
    drop((busy, listener));
    // Away for a while, then there.
    let server = ServerProcess::start_at(data, &address).await;
    let (ok, printed, report) = reported(&importing.await.unwrap());
    assert!(ok && printed.contains("1 joins applied"), "{printed} {report}");
    assert!(report.contains("status 503") && report.contains("the next attempt is in"), "{report}");

    let config = data.join("other.toml");
    let other = std::fs::read_to_string(data.join("huihua.toml")).unwrap();
    let other = other.replace(&server.dev["ingestKey"], &"0".repeat(64));
    std::fs::write(&config, other).unwrap();
    let mut command = binary();
    command.args(["members", "import", "--url", &url, "--file"]).arg(data.join("m"));
    let output = command.arg("--config").arg(&config).output().unwrap();
    let (ok, _, report) = reported(&output);
    assert!(
        !ok && report
            .contains("refused line 1: status 401, the bearer token is not the ingest key"),
        "{report}"
    );
    assert!(!report.contains("0000"), "the key is not shown: {report}");
    drop(server);
    let (ok, _, report) =
        reported(&import(data, &url, "m", &good, &["--retry-for", "0s"]).await.unwrap());
    assert!(!ok && report.contains("gave up at line 1 after 1 attempts: no answer"), "{report}");
}

//! The import against kills and against what happens meanwhile.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use super::{
    run::{Importing, RunResult},
    stub::{NimStub, World, last},
};
use crate::support::{ServerProcess, Signal, WAIT_MAX, event, ids, printed_token, send};

/// What bob sent stands in amy's list by bob's row; she has deleted it at NIM.
fn world() -> World {
    let mut world = World::default();
    world.message("bob", "amy", 5);
    world.message("cat", "amy", 6);
    world.lists.get_mut("amy").unwrap().retain(|row| row["accid"] != "bob");
    world
}

#[tokio::test]
async fn a_session_that_was_deleted_at_nim_is_deleted_here_and_comes_back_with_a_newer_message() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy", "bob", "cat"]);
    importing.run(&[]).await.assert_ok("1 sessions deleted");
    importing.run(&["--compare"]).await.assert_ok("0 differences");
    server.events(json!([event("p2p", "bob", "amy", 7)])).await;
    let rows = server.http.list(&printed_token(folder.path(), "amy")).await;
    assert_eq!(ids(&rows), ["p2p|bob", "p2p|cat"]);
}

/// A message comes in while NIM is asked for the list that decides on the deletion.
#[tokio::test]
async fn a_message_that_comes_in_before_a_deletion_is_not_hidden() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let (http, key) = (server.http.clone(), server.dev["ingestKey"].clone());
    let asked = Arc::new(AtomicU64::new(0));
    let times = Arc::clone(&asked);
    nim.set_hook(Box::new(move |path, form| {
        let is_amys = path == "/history/querySessionList" && form["accid"] == "amy";
        let second = is_amys && times.fetch_add(1, Ordering::Relaxed) == 1;
        let (http, key) = (http.clone(), key.clone());
        Box::pin(async move {
            if second {
                http.events(&key, json!([event("p2p", "bob", "amy", 9)])).await.ok();
            }
            None
        })
    }));
    // NIM knows it too, from the next call on.
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy", "bob", "cat"]);
    let running = importing.run(&[]);
    let told = async {
        let since = Instant::now();
        while asked.load(Ordering::Relaxed) < 2 {
            assert!(since.elapsed() < WAIT_MAX * 3, "NIM was not asked again");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // After that answer: the stub answers under the lock.
        tokio::time::sleep(Duration::from_millis(500)).await;
        nim.change(|world| world.message("bob", "amy", 9));
    };
    let (done, ()) = tokio::join!(running, told);
    done.assert_ok(", 0 sessions deleted");
    let rows = server.http.list(&printed_token(folder.path(), "amy")).await;
    assert_eq!(ids(&rows), ["p2p|bob", "p2p|cat"]);
    assert_eq!(rows[0]["lastMsg"]["12"], "9");
}

/// Its last message is of this second: NIM's list may not show it yet.
#[tokio::test]
async fn a_session_whose_message_is_too_new_for_nims_list_is_left() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let mut world = World::default();
    world.lists.entry("amy".to_owned()).or_default();
    let nim = NimStub::start(&server.dev["appSecret"], world).await;
    let mut new = event("p2p", "bob", "amy", 1);
    new["time"] = (huihua_http::clock::now_ms() + 300_000).into();
    server.events(json!([new])).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy"]);
    let done = importing.run(&[]).await;
    done.assert_ok(", 0 sessions deleted");
    done.assert_ok("1 × sessions that NIM does not list have new messages here: they are left, of");
    let rows = server.http.list(&printed_token(folder.path(), "amy")).await;
    assert_eq!(ids(&rows), ["p2p|bob"]);
}

/// Killed while its writes are not answered, those of a team or those of lists: the state must not
/// say that they are done.
#[tokio::test]
async fn what_was_not_on_the_servers_disk_at_a_kill_is_done_by_the_next_run() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    // Two calls for the teams of each account, one for the team, three for the lists.
    for (has_team, calls_until_it_writes) in [(true, 2 * 3 + 1), (false, 2 * 3 + 3)] {
        let server = ServerProcess::start(data).await;
        let mut world = world();
        if has_team {
            world.team(2, 7, &["amy".to_owned(), "bob".to_owned()], 8);
        }
        let nim = NimStub::start(&server.dev["appSecret"], world).await;
        let address = server.http.url.trim_start_matches("http://").to_owned();
        drop(server);
        let url = format!("http://{address}");
        let importing = Importing { data, from: &nim.url, server: &url };
        importing.accounts(&["amy", "bob", "cat"]);
        let state = data.join(format!("state {has_team}"));
        let more = ["--state", state.to_str().unwrap(), "--calls-per-second", "1000"];
        let mut killed = importing.spawn(&more);
        let since = Instant::now();
        while nim.calls().0 < calls_until_it_writes {
            assert!(since.elapsed() < WAIT_MAX, "only {} calls", nim.calls().0);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        killed.kill().unwrap();
        killed.wait().unwrap();
        // Another folder's store would be empty too: what is there comes from the next run.
        std::fs::remove_file(data.join("huihua.redb")).unwrap();
        let server = ServerProcess::start_at(data, &address).await;
        importing.run(&more).await.assert_ok("3 lists and ");
        let resumed = nim.calls().0 - calls_until_it_writes;
        assert!(resumed <= 1 + 3 + 3, "the accounts' teams were known: {resumed} calls");
        importing.run(&["--compare"]).await.assert_ok("0 differences");
        drop(server);
    }
}

#[tokio::test]
async fn ctrl_c_stops_it_and_says_how_to_go_on() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    nim.set_hook(Box::new(|path, _| {
        let hangs = path == "/history/querySessionList";
        Box::pin(async move { if hangs { std::future::pending().await } else { None } })
    }));
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy", "bob", "cat"]);
    let state = folder.path().join("state");
    let more = ["--state", state.to_str().unwrap()];
    let mut command = importing.command(&more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    let since = Instant::now();
    while nim.calls().0 < 2 * 3 + 3 {
        assert!(since.elapsed() < WAIT_MAX, "only {} calls", nim.calls().0);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    send(&running, Signal::INT);
    let output = tokio::task::spawn_blocking(|| running.wait_with_output().unwrap());
    let stopped = RunResult::of(&output.await.unwrap());
    stopped.assert_failed("interrupted. Start again: with --state the import goes on");
    assert!(stopped.out.starts_with("0 lists and 0 teams"), "{stopped:?}");
    nim.set_hook(Box::new(|_, _| Box::pin(async { None })));
    importing.run(&more).await.assert_ok("3 lists and 0 teams");
    importing.run(&more).await.assert_ok("3 lists and 0 teams were done before");
}

/// A row jumps to the top while the pages below are read: its ext is not lost, and its session is
/// not taken for deleted.
#[tokio::test]
async fn a_row_that_moves_up_while_pages_are_read_is_found() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let mut world = World::default();
    for n in 0..250 {
        world.message("amy", &format!("p{n}"), 100_000 * n);
    }
    let bottom = json!({"sessionType": 1, "accid": "p0", "ext": "kept", "lastMsg": last("amy", 0)});
    world.row("amy", bottom.clone(), 0);
    let nim = NimStub::start(&server.dev["appSecret"], world).await;
    let moved = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&moved);
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    nim.set_hook(Box::new(move |path, form| {
        // The second page of each walk.
        let second = path == "/history/querySessionList" && form.contains_key("maxTimestamp");
        let first = second && count.fetch_add(1, Ordering::Relaxed) == 0;
        let (done, waiting) = tokio::sync::oneshot::channel::<()>();
        if first {
            sender.send(done).unwrap();
        }
        Box::pin(async move {
            if first {
                waiting.await.unwrap();
            }
            None
        })
    }));
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy"]);
    let mover = async {
        let done = receiver.recv().await.unwrap();
        nim.change(|world| {
            let mut row = bottom.clone();
            row["lastMsg"] = last("p0", 30_000_000);
            world.row("amy", row, 30_000_000);
        });
        done.send(()).unwrap();
    };
    let (done, ()) = tokio::join!(importing.run(&[]), mover);
    done.assert_ok(", 1 exts set, 0 sessions deleted");
    importing.run(&["--compare"]).await.assert_ok("0 differences in 250 sessions");
}

//! NIM as it may be: limited to 100 calls a second, failing, hanging, repeating rows, writing one
//! field now as a number and now as text. Nothing is lost.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use super::{
    run::Importing,
    stub::{NimStub, Whims, World},
};
use crate::support::{ServerProcess, T0, ids, printed_token};

const ACCOUNTS: u64 = 40;

fn names() -> Vec<String> {
    (0..ACCOUNTS).map(|n| format!("a{n}")).collect()
}

/// Lists of over a page with ties, teams, super teams of several pages with ties, exts, recalls,
/// sessions without a message, and a team that somebody has left.
fn world() -> World {
    let mut world = World::default();
    let names = names();
    for (n, name) in (0..).zip(&names) {
        world.message(name, &names[(n as usize + 7) % names.len()], n);
    }
    // 99 rows above, and then five in one millisecond: a page ends among them.
    for n in 0..260 {
        world.message("a0", &format!("peer{n}"), 1_000 + n / 5 + u64::from(n > 160));
    }
    let many: Vec<String> = (0..250).map(|n| format!("m{n}")).chain(names.clone()).collect();
    for (kind, tid) in [(2, 2_530_000_000), (2, 2_530_000_001), (3, 2_530_000_000), (3, 7)] {
        world.team(kind, tid, &many, 2_000 + tid % 10);
    }
    let ext = json!({"sessionType": 1, "accid": "alone", "ext": "{\"top\":1}"});
    world.row("a1", ext, 3_000);
    let recall = json!({"sessionType": 1, "accid": "a9", "lastMsgType": "RECALL", "ext": "x",
        "lastMsg": {"deleteMsgIdClient": "c", "deleteMsgIdServer": "77", "from": "a9",
            "deleteMsgCreateTime": T0 + 3_001, "time": T0 + 3_500}});
    world.row("a1", recall, 3_001);
    // Moved on: the team's last message is one that a2 has not seen.
    world.teams.get_mut(&(2, 2_530_000_001)).unwrap().retain(|(name, _)| name != "a2");
    world
}

#[tokio::test]
async fn at_100_calls_a_second_with_failures_and_whims_nothing_is_lost() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&names());
    nim.set_whims(Whims {
        calls_per_second: Some(100),
        fails_each: Some(7),
        hangs_each: Some(53),
        odd: true,
    });
    let began = Instant::now();
    let done = importing.run(&["--call-timeout", "1s"]).await;
    let (took, (calls, refused)) = (began.elapsed(), nim.calls());
    // 290 in each, and one of them has left one.
    done.assert_ok("40 lists and 4 teams: 1159 memberships, ");
    done.assert_ok("1 × sessions without a message");
    done.assert_ok("a bare notice stands for the last message, at its time, in: team|2530000001");
    let least = Duration::from_secs(1).mul_f64((calls - refused) as f64 / 100.0 - 1.0);
    assert!(took >= least, "{calls} calls in {took:?}");
    assert!(refused * 10 <= calls, "the rate is kept, not found out: {refused} of {calls}");
    nim.set_whims(Whims::default());
    let compared = importing.run(&["--compare", "--calls-per-second", "1000"]).await;
    compared.assert_ok("0 differences in 5");
    compared.assert_ok("of 40 accounts; 1 teams that an account has left show a bare notice here");
    let rows = server.http.list(&printed_token(folder.path(), "a2")).await;
    assert_eq!(ids(&rows)[..3], ["super_team|7", "team|2530000001", "team|2530000000"]);
    let of_left = rows.iter().find(|row| row["sessionId"] == "team|2530000001").unwrap();
    assert!(of_left["lastMsg"]["9"].is_null(), "no text of a team that it has left: {of_left}");
    // Who is not in the file of accounts is in the teams too.
    let rows = server.http.list(&printed_token(folder.path(), "m200")).await;
    assert_eq!(rows.len(), 4);
    // Again: nothing changes, and every membership and message is known.
    let token = printed_token(folder.path(), "a0");
    let cursor = server.http.latest(&token).await;
    let again = importing.run(&["--calls-per-second", "1000"]).await;
    again.assert_ok("0 last messages new and");
    again.assert_ok(", 0 exts set, 0 sessions deleted");
    let page = server.http.sync(&token, &format!("cursor={cursor}")).await;
    assert_eq!(page["changes"], json!([]));
}

/// Too fast on purpose: NIM's 416 slows all workers down.
#[tokio::test]
async fn answers_416_slow_it_down_and_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&names());
    nim.set_whims(Whims { calls_per_second: Some(25), ..Whims::default() });
    let done = importing.run(&["--calls-per-second", "1000"]).await;
    done.assert_ok("40 lists and 4 teams");
    done.assert_ok("NIM answered 416 (too many calls) ");
    let (calls, refused) = nim.calls();
    assert!(refused > 0 && refused * 2 < calls, "{refused} of {calls}");
    // Below NIM's rate it need not be told, also where a busy machine holds calls back for half a
    // second and lets them go together.
    let again = importing.run(&["--calls-per-second", "15"]).await;
    again.assert_ok("40 lists and 4 teams");
    let (calls_again, refused_again) = nim.calls();
    let (calls, refused) = (calls_again - calls, refused_again - refused);
    assert!(calls > 120 && refused * 10 <= calls, "{refused} of {calls}");
    nim.set_whims(Whims::default());
    importing.run(&["--compare", "--calls-per-second", "1000"]).await.assert_ok("0 differences");
}

/// What NIM shows an account decides: not when it says that the account joined, nor whether a page
/// of members could name it.
#[tokio::test]
async fn teams_are_seen_whose_members_nim_lists_late_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let mut world = World::default();
    let many: Vec<String> = (0..150).map(|n| format!("m{n}")).collect();
    world.team(2, 5, &many[..3], 10);
    world.team(3, 6, &many, 11);
    // They came in after the last message, it says; and in one millisecond, more than a page holds.
    world.teams.get_mut(&(2, 5)).unwrap().iter_mut().for_each(|(_, time)| *time = T0 + 9_999);
    world.teams.get_mut(&(3, 6)).unwrap().iter_mut().for_each(|(_, time)| *time = T0);
    let nim = NimStub::start(&server.dev["appSecret"], world).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["m2", "m149"]);
    let done = importing.run(&[]).await;
    done.assert_ok("2 lists and 2 teams: 103 memberships");
    done.assert_ok("1 × super teams of which NIM does not list all members");
    importing.run(&["--compare"]).await.assert_ok("0 differences in 3 sessions of 2 accounts\n");
}

/// What changes at NIM comes with the next import: another ext, none, and a session without any.
#[tokio::test]
async fn an_ext_that_changes_at_nim_comes_with_the_next_import() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], World::default()).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy"]);
    let set = |exts: [&str; 3]| {
        nim.change(|world| {
            for (n, ext) in (1..).zip(exts) {
                let mut row = json!({"sessionType": 1, "accid": format!("p{n} /%你?"),
                    "ext": ext, "lastMsg": super::stub::last("amy", n)});
                if n == 3 {
                    row.as_object_mut().unwrap().remove("lastMsg");
                }
                world.row("amy", row, n);
            }
        });
    };
    for (exts, changed) in [(["a", "", ""], 2), (["b", "c", ""], 2), (["", "c", "d"], 2)] {
        set(exts);
        let done = importing.run(&[]).await;
        done.assert_ok(&format!(", {changed} exts set, 0 sessions deleted"));
        importing.run(&["--compare"]).await.assert_ok("0 differences in 3 sessions");
    }
}

#[tokio::test]
async fn a_failing_call_is_tried_again_after_growing_pauses() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&names());
    let tries: Arc<Mutex<std::collections::HashMap<String, Vec<Instant>>>> = Arc::default();
    let seen = Arc::clone(&tries);
    nim.set_hook(Box::new(move |path, form| {
        let mut answer = None;
        if path == "/history/querySessionList" && !form.contains_key("maxTimestamp") {
            let mut seen = seen.lock().unwrap();
            let times = seen.entry(form["accid"].clone()).or_default();
            times.push(Instant::now());
            answer = (times.len() <= 4).then(|| json!({"code": 503, "desc": "busy"}));
        }
        Box::pin(async { answer })
    }));
    importing.run(&["--calls-per-second", "1000"]).await.assert_ok("40 lists");
    let tries = tries.lock().unwrap();
    let pauses = tries.values().map(|times| times[4] - times[0]);
    let mean = pauses.sum::<Duration>() / u32::try_from(tries.len()).unwrap();
    // Four pauses of half of 0.2, 0.4, 0.8 and 1.6 s on average.
    assert!(mean > Duration::from_millis(750), "{mean:?}");
}

/// A backend's file and rows spell accounts as it likes; NIM's lists are those of the lower-cased.
#[tokio::test]
async fn accounts_are_the_same_under_every_spelling() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let mut world = World::default();
    world.message("amy", "bob_1", 1);
    let row = json!({"sessionType": 1, "accid": "Cat", "ext": "x",
        "lastMsg": super::stub::last("CAT", 2)});
    world.row("amy", row, 2);
    world.team(2, 7, &["amy".to_owned(), "bob_1".to_owned()], 3);
    let nim = NimStub::start(&server.dev["appSecret"], world).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["AMY", "amy", "Bob_1"]);
    importing.run(&[]).await.assert_ok("2 lists and 1 teams: 2 memberships");
    let rows = server.http.list(&printed_token(folder.path(), "aMY")).await;
    assert_eq!(ids(&rows), ["team|7", "p2p|cat", "p2p|bob_1"]);
    importing.run(&["--compare"]).await.assert_ok("0 differences in 5 sessions of 2 accounts");
}

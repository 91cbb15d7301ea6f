//! What the import must not do, and what it refuses in words.

use serde_json::json;
use tempfile::TempDir;

use super::{
    run::Importing,
    stub::{NimStub, World},
};
use crate::support::{ServerProcess, ids, printed_token};

fn world() -> World {
    let mut world = World::default();
    for n in 0..5 {
        world.message("amy", &format!("p{n}"), n);
    }
    world.message("bob", "amy", 9);
    world.team(2, 7, &["amy".to_owned(), "bob".to_owned()], 10);
    world.row("amy", json!({"sessionType": 1, "accid": "alone", "ext": "top"}), 11);
    world
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_what_it_would() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy", "bob"]);
    // One that NIM does not list.
    let event = crate::support::event("p2p", "stranger", "amy", 1);
    server.events(json!([event])).await;
    let token = printed_token(folder.path(), "amy");
    let (before, cursor) = (server.http.list(&token).await, server.http.latest(&token).await);
    let state = folder.path().join("state");
    let (state_text, fast) = (state.to_str().unwrap(), ["--calls-per-second", "1000"]);
    let dry = importing.run(&["--dry-run", "--state", state_text, fast[0], fast[1]]).await;
    dry.assert_ok("dry run, nothing was written: 2 lists and 1 teams read; it would send 2 ");
    dry.assert_ok("memberships and 8 last messages, set 1 exts, and delete 1 of the sessions");
    assert_eq!(server.http.list(&token).await, before);
    assert_eq!(server.http.latest(&token).await, cursor);
    assert!(server.http.list(&printed_token(folder.path(), "bob")).await.is_empty());
    assert!(!state.exists());
    // For real, then dry again, with a state that is done.
    importing.run(&["--state", state_text, fast[0], fast[1]]).await.assert_ok("1 sessions deleted");
    let (bytes, cursor) = (std::fs::read(&state).unwrap(), server.http.latest(&token).await);
    importing.run(&["--dry-run", "--state", state_text]).await.assert_ok("0 lists and 0 teams");
    importing.run(&["--dry-run", fast[0], fast[1]]).await.assert_ok("2 lists and 1 teams");
    assert_eq!(std::fs::read(&state).unwrap(), bytes);
    assert_eq!(server.http.latest(&token).await, cursor);
}

#[tokio::test]
async fn compare_finds_each_planted_difference_and_shows_no_text() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy", "bob"]);
    importing.run(&["--calls-per-second", "1000"]).await.assert_ok("2 lists and 1 teams");
    let compare = ["--compare", "--calls-per-second", "1000"];
    importing.run(&compare).await.assert_ok("0 differences in 10 sessions of 2 accounts");
    nim.change(|world| {
        let rows = world.lists.get_mut("amy").unwrap();
        for row in rows.iter_mut() {
            match row["accid"].as_str() {
                Some("p0") => row["lastMsg"]["body"] = "s3cret".into(),
                Some("p1") => row["ext"] = "s3cret".into(),
                Some("p2") => row["updateTime"] = 1_700_000_000_999_u64.into(),
                Some("p3") => row["lastMsgType"] = "RECALL".into(),
                Some("p4") => row["accid"] = "p5".into(),
                _ => {}
            }
        }
    });
    let found = importing.run(&compare).await;
    found.assert_failed("the lists differ");
    let expected = "amy p2p|p0: body differs\namy p2p|p1: ext differs\namy p2p|p2: updateTime \
                    differs\namy p2p|p3: lastMsgType differs\namy p2p|p4: is not at NIM\namy \
                    p2p|p5: is missing here\n6 differences in 10 sessions of 2 accounts\n";
    assert_eq!(found.out, expected);
    assert!(!format!("{found:?}").contains("s3cret"));
    let sample = importing.run(&["--compare", "--sample", "1"]).await;
    assert!(sample.out.contains("of 1 accounts"), "{sample:?}");
}

#[tokio::test]
async fn features_that_are_off_are_named_and_the_rest_comes() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    nim.set_hook(Box::new(|path, _| {
        let off = path == "/history/querySessionList" || path.starts_with("/superteam/");
        let answer = off.then(|| json!({"code": 403, "desc": "func not enable"}));
        Box::pin(async { answer })
    }));
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy", "bob"]);
    let done = importing.run(&[]).await;
    done.assert_ok("0 lists and 1 teams: 2 memberships, 0 last messages");
    done.assert_ok("403 func not enable: it is off for this app: ");
    done.assert_ok("the accounts' super_teams");
    done.assert_ok("the session lists");
    server.events(json!([crate::support::event("team", "bob", "7", 50)])).await;
    let rows = server.http.list(&printed_token(folder.path(), "amy")).await;
    assert_eq!(ids(&rows), ["team|7"], "memberships came");
}

#[tokio::test]
async fn a_wrong_secret_is_said_at_once() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path()).await;
    let nim = NimStub::start("another secret", world()).await;
    let importing = Importing { data: folder.path(), from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy", "bob"]);
    let refused = importing.run(&[]).await;
    refused
        .assert_failed("NIM refused the signature of a call (414 bad CheckSum): check the app's");
    assert!(nim.calls().0 <= 2);
    assert!(!refused.err.contains(&server.dev["appSecret"]) && refused.out.is_empty());
    // Nor is an address where NIM's API is not.
    let foreign = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wrong = format!("http://{}", foreign.local_addr().unwrap());
    tokio::spawn(async { axum::serve(foreign, axum::Router::new()).await.unwrap() });
    let importing = Importing { from: &wrong, ..importing };
    let refused = importing.run(&[]).await;
    refused.assert_failed("NIM answered with HTTP status 404, and nothing else yet: is --from the");
    // An account that NIM does not know is not that.
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let importing = Importing { from: &nim.url, ..importing };
    importing.accounts(&["nobody", "amy", "bob"]);
    let done = importing.run(&["--calls-per-second", "1000"]).await;
    done.assert_failed("some accounts or teams are not imported");
    assert!(done.out.contains("1 × list of an account: 414 … not register: nobody"), "{done:?}");
    assert!(done.out.starts_with("2 lists and 1 teams"), "{done:?}");
}

#[tokio::test]
async fn a_state_of_another_import_and_wrong_files_are_refused_before_anything_is_sent() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let server = ServerProcess::start(data).await;
    let nim = NimStub::start(&server.dev["appSecret"], world()).await;
    let importing = Importing { data, from: &nim.url, server: &server.http.url };
    importing.accounts(&["amy"]);
    let state = data.join("state");
    let state_text = state.to_str().unwrap();
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let header = |app: &str, from: &str| {
        let server = &server.http.url;
        format!("{}\n", json!({"importNim": 1, "appKey": app, "from": from, "server": server}))
    };
    let key = &server.dev["appKey"];
    for (text, said) in [
        (header("other", &nim.url), "is of another app: name another file, or remove this one"),
        (header(key, "https://nim"), "is of an import from or to another address"),
        ("amy\n".to_owned(), "is not the state of an import from NIM"),
    ] {
        std::fs::write(&state, &text).unwrap();
        importing.run(&["--state", state_text]).await.assert_failed(said);
        importing.run(&["--dry-run", "--state", state_text]).await.assert_failed(said);
        assert_eq!(std::fs::read_to_string(&state).unwrap(), text);
    }
    for (text, said) in [
        ("amy\n\np2p|bob\n".as_bytes(), "line 3: account holds a character"),
        (b"\xff\xfea\0\n\0", "is UTF-16"),
        (b"\n", "holds no id"),
    ] {
        std::fs::write(data.join("accounts"), text).unwrap();
        importing.run(&[]).await.assert_failed(said);
    }
    importing.accounts(&["amy"]);
    std::fs::write(path("teams"), "7\np2p|x").unwrap();
    importing.run(&["--team-ids", &path("teams")]).await.assert_failed("line 2: must be a team id");
    assert_eq!(nim.calls().0, 0, "nothing was asked");
    // As an editor on Windows writes it; a team by its id alone, of either kind or of none.
    std::fs::write(path("accounts"), "\u{feff}amy\r\n\r\n bob \r\n").unwrap();
    std::fs::write(path("teams"), "\u{feff}8\r\nsuper_team|9\r\nteam|7\r\n404\r\n").unwrap();
    nim.change(|world| {
        world.team(3, 9, &["amy".to_owned()], 20);
        world.team(3, 8, &["cat".to_owned()], 21);
    });
    let done = importing.run(&["--team-ids", &path("teams")]).await;
    done.assert_failed("some accounts or teams are not imported");
    assert!(done.out.starts_with("2 lists and 3 teams: 4 memberships"), "{done:?}");
    assert!(done.out.contains("1 × neither a team nor a super team: 803 no such"), "{done:?}");
}

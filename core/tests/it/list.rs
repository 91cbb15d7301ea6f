//! The live list, and what it keeps on the device: over restarts, outages, deletions, resets, other
//! accounts and files that are not as they were written.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use huihua_core::client::{
    CacheOptions, ListEvent, ListHandle, ListOption, Options, SessionList, SessionService,
    WatchStatus,
};

use tokio::sync::Notify;

use crate::{
    list_server::ListServer,
    support::{Lines, ScriptedReply, ScriptedServer, options, problem},
};

const EVENT_TIMEOUT: Duration = Duration::from_secs(30);
const PAGE: usize = 20;

async fn start(list: &ListServer) -> ScriptedServer {
    let list = list.clone();
    ScriptedServer::start(move |_, seen| list.answer(seen)).await
}

/// Serves the list that the other value holds at the time.
async fn start_switched(list: &ListServer) -> (ScriptedServer, Arc<Mutex<ListServer>>) {
    let current = Arc::new(Mutex::new(list.clone()));
    let served = current.clone();
    let answer = move |_: usize, seen: &_| served.lock().unwrap().answer(seen);
    (ScriptedServer::start(answer).await, current)
}

fn cache(folder: &Path, account: &str) -> CacheOptions {
    let (app_key, account) = ("app".to_owned(), account.to_owned());
    CacheOptions { folder: folder.to_owned(), app_key, account }
}

fn kept(server: &ScriptedServer, folder: &Path) -> Options {
    Options { cache: Some(cache(folder, "bob")), ..options(server.url()) }
}

fn open(options: Options) -> SessionList {
    let service = SessionService::new(options).unwrap();
    service.list(ListOption { page_size: PAGE as u32, ..ListOption::default() })
}

async fn next(list: &mut SessionList) -> ListEvent {
    let event = tokio::time::timeout(EVENT_TIMEOUT, list.next()).await.expect("no event");
    event.expect("the list ended")
}

fn shown(list: &SessionList) -> Vec<String> {
    list.sessions().iter().map(|row| format!("{}@{}", row.session_id, row.update_time)).collect()
}

/// Drives the list until it shows this, no longer from the cache.
async fn until_shown(list: &mut SessionList, expected: &[String]) {
    while list.is_from_cache() || shown(list) != expected {
        match next(list).await {
            ListEvent::MoreFailed(error) => panic!("{error}"),
            ListEvent::Status(_) | ListEvent::Sessions => {}
        }
    }
}

/// Drives the list until its connection is lost.
async fn until_broken(list: &mut SessionList) {
    while !matches!(next(list).await, ListEvent::Status(WatchStatus::Broken { .. })) {}
}

/// Shows a list once and ends, as an app that is opened and closed.
async fn show_once(list: &ListServer, options: Options) {
    let mut first = open(options);
    until_shown(&mut first, &list.top(PAGE)).await;
    first.flush().await;
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn a_list_opens_with_what_it_showed_last_without_a_server_and_catches_up_once_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    let options = kept(&server, folder.path());
    show_once(&list, options.clone()).await;
    let (before, address) = (list.top(PAGE), server.address);
    drop(server);
    for n in 0..10 {
        list.message(&format!("new{n}"), 2_000_000 + n);
    }
    list.delete("3");
    list.message("50", 3_000_000);

    let mut second = open(options);
    assert!(matches!(next(&mut second).await, ListEvent::Sessions), "the rows come first");
    assert!(second.is_from_cache() && second.has_more());
    assert_eq!(shown(&second), before);
    let texts: Vec<_> = second.sessions().iter().map(|row| row.last_msg.clone().unwrap()).collect();
    assert!(texts[0].as_str().contains("s3cret of p2p|0"), "the message is kept too");
    until_broken(&mut second).await;
    assert!(second.is_from_cache());
    assert_eq!(shown(&second), before);

    let back = list.clone();
    let server = ScriptedServer::restart(address, move |_, seen| back.answer(seen)).await;
    second.handle().poke();
    while second.is_from_cache() {
        next(&mut second).await;
    }
    assert_eq!(shown(&second), list.top(second.sessions().len()));
    assert!(second.sessions().len() >= PAGE && !shown(&second).concat().contains("p2p|3@"));
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.target.starts_with("/v1/sync?")), "{seen:?}");
}

#[tokio::test]
async fn an_unchanged_list_is_no_longer_from_the_cache_after_one_sync() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 5);
    let server = start(&list).await;
    show_once(&list, kept(&server, folder.path())).await;
    let mut second = open(kept(&server, folder.path()));
    next(&mut second).await;
    assert!(second.is_from_cache() && !second.has_more());
    let live = [next(&mut second).await, next(&mut second).await];
    assert!(matches!(live[0], ListEvent::Status(WatchStatus::Connecting)), "{live:?}");
    assert!(matches!(live[1], ListEvent::Status(WatchStatus::Live)), "{live:?}");
    assert!(matches!(next(&mut second).await, ListEvent::Sessions));
    assert!(!second.is_from_cache());
    assert_eq!(shown(&second), list.top(5));
}

#[tokio::test]
async fn deletions_while_away_are_gone_and_the_page_is_full_again() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    show_once(&list, kept(&server, folder.path())).await;
    for n in 0..15 {
        list.delete(&n.to_string());
    }
    let mut second = open(kept(&server, folder.path()));
    until_shown(&mut second, &list.top(PAGE)).await;
    second.flush().await;
    // All that is left is kept, and all of it deleted.
    for n in 15..60 {
        list.delete(&n.to_string());
    }
    let mut third = open(kept(&server, folder.path()));
    next(&mut third).await;
    assert_eq!(third.sessions().len(), PAGE);
    until_shown(&mut third, &[]).await;
    assert!(!third.has_more());
}

#[tokio::test]
async fn a_cursor_that_the_server_no_longer_knows_has_the_list_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    show_once(&list, kept(&server, folder.path())).await;
    list.delete("2");
    list.message("new", 2_000_000);
    list.forget_cursors();
    let mut second = open(kept(&server, folder.path()));
    until_shown(&mut second, &list.top(PAGE)).await;
    // And while it is live.
    list.forget_cursors();
    list.message("newer", 3_000_000);
    until_shown(&mut second, &list.top(PAGE)).await;
    second.flush().await;
    let mut third = open(kept(&server, folder.path()));
    next(&mut third).await;
    assert_eq!(shown(&third), list.top(PAGE), "the new list is kept");
}

#[tokio::test]
async fn without_the_option_nothing_is_kept_and_nothing_more_is_asked() {
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    let mut list_of_bob = open(options(server.url()));
    until_shown(&mut list_of_bob, &list.top(PAGE)).await;
    list_of_bob.flush().await;
    let seen = server.seen();
    assert!(seen.iter().all(|request| !request.target.contains("account")), "{seen:?}");
}

#[tokio::test]
async fn an_account_never_sees_a_row_of_another_whatever_lies_in_its_files_place() {
    let folder = tempfile::tempdir().unwrap();
    let bobs = ListServer::with_sessions("bob", 60);
    let (server, served) = start_switched(&bobs).await;
    show_once(&bobs, kept(&server, folder.path())).await;
    let bobs_file = files(folder.path()).pop().unwrap();
    let name = bobs_file.file_name().unwrap().to_str().unwrap();
    assert!(name.ends_with(".list") && !name.contains("bob") && !name.contains("app"), "{name}");

    let alices = ListServer::new("alice");
    alices.message("of alice", 7);
    *served.lock().unwrap() = alices.clone();
    let alice = Options { cache: Some(cache(folder.path(), "alice")), ..options(server.url()) };
    show_once(&alices, alice.clone()).await;
    let alices_file = files(folder.path()).into_iter().find(|file| *file != bobs_file).unwrap();
    // Bob's file under Alice's name: somebody restored a backup by hand.
    fs::copy(&bobs_file, &alices_file).unwrap();
    let mut again = open(alice);
    let mut rows = Vec::new();
    while shown(&again) != alices.top(PAGE) {
        next(&mut again).await;
        rows.extend(shown(&again));
    }
    assert_eq!(rows, alices.top(PAGE), "no row of Bob at any time");
}

#[tokio::test]
async fn a_token_of_another_account_than_the_named_one_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bobs = ListServer::with_sessions("bob", 60);
    let (server, served) = start_switched(&bobs).await;
    show_once(&bobs, kept(&server, folder.path())).await;
    let alices = ListServer::new("alice");
    alices.message("of alice", 7);
    *served.lock().unwrap() = alices.clone();
    let lines = Arc::new(Lines::default());
    // The app says Bob, but its tokens are Alice's.
    let wrong = Options { logger: Some(lines.clone()), ..kept(&server, folder.path()) };
    let mut list = open(wrong);
    until_shown(&mut list, &alices.top(PAGE)).await;
    alices.message("more of alice", 8);
    until_shown(&mut list, &alices.top(PAGE)).await;
    list.flush().await;
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    lines.wait_for("the token is of another account").await;

    *served.lock().unwrap() = bobs.clone();
    let mut list = open(kept(&server, folder.path()));
    assert!(matches!(next(&mut list).await, ListEvent::Status(WatchStatus::Connecting)));
    until_shown(&mut list, &bobs.top(PAGE)).await;
}

#[tokio::test]
async fn an_account_written_in_capitals_is_confirmed_as_at_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 5);
    let server = start(&list).await;
    let options = Options { cache: Some(cache(folder.path(), "BOB")), ..options(server.url()) };
    show_once(&list, options).await;
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn an_erased_list_is_gone_and_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    let service = SessionService::new(kept(&server, folder.path())).unwrap();
    let mut live = service.list(ListOption::default());
    until_shown(&mut live, &list.top(40)).await;
    live.flush().await;
    assert_eq!(files(folder.path()).len(), 1);
    service.erase_cache().await.unwrap();
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    // The list is still open, and changes until the app closes it.
    list.message("late", 2_000_000);
    until_shown(&mut live, &list.top(41)).await;
    live.flush().await;
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    service.erase_cache().await.unwrap();
    // Without a service.
    show_once(&list, kept(&server, folder.path())).await;
    assert_eq!(files(folder.path()).len(), 1);
    cache(folder.path(), "bob").erase().unwrap();
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

/// Opens over a file of this content, which must be as good as none, and is rewritten.
async fn check_rewritten(spoil: impl FnOnce(Vec<u8>) -> Vec<u8>, reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 5);
    let server = start(&list).await;
    show_once(&list, kept(&server, folder.path())).await;
    let file = files(folder.path()).pop().unwrap();
    fs::write(&file, spoil(fs::read(&file).unwrap())).unwrap();
    let lines = Arc::new(Lines::default());
    let options = Options { logger: Some(lines.clone()), ..kept(&server, folder.path()) };
    let mut second = open(options);
    assert!(matches!(next(&mut second).await, ListEvent::Status(_)), "{reason}");
    assert_eq!(shown(&second), Vec::<String>::new());
    until_shown(&mut second, &list.top(PAGE)).await;
    second.flush().await;
    lines.wait_for(reason).await;
    let log = lines.all().into_iter().map(|(_, line)| line).collect::<String>();
    assert!(!log.contains("bob") && !log.contains("s3cret") && !log.contains("tmp"), "{log}");
    let mut third = open(kept(&server, folder.path()));
    assert!(matches!(next(&mut third).await, ListEvent::Sessions), "{reason}: not rewritten");
    assert_eq!(shown(&third), list.top(PAGE));
}

#[tokio::test]
async fn a_damaged_a_newer_and_a_huge_file_are_ignored_and_rewritten() {
    check_rewritten(|bytes| bytes[..bytes.len() / 2].to_vec(), "it is damaged").await;
    check_rewritten(|_| Vec::new(), "it is damaged").await;
    let newer = |mut bytes: Vec<u8>| {
        bytes[8] += 1;
        bytes
    };
    check_rewritten(newer, "it has another format").await;
    check_rewritten(|bytes| bytes.repeat(5_000), "cannot be read").await;
}

#[tokio::test]
async fn an_invalid_cache_option_is_named_and_a_folder_that_cannot_be_made_hinders_no_list() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |cache: CacheOptions| {
        let options = Options { cache: Some(cache), ..options("http://127.0.0.1:1") };
        SessionService::new(options).unwrap_err().to_string()
    };
    let good = cache(folder.path(), "bob");
    let cases = [
        (CacheOptions { folder: PathBuf::new(), ..good.clone() }, "cache.folder"),
        (CacheOptions { app_key: String::new(), ..good.clone() }, "cache.app_key"),
        (CacheOptions { account: "a|b".to_owned(), ..good.clone() }, "cache.account"),
    ];
    for (options, field) in cases {
        assert!(refused(options).starts_with(&format!("option {field}: ")));
    }
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let list = ListServer::with_sessions("bob", 5);
    let server = start(&list).await;
    show_once(&list, kept(&server, &file.join("below"))).await;
}

#[tokio::test]
async fn more_pages_load_over_changes_and_old_tokens_and_the_top_of_them_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 70);
    let server = start(&list).await;
    let mut live = open(kept(&server, folder.path()));
    until_shown(&mut live, &list.top(PAGE)).await;
    list.message("30", 2_000_000);
    list.message("65", 999_950);
    until_shown(&mut live, &list.top(PAGE + 1)).await;
    live.handle().load_more();
    until_shown(&mut live, &list.top(2 * PAGE + 1)).await;
    list.forget_cursors();
    live.handle().load_more();
    until_shown(&mut live, &list.top(3 * PAGE + 1)).await;
    live.flush().await;
    let mut second = open(kept(&server, folder.path()));
    next(&mut second).await;
    assert_eq!(shown(&second), list.top(3 * PAGE + 1));
    second.handle().load_more();
    until_shown(&mut second, &list.top(4 * PAGE)).await;
    assert!(!second.has_more());
}

#[tokio::test]
async fn a_list_without_a_file_waits_for_its_server_and_ends_when_the_token_is_refused() {
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    let (address, options) = (server.address, options(server.url()));
    drop(server);
    let mut app = open(options.clone());
    assert!(matches!(next(&mut app).await, ListEvent::Status(WatchStatus::Connecting)));
    until_broken(&mut app).await;
    let back = list.clone();
    let refuses = Arc::new(Mutex::new(false));
    let refused = refuses.clone();
    let server = ScriptedServer::restart(address, move |_, seen| match *refused.lock().unwrap() {
        false => back.answer(seen),
        true => problem(401, 302, ""),
    })
    .await;
    app.handle().poke();
    until_shown(&mut app, &list.top(PAGE)).await;
    *refuses.lock().unwrap() = true;
    // The wait that is under way still brings it.
    list.message("last", 2_000_000);
    loop {
        match next(&mut app).await {
            ListEvent::Status(WatchStatus::Ended { .. }) => break,
            ListEvent::Status(_) | ListEvent::Sessions => {}
            ListEvent::MoreFailed(error) => panic!("{error}"),
        }
    }
    assert!(app.next().await.is_none());
    assert!(app.sessions().len() >= PAGE, "its sessions stay");
    let mut refused = open(options);
    next(&mut refused).await;
    let end = next(&mut refused).await;
    assert!(matches!(end, ListEvent::Status(WatchStatus::Ended { .. })), "{end:?}");
    drop(server);
}

#[tokio::test]
async fn a_page_that_fails_is_reported_and_loads_when_it_is_asked_for_again() {
    let list = ListServer::with_sessions("bob", 60);
    let (served, fails) = (list.clone(), Arc::new(Mutex::new(true)));
    let failing = fails.clone();
    let server = ScriptedServer::start(move |_, seen| {
        if seen.target.contains("pageToken") && *failing.lock().unwrap() {
            return problem(403, 403, "");
        }
        served.answer(seen)
    })
    .await;
    let mut app = open(options(server.url()));
    until_shown(&mut app, &list.top(PAGE)).await;
    app.handle().load_more();
    while !matches!(next(&mut app).await, ListEvent::MoreFailed(_)) {}
    assert_eq!(shown(&app), list.top(PAGE));
    *fails.lock().unwrap() = false;
    app.handle().load_more();
    until_shown(&mut app, &list.top(2 * PAGE)).await;
}

#[tokio::test]
async fn a_refresh_reads_the_list_again_down_to_where_it_is() {
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    let mut app = open(options(server.url()));
    until_shown(&mut app, &list.top(PAGE)).await;
    app.handle().load_more();
    until_shown(&mut app, &list.top(2 * PAGE)).await;
    app.handle().refresh();
    while !matches!(next(&mut app).await, ListEvent::Sessions) {}
    assert_eq!(shown(&app), list.top(2 * PAGE));
    let reads = |text| server.seen().iter().filter(|seen| seen.target.contains(text)).count();
    assert_eq!((reads("/v1/sessions"), reads("limit=40")), (3, 1));
}

#[tokio::test]
async fn a_page_on_its_way_when_the_future_was_dropped_still_comes() {
    let list = ListServer::with_sessions("bob", 60);
    let (served, asked) = (list.clone(), Arc::new(Notify::new()));
    let page_asked = asked.clone();
    let server = ScriptedServer::start(move |_, seen| {
        let answer = served.answer(seen);
        if !seen.target.contains("pageToken") {
            return answer;
        }
        page_asked.notify_one();
        ScriptedReply::After(Duration::from_millis(50), Box::new(answer))
    })
    .await;
    let mut app = open(options(server.url()));
    until_shown(&mut app, &list.top(PAGE)).await;
    app.handle().load_more();
    let driven = async { while app.next().await.is_some() {} };
    tokio::select! {
        () = driven => panic!("the list ended"),
        () = asked.notified() => {}
    }
    until_shown(&mut app, &list.top(2 * PAGE)).await;
}

#[tokio::test]
async fn a_poke_and_a_refresh_end_the_pause_that_a_server_asked_for() {
    let wishes: [fn(&ListHandle); 2] = [ListHandle::poke, ListHandle::refresh];
    for wish in wishes {
        let list = ListServer::with_sessions("bob", 5);
        let served = list.clone();
        let server = ScriptedServer::start(move |number, seen| match number {
            0 => problem(503, 503, "retry-after: 3600\r\n"),
            _ => served.answer(seen),
        })
        .await;
        let mut app = open(options(server.url()));
        until_broken(&mut app).await;
        wish(&app.handle());
        until_shown(&mut app, &list.top(PAGE)).await;
    }
}

#[tokio::test]
async fn servers_that_know_no_cursor_are_not_asked_for_the_list_in_a_tight_loop() {
    let list = ListServer::with_sessions("bob", 5);
    let served = list.clone();
    let server = ScriptedServer::start(move |_, seen| {
        let answer = served.answer(seen);
        served.forget_cursors();
        answer
    })
    .await;
    let mut app = open(options(server.url()));
    let driven = async { while app.next().await.is_some() {} };
    assert!(tokio::time::timeout(Duration::from_millis(700), driven).await.is_err());
    let seen = server.seen();
    let reads = seen.iter().filter(|request| request.target.starts_with("/v1/sessions")).count();
    assert!((1..15).contains(&reads), "{reads} reads");
}

/// What the user does and where the app dies are drawn at random; the end is the server's list.
#[tokio::test]
async fn after_any_changes_and_any_deaths_of_the_app_the_list_is_the_servers() {
    for seed in 1..=12_u64 {
        let folder = tempfile::tempdir().unwrap();
        let list = ListServer::with_sessions("bob", 50);
        let server = start(&list).await;
        let mut random = seed;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
            (random >> 33) % below
        };
        for _ in 0..8 {
            let mut app = open(kept(&server, folder.path()));
            for _ in 0..draw(20) {
                match draw(10) {
                    0..4 => list.message(&draw(60).to_string(), 999_900 + draw(500)),
                    4..7 => list.delete(&draw(60).to_string()),
                    7 => app.handle().load_more(),
                    8 if draw(4) == 0 => list.forget_cursors(),
                    _ => {
                        let soon = Duration::from_millis(draw(12));
                        let _ = tokio::time::timeout(soon, app.next()).await;
                    }
                }
            }
            if draw(2) == 0 {
                app.flush().await;
            }
        }
        let mut app = open(kept(&server, folder.path()));
        loop {
            if let Ok(event) = tokio::time::timeout(Duration::from_millis(300), app.next()).await {
                event.expect("the list ended");
                continue;
            }
            // It waits for a change: everything is in.
            assert!(!app.is_from_cache(), "seed {seed}");
            assert_eq!(shown(&app), list.top(app.sessions().len()), "seed {seed}");
            assert_eq!(app.has_more(), list.top(1_000).len() > app.sessions().len(), "seed {seed}");
            assert!(app.sessions().len() >= PAGE.min(list.top(PAGE).len()), "seed {seed}");
            break;
        }
    }
}

/// The server's word that an account is blocked is not the refusal of a token, which expires.
#[tokio::test]
async fn a_block_of_the_account_erases_its_file_and_a_refused_token_does_not() {
    for (status, code, files_left) in [(401, 302, 1), (403, 403, 1), (403, 422, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let list = ListServer::with_sessions("bob", 60);
        let (served, refuses) = (list.clone(), Arc::new(Mutex::new(false)));
        let refused = refuses.clone();
        let server = ScriptedServer::start(move |_, seen| match *refused.lock().unwrap() {
            false => served.answer(seen),
            true => problem(status, code, ""),
        })
        .await;
        show_once(&list, kept(&server, folder.path())).await;
        *refuses.lock().unwrap() = true;
        let mut app = open(kept(&server, folder.path()));
        while let Some(event) = app.next().await {
            assert!(!matches!(event, ListEvent::MoreFailed(_)), "{event:?}");
        }
        app.flush().await;
        assert_eq!(files(folder.path()).len(), files_left, "code {code}");
        assert_eq!(shown(&app), list.top(PAGE), "what shows is the app's to take away");
        // Once the block is over, the list is kept again.
        *refuses.lock().unwrap() = false;
        show_once(&list, kept(&server, folder.path())).await;
        assert_eq!(files(folder.path()).len(), 1);
    }
}

#[tokio::test]
async fn a_paused_list_asks_for_nothing_but_what_is_wished_and_resumes_without_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    let mut app = open(kept(&server, folder.path()));
    until_shown(&mut app, &list.top(PAGE)).await;
    list.message("late", 2_000_000);
    until_shown(&mut app, &list.top(PAGE + 1)).await;
    app.handle().pause();
    let quiet = Duration::from_millis(200);
    // Its waiting request ends, and what it showed is in the file without a flush.
    while tokio::time::timeout(quiet, app.next()).await.is_ok() {}
    let asked = server.seen().len();
    list.message("in the background", 3_000_000);
    assert!(tokio::time::timeout(quiet, app.next()).await.is_err());
    assert_eq!(server.seen().len(), asked);
    let mut beside = open(kept(&server, folder.path()));
    next(&mut beside).await;
    assert_eq!(beside.sessions()[0].session_id.peer(), "late");
    drop(beside);
    app.handle().load_more();
    assert!(app.is_loading_more());
    while app.is_loading_more() {
        next(&mut app).await;
    }
    assert_eq!(app.sessions().len(), 2 * PAGE + 1);
    app.handle().refresh();
    assert!(app.is_reading());
    while app.is_reading() {
        next(&mut app).await;
    }
    assert_eq!(shown(&app), list.top(app.sessions().len()), "a read is of now");
    list.message("later", 4_000_000);
    assert!(tokio::time::timeout(quiet, app.next()).await.is_err());
    app.handle().resume();
    let rows = app.sessions().len() + 1;
    until_shown(&mut app, &list.top(rows)).await;
}

#[tokio::test]
async fn a_list_that_follows_an_ended_one_reads_down_to_where_that_was_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListServer::with_sessions("bob", 60);
    let server = start(&list).await;
    show_once(&list, kept(&server, folder.path())).await;
    let service = SessionService::new(kept(&server, folder.path())).unwrap();
    let mut app = service.list(ListOption { page_size: PAGE as u32, rows_shown: 45 });
    while shown(&app) != list.top(45) {
        next(&mut app).await;
        assert!(!app.is_from_cache());
    }
    // All of it; then there is no more, which is an event all the same.
    app.handle().load_more();
    until_shown(&mut app, &list.top(60)).await;
    while tokio::time::timeout(Duration::from_millis(200), app.next()).await.is_ok() {}
    assert!(!app.has_more());
    app.handle().load_more();
    assert!(matches!(next(&mut app).await, ListEvent::Sessions));
    assert!(!app.is_loading_more());
    assert_eq!(shown(&app), list.top(60));
}

//! The redb engine against the conformance suite, and what only a file can do wrong.

mod directory;
mod flipped;
mod full_disk;
mod medium;
mod power_loss;

use std::sync::{Arc, Mutex};

use huihua_core::QueryMySessionOption;
use redb::{Database, ReadableTable as _, backends::InMemoryBackend};

use super::{RedbStore, opening::open_file, restore, tables};
use crate::{
    event::{Event, Owner, Place, Post, Team},
    store::{
        Attempt, Error, IDEMPOTENCY_MS, IdempotencyKey, Outcome, Progress, Store, SyncFrom,
        SyncOption, Touched, suite,
    },
};

fn in_memory() -> Box<dyn Store> {
    let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new()).unwrap());
    Box::new(RedbStore::with_opener(Box::new(open)).unwrap())
}

#[test]
fn conforms_to_the_suite() {
    suite::conform(&in_memory);
}

#[test]
fn its_directory_conforms_to_the_suite() {
    suite::directory::run(&in_memory);
}

#[test]
fn lists_are_exact_under_fire() {
    suite::fire::lists_are_exact_under_fire(&in_memory);
}

#[test]
fn nim_clients_never_stick_and_lose_nothing_unchanged() {
    suite::nim_clients::nim_clients_never_stick_and_lose_nothing_unchanged(&in_memory);
}

#[test]
fn a_clock_that_jumps_back_an_hour_breaks_no_order_and_no_version() {
    suite::cases::a_clock_that_jumps_back_an_hour_breaks_no_order_and_no_version(&in_memory);
}

#[test]
fn a_deleted_session_stays_deleted_after_its_tombstone_is_swept() {
    suite::cases::a_deleted_session_stays_deleted_after_its_tombstone_is_swept(&in_memory);
}

#[test]
fn a_hundred_deletions_at_once_are_all_told_in_pages_of_fifty() {
    suite::cases::a_hundred_deletions_at_once_are_all_told_in_pages_of_fifty(&in_memory);
}

fn amy() -> Owner {
    Owner { app: "app".parse().unwrap(), account: "amy".parse().unwrap() }
}

fn attempt(now: u64) -> Attempt {
    Attempt { now, key: None }
}

fn message(time: u64) -> Event {
    let place = Place::P2p { from: "bob".parse().unwrap(), to: "amy".parse().unwrap() };
    let post = Post { time, message_id: time.to_string(), last_msg: "{}".into() };
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

async fn times(store: &RedbStore) -> Vec<u64> {
    let page = store.list(&amy(), &QueryMySessionOption::default()).await.unwrap();
    page.session_list.iter().map(|row| row.update_time).collect()
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_store_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    for time in 1..4 {
        let store = RedbStore::open(folder.path()).unwrap();
        store.ingest(&amy().app, vec![message(time)], 10).await.unwrap();
        store.close().await;
        let store = RedbStore::open(folder.path()).unwrap();
        assert_eq!(times(&store).await, [time]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_walk_goes_on_after_the_store_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let option = QueryMySessionOption { limit: 1, ..Default::default() };
    let store = RedbStore::open(folder.path()).unwrap();
    let other = Place::P2p { from: "carl".parse().unwrap(), to: "amy".parse().unwrap() };
    let Event::Message { post, .. } = message(2) else { panic!() };
    let second = Event::Message { place: other, post, updates_session: true, audience: Vec::new() };
    store.ingest(&amy().app, vec![message(1), second], 10).await.unwrap();
    let token = store.list(&amy(), &option).await.unwrap().next_page_token;
    store.close().await;
    let store = RedbStore::open(folder.path()).unwrap();
    let option = QueryMySessionOption { page_token: token, ..option };
    let page = store.list(&amy(), &option).await.unwrap();
    assert_eq!(page.session_list[0].update_time, 1);
    store.close().await;
}

/// A sync in pages names versions from before this opening: they must count as of their own era.
#[tokio::test]
async fn a_sync_from_the_beginning_in_pages_ends_after_the_store_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path()).unwrap();
    let id = |n: u64| format!("p2p|peer{n}").parse().unwrap();
    for n in 0..5 {
        store.update(&amy(), &id(n), "x".into(), &attempt(10)).await.unwrap();
    }
    store.close().await;
    let store = RedbStore::open(folder.path()).unwrap();
    let (mut from, mut count) = (SyncFrom::Beginning, 0);
    loop {
        let option = SyncOption { from, limit: 2, need_last_msg: true };
        let changes = store.sync(&amy(), &option).await.unwrap();
        assert!(!changes.reset);
        count += changes.changes.len();
        from = SyncFrom::Cursor(changes.cursor);
        if !changes.has_more {
            break;
        }
    }
    assert_eq!(count, 5);
    store.close().await;
}

/// A join of very many accounts is done in parts; each event still has one outcome, in order.
#[tokio::test]
async fn a_join_in_parts_has_one_outcome_and_lets_everybody_in() {
    let store = in_memory();
    let accounts: Vec<_> = (0..2_500).map(|n| format!("a{n}").parse().unwrap()).collect();
    let team = Team::normal("7".parse().unwrap());
    let inviter = Some("boss".parse().unwrap());
    let join = Event::Join { team: team.clone(), accounts: accounts.clone(), inviter, time: 5 };
    let post = Post { time: 6, message_id: "1".into(), last_msg: "{}".into() };
    let place = Place::Team(team);
    let head = Event::Message { place, post, updates_session: true, audience: Vec::new() };
    let events = vec![message(1), join.clone(), head];
    let outcomes = store.ingest(&amy().app, events, 10).await.unwrap();
    assert_eq!(outcomes, [Outcome::Applied; 3]);
    let again = store.ingest(&amy().app, vec![join, message(1)], 10).await.unwrap();
    assert_eq!(again, [Outcome::Stale; 2]);
    for account in [&accounts[0], &accounts[255], &accounts[256], &accounts[2_499]]
        .into_iter()
        .cloned()
        .chain(["boss".parse().unwrap()])
    {
        let owner = Owner { account, ..amy() };
        assert_eq!(store.teams_of(&owner).await.unwrap().len(), 1);
        let page = store.list(&owner, &QueryMySessionOption::default()).await.unwrap();
        assert_eq!(page.session_list[0].update_time, 6);
    }
    store.close().await;
}

#[tokio::test]
async fn what_moved_is_told_after_it_is_durable_and_what_did_not_is_not() {
    let store = in_memory();
    let mut hints = store.hints();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    let bob = Owner { account: "bob".parse().unwrap(), ..amy() };
    let expected = [Touched::Account(bob), Touched::Account(amy())];
    assert_eq!(*hints.recv().await.unwrap(), expected);
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.delete(&amy(), vec!["p2p|bob".parse().unwrap()], &attempt(10)).await.unwrap();
    assert_eq!(*hints.recv().await.unwrap(), [Touched::Account(amy())]);
    store.close().await;
}

/// NIM's users retry. The first try of a delete took effect and its answer was lost; a message came
/// in; the retry must not hide it. So across a restart, and for 10 minutes.
#[tokio::test]
async fn a_retried_delete_does_not_hide_a_message_that_came_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let bob = || vec!["p2p|bob".parse().unwrap()];
    let tried = |now| Attempt { now, key: IdempotencyKey::new("call-1") };
    let store = RedbStore::open(folder.path()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.delete(&amy(), bob(), &tried(10)).await.unwrap();
    store.ingest(&amy().app, vec![message(2)], 10).await.unwrap();
    store.delete(&amy(), bob(), &tried(11)).await.unwrap();
    assert_eq!(times(&store).await, [2]);
    store.close().await;
    let store = RedbStore::open(folder.path()).unwrap();
    store.sweep(10 + IDEMPOTENCY_MS).await.unwrap();
    store.delete(&amy(), bob(), &tried(10 + IDEMPOTENCY_MS)).await.unwrap();
    assert_eq!(times(&store).await, [2], "after a restart and a sweep, within 10 minutes");
    store.sweep(11 + IDEMPOTENCY_MS).await.unwrap();
    store.delete(&amy(), bob(), &tried(11 + IDEMPOTENCY_MS)).await.unwrap();
    assert_eq!(times(&store).await, Vec::<u64>::new(), "a new call by then");
    store.close().await;
}

#[tokio::test]
async fn a_retried_update_gets_its_first_result_and_another_call_under_its_key_is_refused() {
    let store = in_memory();
    let bob = "p2p|bob".parse().unwrap();
    let tried = |now| Attempt { now, key: IdempotencyKey::new("call-1") };
    let first = store.update(&amy(), &bob, "x".into(), &tried(10)).await.unwrap();
    store.update(&amy(), &bob, "y".into(), &attempt(11)).await.unwrap();
    let again = store.update(&amy(), &bob, "x".into(), &tried(12)).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(store.get(&amy(), &bob).await.unwrap().unwrap().ext, "y");
    let other = store.update(&amy(), &bob, "z".into(), &tried(13)).await;
    assert!(matches!(other, Err(Error::KeyReused)));
    let other = store.delete(&amy(), vec![bob.clone()], &tried(13)).await;
    assert!(matches!(other, Err(Error::KeyReused)));
    let amx = Owner { account: "amx".parse().unwrap(), ..amy() };
    store.update(&amx, &bob, "z".into(), &tried(13)).await.unwrap();
    store.close().await;
}

/// A store restored from a backup goes its own way: what it forgot must not seem known.
#[tokio::test]
async fn a_restored_store_has_what_the_backup_had_and_resets_later_cursors() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let copy = folder.path().join("copy.redb");
    let store = RedbStore::open(&first).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    let sync = |from| SyncOption { from, limit: 9, need_last_msg: true };
    let old = store.sync(&amy(), &sync(SyncFrom::Latest)).await.unwrap().cursor;
    let told = Arc::new(Mutex::new((0, 0)));
    let teller = Arc::clone(&told);
    let progress: Progress = Box::new(move |done, all| *teller.lock().unwrap() = (done, all));
    store.backup(&copy, progress).await.unwrap();
    let (done, all) = *told.lock().unwrap();
    assert!(done == all && all >= 2, "{done} of {all}");
    store.ingest(&amy().app, vec![message(2)], 10).await.unwrap();
    let late = store.sync(&amy(), &sync(SyncFrom::Latest)).await.unwrap().cursor;
    let again = store.backup(&copy, Box::new(|_, _| {})).await.unwrap_err().to_string();
    assert!(again.contains("exists already"), "{again}");
    store.close().await;

    restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap();
    let store = RedbStore::open(&second).unwrap();
    assert_eq!(times(&store).await, [1]);
    assert!(!store.sync(&amy(), &sync(SyncFrom::Cursor(old))).await.unwrap().reset);
    assert!(store.sync(&amy(), &sync(SyncFrom::Cursor(late.clone()))).await.unwrap().reset);
    store.ingest(&amy().app, vec![message(3)], 10).await.unwrap();
    store.ingest(&amy().app, vec![message(4)], 10).await.unwrap();
    assert!(store.sync(&amy(), &sync(SyncFrom::Cursor(late))).await.unwrap().reset);
    store.close().await;
    let refused = restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap_err();
    assert!(refused.to_string().contains("exists already"), "{refused}");
}

#[tokio::test]
async fn a_backup_with_a_flipped_byte_restores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.redb");
    let store = RedbStore::open(&folder.path().join("first")).unwrap();
    let Event::Message { mut post, place, .. } = message(1) else { panic!() };
    post.last_msg = r#"{"9":"findme"}"#.into();
    let event = Event::Message { place, post, updates_session: true, audience: Vec::new() };
    store.ingest(&amy().app, vec![event], 10).await.unwrap();
    store.backup(&copy, Box::new(|_, _| {})).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(&copy).unwrap();
    let at = bytes.windows(6).position(|window| window == b"findme").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
    let second = folder.path().join("second");
    let refused = restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    assert_eq!(std::fs::read_dir(&second).unwrap().count(), 0);
    std::fs::write(&copy, "no store").unwrap();
    let refused = restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn a_second_store_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path()).unwrap();
    let error = RedbStore::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("held by another process"), "{error}");
    store.close().await;
    RedbStore::open(folder.path()).unwrap().close().await;
}

#[tokio::test]
async fn a_foreign_or_cut_file_is_refused_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(tables::FILE_NAME);
    std::fs::write(&path, "not a database, but longer than a header".repeat(200)).unwrap();
    let error = RedbStore::open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    std::fs::remove_file(&path).unwrap();
    let store = RedbStore::open(folder.path()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.close().await;
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
    let error = RedbStore::open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, bytes.len() / 3, "left as it was");
}

/// Without the number of the last version, versions would begin anew and every cursor lie.
#[tokio::test]
async fn a_store_that_lost_one_of_its_numbers_is_refused() {
    for name in [tables::META_FORMAT, tables::META_VERSION, tables::META_ERAS] {
        let folder = tempfile::tempdir().unwrap();
        RedbStore::open(folder.path()).unwrap().close().await;
        let db = open_file(folder.path()).unwrap();
        let tx = db.begin_write().unwrap();
        tx.open_table(tables::META).unwrap().remove(name).unwrap();
        tx.commit().unwrap();
        drop(db);
        let error = RedbStore::open(folder.path()).err().unwrap();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    RedbStore::open(folder.path()).unwrap().close().await;
    let db = open_file(folder.path()).unwrap();
    let tx = db.begin_write().unwrap();
    {
        let mut meta = tx.open_table(tables::META).unwrap();
        let value = super::row::encode_numbers(tables::META_FORMAT, [tables::FORMAT + 1]);
        meta.insert(tables::META_FORMAT, value.as_slice()).unwrap();
    }
    tx.commit().unwrap();
    drop(db);
    let error = RedbStore::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("newer"), "{error}");
}

#[tokio::test]
async fn a_damaged_row_is_an_error_that_names_it_and_spares_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.close().await;
    let db = open_file(folder.path()).unwrap();
    let tx = db.begin_write().unwrap();
    let kind = huihua_core::SessionKind::P2p;
    let key = tables::session_key(&amy().app, "amy", kind, "bob");
    {
        let mut sessions = tx.open_table(tables::SESSIONS).unwrap();
        let mut value = sessions.get(key.as_slice()).unwrap().unwrap().value().to_vec();
        value[5] ^= 4;
        sessions.insert(key.as_slice(), value.as_slice()).unwrap();
    }
    tx.commit().unwrap();
    drop(db);
    let store = RedbStore::open(folder.path()).unwrap();
    let error = store.list(&amy(), &QueryMySessionOption::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { what } if what.contains("amy")), "{error}");
    let error = store.ingest(&amy().app, vec![message(2)], 10).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let bob = Owner { account: "bob".parse().unwrap(), ..amy() };
    let page = store.list(&bob, &QueryMySessionOption::default()).await.unwrap();
    assert_eq!(page.session_list[0].update_time, 1, "not half written by the failed event");
    store.close().await;
}

#[tokio::test]
async fn what_is_too_far_ahead_of_the_clock_is_not_taken() {
    let store = in_memory();
    let events = vec![message(600_011), message(600_010)];
    let outcomes = store.ingest(&amy().app, events, 10).await.unwrap();
    assert_eq!(outcomes, [Outcome::TooFarAhead, Outcome::Applied]);
    store.close().await;
}

#[tokio::test]
async fn after_closing_nothing_is_taken_and_nothing_is_read() {
    let store = in_memory();
    store.close().await;
    let refused = store.ingest(&amy().app, vec![message(1)], 10).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })));
    assert!(matches!(store.health().await, Err(Error::Unavailable { .. })));
    let refused = store.list(&amy(), &QueryMySessionOption::default()).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })));
}

#[tokio::test]
async fn sessions_by_ext_alone_are_limited_and_deleting_makes_room() {
    let store = in_memory();
    let id = |n: usize| format!("p2p|peer{n}").parse().unwrap();
    for n in 0..1_000 {
        store.update(&amy(), &id(n), "x".into(), &attempt(10)).await.unwrap();
    }
    let refused = store.update(&amy(), &id(1_000), "x".into(), &attempt(10)).await;
    assert!(matches!(refused, Err(Error::TooManySessions { max: 1_000 })));
    store.update(&amy(), &id(5), "y".into(), &attempt(10)).await.unwrap();
    store.update(&amy(), &"p2p|bob".parse().unwrap(), "x".into(), &attempt(10)).await.unwrap_err();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.update(&amy(), &"p2p|bob".parse().unwrap(), "x".into(), &attempt(10)).await.unwrap();
    store.delete(&amy(), vec![id(3)], &attempt(10)).await.unwrap();
    store.update(&amy(), &id(1_000), "x".into(), &attempt(10)).await.unwrap();
    store.close().await;
}

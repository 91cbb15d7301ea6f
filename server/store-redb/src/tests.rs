//! The redb engine against the conformance suite, and what only a file can do wrong.

mod account_forms;
mod directory;
mod flipped;
mod full_disk;
mod hot;
mod medium;
mod old_formats;
mod power_loss;
mod queue;
mod this_format;

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use huihua_core::QueryMySessionOption;
use huihua_event::{Event, Owner, Place};
use huihua_store::{
    Attempt, Engine as _, Error, IdempotencyKey, Progress, Store as _, SweepState, SyncFrom,
    SyncRequest, TOMBSTONE_MS,
    suite::support::{Opener, amy, attempt, message},
};
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, StorageBackend, backends::InMemoryBackend,
};

use crate::{
    Memory, QueueLimits, one_sync::OneSync, opening::open_file, restore, store::RedbStore, tables,
};

/// A file in memory that outlives the store over it.
#[derive(Debug, Clone)]
struct MemoryFile(Arc<InMemoryBackend>);

impl StorageBackend for MemoryFile {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let end = offset + data.len() as u64;
        if end > self.0.len()? {
            self.0.set_len(end)?;
        }
        self.0.write(offset, data)
    }
}

fn in_memory(lists_bytes_max: usize) -> Opener {
    let [file, lists] = [(); 2].map(|()| MemoryFile(Arc::new(InMemoryBackend::new())));
    Box::new(move || {
        let (file, lists) = (file.clone(), lists.clone());
        let open = move || {
            let backend = OneSync::new(file.clone(), lists.clone());
            Ok(Database::builder().create_with_backend(backend).unwrap())
        };
        Box::new(
            RedbStore::with_opener(Box::new(open), lists_bytes_max, QueueLimits::DEFAULT).unwrap(),
        )
    })
}

/// So little that the lists of few accounts fit at one time: they come and go with every call.
const LITTLE_BYTES: usize = 24 * 1024;
/// So much that every list stays.
const MUCH_BYTES: usize = 64 * 1024 * 1024;

/// Lists come into memory and go all the time.
mod little_memory {
    huihua_store::conformance_tests!(|| super::in_memory(super::LITTLE_BYTES));
}

/// Lists stay in memory, and every write goes through to them.
mod much_memory {
    huihua_store::conformance_tests!(|| super::in_memory(super::MUCH_BYTES));
}

/// A store in a folder of its own, whose lists in memory may have so many bytes.
fn in_folder(lists_bytes_max: usize) -> (tempfile::TempDir, RedbStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let open = Box::new(move || open_file(&path, Memory::default(), 0));
    let store = RedbStore::with_opener(open, lists_bytes_max, QueueLimits::DEFAULT).unwrap();
    (folder, store)
}

/// Else the suite would not ask it to tell what moved from what did not.
#[test]
fn the_suite_holds_this_engine_to_what_moved() {
    assert!(in_folder(MUCH_BYTES).1.knows_what_moved());
}

async fn times(store: &RedbStore) -> Vec<u64> {
    let page = store.list_page(&amy(), &QueryMySessionOption::default()).await.unwrap();
    page.session_list.iter().map(|row| row.update_time).collect()
}

/// One call looks at few rows, so that others get their turn; the pass must still reach every row.
#[tokio::test]
async fn a_sweep_in_many_calls_drops_the_text_of_every_deleted_session() {
    const SESSIONS: u64 = 900;
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let from = |n: u64| {
        let Event::Message { post, .. } = message(1) else { panic!() };
        let place = Place::P2p { from: format!("p{n}").parse().unwrap(), to: amy().account };
        Event::Message { place, post, updates_session: true, audience: Vec::new() }
    };
    store.ingest(&amy().app, (0..SESSIONS).map(from).collect(), 10).await.unwrap();
    let ids: Vec<_> = (0..SESSIONS).map(|n| format!("p2p|p{n}").parse().unwrap()).collect();
    for some in ids.chunks(100) {
        store.delete(&amy(), some.to_vec(), &attempt(10)).await.unwrap();
    }
    let mut calls = 0;
    for pass in 0..2 {
        while store.sweep(10 + pass * TOMBSTONE_MS, 1).await.unwrap() == SweepState::Unfinished {
            calls += 1;
        }
    }
    assert!(calls > 2 * SESSIONS / 300, "{calls}");
    store.close().await;
    let db = open_file(folder.path(), Memory::default(), 0).unwrap();
    let sessions = db.begin_read().unwrap().open_table(tables::SESSIONS).unwrap();
    let range = tables::owner_range(&amy());
    let rows = sessions.range::<&[u8]>(range.start.as_slice()..range.end.as_slice()).unwrap();
    let texts = rows.filter(|item| {
        let (key, value) = item.as_ref().unwrap();
        let row = crate::row::decode_row(key.value(), value.value()).unwrap();
        row.latest.message.is_some_and(|message| !message.text.is_empty())
    });
    assert_eq!(texts.count(), 0);
}

#[tokio::test]
async fn verifying_counts_every_value_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let numbers = store.verify(Box::new(|_, _| {})).await.unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    let before = std::fs::read(folder.path().join(tables::FILE_NAME)).unwrap();
    let reported = Arc::new(Mutex::new((0, 0)));
    let reporter = Arc::clone(&reported);
    let progress: Progress = Box::new(move |done, all| *reporter.lock().unwrap() = (done, all));
    // A session of each of the two.
    assert_eq!(store.verify(progress).await.unwrap(), numbers + 2);
    assert_eq!(*reported.lock().unwrap(), (numbers + 2, numbers + 2));
    assert_eq!(std::fs::read(folder.path().join(tables::FILE_NAME)).unwrap(), before);
    store.close().await;
}

/// A store restored from a backup goes its own way: what it forgot must not seem known.
#[tokio::test]
async fn a_restored_store_has_what_the_backup_had_and_resets_later_cursors() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let copy = folder.path().join("copy.redb");
    let store = RedbStore::open(&first, Memory::default()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    let sync = |from| SyncRequest { from, limit: 9, need_last_msg: true };
    let old = store.sync_page(&amy(), &sync(SyncFrom::Latest)).await.unwrap().cursor;
    let reported = Arc::new(Mutex::new((0, 0)));
    let reporter = Arc::clone(&reported);
    let progress: Progress = Box::new(move |done, all| *reporter.lock().unwrap() = (done, all));
    store.backup(&copy, progress).await.unwrap();
    let (done, all) = *reported.lock().unwrap();
    assert!(done == all && all >= 2, "{done} of {all}");
    store.ingest(&amy().app, vec![message(2)], 10).await.unwrap();
    let late = store.sync_page(&amy(), &sync(SyncFrom::Latest)).await.unwrap().cursor;
    let again = store.backup(&copy, Box::new(|_, _| {})).await.unwrap_err().to_string();
    assert!(again.contains("exists already"), "{again}");
    store.close().await;

    restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap();
    let store = RedbStore::open(&second, Memory::default()).unwrap();
    assert_eq!(times(&store).await, [1]);
    assert!(!store.sync_page(&amy(), &sync(SyncFrom::Cursor(old))).await.unwrap().reset);
    assert!(store.sync_page(&amy(), &sync(SyncFrom::Cursor(late.clone()))).await.unwrap().reset);
    store.ingest(&amy().app, vec![message(3)], 10).await.unwrap();
    store.ingest(&amy().app, vec![message(4)], 10).await.unwrap();
    assert!(store.sync_page(&amy(), &sync(SyncFrom::Cursor(late))).await.unwrap().reset);
    store.close().await;
    let refused = restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap_err();
    assert!(refused.to_string().contains("exists already"), "{refused}");
}

#[tokio::test]
async fn a_backup_with_a_flipped_byte_restores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.redb");
    let store = RedbStore::open(&folder.path().join("first"), Memory::default()).unwrap();
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
    assert!(!second.exists());
    std::fs::write(&copy, "no store").unwrap();
    let refused = restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn a_compaction_without_room_for_the_new_file_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    let nothing = || Box::new(|_, _| {}) as Progress;
    let held = crate::compact(folder.path(), u64::MAX, &nothing()).unwrap_err().to_string();
    assert!(held.contains("held by another process"), "{held}");
    store.close().await;
    let path = folder.path().join(tables::FILE_NAME);
    let before = std::fs::read(&path).unwrap();
    let refused = crate::compact(folder.path(), 100_000, &nothing()).unwrap_err().to_string();
    assert!(refused.contains("and there are 100000: make room first"), "{refused}");
    assert!(std::fs::read(&path).unwrap() == before && !tables::part_of(&path).exists());
    crate::compact(folder.path(), u64::MAX, &nothing()).unwrap();
    crate::verify(folder.path(), &nothing()).unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let page = store.list_page(&amy(), &QueryMySessionOption::default()).await.unwrap();
    assert_eq!(page.session_list.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_second_store_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let error = RedbStore::open(folder.path(), Memory::default()).err().unwrap().to_string();
    assert!(error.contains("held by another process"), "{error}");
    store.close().await;
    RedbStore::open(folder.path(), Memory::default()).unwrap().close().await;
}

#[tokio::test]
async fn a_foreign_or_cut_file_is_refused_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(tables::FILE_NAME);
    std::fs::write(&path, "not a database, but longer than a header".repeat(200)).unwrap();
    let error = RedbStore::open(folder.path(), Memory::default()).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    std::fs::remove_file(&path).unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.close().await;
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
    let error = RedbStore::open(folder.path(), Memory::default()).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, bytes.len() / 3, "left as it was");
}

/// Without the number of the last version, versions would begin anew and every cursor lie.
#[tokio::test]
async fn a_store_that_lost_one_of_its_numbers_is_refused() {
    for name in [tables::META_FORMAT, tables::META_VERSION, tables::META_ERAS] {
        let folder = tempfile::tempdir().unwrap();
        RedbStore::open(folder.path(), Memory::default()).unwrap().close().await;
        let db = open_file(folder.path(), Memory::default(), 0).unwrap();
        let tx = db.begin_write().unwrap();
        tx.open_table(tables::META).unwrap().remove(name).unwrap();
        tx.commit().unwrap();
        drop(db);
        let error = RedbStore::open(folder.path(), Memory::default()).err().unwrap();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    RedbStore::open(folder.path(), Memory::default()).unwrap().close().await;
    let db = open_file(folder.path(), Memory::default(), 0).unwrap();
    let tx = db.begin_write().unwrap();
    {
        let mut meta = tx.open_table(tables::META).unwrap();
        let value = crate::row::encode_numbers(tables::META_FORMAT, [tables::FORMAT + 1]);
        meta.insert(tables::META_FORMAT, value.as_slice()).unwrap();
    }
    tx.commit().unwrap();
    drop(db);
    let error = RedbStore::open(folder.path(), Memory::default()).err().unwrap().to_string();
    assert!(error.contains("newer"), "{error}");
}

#[tokio::test]
async fn a_damaged_row_is_an_error_that_names_it_and_spares_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.close().await;
    let db = open_file(folder.path(), Memory::default(), 0).unwrap();
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
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let error = store.list_page(&amy(), &QueryMySessionOption::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { what } if what.contains("amy")), "{error}");
    let error = store.verify(Box::new(|_, _| {})).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { what } if what.contains("amy")), "{error}");
    let error = store.ingest(&amy().app, vec![message(2)], 10).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    let bob = Owner { account: "bob".parse().unwrap(), ..amy() };
    let page = store.list_page(&bob, &QueryMySessionOption::default()).await.unwrap();
    assert_eq!(page.session_list[0].update_time, 1, "not half written by the failed event");
    store.close().await;
}

fn eras_on_disk(folder: &Path) -> usize {
    let db = open_file(folder, Memory::default(), 0).unwrap();
    let meta = db.begin_read().unwrap().open_table(tables::META).unwrap();
    crate::lookup::numbers(&meta, tables::META_ERAS).unwrap().unwrap().len() / 2
}

/// An era was drawn at each opening: 4,096 starts that failed at their port forgot every cursor.
#[tokio::test]
async fn openings_that_write_nothing_leave_no_era_and_forget_no_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let sync = |from| SyncRequest { from, limit: 9, need_last_msg: true };
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let mut cursors = vec![store.sync_page(&amy(), &sync(SyncFrom::Latest)).await.unwrap().cursor];
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    cursors.push(store.sync_page(&amy(), &sync(SyncFrom::Latest)).await.unwrap().cursor);
    store.close().await;
    let bytes = std::fs::read(folder.path().join(tables::FILE_NAME)).unwrap();
    for _ in 0..20 {
        let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
        // What the server asks for before it serves, and its health check, are no versions.
        let forms = [(amy().app, huihua_core::AccountForm::Nim)];
        store.remember_account_forms(&forms).await.unwrap().unwrap();
        store.health().await.unwrap();
        // Its own cursor is good in the next opening as well.
        cursors.push(store.sync_page(&amy(), &sync(SyncFrom::Latest)).await.unwrap().cursor);
        store.close().await;
    }
    assert!(bytes.len() > 1_000 && eras_on_disk(folder.path()) == 1);
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    for cursor in cursors {
        assert!(!store.sync_page(&amy(), &sync(SyncFrom::Cursor(cursor))).await.unwrap().reset);
    }
    for time in 2..5 {
        store.ingest(&amy().app, vec![message(time)], 10).await.unwrap();
    }
    store.close().await;
    assert_eq!(eras_on_disk(folder.path()), 2, "one that wrote has an era, and only one");
}

/// Two copies of one store write on their own: neither takes the other's cursors for its own.
#[tokio::test]
async fn copies_of_a_store_do_not_know_each_others_later_cursors() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let store = RedbStore::open(&first, Memory::default()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.close().await;
    std::fs::create_dir(&second).unwrap();
    std::fs::copy(first.join(tables::FILE_NAME), second.join(tables::FILE_NAME)).unwrap();
    let sync = |from| SyncRequest { from, limit: 9, need_last_msg: true };
    let mut cursors = Vec::new();
    for folder in [&first, &second] {
        let store = RedbStore::open(folder, Memory::default()).unwrap();
        store.ingest(&amy().app, vec![message(2)], 10).await.unwrap();
        cursors.push(store.sync_page(&amy(), &sync(SyncFrom::Latest)).await.unwrap().cursor);
        store.close().await;
    }
    for (folder, [own, others]) in [(&first, [0, 1]), (&second, [1, 0])] {
        let store = RedbStore::open(folder, Memory::default()).unwrap();
        store.ingest(&amy().app, vec![message(3)], 10).await.unwrap();
        let is_reset = async |at: usize| {
            let from = SyncFrom::Cursor(cursors[at].clone());
            store.sync_page(&amy(), &sync(from)).await.unwrap().reset
        };
        assert!(!is_reset(own).await && is_reset(others).await);
        store.close().await;
    }
}

/// Whether only the owner may use it.
fn is_private(path: &Path) -> bool {
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    mode & 0o077 == 0
}

/// They were readable to every user of the machine.
#[tokio::test]
async fn a_store_its_backup_and_the_restored_one_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let copy = folder.path().join("copy.redb");
    let store = RedbStore::open(&first, Memory::default()).unwrap();
    store.backup(&copy, Box::new(|_, _| {})).await.unwrap();
    store.close().await;
    restore(&copy, &second, &(Box::new(|_, _| {}) as Progress)).unwrap();
    for path in [&first, &second, &copy] {
        assert!(is_private(path), "{}", path.display());
    }
    for path in [&first, &second] {
        assert!(is_private(&path.join(tables::FILE_NAME)), "{}", path.display());
    }
}

/// Each was opened as an empty store: every list was empty, and copies were taken.
#[tokio::test]
async fn an_empty_file_and_a_restore_that_was_cut_off_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(tables::FILE_NAME);
    std::fs::write(&path, "").unwrap();
    let error = RedbStore::open(folder.path(), Memory::default()).err().unwrap().to_string();
    assert!(error.contains("huihua.redb is empty (0 bytes)"), "{error}");
    assert!(error.contains("Restore the store from a backup"), "{error}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0, "left as it was");
    std::fs::rename(&path, folder.path().join("huihua.redb.part")).unwrap();
    let error = RedbStore::open(folder.path(), Memory::default()).err().unwrap().to_string();
    assert!(error.contains("huihua.redb.part is there"), "{error}");
    assert!(error.contains("Run `huihua-server restore` into this folder again"), "{error}");
    assert!(!path.exists(), "no store was made");
    // The remedy.
    let copy = folder.path().join("copy.redb");
    let store = RedbStore::open(&folder.path().join("first"), Memory::default()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    store.backup(&copy, Box::new(|_, _| {})).await.unwrap();
    store.close().await;
    restore(&copy, folder.path(), &(Box::new(|_, _| {}) as Progress)).unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    assert_eq!(times(&store).await, [1]);
    store.close().await;
}

/// Rows of a table, after the store is closed.
fn count(folder: &std::path::Path, table: tables::Definition) -> u64 {
    let db = open_file(folder, Memory::default(), 0).unwrap();
    let tx = db.begin_read().unwrap();
    redb::ReadableTableMetadata::len(&tx.open_table(table).unwrap()).unwrap()
}

/// Issue 15: each update under a key left its whole answer, 88 KB, and there was no end to them.
#[tokio::test]
async fn first_results_of_a_client_keep_no_text_and_an_account_has_at_most_a_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(folder.path(), Memory::default()).unwrap());
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    let tried = |n: u64| Attempt { now: 10 + n, key: IdempotencyKey::new(&format!("k{n}")) };
    let id = || "p2p|bob".parse().unwrap();
    let ext = |n: u64| format!("{n}{}", "e".repeat(4_000));
    let calls: Vec<_> = (0..1_500)
        .map(|n| {
            let (store, attempt) = (Arc::clone(&store), tried(n));
            tokio::spawn(async move { store.update(&amy(), &id(), ext(n), &attempt).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // The newest is given again, and is not done again.
    store.update(&amy(), &id(), "later".into(), &attempt(1_600)).await.unwrap();
    let again = store.update(&amy(), &id(), ext(1_499), &tried(1_499)).await.unwrap();
    assert_eq!((again.ext, again.update_time), (ext(1_499), 1));
    assert!(again.last_msg.is_some());
    let now = store.get_session(&amy(), &id()).await.unwrap().unwrap();
    assert_eq!(now.ext, "later", "not done again");
    let other = store.update(&amy(), &id(), "other".into(), &tried(1_499)).await;
    assert!(matches!(other, Err(Error::KeyReused)), "{other:?}");
    store.delete(&amy(), vec![id()], &attempt(1_700)).await.unwrap();
    let again = store.update(&amy(), &id(), ext(1_499), &tried(1_499)).await.unwrap();
    assert_eq!((again.ext, again.last_msg), (ext(1_499), None), "deleted since");
    assert_eq!(times(&store).await, Vec::<u64>::new());
    store.close().await;
    let results = count(folder.path(), tables::RESULTS);
    assert!((900..=1_000).contains(&results), "{results}");
    let db = open_file(folder.path(), Memory::default(), 0).unwrap();
    let results = db.begin_read().unwrap().open_table(tables::RESULTS).unwrap();
    assert!(results.iter().unwrap().all(|item| item.unwrap().1.value().len() < 50));
}

/// Issue 15: an update and a delete of ids that an attacker made up left rows for ever.
#[tokio::test]
async fn sessions_that_had_nothing_but_an_ext_leave_no_row_when_nobody_asks_for_them_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    let id = |n: u64| format!("p2p|made-up-{n}").parse().unwrap();
    for n in 0..300 {
        store.update(&amy(), &id(n), "x".into(), &attempt(10)).await.unwrap();
    }
    let from = SyncRequest { from: SyncFrom::Latest, limit: 500, need_last_msg: true };
    let cursor = store.sync_page(&amy(), &from).await.unwrap().cursor;
    for some in (0..299).map(id).collect::<Vec<_>>().chunks(100) {
        store.delete(&amy(), some.to_vec(), &attempt(10)).await.unwrap();
    }
    store.delete(&amy(), vec!["p2p|bob".parse().unwrap()], &attempt(10)).await.unwrap();
    let sweep_all = async |now| {
        while store.sweep(now, 1).await.unwrap() == SweepState::Unfinished {}
    };
    sweep_all(10).await;
    sweep_all(TOMBSTONE_MS - 2 * 60 * 60 * 1_000).await;
    let from = SyncRequest { from: SyncFrom::Cursor(cursor), limit: 500, need_last_msg: true };
    let announced = store.sync_page(&amy(), &from).await.unwrap();
    assert_eq!((announced.changes.len(), announced.reset), (300, false), "for 30 days");
    sweep_all(10 + TOMBSTONE_MS).await;
    assert_eq!(times(&store).await, [10]);
    // What a delete hides stays hidden: its row is kept.
    store.ingest(&amy().app, vec![message(1)], 10).await.unwrap();
    assert_eq!(times(&store).await, [10]);
    store.close().await;
    // Both sides of the message, and the one made-up session that is there.
    assert_eq!(count(folder.path(), tables::SESSIONS), 3);
}

#[tokio::test]
async fn first_results_go_by_the_minute_although_sessions_are_swept_by_the_hour() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let now = TOMBSTONE_MS;
    let tried = |now| Attempt { now, key: IdempotencyKey::new(&format!("k{now}")) };
    assert_eq!(store.sweep(now, usize::MAX).await.unwrap(), SweepState::Complete);
    let id = "p2p|bob".parse().unwrap();
    store.update(&amy(), &id, "x".into(), &tried(now)).await.unwrap();
    let later = now + huihua_store::IDEMPOTENCY_MS + 60_000;
    assert_eq!(store.sweep(later, usize::MAX).await.unwrap(), SweepState::Complete);
    store.close().await;
    assert_eq!(count(folder.path(), tables::RESULTS), 0);
}

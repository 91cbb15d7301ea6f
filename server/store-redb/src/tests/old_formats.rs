//! Stores that older versions made, as they left them: they open, their lists are the ones that the
//! old version answered, their cursors and page tokens go on.
//!
//! `data/format-N.redb.gz` was made by the server of its time, `data/format-N.json` is what that
//! server answered last. Where a format got something new, `N-words` is a store with it.

use std::{fs::File, path::Path, sync::Arc};

use flate2::read::GzDecoder;
use huihua_core::{AppKey, Page, QueryMySessionOption, RecentSession, SessionChange, SyncPage};
use huihua_event::{Action, Edit, Event, Owner, Place, Post, Team, TeamKind, TokenHash};
use huihua_store::{
    Attempt, Engine as _, IdempotencyKey, Progress, Store as _, SyncFrom, SyncRequest,
    suite::{
        directory::{message, to},
        support::message as message_from_bob,
    },
};
use redb::ReadableDatabase as _;
use serde::{Deserialize, Serialize};

use super::this_format;
use crate::{Memory, opening::open_file, row, store::RedbStore, tables};

/// The last answers of the old server.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OldAnswers {
    pub(super) app_key: AppKey,
    /// When the store was made, ms since 1970.
    pub(super) now: u64,
    /// Token of amy in the directory; from format 2 on.
    pub(super) token: Option<String>,
    pub(super) early_cursor: String,
    pub(super) changes_since_early: Vec<SessionChange>,
    pub(super) latest_cursor: String,
    pub(super) first_page: Page,
    pub(super) rest_of_page: Vec<RecentSession>,
    pub(super) list: Vec<RecentSession>,
    pub(super) bobs_list: Vec<RecentSession>,
}

impl OldAnswers {
    fn owner(&self, name: &str) -> Owner {
        Owner { app: self.app_key.clone(), account: name.parse().unwrap() }
    }
}

/// Unpacks a store into this folder, and reads the answers of its time.
pub(super) fn unpack(format: &str, folder: &Path) -> OldAnswers {
    let top = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let data = Path::new(&top).join("src/tests/data");
    let packed = File::open(data.join(format!("format-{format}.redb.gz"))).unwrap();
    let mut file = File::create(folder.join(tables::FILE_NAME)).unwrap();
    std::io::copy(&mut GzDecoder::new(packed), &mut file).unwrap();
    let answers = File::open(data.join(format!("format-{format}.json"))).unwrap();
    serde_json::from_reader(answers).unwrap()
}

async fn list(store: &RedbStore, owner: &Owner) -> Vec<RecentSession> {
    store.list_page(owner, &QueryMySessionOption::default()).await.unwrap().session_list
}

async fn sync(store: &RedbStore, owner: &Owner, cursor: &str) -> SyncPage {
    let from = SyncFrom::Cursor(cursor.to_owned());
    let request = SyncRequest { from, limit: 500, need_last_msg: true };
    store.sync_page(owner, &request).await.unwrap()
}

async fn check_lists(store: &RedbStore, old: &OldAnswers) {
    let (amy, bob) = (old.owner("amy"), old.owner("bob"));
    assert_eq!(list(store, &amy).await, old.list);
    assert_eq!(list(store, &bob).await, old.bobs_list);
    let early = sync(store, &amy, &old.early_cursor).await;
    assert_eq!((early.changes, early.reset), (old.changes_since_early.clone(), false));
    let latest = sync(store, &amy, &old.latest_cursor).await;
    assert_eq!((latest.changes, latest.reset), (Vec::new(), false));
    let page_token = old.first_page.next_page_token.clone();
    let limit = 5;
    let first = QueryMySessionOption { limit, ..QueryMySessionOption::default() };
    assert_eq!(
        store.list_page(&amy, &first).await.unwrap().session_list,
        old.first_page.session_list
    );
    let rest = QueryMySessionOption { page_token, limit: 100, ..Default::default() };
    assert_eq!(store.list_page(&amy, &rest).await.unwrap().session_list, old.rest_of_page);
    // A cursor of another account stays refused.
    assert!(sync(store, &bob, &old.early_cursor).await.reset);
}

async fn check_writes(store: &RedbStore, old: &OldAnswers) {
    let amy = old.owner("amy");
    // A delete that the old server answered, tried again: it hides nothing that came since.
    let mut late = message_from_bob(old.now);
    if let huihua_event::Event::Message { place, .. } = &mut late {
        let (from, to) = ("peer6".parse().unwrap(), amy.account.clone());
        *place = huihua_event::Place::P2p { from, to };
    }
    store.ingest(&amy.app, vec![late], old.now).await.unwrap();
    let again = Attempt { now: old.now, key: IdempotencyKey::new("k2") };
    store.delete(&amy, vec!["p2p|peer6".parse().unwrap()], &again).await.unwrap();
    let changes = sync(store, &amy, &old.latest_cursor).await.changes;
    assert_eq!(changes.len(), 1);
    assert!(matches!(&changes[0], SessionChange::Session(row) if row.update_time == old.now));
    let send = Action::Send(vec![message(to("bob"))]);
    let attempt = Attempt { now: old.now, key: None };
    store.act(&amy.app, Arc::new(send), &attempt).await.unwrap().unwrap();
    assert_eq!(sync(store, &amy, &old.latest_cursor).await.changes.len(), 2);
}

/// Ingests the events, and returns how many sessions of amy changed since the cursor of the old
/// server.
async fn changed_by(store: &RedbStore, old: &OldAnswers, events: Vec<Event>) -> usize {
    let before = sync(store, &old.owner("amy"), &old.latest_cursor).await.changes.len();
    store.ingest(&old.app_key, events, old.now).await.unwrap();
    sync(store, &old.owner("amy"), &old.latest_cursor).await.changes.len() - before
}

/// Recalls and edits of messages that the old server stored, and of one whose recall it stored.
async fn check_amendments(store: &RedbStore, old: &OldAnswers) {
    let amy = old.owner("amy");
    let edit = |place: Place, id: &str| {
        let fields = r#"{"9":"edited","62":"1700000000100"}"#.to_owned();
        let edit = Edit { message_id: id.to_owned(), time: 1_700_000_000_100, fields };
        Event::Edit { place, edit }
    };
    let of_peer = |peer: &str| Place::P2p { from: peer.parse().unwrap(), to: amy.account.clone() };
    let id = || "7".parse().unwrap();
    let teams = [Team::normal(id()), Team::super_team(id())].map(Place::Team);
    let edits = teams.into_iter().map(|team| edit(team, "50"));
    let edits = edits.chain([edit(of_peer("peer4"), "40")]).collect();
    assert_eq!(changed_by(store, old, edits).await, 3);
    // By a backend that keeps seconds.
    let last_msg = r#"{"0":1700000000101,"1":7,"4":"oops","11":"38","14":1700000000}"#.to_owned();
    let post = Post { time: 1_700_000_000, message_id: "38".into(), last_msg };
    let recall =
        Event::Recall { place: of_peer("peer2"), post, time: 1_700_000_000_101, one_way: false };
    assert_eq!(changed_by(store, old, vec![recall]).await, 1);
    // Its recall, which the old server stored, outranks every edit.
    assert_eq!(changed_by(store, old, vec![edit(of_peer("peer3"), "39")]).await, 0);
    let shown = list(store, &amy).await;
    let of = |id: &str| shown.iter().find(|row| row.session_id == id.parse().unwrap()).unwrap();
    let text = |id: &str| of(id).last_msg.as_ref().unwrap().as_str().to_owned();
    for (id, time) in [("team|7", 50), ("super_team|7", 50), ("p2p|peer4", 40)] {
        assert!(text(id).contains(r#""9":"edited""#), "{}", text(id));
        assert_eq!(of(id).update_time, 1_700_000_000_000 + time);
    }
    assert!(text("p2p|peer2").contains(r#""4":"oops""#), "{}", text("p2p|peer2"));
    assert_eq!(of("p2p|peer2").update_time, 1_700_000_000_038);
    let before = old.list.iter().find(|row| row.session_id == of("p2p|peer3").session_id);
    assert_eq!(Some(of("p2p|peer3")), before);
}

#[tokio::test]
async fn a_store_of_format_1_opens_with_its_lists_and_its_cursors() {
    let folder = tempfile::tempdir().unwrap();
    let old = unpack("1", folder.path());
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    check_lists(&store, &old).await;
    let teams = store.joined(&old.owner("amy"), TeamKind::Normal).await.unwrap();
    assert_eq!(teams.iter().map(|team| team.size).collect::<Vec<_>>(), [2]);
    check_writes(&store, &old).await;
    check_amendments(&store, &old).await;
    store.close().await;
}

#[tokio::test]
async fn a_store_of_format_2_opens_with_its_lists_its_cursors_and_its_directory() {
    let folder = tempfile::tempdir().unwrap();
    let old = unpack("2", folder.path());
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    check_lists(&store, &old).await;
    let token = TokenHash::of(old.token.as_ref().unwrap());
    let whose = store.account_of(&old.app_key, &token).await.unwrap();
    assert_eq!(whose, Some(old.owner("amy").account));
    assert!(!store.is_blocked(&old.owner("amy")).await.unwrap(), "its entry was read");
    let teams = store.joined(&old.owner("amy"), TeamKind::Normal).await.unwrap();
    let sizes: Vec<_> = teams.iter().map(|team| (team.entry.name.as_str(), team.size)).collect();
    assert_eq!(sizes, [("Made here", 2), ("", 2)]);
    check_writes(&store, &old).await;
    check_amendments(&store, &old).await;
    store.close().await;
}

/// The store holds an edited and a recalled message of each kind of session, a recall that claims
/// another time, and amendments that wait.
async fn check_format_3(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let old = unpack(name, folder.path());
    crate::verify(folder.path(), &(Box::new(|_, _| {}) as Progress)).unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    check_lists(&store, &old).await;
    let shown: Vec<_> =
        old.list.iter().map(|row| row.last_msg.as_ref().unwrap().as_str()).collect();
    assert_eq!(shown.iter().filter(|text| text.contains(r#""9":"edited""#)).count(), 3);
    assert_eq!(shown.iter().filter(|text| text.contains(r#""4":"oops""#)).count(), 4);
    let second_life = old.bobs_list.iter().find(|row| row.session_id == "team|8".parse().unwrap());
    assert_eq!(second_life.unwrap().update_time, this_format::T0 + 30);
    for (name, is_blocked) in [("peer1", true), ("peer2", false), ("amy", false)] {
        assert_eq!(store.is_blocked(&old.owner(name)).await.unwrap(), is_blocked, "{name}");
    }
    check_writes(&store, &old).await;
    // The message that amendments waited for: an edit in p2p, a recall in a team.
    let waited = this_format::waited_for(&old.owner("amy").account);
    assert_eq!(changed_by(&store, &old, waited).await, 2);
    let shown = list(&store, &old.owner("amy")).await;
    assert!(shown.iter().any(|row| row.update_time == this_format::T0 + 90
        && row.last_msg.as_ref().unwrap().as_str().contains("edited")));
    assert!(shown.iter().any(|row| row.update_time == this_format::T0 + 91
        && row.last_msg.as_ref().unwrap().as_str().contains("oops")));
    store.close().await;
}

#[tokio::test]
async fn a_store_of_format_3_opens_with_its_amendments() {
    check_format_3("3").await;
}

/// Of format 3 too, with what came to it later: sealed cursors, eras that are recorded with their
/// first version, an erased account.
#[tokio::test]
async fn a_store_of_format_3_with_an_erased_account_opens() {
    check_format_3("3-erased").await;
    let folder = tempfile::tempdir().unwrap();
    let old = unpack("3-erased", folder.path());
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    assert!(list(&store, &old.owner("gone")).await.is_empty());
    assert!(store.erase(&old.owner("gone")).await.unwrap().is_nothing());
    store.close().await;
}

/// An older server once answered with the advice to restore a backup.
#[tokio::test]
async fn a_store_of_a_newer_format_is_refused_by_name_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    RedbStore::open(&data, Memory::default()).unwrap().close().await;
    let db = open_file(&data, Memory::default(), 0).unwrap();
    let tx = db.begin_write().unwrap();
    let (name, newer) = (tables::META_FORMAT, [tables::FORMAT + 1]);
    let value = row::encode_numbers(name, newer);
    tx.open_table(tables::META).unwrap().insert(name, value.as_slice()).unwrap();
    tx.commit().unwrap();
    drop(db);
    let file = data.join(tables::FILE_NAME);
    let before = std::fs::read(&file).unwrap();
    let nothing: Progress = Box::new(|_, _| {});
    let refusals = [
        RedbStore::open(&data, Memory::default()).err(),
        crate::verify(&data, &nothing).err(),
        crate::compact(&data, u64::MAX, &nothing).err(),
        crate::restore(&file, &copy, &nothing).err(),
    ];
    for refusal in refusals {
        let said = refusal.unwrap().to_string();
        let expected = format!("its format {} is newer than this server reads", tables::FORMAT + 1);
        assert!(said.contains(&expected) && said.contains("use a newer server"), "{said}");
        assert!(!said.contains("Restore"), "{said}");
    }
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 2, "the store and its page lists");
    let is_same = std::fs::read(&file).unwrap() == before;
    assert!(is_same || !copy.exists());
    // Its header may be written as it is closed; the store in it is the same.
    let db = open_file(&data, Memory::default(), 0).unwrap();
    let meta = db.begin_read().unwrap().open_table(tables::META).unwrap();
    assert_eq!(crate::lookup::number(&meta, name).unwrap(), tables::FORMAT + 1);
}

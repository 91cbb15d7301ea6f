//! Stores that older versions made, as they left them: they open, their lists are the ones that the
//! old version answered, their cursors and page tokens go on.
//!
//! `data/format-N.redb.gz` was made by the server of its time, `data/format-N.json` is what that
//! server answered last.

use std::{fs::File, path::Path, sync::Arc};

use flate2::read::GzDecoder;
use huihua_core::{AppKey, Page, QueryMySessionOption, RecentSession, SessionChange, SyncPage};
use huihua_event::{Action, Owner, TeamKind, TokenHash};
use huihua_store::{
    Attempt, Engine as _, IdempotencyKey, Store as _, SyncFrom, SyncRequest,
    suite::{
        directory::{message, to},
        support::message as message_from_bob,
    },
};
use serde::Deserialize;

use crate::{store::RedbStore, tables};

/// The last answers of the old server.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OldAnswers {
    pub(super) app_key: AppKey,
    /// When the store was made, ms since 1970.
    pub(super) now: u64,
    /// Token of amy in the directory; from format 2 on.
    token: Option<String>,
    early_cursor: String,
    changes_since_early: Vec<SessionChange>,
    latest_cursor: String,
    first_page: Page,
    rest_of_page: Vec<RecentSession>,
    list: Vec<RecentSession>,
    bobs_list: Vec<RecentSession>,
}

impl OldAnswers {
    fn owner(&self, name: &str) -> Owner {
        Owner { app: self.app_key.clone(), account: name.parse().unwrap() }
    }
}

/// Unpacks a store into this folder, and reads the answers of its time.
pub(super) fn unpack(format: u32, folder: &Path) -> OldAnswers {
    let top = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let data = Path::new(&top).join("src/tests/data");
    let packed = File::open(data.join(format!("format-{format}.redb.gz"))).unwrap();
    let mut file = File::create(folder.join(tables::FILE_NAME)).unwrap();
    std::io::copy(&mut GzDecoder::new(packed), &mut file).unwrap();
    let answers = File::open(data.join(format!("format-{format}.json"))).unwrap();
    serde_json::from_reader(answers).unwrap()
}

async fn list(store: &RedbStore, owner: &Owner) -> Vec<RecentSession> {
    store.list(owner, &QueryMySessionOption::default()).await.unwrap().session_list
}

async fn sync(store: &RedbStore, owner: &Owner, cursor: &str) -> SyncPage {
    let from = SyncFrom::Cursor(cursor.to_owned());
    let request = SyncRequest { from, limit: 500, need_last_msg: true };
    store.sync(owner, &request).await.unwrap()
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
    assert_eq!(store.list(&amy, &first).await.unwrap().session_list, old.first_page.session_list);
    let rest = QueryMySessionOption { page_token, limit: 100, ..Default::default() };
    assert_eq!(store.list(&amy, &rest).await.unwrap().session_list, old.rest_of_page);
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

#[tokio::test]
async fn a_store_of_format_1_opens_with_its_lists_and_its_cursors() {
    let folder = tempfile::tempdir().unwrap();
    let old = unpack(1, folder.path());
    let store = RedbStore::open(folder.path()).unwrap();
    check_lists(&store, &old).await;
    let teams = store.joined(&old.owner("amy"), TeamKind::Normal).await.unwrap();
    assert_eq!(teams.iter().map(|team| team.size).collect::<Vec<_>>(), [2]);
    check_writes(&store, &old).await;
    store.close().await;
}

#[tokio::test]
async fn a_store_of_format_2_opens_with_its_lists_its_cursors_and_its_directory() {
    let folder = tempfile::tempdir().unwrap();
    let old = unpack(2, folder.path());
    let store = RedbStore::open(folder.path()).unwrap();
    check_lists(&store, &old).await;
    let token = TokenHash::of(old.token.as_ref().unwrap());
    let whose = store.account_of(&old.app_key, &token).await.unwrap();
    assert_eq!(whose, Some(old.owner("amy").account));
    assert!(!store.is_blocked(&old.owner("amy")).await.unwrap(), "its entry was read");
    let teams = store.joined(&old.owner("amy"), TeamKind::Normal).await.unwrap();
    let sizes: Vec<_> = teams.iter().map(|team| (team.entry.name.as_str(), team.size)).collect();
    assert_eq!(sizes, [("Made here", 2), ("", 2)]);
    check_writes(&store, &old).await;
    store.close().await;
}

//! Makes the store of this format that later versions must open: run once when the format is final,
//! or has something new, under another name; a store of an older server is never made anew.
//! `cargo test -p huihua-store-redb writes_a_store_of_this_format -- --ignored`.

use std::{fs::File, path::Path, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use huihua_core::{Account, QueryMySessionOption};
use huihua_event::{Action, Edit, Event, NewToken, Owner, Place, Post, Team, TokenHash};
use huihua_store::{Attempt, Engine as _, IdempotencyKey, Store as _, SyncFrom, SyncRequest};

use super::old_formats::OldAnswers;
use crate::{Memory, store::RedbStore, tables};

/// Times and ids of the messages, ms.
pub(super) const T0: u64 = 1_700_000_000_000;
const NOW: u64 = T0 + 1_000;
/// Format, and what is new in it.
const NAME: &str = "3-erased";

fn of_peer(peer: &str, amy: &Account) -> Place {
    Place::P2p { from: peer.parse().unwrap(), to: amy.clone() }
}

fn teams() -> [Place; 2] {
    let id = || "7".parse().unwrap();
    [Team::normal(id()), Team::super_team(id())].map(Place::Team)
}

fn sent(place: Place, n: u64) -> Event {
    let last_msg = format!(r#"{{"7":{},"8":0,"9":"第 {n} 条","12":"{n}"}}"#, T0 + n);
    let post = Post { time: T0 + n, message_id: n.to_string(), last_msg };
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

fn edited(place: Place, n: u64) -> Event {
    let fields = format!(r#"{{"9":"edited","62":"{}"}}"#, T0 + 100);
    Event::Edit { place, edit: Edit { message_id: n.to_string(), time: T0 + 100, fields } }
}

fn recalled(place: Place, n: u64, claimed: u64) -> Event {
    let last_msg = format!(r#"{{"0":{},"1":7,"4":"oops","11":"{n}","14":{claimed}}}"#, T0 + 100);
    let post = Post { time: claimed, message_id: n.to_string(), last_msg };
    Event::Recall { place, post, time: T0 + 100, one_way: false }
}

/// The messages that amendments wait for.
pub(super) fn waited_for(amy: &Account) -> Vec<Event> {
    let [team, _] = teams();
    vec![sent(of_peer("peer1", amy), 90), sent(team, 91)]
}

async fn fill(store: &RedbStore, amy: &Owner) {
    let of_peer = |peer: &str| of_peer(peer, &amy.account);
    let [team, super_team] = teams();
    let bob: Account = "bob".parse().unwrap();
    let mut events: Vec<_> = (1..=8).map(|n| sent(of_peer(&format!("peer{n}")), n)).collect();
    for place in [&team, &super_team] {
        let Place::Team(team) = place else { continue };
        let (team, accounts) = (team.clone(), vec![amy.account.clone()]);
        events.push(Event::Join { team, accounts, inviter: Some(bob.clone()), time: T0 });
        events.push(sent(place.clone(), 20));
    }
    events.extend([edited(of_peer("peer4"), 4), edited(super_team, 20), edited(team.clone(), 20)]);
    // With its message's time, in seconds, and later; of a message that never comes.
    events.push(recalled(of_peer("peer5"), 5, T0 + 5));
    events.push(recalled(of_peer("peer7"), 7, T0 / 1_000));
    events.push(recalled(of_peer("peer8"), 8, T0 + 60));
    events.push(recalled(of_peer("peer9"), 9, T0 + 9));
    // These wait.
    events.extend([edited(of_peer("peer1"), 90), edited(of_peer("peer2"), 80)]);
    events.push(recalled(team, 91, T0 + 1));
    // A team that lives again, of which bob invites each time.
    let (twice, peer1) = (Team::normal("8".parse().unwrap()), || vec!["peer1".parse().unwrap()]);
    let invite = |time| {
        let (team, inviter) = (twice.clone(), Some(bob.clone()));
        Event::Join { team, accounts: peer1(), inviter, time }
    };
    let notice = Post { time: T0 + 2, message_id: String::new(), last_msg: "{}".into() };
    let end = Event::Dissolve { team: twice.clone(), notice };
    events.extend([invite(T0 + 1), end, invite(T0 + 3), sent(Place::Team(twice.clone()), 30)]);
    let gone = Owner { account: "gone".parse().unwrap(), ..amy.clone() };
    events.push(sent(self::of_peer("peer1", &gone.account), 70));
    store.ingest(&amy.app, events, NOW).await.unwrap();
    assert_eq!(store.erase(&gone).await.unwrap().sessions, 1);
}

#[tokio::test]
#[ignore = "writes the store that later versions must open"]
async fn writes_a_store_of_this_format() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path(), Memory::default()).unwrap();
    let amy = Owner { app: "app".parse().unwrap(), account: "amy".parse().unwrap() };
    let bob = Owner { account: "bob".parse().unwrap(), ..amy.clone() };
    store.ingest(&amy.app, vec![sent(of_peer("peer6", &amy.account), 6)], NOW).await.unwrap();
    let sync = async |from| {
        let request = SyncRequest { from, limit: 500, need_last_msg: true };
        store.sync_page(&amy, &request).await.unwrap()
    };
    let early_cursor = sync(SyncFrom::Latest).await.cursor;
    fill(&store, &amy).await;
    let attempt = Attempt { now: NOW, key: IdempotencyKey::new("k2") };
    store.delete(&amy, vec!["p2p|peer6".parse().unwrap()], &attempt).await.unwrap();
    let token = NewToken { hash: TokenHash::of("amy-token"), seed: None };
    let action = Arc::new(Action::SetToken { account: amy.account.clone(), token });
    store.act(&amy.app, action, &Attempt { now: NOW, key: None }).await.unwrap().unwrap();
    let block = Arc::new(Action::Block { account: "peer1".parse().unwrap() });
    store.act(&amy.app, block, &Attempt { now: NOW, key: None }).await.unwrap().unwrap();
    let since_early = sync(SyncFrom::Cursor(early_cursor.clone())).await;
    let list = async |owner: &Owner, option| store.list_page(owner, &option).await.unwrap();
    let first = QueryMySessionOption { limit: 5, ..QueryMySessionOption::default() };
    let first_page = list(&amy, first).await;
    let page_token = first_page.next_page_token.clone();
    let rest = QueryMySessionOption { page_token, limit: 100, ..Default::default() };
    let answers = OldAnswers {
        app_key: amy.app.clone(),
        now: NOW,
        token: Some("amy-token".into()),
        early_cursor,
        changes_since_early: since_early.changes,
        latest_cursor: since_early.cursor,
        rest_of_page: list(&amy, rest).await.session_list,
        first_page,
        list: list(&amy, QueryMySessionOption::default()).await.session_list,
        bobs_list: list(&bob, QueryMySessionOption::default()).await.session_list,
    };
    store.close().await;
    let top = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let data = Path::new(&top).join("src/tests/data").join(format!("format-{NAME}"));
    assert!(NAME.starts_with(&tables::FORMAT.to_string()) && !data.with_extension("json").exists());
    serde_json::to_writer(File::create(data.with_extension("json")).unwrap(), &answers).unwrap();
    let packed = File::create(data.with_extension("redb.gz")).unwrap();
    let mut packed = GzEncoder::new(packed, Compression::best());
    let mut file = File::open(folder.path().join(tables::FILE_NAME)).unwrap();
    std::io::copy(&mut file, &mut packed).unwrap();
    packed.finish().unwrap();
}

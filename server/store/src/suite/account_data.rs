//! A user's rights over the traits: everything stored of an account is given, and all of it goes
//! but what others have.

use std::sync::{Arc, Mutex};

use huihua_core::{QueryMySessionOption, SessionId};
use huihua_event::{Action, Event, NewToken, Owner, Place, Post, Team, TeamKind, TokenHash};
use serde_json::Value;

use super::{
    directory::{NOW, act, attempt, create_team, made, owner},
    support::{Device, Make, block_on, empty, sweep_all, whole_list},
};
use crate::{ChangedList, Engine, Erased, Error, Store, SyncFrom, SyncRequest, TOMBSTONE_MS};

/// The account that is exported and erased.
const OWN: &str = "own";

fn said(place: Place, n: u64) -> Event {
    let last_msg = format!(r#"{{"9":"text {n}"}}"#);
    let post = Post { time: NOW + n, message_id: n.to_string(), last_msg };
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

fn p2p(from: &str, to: &str) -> Place {
    Place::P2p { from: from.parse().unwrap(), to: to.parse().unwrap() }
}

fn id(text: &str) -> SessionId {
    text.parse().unwrap()
}

/// `own` talks to bob and to itself, owns a team, is in another, has an ext, a deleted session, a
/// token and first results; bob talks to others too. Returns the team that it owns, and the other.
async fn fill(store: &dyn Store) -> [Team; 2] {
    let account = owner(OWN).account;
    let token = NewToken { hash: TokenHash::of("its token"), seed: None };
    let create = Action::CreateAccount { account, name: "Its name".into(), token };
    act(store, create, NOW).await.unwrap();
    let owned = act(store, create_team(TeamKind::Normal, &["bob"]), NOW).await.unwrap();
    let owned = made(TeamKind::Normal, &owned);
    let other = Team::super_team("7".parse().unwrap());
    let accounts = vec![OWN.parse().unwrap(), "bob".parse().unwrap()];
    let join = Event::Join { team: other.clone(), accounts, inviter: None, time: NOW };
    let mut events = vec![join, said(Place::Team(other.clone()), 1)];
    events.push(said(Place::Team(owned.clone()), 2));
    events.extend([said(p2p(OWN, "bob"), 3), said(p2p(OWN, OWN), 4)]);
    events.extend([said(p2p("cat", "bob"), 5), said(p2p("dan", OWN), 6)]);
    store.ingest(&owner(OWN).app, events, NOW).await.unwrap();
    let update = attempt(NOW, Some("k"));
    store.update(&owner(OWN), &id("p2p|bob"), "pinned".into(), &update).await.unwrap();
    let delete = attempt(NOW, Some("l"));
    store.delete(&owner(OWN), vec![id("p2p|dan")], &delete).await.unwrap();
    [owned, other]
}

async fn records(store: &dyn Engine, of: &Owner) -> Vec<Value> {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let take = Arc::clone(&taken);
    let take = move |record: String| {
        take.lock().unwrap().push(serde_json::from_str(&record).unwrap());
        true
    };
    let count = store.export(of, Box::new(take)).await.unwrap();
    let records: Vec<Value> = std::mem::take(&mut *taken.lock().unwrap());
    let (end, records) = records.split_last().unwrap();
    assert_eq!((&end["type"], &end["records"]), (&"end".into(), &count.into()));
    assert_eq!(records.len() as u64, count);
    records.to_vec()
}

fn of_type<'r>(records: &'r [Value], name: &str) -> Vec<&'r Value> {
    records.iter().filter(|record| record["type"] == name).collect()
}

pub fn everything_of_an_account_is_exported_and_nothing_of_others(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let [owned, other] = fill(&*store).await;
        let all = records(&*store, &owner(OWN)).await;
        let [account] = of_type(&all, "account")[..] else { panic!("{all:?}") };
        assert_eq!((&account["account"], &account["appKey"]), (&OWN.into(), &"app".into()));
        assert_eq!((&account["name"], &account["tokens"]), (&"Its name".into(), &1.into()));
        let sessions = of_type(&all, "session");
        let mut shown = 0;
        for row in whole_list(&*store, &owner(OWN)).await {
            let is_it = |one: &&&Value| one["sessionId"] == row.session_id.to_string();
            let record = sessions.iter().find(is_it).unwrap();
            assert_eq!(record["session"], serde_json::to_value(&row).unwrap());
            assert_eq!(record["ext"], row.ext);
            shown += 1;
        }
        let deleted = sessions.iter().find(|one| one["sessionId"] == "p2p|dan").unwrap();
        assert!(deleted["session"].is_null() && deleted["registers"]["floor"].is_object());
        assert_eq!(sessions.len(), shown + 1);
        for team in [&owned, &other] {
            let id = team.session_id().to_string();
            let record = sessions.iter().find(|one| one["sessionId"] == id).unwrap();
            // Who makes a team invites.
            let registers = &record["registers"];
            let since = [&registers["notices"][0]["in"], &registers["inviter"][0]];
            assert!(since.iter().any(|time| time.as_u64() >= Some(NOW)), "{record}");
        }
        let [team] = of_type(&all, "ownedTeam")[..] else { panic!("{all:?}") };
        assert_eq!(team["sessionId"], owned.session_id().to_string());
        assert_eq!(of_type(&all, "firstResult").len(), 2);
        let text = format!("{all:?}");
        assert!(!text.contains("text 5") && !text.contains("its token"), "{text}");
        // One that nobody knows has only the record that says so.
        assert_eq!(records(&*store, &owner("nobody")).await.len(), 1);
        // Who takes no more ends it.
        let ended = store.export(&owner(OWN), Box::new(|_| false)).await;
        assert!(matches!(ended, Err(Error::Unavailable { .. })), "{ended:?}");
        store.close().await;
    });
}

async fn reset(store: &dyn Store, of: &Owner, cursor: &str) -> bool {
    let from = SyncFrom::Cursor(cursor.to_owned());
    let request = SyncRequest { from, limit: 100, need_last_msg: true };
    store.sync_page(of, &request).await.unwrap().reset
}

/// What others see of it.
async fn others(store: &dyn Store, teams: &[Team; 2]) -> (Vec<String>, usize) {
    let list = whole_list(store, &owner("bob")).await;
    let texts = list.into_iter().map(|row| row.last_msg.unwrap().as_str().to_owned());
    let app = owner(OWN).app;
    let mut members = 0;
    for team in teams {
        members += store.members(&app, team, None, 9).await.unwrap().len();
    }
    (texts.collect(), members)
}

pub fn an_erased_account_is_gone_and_others_keep_their_messages(make: Make<'_>) {
    block_on(async {
        let opener = make();
        let store = opener();
        let teams = fill(&*store).await;
        let (app, own) = (owner(OWN).app, owner(OWN));
        let (mut device, mut bobs) = (Device::default(), Device::default());
        device.sync(&*store, &own, 2).await;
        bobs.sync(&*store, &owner("bob"), 2).await;
        let page = QueryMySessionOption { limit: 1, ..Default::default() };
        let page_token = store.list_page(&own, &page).await.unwrap().next_page_token;
        let (texts, members) = others(&*store, &teams).await;
        let mut hints = store.hints();
        let erased = store.erase(&own).await.unwrap();
        let expected = Erased { sessions: 5, first_results: 2, entries: 1, owned_teams: 1 };
        assert_eq!(erased, expected);
        let hint = hints.try_recv().unwrap();
        assert!(hint.contains(&ChangedList::Account(own.clone())), "who waits is woken");
        for store in [store, opener()] {
            assert!(whole_list(&*store, &own).await.is_empty());
            assert_eq!(records(&*store, &own).await.len(), 1);
            assert!(reset(&*store, &own, device.cursor.as_ref().unwrap()).await);
            let page_token = page_token.clone();
            let stale = QueryMySessionOption { page_token, limit: 1, ..Default::default() };
            let stale = store.list_page(&own, &stale).await;
            assert!(matches!(stale, Err(Error::StalePageToken)), "{stale:?}");
            let token = TokenHash::of("its token");
            assert_eq!(store.account_of(&app, &token).await.unwrap(), None);
            assert!(store.joined(&own, TeamKind::Super).await.unwrap().is_empty());
            assert_eq!(others(&*store, &teams).await, (texts.clone(), members - 2));
            let team = store.team(&app, &teams[0]).await.unwrap().unwrap();
            assert_eq!((team.owner, team.name.as_str()), (None, "N"));
            assert_eq!(bobs.sync(&*store, &owner("bob"), 9).await, 0, "nothing changed for bob");
            // Again: there is nothing left, and nothing is written.
            let latest = SyncRequest { from: SyncFrom::Latest, limit: 1, need_last_msg: true };
            let now = store.sync_page(&own, &latest).await.unwrap().cursor;
            assert!(store.erase(&own).await.unwrap().is_nothing());
            assert!(!reset(&*store, &own, &now).await);
            store.verify(Box::new(|_, _| {})).await.unwrap();
            store.close().await;
        }
    });
}

pub fn the_next_message_to_an_erased_account_begins_a_new_list(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let [_, other] = fill(&*store).await;
        let (app, own) = (owner(OWN).app, owner(OWN));
        let mut device = Device::default();
        device.sync(&*store, &own, 100).await;
        store.erase(&own).await.unwrap();
        device.sync(&*store, &own, 100).await;
        assert!(device.list().is_empty());
        let events = vec![said(p2p("bob", OWN), 20), said(Place::Team(other.clone()), 21)];
        store.ingest(&app, events, NOW).await.unwrap();
        device.sync(&*store, &own, 100).await;
        let [row] = &device.list()[..] else { panic!("{:?}", device.list()) };
        assert_eq!((row.session_id.to_string(), row.ext.as_str()), ("p2p|bob".to_owned(), ""));
        assert_eq!(whole_list(&*store, &own).await, device.list());
        // The cursor of the new list outlives the mark of the erasure, which the sweep takes.
        sweep_all(&*store, NOW).await;
        sweep_all(&*store, NOW + TOMBSTONE_MS + 1).await;
        let again = said(p2p("bob", OWN), 30);
        store.ingest(&app, vec![again], NOW).await.unwrap();
        device.sync(&*store, &own, 100).await;
        assert_eq!(device.list()[0].update_time, NOW + 30);
        store.close().await;
    });
}

/// More sessions than one step takes, while others write, and what ended in the middle.
pub fn a_large_account_is_erased_in_steps_that_may_end_anywhere(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let (app, own) = (owner(OWN).app, owner(OWN));
        for from in (0..1_200).step_by(300) {
            let events = (from..from + 300).map(|n| said(p2p(&format!("peer{n}"), OWN), n));
            store.ingest(&app, events.collect(), NOW).await.unwrap();
        }
        // Dropped under way: what it had done stays done.
        let some = std::time::Duration::from_millis(15);
        let _ = tokio::time::timeout(some, store.erase(&own)).await;
        let write = async {
            for n in 0..20 {
                store.ingest(&app, vec![said(p2p("cat", "dan"), n)], NOW).await.unwrap();
            }
        };
        let (erased, ()) = tokio::join!(store.erase(&own), write);
        assert!(erased.unwrap().sessions <= 1_200);
        assert!(whole_list(&*store, &own).await.is_empty());
        assert_eq!(whole_list(&*store, &owner("peer700")).await.len(), 1);
        assert_eq!(whole_list(&*store, &owner("dan")).await[0].update_time, NOW + 19);
        store.close().await;
    });
}

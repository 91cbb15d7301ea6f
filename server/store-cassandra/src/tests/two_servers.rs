//! Several servers on one keyspace: what one gave is good at another, and what both do at once is
//! done once.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use huihua_core::{QueryMySessionOption, SessionChange, SessionId};
use huihua_event::{
    Action, Done, Event, NewToken, OutgoingMessage, Owner, Place, Post, Team, TeamEntry, TeamKind,
    TokenHash,
};
use huihua_store::{
    Attempt, ChangedList, Engine, IdempotencyKey, SyncFrom, SyncRequest,
    suite::support::{Device, amy, attempt, block_on},
};

use super::{make, make_cached, make_with};
use crate::faults::{Meanwhile, Moment};

const NOW: u64 = 1_700_000_000_000;

/// Two servers on one store.
fn servers() -> [Arc<dyn Engine>; 2] {
    let open = make();
    [open(), open()].map(Arc::from)
}

/// The same, and what happens once at a moment of a read of either.
fn servers_with_meanwhile() -> (Arc<dyn Engine>, Arc<dyn Engine>, Meanwhile) {
    let meanwhile = Meanwhile::default();
    let planted = Arc::clone(&meanwhile);
    let open = make_with(move |_, cql| cql.faults.meanwhile = Arc::clone(&planted));
    (open().into(), open().into(), meanwhile)
}

fn message(from: &str, time: u64) -> Event {
    let place = Place::P2p { from: from.parse().unwrap(), to: amy().account };
    let post = Post { time, message_id: time.to_string(), last_msg: "{}".into() };
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

fn keyed(now: u64) -> Attempt {
    Attempt { now, key: IdempotencyKey::new("call-1") }
}

fn create_team() -> Action {
    let (kind, owner) = (TeamKind::Normal, amy().account);
    let (entry, members) = (TeamEntry::default(), Vec::new());
    Action::CreateTeam { kind, owner, entry, members, notice: |_| Vec::new() }
}

async fn close(servers: [Arc<dyn Engine>; 2]) {
    for server in servers {
        server.close().await;
    }
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn cursors_and_page_tokens_of_one_server_are_good_at_another() {
    let servers = servers();
    block_on(async {
        let [one, other] = &servers;
        let events = vec![message("bob", 1), message("carl", 2)];
        one.ingest(&amy().app, events, NOW).await.unwrap();
        let option = QueryMySessionOption { limit: 1, ..Default::default() };
        let first = one.list_page(&amy(), &option).await.unwrap();
        other.ingest(&amy().app, vec![message("bob", 3)], NOW).await.unwrap();
        let option = QueryMySessionOption { page_token: first.next_page_token, ..option };
        let second = other.list_page(&amy(), &option).await.unwrap();
        assert!(second.session_list.is_empty(), "it moved, so the sync brings it");
        let from = SyncFrom::Cursor(first.sync_cursor);
        let request = SyncRequest { from, limit: 10, need_last_msg: true };
        let changes = other.sync_page(&amy(), &request).await.unwrap();
        assert_eq!((changes.changes.len(), changes.reset), (1, false));
        let from = SyncFrom::Cursor(changes.cursor);
        let again = one.sync_page(&amy(), &SyncRequest { from, ..request }).await.unwrap();
        assert!(again.changes.is_empty() && !again.reset);
        close(servers).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn what_both_do_at_once_loses_nothing_and_a_device_that_changes_servers_ends_with_the_list() {
    let servers = servers();
    block_on(async {
        let mut device = Device::default();
        for round in 0..20 {
            let calls = (0..8_u64).map(|n| {
                let server = Arc::clone(&servers[(n % 2) as usize]);
                tokio::spawn(async move {
                    let peer = format!("p{n}");
                    let id: SessionId = format!("p2p|{peer}").parse().unwrap();
                    let event = message(&peer, 10 * round + n);
                    server.ingest(&amy().app, vec![event], NOW).await.unwrap();
                    match n % 4 {
                        0 => drop(server.list_page(&amy(), &Default::default()).await.unwrap()),
                        1 => {
                            let ext = round.to_string();
                            server.update(&amy(), &id, ext, &attempt(NOW)).await.unwrap();
                        }
                        2 => server.delete(&amy(), vec![id], &attempt(NOW)).await.unwrap(),
                        _ => {}
                    }
                })
            });
            for call in calls.collect::<Vec<_>>() {
                call.await.unwrap();
            }
            let server = &servers[(round % 2) as usize];
            device.sync(&**server, &amy(), 3).await;
            for server in &servers {
                let page = server.list_page(&amy(), &Default::default()).await.unwrap();
                assert_eq!(page.session_list.len(), 6, "two of eight are deleted");
                assert_eq!(device.list(), page.session_list);
                let of_updated = page.session_list.iter().filter(|row| !row.ext.is_empty());
                let exts: Vec<_> = of_updated.map(|row| row.ext.as_str()).collect();
                let last = round.to_string();
                assert_eq!(exts, [last.as_str(); 2], "what was answered is there");
            }
        }
        close(servers).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn message_ids_and_team_ids_are_unique_over_all_servers() {
    let servers = servers();
    block_on(async {
        let mut calls = Vec::new();
        for n in 0..20_usize {
            let server = Arc::clone(&servers[n % 2]);
            calls.push(tokio::spawn(async move {
                let place = Place::P2p { from: amy().account, to: "bob".parse().unwrap() };
                let compose = |time, id: u64| Post {
                    time,
                    message_id: id.to_string(),
                    last_msg: "{}".into(),
                };
                let of = |place| OutgoingMessage {
                    place,
                    compose: Box::new(compose),
                    updates_session: true,
                };
                let send = Action::Send(vec![of(place.clone()), of(place)]);
                let app = amy().app;
                let sent = server.act(&app, Arc::new(send), &attempt(NOW)).await.unwrap().unwrap();
                let made = server.act(&app, Arc::new(create_team()), &attempt(NOW)).await;
                (sent.message_ids, made.unwrap().unwrap().team_id.unwrap())
            }));
        }
        let (mut messages, mut teams) = (HashSet::new(), HashSet::new());
        for call in calls {
            let (ids, team) = call.await.unwrap();
            assert!(ids[0] < ids[1]);
            messages.extend(ids);
            teams.insert(team);
        }
        assert_eq!((messages.len(), teams.len()), (40, 20));
        close(servers).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn a_keyed_action_that_two_servers_get_at_once_is_done_once() {
    let servers = servers();
    block_on(async {
        let calls = [0, 1, 0, 1].map(|n| {
            let server: Arc<dyn Engine> = Arc::clone(&servers[n]);
            tokio::spawn(async move {
                let team = Arc::new(create_team());
                server.act(&amy().app, team, &keyed(NOW)).await.unwrap().unwrap()
            })
        });
        let mut all: Vec<Done> = Vec::new();
        for call in calls {
            all.push(call.await.unwrap());
        }
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        close(servers).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn a_keyed_delete_at_two_servers_hides_no_message_that_came_in_between() {
    let servers = servers();
    block_on(async {
        let [one, other] = &servers;
        let bob = || vec!["p2p|bob".parse().unwrap()];
        one.ingest(&amy().app, vec![message("bob", 1)], NOW).await.unwrap();
        one.delete(&amy(), bob(), &keyed(NOW)).await.unwrap();
        other.ingest(&amy().app, vec![message("bob", 2)], NOW).await.unwrap();
        other.delete(&amy(), bob(), &keyed(NOW + 1)).await.unwrap();
        let page = one.list_page(&amy(), &Default::default()).await.unwrap();
        assert_eq!(page.session_list.len(), 1);
        close(servers).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn a_block_at_one_server_counts_at_another_within_two_seconds() {
    let servers = servers();
    block_on(async {
        let [one, other] = &servers;
        let (account, app) = (amy().account, amy().app);
        let token = NewToken { hash: TokenHash::of("T"), seed: None };
        let create = Action::CreateAccount { account: account.clone(), name: "A".into(), token };
        one.act(&app, Arc::new(create), &attempt(NOW)).await.unwrap().unwrap();
        let opened = other.account_of(&app, &TokenHash::of("T")).await.unwrap();
        assert_eq!(opened, Some(account.clone()), "a token is good everywhere at once");
        let owner = Owner { app: app.clone(), account: account.clone() };
        let block = Action::Block { account: account.clone() };
        one.act(&app, Arc::new(block), &attempt(NOW)).await.unwrap().unwrap();
        assert!(one.is_blocked(&owner).await.unwrap());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(other.is_blocked(&owner).await.unwrap());
        let unblock = Action::Unblock { account };
        other.act(&app, Arc::new(unblock), &attempt(NOW)).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!one.is_blocked(&owner).await.unwrap());
        close(servers).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn a_change_through_one_server_is_hinted_at_by_another_within_two_seconds() {
    let servers = servers();
    block_on(async {
        let team = Team::normal("7".parse().unwrap());
        for round in 0..4 {
            let (from, to) = (&servers[round % 2], &servers[(round + 1) % 2]);
            let (mut own, mut others) = (from.hints(), to.hints());
            let events = vec![message("bob", round as u64 + 1), said_in(&team, 1)];
            from.ingest(&amy().app, events, NOW).await.unwrap();
            let hint = tokio::time::timeout(Duration::from_secs(2), others.recv());
            let hint = hint.await.expect("hinted at in time").unwrap();
            assert!(hint.contains(&ChangedList::Account(amy())), "{hint:?}");
            assert!(hint.contains(&ChangedList::Team(amy().app, team.clone())), "{hint:?}");
            own.recv().await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let again = own.try_recv();
            assert!(again.is_err(), "the others do not give it back: {again:?}");
        }
        close(servers).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn a_head_cache_delays_by_a_second_at_most_and_nothing_goes_back() {
    let open = make_cached(|_, _| {}, Some(Duration::from_secs(1)));
    let servers = [open(), open()].map(Arc::<dyn Engine>::from);
    block_on(async {
        let [one, other] = &servers;
        let team = Team::normal("7".parse().unwrap());
        let accounts = vec![amy().account];
        let join = Event::Join { team: team.clone(), accounts, inviter: None, time: 1 };
        one.ingest(&amy().app, vec![join], NOW).await.unwrap();
        for time in 2..6 {
            // Now it knows the team as it was before.
            newest(&**other).await;
            one.ingest(&amy().app, vec![said_in(&team, 10 * time)], NOW).await.unwrap();
            assert_eq!(newest(&**one).await, 10 * time, "its own writes it shows at once");
            let from = SyncFrom::Latest;
            let request = SyncRequest { from, limit: 10, need_last_msg: true };
            let cursor = one.sync_page(&amy(), &request).await.unwrap().cursor;
            // It was given its version there: so it shows here too, and gets no other.
            assert_eq!(newest(&**other).await, 10 * time);
            let request = SyncRequest { from: SyncFrom::Cursor(cursor), ..request };
            let changes = one.sync_page(&amy(), &request).await.unwrap().changes;
            assert!(changes.is_empty(), "nothing moved: {changes:?}");
            let event = said_in(&team, 10 * time + 1);
            other.ingest(&amy().app, vec![event], NOW).await.unwrap();
            let shown = async {
                while newest(&**one).await != 10 * time + 1 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(2), shown).await.expect("a second at most");
        }
        close(servers).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn who_leaves_while_a_team_is_read_does_not_see_what_is_said_after_it() {
    let (one, other, meanwhile) = servers_with_meanwhile();
    block_on(async {
        let team = Team::normal("7".parse().unwrap());
        let id = team.session_id();
        let accounts = vec![amy().account];
        let join = Event::Join { team: team.clone(), accounts, inviter: None, time: 1 };
        let events = vec![join, said_in(&team, 2)];
        one.ingest(&amy().app, events, NOW).await.unwrap();
        assert_eq!(newest(&*one).await, 2);
        let (later, accounts) = (Arc::clone(&other), vec![amy().account]);
        let notice = Post { time: 3, message_id: "3".to_owned(), last_msg: "{}".into() };
        let leave = Event::Leave { team: team.clone(), accounts, notice };
        let events = vec![leave, said_in(&team, 4)];
        let happens = async move { drop(later.ingest(&amy().app, events, NOW).await.unwrap()) };
        *meanwhile.lock().unwrap() = Some((Moment::BeforeTeams, happens.boxed()));
        let seen = one.get_session(&amy(), &id).await.unwrap();
        assert!(meanwhile.lock().unwrap().is_none(), "it happened meanwhile");
        assert_eq!(seen, other.get_session(&amy(), &id).await.unwrap());
        close([one, other]).await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn what_happens_between_a_pages_list_and_its_texts_is_in_it_or_in_the_next_sync() {
    let (one, other, meanwhile) = servers_with_meanwhile();
    block_on(async {
        let option = QueryMySessionOption::default();
        other.ingest(&amy().app, vec![message("bob", 25)], NOW).await.unwrap();
        for count in 1..=4_usize {
            let team = Team::normal(count.to_string().parse().unwrap());
            let [first, mut events] = stay_and_return(&team);
            other.ingest(&amy().app, first, NOW).await.unwrap();
            events.truncate(count);
            let later = Arc::clone(&other);
            let happens = async move {
                later.ingest(&amy().app, events, NOW).await.unwrap();
                // What is new has its version too when the page goes on.
                newest(&*later).await;
            };
            *meanwhile.lock().unwrap() = Some((Moment::BeforeTexts, happens.boxed()));
            let page = one.list_page(&amy(), &option).await.unwrap();
            assert!(meanwhile.lock().unwrap().is_none(), "it happened meanwhile");
            let times: Vec<u64> = page.session_list.iter().map(|row| row.update_time).collect();
            assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
            assert!(!times.contains(&40), "said while out");
            let rows = page.session_list.into_iter();
            let mut rows: BTreeMap<_, _> = rows.map(|row| (row.session_id.clone(), row)).collect();
            let from = SyncFrom::Cursor(page.sync_cursor);
            let request = SyncRequest { from, limit: 100, need_last_msg: true };
            for change in one.sync_page(&amy(), &request).await.unwrap().changes {
                match change {
                    SessionChange::Session(row) => drop(rows.insert(row.session_id.clone(), row)),
                    SessionChange::Deleted(id) => drop(rows.remove(&id)),
                }
            }
            let now = other.list_page(&amy(), &option).await.unwrap().session_list.into_iter();
            assert_eq!(rows, now.map(|row| (row.session_id.clone(), row)).collect(), "{count}");
        }
        close([one, other]).await;
    });
}

/// Of a batch one column reached the node that answers, and another did not (R3).
#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn a_torn_partition_is_read_again_before_a_cursor_is_made_of_it() {
    let server: Arc<dyn Engine> = make_with(|_, cql| cql.faults.tears = true)().into();
    block_on(async {
        for time in 1..=3 {
            server.ingest(&amy().app, vec![message("bob", time)], NOW).await.unwrap();
            let request = SyncRequest { from: SyncFrom::Beginning, limit: 10, need_last_msg: true };
            let changes = server.sync_page(&amy(), &request).await.unwrap();
            assert_eq!(changes.changes.len(), 1);
            let request = SyncRequest { from: SyncFrom::Cursor(changes.cursor), ..request };
            let again = server.sync_page(&amy(), &request).await.unwrap();
            assert!(again.changes.is_empty() && !again.reset, "its cursor is not the one before");
        }
        server.close().await;
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn with_a_head_cache_a_sync_has_at_once_what_was_said_through_its_server() {
    let server: Arc<dyn Engine> = make_cached(|_, _| {}, Some(Duration::from_secs(1)))().into();
    block_on(async {
        let team = Team::normal("7".parse().unwrap());
        let accounts = vec![amy().account];
        let join = Event::Join { team: team.clone(), accounts, inviter: None, time: 1 };
        server.ingest(&amy().app, vec![join], NOW).await.unwrap();
        for time in 2..12 {
            // The team is kept as it is now. A page would read its sessions again, a sync does not.
            let request = SyncRequest { from: SyncFrom::Latest, limit: 10, need_last_msg: true };
            let cursor = server.sync_page(&amy(), &request).await.unwrap().cursor;
            server.ingest(&amy().app, vec![said_in(&team, time)], NOW).await.unwrap();
            let request = SyncRequest { from: SyncFrom::Cursor(cursor), ..request };
            let changes = server.sync_page(&amy(), &request).await.unwrap().changes;
            assert_eq!(changes.len(), 1, "said at {time}");
        }
        server.close().await;
    });
}

/// An account comes into a team, in which something is said; then it leaves, misses what is said,
/// comes back, and hears something.
fn stay_and_return(team: &Team) -> [Vec<Event>; 2] {
    let accounts = || vec![amy().account];
    let join = |time| Event::Join { team: team.clone(), accounts: accounts(), inviter: None, time };
    let notice = Post { time: 30, message_id: "30".to_owned(), last_msg: "{}".into() };
    let leave = Event::Leave { team: team.clone(), accounts: accounts(), notice };
    let later = vec![leave, said_in(team, 40), join(50), said_in(team, 60)];
    [vec![join(10), said_in(team, 20)], later]
}

fn said_in(team: &Team, time: u64) -> Event {
    let post = Post { time, message_id: time.to_string(), last_msg: "{}".into() };
    let (place, audience) = (Place::Team(team.clone()), Vec::new());
    Event::Message { place, post, updates_session: true, audience }
}

/// The time of the newest session of the list.
async fn newest(server: &dyn Engine) -> u64 {
    let page = server.list_page(&amy(), &Default::default()).await.unwrap();
    page.session_list.first().map_or(0, |row| row.update_time)
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn syncs_of_one_account_at_once_share_their_scans() {
    let scans: Arc<AtomicU64> = Arc::default();
    let counted = Arc::clone(&scans);
    let open = make_with(move |_, cql| cql.faults.scans = Arc::clone(&counted));
    let server: Arc<dyn Engine> = open().into();
    block_on(async {
        server.ingest(&amy().app, vec![message("bob", 1)], NOW).await.unwrap();
        server.list_page(&amy(), &Default::default()).await.unwrap();
        let before = scans.load(SeqCst);
        let syncs = (0..100).map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let request =
                    SyncRequest { from: SyncFrom::Beginning, limit: 10, need_last_msg: true };
                server.sync_page(&amy(), &request).await.unwrap().changes.len()
            })
        });
        for sync in syncs.collect::<Vec<_>>() {
            assert_eq!(sync.await.unwrap(), 1);
        }
        let scans = scans.load(SeqCst) - before;
        assert!(scans <= 20, "{scans} scans for 100 syncs");
        server.close().await;
    });
}

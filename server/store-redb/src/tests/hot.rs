//! Lists in memory: equal to what a scan of the file says, whatever is written while one is loaded,
//! whatever fails, and within their bytes.

use std::sync::Arc;

use huihua_core::{Account, Page, QueryMySessionOption, RecentSession, SessionId};
use huihua_event::{Edit, Event, Owner, Place, Post, Team};
use huihua_store::{
    Engine as _, Store as _, SyncFrom, SyncRequest,
    suite::support::{amy, attempt, message, random},
};

use super::{
    MUCH_BYTES, in_folder,
    medium::{Medium, MediumFault},
};
use crate::{
    hot::{self, Load, MissingSessions, NotRead, ReadSessions},
    lookup,
    store::RedbStore,
};

type EventsMaker = fn() -> Vec<Event>;

fn post(time: u64, text: &str) -> Post {
    let last_msg = format!(r#"{{"9":"{text}"}}"#);
    Post { time, message_id: time.to_string(), last_msg }
}

fn sent(place: Place, time: u64) -> Event {
    let post = post(time, "text");
    Event::Message { place, post, updates_session: true, audience: Vec::new() }
}

fn p2p(peer: &str, time: u64) -> Event {
    sent(Place::P2p { from: peer.parse().unwrap(), to: amy().account }, time)
}

fn team(id: &str) -> Team {
    Team::normal(id.parse().unwrap())
}

fn in_team(id: &str, time: u64) -> Event {
    sent(Place::Team(team(id)), time)
}

fn join(id: &str, accounts: &[&str], time: u64) -> Event {
    let accounts = accounts.iter().map(|account| account.parse().unwrap()).collect();
    Event::Join { team: team(id), accounts, inviter: None, time }
}

fn owner(account: &str) -> Owner {
    Owner { account: account.parse().unwrap(), ..amy() }
}

async fn ingest(store: &RedbStore, events: Vec<Event>) {
    store.ingest(&amy().app, events, 1_000_000).await.unwrap();
}

/// The page as it is in memory; `None` when the list is not there, or its texts are not.
fn in_memory(store: &RedbStore, owner: &Owner) -> Option<Page> {
    let option = QueryMySessionOption::default();
    let read = |list: &mut hot::AccountList, at: &hot::ReadAt<'_>| hot::page(list, at, &option);
    let page = store.lists.read(owner, &store.history, &ReadSessions::default(), read)?;
    page.ok().map(|page| page.into_page().unwrap())
}

/// The page as a scan of the file says.
async fn in_file(store: &RedbStore, owner: &Owner) -> Page {
    let (owner, eras) = (owner.clone(), Arc::clone(&store.history));
    let scanned = store.read(move |snapshot| {
        let mut list = hot::scan(snapshot, &owner)?;
        let option = QueryMySessionOption::default();
        hot::answer(snapshot, &owner, &eras, &mut list, |list, at| hot::page(list, at, &option))
    });
    scanned.await.unwrap().into_page().unwrap()
}

async fn load(store: &RedbStore, owner: &Owner) {
    store.list_page(owner, &QueryMySessionOption::default()).await.unwrap();
    assert!(in_memory(store, owner).is_some());
}

async fn assert_equal(store: &RedbStore, owner: &Owner, when: &str) {
    let in_file = in_file(store, owner).await;
    assert_eq!(in_memory(store, owner), Some(in_file), "{when}");
}

/// A list that was scanned, and is not kept yet.
async fn scanned(store: &RedbStore, owner: &Owner) -> (Load, hot::AccountList) {
    let (load, of) = (store.lists.begin_load(owner).unwrap(), owner.clone());
    let list = store.read(move |snapshot| hot::scan(snapshot, &of)).await.unwrap();
    (load, list)
}

#[tokio::test]
async fn what_is_written_while_a_list_is_loaded_is_in_it() {
    let writes: [(&str, EventsMaker); 6] = [
        ("a message of a known session", || vec![p2p("bob", 50)]),
        ("a message of a new session", || vec![p2p("carl", 50)]),
        ("a message of its team", || vec![in_team("1", 50)]),
        ("a leave", || {
            let notice = post(50, "gone");
            let accounts = vec![amy().account];
            vec![Event::Leave { team: team("1"), accounts, notice }]
        }),
        ("an end", || vec![Event::Dissolve { team: team("1"), notice: post(50, "end") }]),
        ("an edit, then its message", || {
            let edit = Edit { message_id: "60".into(), time: 61, fields: r#"{"9":"x"}"#.into() };
            let place = Place::P2p { from: "bob".parse().unwrap(), to: amy().account };
            vec![Event::Edit { place, edit }, p2p("bob", 60)]
        }),
    ];
    for (what, events) in writes {
        let (_folder, store) = in_folder(MUCH_BYTES);
        ingest(&store, vec![p2p("bob", 10), join("1", &["amy"], 11), in_team("1", 12)]).await;
        let (load, list) = scanned(&store, &amy()).await;
        assert!(store.lists.begin_load(&amy()).is_none(), "two loads of one list");
        ingest(&store, events()).await;
        load.keep(list);
        assert_equal(&store, &amy(), what).await;
        ingest(&store, vec![in_team("1", 70), p2p("bob", 71)]).await;
        assert_equal(&store, &amy(), what).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_list_that_missed_a_write_is_not_kept() {
    let (_folder, store) = in_folder(MUCH_BYTES);
    ingest(&store, vec![p2p("bob", 10)]).await;
    // It came into a team whose head nobody has in memory.
    let (load, list) = scanned(&store, &amy()).await;
    ingest(&store, vec![in_team("2", 20), join("2", &["amy"], 15)]).await;
    load.keep(list);
    assert_eq!(in_memory(&store, &amy()), None);
    load_and_compare(&store).await;
    // More was written than is kept meanwhile.
    store.lists.expire();
    store.health().await.unwrap();
    let (load, list) = scanned(&store, &amy()).await;
    for time in 100..120 {
        let place = Place::P2p { from: "bob".parse().unwrap(), to: amy().account };
        let post = post(time, &"x".repeat(16_000));
        let audience = Vec::new();
        ingest(&store, vec![Event::Message { place, post, updates_session: true, audience }]).await;
    }
    load.keep(list);
    assert_eq!(in_memory(&store, &amy()), None);
    // A write failed meanwhile.
    let (load, list) = scanned(&store, &amy()).await;
    store.lists.expire();
    store.health().await.unwrap();
    load.keep(list);
    assert_eq!(in_memory(&store, &amy()), None);
    // Its reader went away.
    drop(scanned(&store, &amy()).await);
    load_and_compare(&store).await;
    store.close().await;
}

async fn load_and_compare(store: &RedbStore) {
    load(store, &amy()).await;
    assert_equal(store, &amy(), "loaded").await;
}

/// A write that failed may be in the file all the same: what memory shows must not be older.
#[tokio::test]
async fn after_a_failure_of_the_file_lists_are_those_of_the_file() {
    let medium = Medium::created();
    let store = medium.open().unwrap();
    ingest(&store, vec![p2p("bob", 10)]).await;
    load(&store, &amy()).await;
    let mut durable = 0;
    for n in 0..12 {
        let time = 11 + u64::from(n);
        let fault =
            if n % 2 == 0 { MediumFault::NoSyncAfter(n % 3) } else { MediumFault::DeadAtSync };
        medium.fail(fault);
        let failed = store.ingest(&amy().app, vec![p2p("bob", time)], 1_000).await.is_err();
        medium.fail(MediumFault::None);
        let shown = store.list_page(&amy(), &QueryMySessionOption::default()).await.unwrap();
        assert_eq!(shown, in_file(&store, &amy()).await, "{time}");
        durable += u32::from(failed && shown.session_list[0].update_time == time);
        // The next write finds out how far the file is; then lists are kept again.
        ingest(&store, vec![p2p("carl", time)]).await;
        load_and_compare(&store).await;
        let request = |from| SyncRequest { from, limit: 9, need_last_msg: true };
        let sync = store.sync_page(&amy(), &request(SyncFrom::Cursor(shown.sync_cursor))).await;
        let sync = sync.unwrap();
        assert!(!sync.reset && sync.changes.len() == 1, "a cursor from the failure is known");
    }
    assert!(durable > 0, "no write failed after it was durable");
    store.close().await;
}

/// Between a look at the file for a text and the answer the session may move.
#[tokio::test]
async fn a_text_that_was_read_before_its_session_moved_is_no_answer() {
    let (_folder, store) = in_folder(MUCH_BYTES);
    ingest(&store, (0..300).map(|n| p2p(&format!("p{n}"), 10 + n)).collect()).await;
    load(&store, &amy()).await;
    let id = huihua_store::kind::kind_byte(huihua_core::SessionKind::P2p);
    let id: Box<[u8]> = [&[id], &b"p0"[..]].concat().into();
    let missing = MissingSessions { ids: vec![id.clone()], need_last_msg: true };
    let read = store.read(move |snapshot| hot::sessions(snapshot, &amy(), missing)).await.unwrap();
    let answer = |read: &ReadSessions| {
        store.lists.read(&amy(), &store.history, read, |list, at| hot::session(list, at, &id))
    };
    assert!(matches!(answer(&ReadSessions::default()), Some(Err(NotRead::Missing(_)))));
    assert!(matches!(answer(&read), Some(Ok(Some(_)))));
    let p0 = "p2p|p0".parse().unwrap();
    store.update(&amy(), &p0, "new".into(), &attempt(1_000)).await.map(drop).unwrap();
    assert!(matches!(answer(&read), Some(Err(NotRead::Missing(_)))), "of another version");
    assert_eq!(store.get_session(&amy(), &p0).await.unwrap().unwrap().ext, "new");
    store.close().await;
}

/// A scan that saw a commit waits until memory shows it too: no answer goes back behind another.
#[tokio::test]
async fn a_list_from_the_file_is_not_answered_before_memory_has_caught_up() {
    let (_folder, store) = in_folder(MUCH_BYTES);
    ingest(&store, vec![p2p("bob", 10)]).await;
    let last = store.read(|snapshot| snapshot.last()).await.unwrap();
    store.lists.catch_up(last).await;
    let waits = store.lists.catch_up(last + 1);
    tokio::pin!(waits);
    assert!(polled_once(waits.as_mut()).await.is_none(), "did not wait");
    ingest(&store, vec![p2p("bob", 11)]).await;
    waits.await;
    // After a failure nobody knows how far memory would come.
    let waits = store.lists.catch_up(u64::MAX);
    tokio::pin!(waits);
    assert!(polled_once(waits.as_mut()).await.is_none(), "did not wait");
    store.lists.expire();
    waits.await;
    store.close().await;
}

/// Polls once.
async fn polled_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn accounts_share_the_head_of_their_team_and_each_sees_its_writes() {
    let (_folder, store) = in_folder(MUCH_BYTES);
    ingest(&store, vec![join("1", &["amy", "bob"], 10), in_team("1", 11)]).await;
    load(&store, &owner("amy")).await;
    let one = store.lists.bytes();
    load(&store, &owner("bob")).await;
    for time in 12..20 {
        ingest(&store, vec![in_team("1", time)]).await;
        for name in ["amy", "bob"] {
            assert_equal(&store, &owner(name), "a message of the team").await;
            let page = in_memory(&store, &owner(name)).unwrap();
            assert_eq!(page.session_list[0].update_time, time);
        }
    }
    assert_eq!(store.lists.heads(), 1);
    assert!(store.lists.bytes() < 2 * one, "{} of {one}", store.lists.bytes());
    store.close().await;
}

/// Sessions that come, move, go and come back, at few times: ties are the rule.
#[tokio::test]
async fn the_order_stays_that_of_the_file_through_many_writes() {
    let (_folder, store) = in_folder(MUCH_BYTES);
    for id in 0..9 {
        ingest(&store, vec![join(&id.to_string(), &["amy"], 1)]).await;
    }
    load(&store, &amy()).await;
    let mut seed = 3;
    for n in 0..600 {
        let (peer, time) = (random(&mut seed, 150), 10 + n / 40 + random(&mut seed, 3) as u64);
        match random(&mut seed, 8) {
            0 => {
                let ids = (0..4).map(|_| format!("p2p|p{}", random(&mut seed, 150)));
                let ids = ids.map(|id| id.parse().unwrap()).collect();
                store.delete(&amy(), ids, &attempt(time)).await.unwrap();
            }
            1 => {
                let id = format!("p2p|p{peer}").parse().unwrap();
                store.update(&amy(), &id, n.to_string(), &attempt(time)).await.map(drop).unwrap();
            }
            2 | 3 => ingest(&store, vec![in_team(&(peer % 9).to_string(), time)]).await,
            _ => ingest(&store, vec![p2p(&format!("p{peer}"), time)]).await,
        }
        if n % 20 == 0 {
            // Where the end of the page moved away, the texts come from the file.
            load_and_compare(&store).await;
        }
    }
    load_and_compare(&store).await;
    store.close().await;
}

#[tokio::test]
async fn a_walk_takes_its_rows_from_memory_and_from_the_file() {
    let (_folder, store) = in_folder(MUCH_BYTES);
    let peers = (0..450).map(|n| p2p(&format!("p{n}"), 10 + n / 2)).collect();
    ingest(&store, peers).await;
    ingest(&store, vec![join("1", &["amy"], 1), in_team("1", 20)]).await;
    for limit in [100, 33] {
        let (mut page_token, mut seen) = (None, Vec::new());
        loop {
            let option = QueryMySessionOption { limit, page_token, ..Default::default() };
            let page = store.list_page(&amy(), &option).await.unwrap();
            seen.extend(page.session_list.into_iter().map(|row| row.session_id));
            page_token = page.next_page_token;
            if page_token.is_none() {
                break;
            }
            // What changed since the first page is left out of the walk.
            ingest(&store, vec![p2p("p0", 2_000 + seen.len() as u64)]).await;
        }
        let (walked, changed) = (seen.len(), "p2p|p0".parse().unwrap());
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), walked), (450 + usize::from(limit == 33), walked));
        assert_eq!(seen.contains(&changed), limit == 33, "the newest of the second walk");
    }
    store.close().await;
}

/// The session as it is in memory; `None` when its text is not there.
fn session_in_memory(store: &RedbStore, n: u64) -> Option<Option<RecentSession>> {
    let id = lookup::id_bytes(&peer_session(n));
    let read = |list: &mut hot::AccountList, at: &hot::ReadAt<'_>| hot::session(list, at, &id);
    let session = store.lists.read(&amy(), &store.history, &ReadSessions::default(), read)?;
    session.ok().map(|session| session.map(|json| json.into_session().unwrap()))
}

fn peer_session(n: u64) -> SessionId {
    format!("p2p|p{n}").parse().unwrap()
}

#[tokio::test]
async fn sessions_that_were_read_last_stay_in_memory_as_they_are() {
    const KEPT: u64 = 128;
    let (_folder, store) = in_folder(MUCH_BYTES);
    ingest(&store, (0..450).map(|n| p2p(&format!("p{n}"), 10 + n)).collect()).await;
    load(&store, &amy()).await;
    let get = async |n: u64| store.get_session(&amy(), &peer_session(n)).await.unwrap();
    assert_eq!(session_in_memory(&store, 7), None);
    let read = get(7).await;
    assert_eq!(session_in_memory(&store, 7), Some(read));
    store.update(&amy(), &peer_session(7), "new".into(), &attempt(500)).await.map(drop).unwrap();
    for _ in 0..2 {
        assert_eq!(get(7).await.unwrap().ext, "new");
    }
    assert_eq!(session_in_memory(&store, 7).unwrap().unwrap().ext, "new");
    for n in 10..300 {
        drop(get(n).await.unwrap());
    }
    let kept = |n: &u64| session_in_memory(&store, *n).is_some();
    assert!((300 - KEPT..300).all(|n| kept(&n)), "read last");
    assert_eq!((0..450 - KEPT).filter(kept).count() as u64, KEPT);
    assert_eq!(store.lists.bytes(), store.lists.count_again());
    // One of them becomes the newest, one goes.
    ingest(&store, vec![p2p("p290", 1_000)]).await;
    store.delete(&amy(), vec![peer_session(291)], &attempt(1_001)).await.unwrap();
    assert_eq!(session_in_memory(&store, 290).unwrap().unwrap().update_time, 1_000);
    assert_eq!(session_in_memory(&store, 291), Some(None));
    assert_eq!((get(291).await, get(292).await.unwrap().update_time), (None, 302));
    assert_equal(&store, &amy(), "after all").await;
    assert_eq!(store.lists.bytes(), store.lists.count_again());
    store.close().await;
}

#[tokio::test]
async fn lists_stay_within_their_bytes_and_all_of_them_are_counted() {
    const MAX: usize = 100_000;
    let (_folder, store) = in_folder(MAX);
    let name = |n: usize| format!("account{n}");
    for n in 0..40 {
        let account: Account = name(n).parse().unwrap();
        let mut events = vec![join(&(n / 4).to_string(), &[&name(n)], 1)];
        events.push(in_team(&(n / 4).to_string(), 5));
        for peer in 0..30 {
            let from = format!("p{peer}").parse().unwrap();
            events.push(sent(Place::P2p { from, to: account.clone() }, 10 + peer));
        }
        ingest(&store, events).await;
    }
    let mut seed = 5;
    for _ in 0..300 {
        let n = random(&mut seed, 40);
        match random(&mut seed, 3) {
            0 => {
                let from = format!("p{}", random(&mut seed, 90)).parse().unwrap();
                let place = Place::P2p { from, to: name(n).parse().unwrap() };
                ingest(&store, vec![sent(place, 100)]).await;
            }
            1 => ingest(&store, vec![in_team(&(n / 4).to_string(), 100)]).await,
            _ => drop(store.list_page(&owner(&name(n)), &Default::default()).await.unwrap()),
        }
        assert!(store.lists.bytes() <= MAX, "{}", store.lists.bytes());
        assert_eq!(store.lists.bytes(), store.lists.count_again());
    }
    assert!(store.lists.bytes() > MAX / 2, "{}", store.lists.bytes());
    store.lists.expire();
    assert_eq!(store.lists.bytes(), 0);
    store.close().await;
}

/// A row may hold ten recalls of 16 KiB that show nothing; memory holds what shows.
#[tokio::test]
async fn what_waits_in_a_row_of_the_file_costs_no_memory() {
    let (_folder, store) = in_folder(MUCH_BYTES);
    ingest(&store, vec![p2p("bob", 10)]).await;
    load(&store, &amy()).await;
    let before = store.lists.bytes();
    let edits = (0..8).map(|n| {
        let fields = format!(r#"{{"9":"{}"}}"#, "x".repeat(16_000));
        let edit = Edit { message_id: format!("9{n}"), time: 20 + n, fields };
        let place = Place::P2p { from: "bob".parse().unwrap(), to: amy().account };
        Event::Edit { place, edit }
    });
    ingest(&store, edits.collect()).await;
    assert_equal(&store, &amy(), "after edits that wait").await;
    assert_eq!(store.lists.bytes(), before);
    store.lists.expire();
    store.health().await.unwrap();
    load_and_compare(&store).await;
    assert!(store.lists.bytes() <= before + 256, "{} {before}", store.lists.bytes());
    store.close().await;
}

/// A sweep changes rows without a version: nothing that memory shows.
#[tokio::test]
async fn a_sweep_leaves_lists_in_memory_right_and_ends_their_old_cursors() {
    let (_folder, store) = in_folder(MUCH_BYTES);
    ingest(&store, vec![message(10), p2p("carl", 11)]).await;
    load(&store, &amy()).await;
    let cursor = in_memory(&store, &amy()).unwrap().sync_cursor;
    store.delete(&amy(), vec!["p2p|bob".parse().unwrap()], &attempt(12)).await.unwrap();
    for pass in 0..3 {
        let now = 12 + pass * huihua_store::TOMBSTONE_MS;
        huihua_store::suite::support::sweep_all(&store, now).await;
        assert_equal(&store, &amy(), "after a sweep").await;
    }
    let request = SyncRequest { from: SyncFrom::Cursor(cursor), limit: 9, need_last_msg: true };
    assert!(store.sync_page(&amy(), &request).await.unwrap().reset);
    store.close().await;
}

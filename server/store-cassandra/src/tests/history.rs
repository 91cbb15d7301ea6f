//! A checker of its own: two servers get concurrent calls about one account, what they answered is
//! recorded, and `check` looks whether any promise was broken. That it can find one is proved by
//! mistakes planted in the engine.

pub(super) mod check;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use huihua_core::{QueryMySessionOption, RecentSession, SessionChange, SessionId};
use huihua_event::{Action, Event, OutgoingMessage, Place, Post, Team};
use huihua_store::{
    Attempt, Engine, IdempotencyKey, SyncFrom, SyncRequest,
    suite::support::{amy, random},
};
use tokio::task::JoinSet;

use self::check::{Broken, Call, What, check};
use super::{KEYSPACE, make_with, node};

const BASE: u64 = 1_700_000_000_000;
const SESSIONS: usize = 5;
/// Those from here on are teams.
const FIRST_TEAM: usize = 3;
/// Rounds until a planted mistake must have been found.
const ROUNDS_MAX: u32 = 60;

/// How long a round is.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Of each task.
    pub(super) calls: usize,
    /// Between two of them.
    pub(super) pause: Duration,
}

/// As fast as it goes.
const FAST: Pace = Pace { calls: 25, pause: Duration::ZERO };
/// So slow that a node dies, comes back and learns what it missed within one round.
pub(super) const SLOW: Pace = Pace { calls: 60, pause: Duration::from_millis(500) };

/// What all tasks of a round share.
struct Round {
    servers: [Arc<dyn Engine>; 2],
    clock: AtomicU64,
    history: Mutex<Vec<Call>>,
    /// Of the keys of a round, so that none is another round's.
    name: u64,
    pace: Pace,
}

impl Round {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, SeqCst) + 1
    }

    fn server(&self, seed: &mut u64) -> &dyn Engine {
        &*self.servers[random(seed, 2)]
    }

    fn record(&self, begun: u64, is_answered: bool, what: What) {
        let ended = is_answered.then(|| self.tick());
        self.history.lock().unwrap().push(Call { begun, ended, what });
    }

    async fn rest(&self) {
        tokio::time::sleep(self.pace.pause).await;
    }

    fn attempt(&self, number: u64, key: Option<u64>) -> Attempt {
        let key = key.and_then(|key| IdempotencyKey::new(&format!("{}-{key}", self.name)));
        Attempt { now: BASE + number, key }
    }

    async fn talk(&self, mut seed: u64) {
        for _ in 0..self.pace.calls {
            let session = random(&mut seed, SESSIONS);
            let begun = self.tick();
            let number = begun;
            let post = Post {
                time: BASE + number,
                message_id: number.to_string(),
                last_msg: format!(r#"{{"9":{number}}}"#),
            };
            let place = match team(session) {
                Some(team) => Place::Team(team),
                None => Place::P2p { from: peer(session).parse().unwrap(), to: amy().account },
            };
            let event = Event::Message { place, post, updates_session: true, audience: Vec::new() };
            let (server, app) = (self.server(&mut seed), amy().app);
            let is_answered = server.ingest(&app, vec![event], BASE + number).await.is_ok();
            self.record(begun, is_answered, What::Said { session, number });
            self.rest().await;
        }
    }

    async fn attempt_to_delete(&self, server: &dyn Engine, session: usize, key: u64) {
        let begun = self.tick();
        let ids = vec![session_id(session)];
        let answer = server.delete(&amy(), ids, &self.attempt(begun, Some(key))).await;
        self.record(begun, answer.is_ok(), What::Deleted { session, key });
    }

    /// Deletions, each attempted at both servers at once, and some once more later.
    async fn delete(&self, mut seed: u64) {
        for _ in 0..self.pace.calls / 4 {
            let (session, key) = (random(&mut seed, SESSIONS), self.tick());
            let [one, other] = &self.servers;
            tokio::join!(
                self.attempt_to_delete(&**one, session, key),
                self.attempt_to_delete(&**other, session, key)
            );
            tokio::time::sleep(Duration::from_millis(random(&mut seed, 20) as u64)).await;
            self.attempt_to_delete(self.server(&mut seed), session, key).await;
            self.rest().await;
        }
    }

    /// A device that syncs, at any server, and looks at what it has then.
    async fn sync(&self, mut seed: u64) {
        let (mut from, mut shown) = (SyncFrom::Beginning, BTreeMap::new());
        for _ in 0..self.pace.calls {
            let begun = self.tick();
            loop {
                let limit = 1 + random(&mut seed, 4) as u32;
                let request = SyncRequest { from: from.clone(), limit, need_last_msg: true };
                let answer = self.server(&mut seed).sync_page(&amy(), &request).await;
                let Ok(page) = answer else { continue };
                if page.reset {
                    self.record(begun, true, What::Refused);
                    (from, shown) = (SyncFrom::Beginning, BTreeMap::new());
                    continue;
                }
                for change in page.changes {
                    match change {
                        SessionChange::Session(row) => shown.extend(number_of(&row)),
                        SessionChange::Deleted(id) => {
                            shown.remove(&session_of(&id));
                        }
                    }
                }
                from = SyncFrom::Cursor(page.cursor);
                if !page.has_more {
                    break;
                }
            }
            self.record(begun, true, What::Saw { shown: shown.clone() });
            self.rest().await;
        }
    }

    async fn list(&self, mut seed: u64) {
        for _ in 0..self.pace.calls {
            self.rest().await;
            let begun = self.tick();
            let option = QueryMySessionOption::default();
            let Ok(page) = self.server(&mut seed).list_page(&amy(), &option).await else {
                continue;
            };
            let shown = page.session_list.iter().filter_map(number_of).collect();
            self.record(begun, true, What::Saw { shown });
        }
    }

    async fn attempt_to_send(&self, server: &dyn Engine, key: u64) {
        let begun = self.tick();
        let compose =
            |time, id: u64| Post { time, message_id: id.to_string(), last_msg: "{}".into() };
        let place = Place::P2p { from: "app".parse().unwrap(), to: "somebody".parse().unwrap() };
        let message = OutgoingMessage { place, compose: Box::new(compose), updates_session: true };
        let action = Arc::new(Action::Send(vec![message]));
        let answer = server.act(&amy().app, action, &self.attempt(begun, Some(key))).await;
        let ids = answer.ok().and_then(Result::ok).map(|done| done.message_ids);
        let is_answered = ids.is_some();
        self.record(begun, is_answered, What::Sent { key, ids: ids.unwrap_or_default() });
    }

    async fn send(&self) {
        for _ in 0..self.pace.calls / 4 {
            let key = self.tick();
            let [one, other] = &self.servers;
            tokio::join!(
                self.attempt_to_send(&**one, key),
                self.attempt_to_send(&**other, key),
                self.attempt_to_send(&**one, key)
            );
            self.rest().await;
        }
    }
}

fn peer(session: usize) -> String {
    format!("p{session}")
}

fn team(session: usize) -> Option<Team> {
    (session >= FIRST_TEAM).then(|| Team::normal(peer(session).parse().unwrap()))
}

fn session_id(session: usize) -> SessionId {
    let p2p = || SessionId::p2p(&peer(session).parse().unwrap());
    team(session).map_or_else(p2p, |team| team.session_id())
}

async fn join_teams(server: &dyn Engine) {
    for team in (0..SESSIONS).filter_map(team) {
        let accounts = vec![amy().account];
        let join = Event::Join { team, accounts, inviter: None, time: BASE };
        while server.ingest(&amy().app, vec![join.clone()], BASE).await.is_err() {}
    }
}

fn session_of(id: &SessionId) -> usize {
    id.peer()[1..].parse().unwrap()
}

fn number_of(row: &RecentSession) -> Option<(usize, u64)> {
    let text = row.last_msg.as_ref()?.as_str();
    let number = text.trim_matches(|c: char| !c.is_ascii_digit()).rsplit(':').next()?;
    Some((session_of(&row.session_id), number.parse().unwrap()))
}

/// Records rounds of concurrent calls at two servers, until one breaks a promise or `is_enough`.
pub(super) fn record(
    pace: Pace,
    plant: fn(&tokio::runtime::Runtime, &mut super::Cql),
    mut is_enough: impl FnMut(u32) -> bool,
) -> (u32, usize, Vec<Broken>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let (mut rounds, mut calls) = (0, 0);
    loop {
        let open = make_with(plant);
        let servers = [open(), open()].map(Arc::<dyn Engine>::from);
        let name = u64::from_be_bytes(crate::list::random().unwrap());
        let (clock, history) = (AtomicU64::new(0), Mutex::default());
        let round = Arc::new(Round { servers, clock, history, name, pace });
        runtime.block_on(async {
            join_teams(&*round.servers[0]).await;
            let mut tasks = JoinSet::new();
            for number in 0..10_u64 {
                let (round, seed) = (Arc::clone(&round), name ^ number);
                tasks.spawn(async move {
                    match number {
                        0..3 => round.talk(seed).await,
                        3 => round.delete(seed).await,
                        4..7 => round.sync(seed).await,
                        7..9 => round.list(seed).await,
                        _ => round.send().await,
                    }
                });
            }
            while let Some(task) = tasks.join_next().await {
                task.unwrap();
            }
            for server in &round.servers {
                server.close().await;
            }
        });
        let history = std::mem::take(&mut *round.history.lock().unwrap());
        calls += history.len();
        rounds += 1;
        let broken = check(&history);
        if !broken.is_empty() || is_enough(rounds) {
            return (rounds, calls, broken);
        }
    }
}

/// Looks for a planted mistake.
fn find(what: &str, plant: fn(&tokio::runtime::Runtime, &mut super::Cql)) {
    let (rounds, calls, broken) = record(FAST, plant, |rounds| rounds == ROUNDS_MAX);
    println!("{what}: after {rounds} rounds, {calls} calls: {broken:?}");
    assert!(!broken.is_empty(), "{what} was not found");
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn histories_of_two_servers_keep_every_promise_when_answers_and_requests_are_lost() {
    for plant in [
        |_: &_, _: &mut super::Cql| {},
        |_: &_, cql: &mut super::Cql| {
            cql.faults.loses = true;
        },
    ] {
        let (rounds, calls, broken) = record(FAST, plant, |rounds| rounds == 6);
        println!("histories: {rounds} rounds, {calls} calls");
        assert_eq!(broken, []);
    }
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn a_time_out_that_is_guessed_is_found() {
    find("a guessed time-out", |_, cql| {
        (cql.faults.loses, cql.faults.guesses) = (true, true);
    });
}

#[test]
#[ignore = "needs a node of Cassandra: cargo xtask test --only cassandra"]
fn a_dropped_condition_is_found() {
    assert!(!node().is_empty());
    find("a dropped condition", |runtime, cql| {
        let put = format!("UPDATE {KEYSPACE}.sess SET ver=? WHERE uid=?");
        let put = runtime.block_on(cql.session.prepare(put)).unwrap();
        cql.faults.put_version = Some(Arc::new(put));
    });
}

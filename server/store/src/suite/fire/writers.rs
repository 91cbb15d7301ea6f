//! The writers of the fire: noise that hits every session in every way, and sessions of their own
//! that show what was acknowledged and what must never show.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use huihua_core::{Account, SessionId};
use huihua_event::{Edit, Event, Place, Post, Team};

use super::world::{
    BEGIN, CLIENTS, EVENTS_A_MS, HIDDEN, TEAMS, WRITERS, World, account, dropped, kept, time,
};
use crate::{
    Attempt, Outcome, TOMBSTONE_MS,
    suite::support::{random, sweep_all},
};

/// Peers of the clients, beside each other.
const PEERS: usize = 30;
/// Events that a writer keeps, to send them again or for the first time, late.
const HELD_MAX: usize = 48;
/// Dissolutions in a run, by one writer: each leaves rows behind for good.
const DISSOLVED_MAX: u64 = 40;
/// Between two sweeps: seldom enough that a walk mostly ends before one passes it by.
const SWEEP_EVERY: Duration = Duration::from_millis(300);

/// The team that every client is in from the beginning.
pub(super) fn first_team(writer: usize) -> Team {
    Team::normal(format!("f{writer}").parse().unwrap())
}

pub(super) async fn join_first_teams(world: &World) {
    for writer in 0..WRITERS {
        let accounts = (0..CLIENTS).map(|client| account('c', client)).collect();
        let team = first_team(writer);
        let join = Event::Join { team, accounts, inviter: None, time: BEGIN };
        world.store.ingest(&world.app, vec![join], BEGIN).await.unwrap();
    }
}

/// Moves the horizon again and again: a clock of its own, as versions carry no time.
pub(super) async fn sweep_now_and_then(world: Arc<World>) {
    let mut now = BEGIN;
    while !world.stop.load(SeqCst) {
        now += TOMBSTONE_MS;
        sweep_all(&*world.store, now).await;
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

fn text(value: impl std::fmt::Display) -> String {
    format!(r#"{{"9":"{value}"}}"#)
}

/// One connection.
pub(super) struct Writer {
    world: Arc<World>,
    number: usize,
    seed: u64,
    held: Vec<Event>,
    dissolved: u64,
}

impl Writer {
    pub(super) fn new(world: Arc<World>, number: usize) -> Self {
        Self { world, number, seed: 1 + number as u64, held: Vec::new(), dissolved: 0 }
    }

    pub(super) async fn run(mut self) {
        let world = Arc::clone(&self.world);
        while !world.stop.load(SeqCst) {
            let _open = world.gate.read().await;
            match self.below(10) {
                0..5 => self.noise().await,
                5 => self.client_call().await,
                6..8 => self.keep().await,
                8 => self.delete_and_repeat().await,
                _ => self.hide().await,
            }
            if self.below(40) == 0 {
                self.dissolve().await;
            }
        }
    }

    fn below(&mut self, below: usize) -> usize {
        random(&mut self.seed, below)
    }

    async fn ingest(&self, events: Vec<Event>) {
        let now = self.world.now();
        let outcomes = self.world.store.ingest(&self.world.app, events, now).await.unwrap();
        assert!(!outcomes.contains(&Outcome::TooFarAhead));
        self.world.writes.fetch_add(1, SeqCst);
        self.world.written.notify_waiters();
    }

    fn client(&mut self) -> Account {
        let client = self.below(CLIENTS);
        account('c', client)
    }

    // The noise: few sessions, everything at once.

    async fn noise(&mut self) {
        let count = 1 + self.below(8);
        let mut events = Vec::with_capacity(count + 1);
        for _ in 0..count {
            if !self.held.is_empty() && self.below(5) == 0 {
                let at = self.below(self.held.len());
                events.push(self.held[at].clone());
                continue;
            }
            let event = self.event();
            // Some are held back: their recalls or later events come first.
            if self.below(8) != 0 {
                events.push(event.clone());
            }
            if self.held.len() == HELD_MAX {
                let at = self.below(HELD_MAX);
                self.held.swap_remove(at);
            }
            self.held.push(event);
        }
        let last = events.len().saturating_sub(1);
        if last > 0 && self.below(3) == 0 {
            events.swap(0, last);
        }
        self.ingest(events).await;
    }

    fn event(&mut self) -> Event {
        let n = self.world.next();
        let late = if self.below(10) == 0 { 500 } else { 4 };
        let time = time(n) - self.below(late) as u64;
        match self.below(24) {
            0..12 => self.message(n, time),
            12..16 => self.recall(n, time),
            20.. => self.edit(n, time),
            16..18 => {
                let accounts = vec![self.client(), self.client()];
                let inviter = (self.below(3) == 0).then(|| self.client());
                Event::Join { team: self.team(), accounts, inviter, time }
            }
            18..20 => {
                let id = if self.below(2) == 0 { String::new() } else { n.to_string() };
                let notice = Post { time, message_id: id, last_msg: text(n) };
                Event::Leave { team: self.team(), accounts: vec![self.client()], notice }
            }
        }
    }

    fn message(&mut self, n: u64, time: u64) -> Event {
        // Equal ids and equal times are the rule: then the body decides.
        let post = Post { time, message_id: (n / 4).to_string(), last_msg: text(n) };
        let place = self.place();
        let hinted = matches!(place, Place::Team(_)) && self.below(4) == 0;
        let audience = if hinted { vec![self.client()] } else { Vec::new() };
        Event::Message { place, post, updates_session: self.below(10) != 0, audience }
    }

    /// Of a message that was sent, or was not yet, or never will be.
    fn recall(&mut self, n: u64, time: u64) -> Event {
        let messages = self.held.iter().filter_map(|event| match event {
            Event::Message { place, post, .. } => Some((place.clone(), post.clone())),
            _ => None,
        });
        let messages: Vec<_> = messages.collect();
        let one_way = self.below(8) == 0;
        if messages.is_empty() {
            let post = Post { time, message_id: n.to_string(), last_msg: text(n) };
            return Event::Recall { place: self.place(), post, time, one_way };
        }
        let (place, of) = messages[self.below(messages.len())].clone();
        let mut post = Post { last_msg: text(n), ..of };
        // Some claim another time than their message's.
        match self.below(6) {
            0 => post.time -= self.below(4) as u64,
            1 => post.time += self.below(4) as u64,
            2 => post.time /= 1_000,
            _ => {}
        }
        Event::Recall { place, time: post.time, post, one_way }
    }

    /// Of a message that was sent, or was not yet, or never will be.
    fn edit(&mut self, n: u64, time: u64) -> Event {
        let messages = self.held.iter().filter_map(|event| match event {
            Event::Message { place, post, .. } => Some((place.clone(), post.message_id.clone())),
            _ => None,
        });
        let messages: Vec<_> = messages.collect();
        let unknown = (self.place(), n.to_string());
        let at = self.below(messages.len() + 1);
        let (place, message_id) = messages.get(at).cloned().unwrap_or(unknown);
        Event::Edit { place, edit: Edit { message_id, time, fields: text(n) } }
    }

    fn place(&mut self) -> Place {
        if self.below(3) == 0 {
            return Place::Team(self.team());
        }
        let (client, peer) = (self.client(), self.peer());
        if self.below(2) == 0 {
            Place::P2p { from: client, to: peer }
        } else {
            Place::P2p { from: peer, to: client }
        }
    }

    fn peer(&mut self) -> Account {
        if self.below(10) == 0 {
            return self.client();
        }
        let peer = self.below(PEERS);
        account('x', peer)
    }

    /// One of the noise: mostly the living one of its place, sometimes the one dissolved before.
    fn team(&mut self) -> Team {
        let (place, late) = (self.below(TEAMS), u64::from(self.below(10) == 0));
        let generation = self.world.generations[place].load(SeqCst).saturating_sub(late);
        team(place, generation)
    }

    async fn client_call(&mut self) {
        let client = self.below(CLIENTS);
        let owner = self.world.owner(client);
        let attempt = Attempt { now: self.world.now(), key: None };
        let id = self.session();
        if self.below(2) == 0 {
            let ext = self.below(5).to_string();
            self.world.store.update(&owner, &id, ext, &attempt).await.unwrap();
            return;
        }
        let ids = vec![id, self.session(), self.session()];
        self.world.store.delete(&owner, ids, &attempt).await.unwrap();
    }

    fn session(&mut self) -> SessionId {
        if self.below(2) == 0 { SessionId::p2p(&self.peer()) } else { self.team().session_id() }
    }

    /// Ends one of the noise's teams; the one that was in its place before it is deleted by all.
    async fn dissolve(&mut self) {
        if self.dissolved == DISSOLVED_MAX {
            return;
        }
        self.dissolved += 1;
        let place = self.below(TEAMS);
        let generation = self.world.generations[place].fetch_add(1, SeqCst);
        let n = self.world.next();
        let notice = Post { time: time(n), message_id: n.to_string(), last_msg: text(n) };
        let end = Event::Dissolve { team: team(place, generation), notice };
        self.ingest(vec![end.clone()]).await;
        self.held.push(end);
        self.held.truncate(HELD_MAX);
        let Some(gone) = generation.checked_sub(1) else { return };
        for client in 0..CLIENTS {
            let attempt = Attempt { now: self.world.now(), key: None };
            let ids = vec![team(place, gone).session_id()];
            self.world.store.delete(&self.world.owner(client), ids, &attempt).await.unwrap();
        }
    }

    // Sessions of its own: what was acknowledged must be seen.

    /// A message of a session of the writer's own, or of its first team.
    fn own(&self, place: &Place, n: u64) -> Event {
        let post = Post { time: time(n), message_id: n.to_string(), last_msg: text(2 * n) };
        let place = place.clone();
        Event::Message { place, post, updates_session: true, audience: Vec::new() }
    }

    fn own_recall(&self, place: &Place, n: u64) -> Event {
        let post = Post { time: time(n), message_id: n.to_string(), last_msg: text(2 * n + 1) };
        Event::Recall { place: place.clone(), time: post.time, post, one_way: false }
    }

    fn own_edit(&self, place: &Place, of: u64, n: u64) -> Event {
        let edit = Edit { message_id: of.to_string(), time: time(n), fields: text(2 * n) };
        Event::Edit { place: place.clone(), edit }
    }

    /// The recall of a message by an event of its own, which claims an earlier time: it was kept
    /// in seconds.
    fn sloppy_recall(&self, place: &Place, of: u64, n: u64) -> Event {
        let message_id = of.to_string();
        let post = Post { time: time(of) / 1_000, message_id, last_msg: text(2 * n + 1) };
        Event::Recall { place: place.clone(), time: time(n), post, one_way: false }
    }

    async fn keep(&mut self) {
        let client = self.below(CLIENTS);
        let world = Arc::clone(&self.world);
        let peer = account('k', self.number);
        let (place, to_all) = match self.below(3) {
            0 => (Place::Team(first_team(self.number)), true),
            _ => (Place::P2p { from: peer, to: account('c', client) }, false),
        };
        let acknowledge = |mark: u64| {
            for (at, marks) in world.marks[self.number].iter().enumerate() {
                if to_all {
                    marks.head.fetch_max(mark, SeqCst);
                } else if at == client {
                    marks.message.fetch_max(mark, SeqCst);
                }
            }
        };
        let (first, second) = (world.next(), world.next());
        match random(&mut self.seed, 6) {
            4 => {
                // A streamed answer: edits come in disorder, the first before its message.
                // Each in a millisecond of its own: of edits in one, the digest chooses.
                let later = || world.events.fetch_add(EVENTS_A_MS, SeqCst) + EVENTS_A_MS;
                let (early, late) = (later(), later());
                let [early, last] = [early, late].map(|n| self.own_edit(&place, second, n));
                self.ingest(vec![last, self.own(&place, second), early]).await;
                acknowledge(2 * late);
            }
            5 => {
                let (edited, recalled, again) = (world.next(), world.next(), world.next());
                let edit = self.own_edit(&place, second, edited);
                self.ingest(vec![self.own(&place, second), edit.clone()]).await;
                acknowledge(2 * edited);
                self.ingest(vec![self.sloppy_recall(&place, second, recalled)]).await;
                acknowledge(2 * recalled + 1);
                let mut resend = self.own(&place, second);
                if let Event::Message { post, .. } = &mut resend {
                    post.time = time(again);
                }
                self.ingest(vec![resend, edit]).await;
            }
            0 => self.ingest(vec![self.own(&place, second), self.own(&place, first)]).await,
            1 => {
                self.ingest(vec![self.own(&place, first)]).await;
                acknowledge(2 * first);
                self.ingest(vec![self.own(&place, second)]).await;
            }
            2 => {
                self.ingest(vec![self.own(&place, second), self.own_recall(&place, second)]).await;
                acknowledge(2 * second + 1);
                self.ingest(vec![self.own(&place, second)]).await;
            }
            _ => {
                self.ingest(vec![self.own_recall(&place, second)]).await;
                acknowledge(2 * second + 1);
                self.ingest(vec![self.own(&place, first), self.own(&place, second)]).await;
            }
        }
        acknowledge(2 * second);
        if random(&mut self.seed, 3) == 0 {
            let (owner, ext) = (world.owner(client), world.next());
            let attempt = Attempt { now: world.now(), key: None };
            let id = kept(self.number);
            world.store.update(&owner, &id, ext.to_string(), &attempt).await.unwrap();
            world.marks[self.number][client].ext.fetch_max(ext, SeqCst);
        }
    }

    /// A message, its deletion, and the same message and its recall once more.
    async fn delete_and_repeat(&mut self) {
        let client = self.below(CLIENTS);
        let place = Place::P2p { from: account('d', self.number), to: account('c', client) };
        let n = self.world.next();
        self.ingest(vec![self.own(&place, n)]).await;
        let attempt = Attempt { now: self.world.now(), key: None };
        let ids = vec![dropped(self.number)];
        self.world.store.delete(&self.world.owner(client), ids, &attempt).await.unwrap();
        // A recall has the mark 2n + 1, and is hidden with its message.
        self.world.marks[self.number][client].deleted.fetch_max(2 * n + 1, SeqCst);
        let edit = self.own_edit(&place, n, n);
        let sloppy = self.sloppy_recall(&place, n, n);
        self.ingest(vec![edit, self.own_recall(&place, n), self.own(&place, n), sloppy]).await;
    }

    /// A client comes into a team and goes; what is said there without it, it never sees.
    async fn hide(&mut self) {
        let accounts = vec![self.client()];
        let team = Team::super_team(format!("h{}", self.number).parse().unwrap());
        let place = Place::Team(team.clone());
        // Each in a millisecond of its own: what is said in that of the join is seen.
        let step = 2 * EVENTS_A_MS;
        let later = || self.world.events.fetch_add(step, SeqCst) + step;
        let (joined, said, left, hidden) = (later(), later(), later(), later());
        later();
        let join = Event::Join {
            team: team.clone(),
            accounts: accounts.clone(),
            inviter: None,
            time: time(joined),
        };
        self.ingest(vec![join, self.own(&place, said)]).await;
        let notice = Post { time: time(left), message_id: left.to_string(), last_msg: text(left) };
        self.ingest(vec![Event::Leave { team, accounts, notice }]).await;
        let post =
            Post { time: time(hidden), message_id: hidden.to_string(), last_msg: text(HIDDEN) };
        let message = Event::Message {
            place: place.clone(),
            post: post.clone(),
            updates_session: true,
            audience: Vec::new(),
        };
        let edit =
            Edit { message_id: hidden.to_string(), time: time(hidden), fields: text(HIDDEN) };
        let edit = Event::Edit { place: place.clone(), edit };
        let recall = Event::Recall { place, time: post.time, post, one_way: false };
        self.ingest(vec![edit, message, recall]).await;
    }
}

fn team(place: usize, generation: u64) -> Team {
    let id = format!("{place}{generation}").parse().unwrap();
    if place.is_multiple_of(2) { Team::normal(id) } else { Team::super_team(id) }
}

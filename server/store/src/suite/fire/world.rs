//! The world of the fire: the store, its clock, and what was acknowledged to whom.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use huihua_core::{Account, AppKey, LastMsgType, RecentSession, SessionId};
use huihua_event::Owner;
use tokio::sync::{Notify, RwLock};

use crate::Engine;

/// Teams of the noise at one time; a dissolved one is followed by another.
pub(super) const TEAMS: usize = 8;
/// Tasks that write, each on a connection of its own.
pub(super) const WRITERS: usize = 4;
/// Accounts whose lists are walked, each by a client of its own.
pub(super) const CLIENTS: usize = 4;
/// Events to a millisecond.
pub(super) const EVENTS_A_MS: u64 = 8;
/// When the fire begins, ms.
pub(super) const BEGIN: u64 = 1_700_000_000_000;
/// Tries to meet the store between two writes; then the writers are asked to hold for a moment.
pub(super) const TRIES_MAX: u32 = 3;
/// Share of the comparisons, in per cent, that must have met the store without holding a writer.
pub(super) const MET_PERCENT_MIN: u64 = 20;
/// Text of messages that no client may ever see: sent to a team while none of them is in.
pub(super) const HIDDEN: &str = "hidden";

pub(super) fn walks() -> u64 {
    std::env::var("HUIHUA_WALKS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

/// What the store acknowledged to one writer, for one client. All only rise.
#[derive(Default)]
pub(super) struct Marks {
    /// Newest message or recall of the session that only this writer writes and nobody deletes.
    pub(super) message: AtomicU64,
    /// Newest ext of that session.
    pub(super) ext: AtomicU64,
    /// Newest message of the session that this writer writes and deletes, when it deleted it last.
    pub(super) deleted: AtomicU64,
    /// Newest message of the writer's team that the client joined first of all and never left.
    pub(super) head: AtomicU64,
}

/// A copy of [`Marks`] at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Acknowledged {
    pub(super) message: u64,
    pub(super) ext: u64,
    pub(super) deleted: u64,
    pub(super) head: u64,
}

pub(super) struct World {
    pub(super) store: Arc<dyn Engine>,
    pub(super) app: AppKey,
    /// Events so far: gives ids and times.
    pub(super) events: AtomicU64,
    /// Writes that were answered so far, and who is notified after each.
    pub(super) writes: AtomicU64,
    pub(super) written: Notify,
    pub(super) marks: [[Marks; CLIENTS]; WRITERS],
    /// How often the team of each place of the noise was dissolved.
    pub(super) generations: [AtomicU64; TEAMS],
    pub(super) stop: AtomicBool,
    /// Writers pass it for each write; a comparison that never meets the store closes it.
    pub(super) gate: RwLock<()>,
}

impl World {
    pub(super) fn new(store: Arc<dyn Engine>) -> Self {
        Self {
            store,
            app: "fire".parse().unwrap(),
            events: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            written: Notify::new(),
            marks: Default::default(),
            generations: Default::default(),
            stop: AtomicBool::new(false),
            gate: RwLock::new(()),
        }
    }

    pub(super) fn owner(&self, client: usize) -> Owner {
        Owner { app: self.app.clone(), account: account('c', client) }
    }

    pub(super) fn next(&self) -> u64 {
        self.events.fetch_add(1, SeqCst) + 1
    }

    /// The clock now, ms.
    pub(super) fn now(&self) -> u64 {
        time(self.events.load(SeqCst))
    }

    pub(super) fn acknowledged(&self, client: usize) -> [Acknowledged; WRITERS] {
        std::array::from_fn(|writer| {
            let marks = &self.marks[writer][client];
            Acknowledged {
                message: marks.message.load(SeqCst),
                ext: marks.ext.load(SeqCst),
                deleted: marks.deleted.load(SeqCst),
                head: marks.head.load(SeqCst),
            }
        })
    }
}

pub(super) fn account(letter: char, n: usize) -> Account {
    format!("{letter}{n}").parse().unwrap()
}

/// The time of event `n`, ms.
pub(super) fn time(n: u64) -> u64 {
    BEGIN + n / EVENTS_A_MS
}

/// The session that only this writer writes and nobody deletes.
pub(super) fn kept(writer: usize) -> SessionId {
    SessionId::p2p(&account('k', writer))
}

/// The session that this writer writes and deletes.
pub(super) fn dropped(writer: usize) -> SessionId {
    SessionId::p2p(&account('d', writer))
}

/// The number in a last message of a writer's own session: twice the event's, one more in a recall.
pub(super) fn mark(row: &RecentSession) -> u64 {
    let Some(message) = &row.last_msg else { return 0 };
    let mark: u64 = message.as_str()[6..message.as_str().len() - 2].parse().unwrap();
    assert_eq!(mark % 2 == 1, row.last_msg_type == LastMsgType::Recall, "{row:?}");
    mark
}

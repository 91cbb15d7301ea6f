//! Exact under fire: clients walk by token with any page size and then sync, while writers on
//! several connections write everything that there is. After every walk and sync the client's list
//! is the store's. 2,000 walks here; more by
//! `HUIHUA_WALKS=100000 cargo test --release -p huihua-store-redb fire -- --nocapture`.

mod world;
mod writers;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, atomic::Ordering::SeqCst},
};

use huihua_core::{QueryMySessionOption, RecentSession, SessionChange, SessionId};
use huihua_event::Owner;
use tokio::task::JoinSet;

use self::{
    world::{
        CLIENTS, HIDDEN, MET_PERCENT_MIN, TRIES_MAX, WRITERS, World, dropped, kept, mark, walks,
    },
    writers::{Writer, first_team, join_first_teams, sweep_now_and_then},
};
use super::support::{Make, empty, random};
use crate::{Error, SyncFrom, SyncRequest};

/// One device, over many walks.
struct Client {
    world: Arc<World>,
    number: usize,
    owner: Owner,
    seed: u64,
    rows: BTreeMap<SessionId, RecentSession>,
    cursor: String,
    /// Writes that were answered before its last read.
    writes: u64,
    /// It holds the writers: no event will come.
    is_alone: bool,
    /// The newest that the device ever saw of the sessions that never go back.
    newest: HashMap<SessionId, u64>,
    count: Count,
}

/// What happened.
#[derive(Debug, Default)]
struct Count {
    walks: u64,
    pages: u64,
    changes: u64,
    deletions: u64,
    compared: u64,
    /// Of these: without holding a writer.
    met: u64,
    resets: u64,
    /// Longest list compared.
    rows: usize,
}

impl Client {
    fn new(world: Arc<World>, number: usize) -> Self {
        let owner = world.owner(number);
        Self {
            world,
            number,
            owner,
            seed: 77 + number as u64,
            rows: BTreeMap::new(),
            cursor: String::new(),
            writes: 0,
            is_alone: false,
            newest: HashMap::new(),
            count: Count::default(),
        }
    }

    async fn run(mut self, walks: u64) -> Self {
        while self.count.walks < walks {
            if !self.walk().await {
                self.count.resets += 1;
                continue;
            }
            self.count.walks += 1;
            for _ in 0..=random(&mut self.seed, 3) {
                self.sync_and_check().await;
                self.compare().await;
            }
        }
        self
    }

    /// Lets the writers go on, every other time, so that they write between two reads: a read may
    /// cost so little that all would be done before the fire burns. Not while it holds the writers,
    /// or after their end.
    async fn let_write(&mut self) {
        let wanted = self.writes + [0, 1, 2, 4][random(&mut self.seed, 4)];
        loop {
            let written = self.world.written.notified();
            self.writes = self.world.writes.load(SeqCst);
            if self.writes >= wanted || self.is_alone || self.world.stop.load(SeqCst) {
                return;
            }
            written.await;
        }
    }

    /// Walks the list by token; false when a sweep passed the walk by.
    async fn walk(&mut self) -> bool {
        let (mut page_token, mut seen) = (None, HashSet::new());
        self.rows.clear();
        loop {
            let largest = 1 + random(&mut self.seed, 100);
            let limit = 1 + random(&mut self.seed, largest) as u32;
            let option = QueryMySessionOption { limit, page_token, ..Default::default() };
            self.let_write().await;
            let page = match self.world.store.list_page(&self.owner, &option).await {
                Err(Error::StalePageToken) if option.page_token.is_some() => return false,
                page => page.unwrap(),
            };
            self.count.pages += 1;
            assert!(page.session_list.len() <= limit as usize);
            assert_eq!(page.has_more, page.next_page_token.is_some());
            if option.page_token.is_none() {
                self.cursor = page.sync_cursor;
            } else {
                assert_eq!(self.cursor, page.sync_cursor, "the first page fixes the cursor");
            }
            for row in page.session_list {
                assert!(seen.insert(row.session_id.clone()), "a row twice in one walk: {row:?}");
                self.take(row);
            }
            page_token = page.next_page_token;
            if page_token.is_none() {
                return true;
            }
        }
    }

    fn take(&mut self, row: RecentSession) {
        let text = row.last_msg.as_ref().map_or("", |message| message.as_str());
        assert!(!text.contains(HIDDEN), "seen from outside the time in the team: {row:?}");
        if row.session_id.peer().starts_with(['k', 'f']) {
            let now = mark(&row);
            let newest = self.newest.entry(row.session_id.clone()).or_default();
            assert!(now >= *newest, "went back from {newest} to {row:?}");
            *newest = now;
        }
        self.rows.insert(row.session_id.clone(), row);
    }

    /// Syncs to the end; then everything is there that was acknowledged before it began.
    async fn sync_and_check(&mut self) {
        self.let_write().await;
        let before = self.world.acknowledged(self.number);
        if !self.sync().await {
            // A sweep passed the cursor by: the walk begins anew, and is its own proof.
            self.count.resets += 1;
            while !self.walk().await {}
            while !self.sync().await {}
        }
        for (writer, before) in before.iter().enumerate() {
            let of = |id: SessionId| self.rows.get(&id);
            let newest = |id: SessionId| of(id).map_or(0, mark);
            assert!(newest(kept(writer)) >= before.message, "{before:?}: {:?}", of(kept(writer)));
            let ext = of(kept(writer)).and_then(|row| row.ext.parse().ok()).unwrap_or(0);
            assert!(ext >= before.ext, "{before:?}: {:?}", of(kept(writer)));
            let head = first_team(writer).session_id();
            assert!(newest(head.clone()) >= before.head, "{before:?}: {:?}", of(head));
            if let Some(row) = of(dropped(writer)) {
                assert!(mark(row) > before.deleted, "deleted, and back: {before:?}: {row:?}");
            }
        }
    }

    /// Syncs to the end with pages of any size; false when the cursor is too old.
    async fn sync(&mut self) -> bool {
        loop {
            let limit = 1 + random(&mut self.seed, 60) as u32;
            let from = SyncFrom::Cursor(self.cursor.clone());
            let option = SyncRequest { from, limit, need_last_msg: true };
            let changes = self.world.store.sync_page(&self.owner, &option).await.unwrap();
            if changes.reset {
                return false;
            }
            assert!(changes.changes.len() <= limit as usize);
            for change in changes.changes {
                self.count.changes += 1;
                match change {
                    SessionChange::Session(row) => self.take(row),
                    SessionChange::Deleted(id) => {
                        self.count.deletions += u64::from(self.rows.remove(&id).is_some());
                    }
                }
            }
            self.cursor = changes.cursor;
            if !changes.has_more {
                return true;
            }
        }
    }

    /// Compares with the whole list at the very cursor of the device.
    async fn compare(&mut self) {
        for _ in 0..TRIES_MAX {
            if self.is_compared().await {
                self.count.met += 1;
                return;
            }
            self.sync_and_check().await;
        }
        let world = Arc::clone(&self.world);
        let _closed = world.gate.write().await;
        self.is_alone = true;
        self.sync_and_check().await;
        assert!(self.is_compared().await, "the store is still now");
        self.is_alone = false;
    }

    /// False when the store moved: a first page's cursor and that of a sync at its end are the
    /// same text only when nothing was written in between.
    async fn is_compared(&mut self) -> bool {
        let option = QueryMySessionOption::default();
        let page = self.world.store.list_page(&self.owner, &option).await.unwrap();
        assert!(!page.has_more, "more sessions than one page shows");
        if page.sync_cursor != self.cursor {
            return false;
        }
        assert_eq!(self.list(), page.session_list);
        self.count.rows = self.count.rows.max(page.session_list.len());
        self.count.compared += 1;
        true
    }

    fn list(&self) -> Vec<RecentSession> {
        let mut rows: Vec<_> = self.rows.values().cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.update_time));
        rows
    }
}

/// Runs it over one store.
pub fn lists_are_exact_under_fire(make: Make<'_>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build().unwrap();
    let world = World::new(empty(make).into());
    runtime.block_on(fire(Arc::new(world)));
}

async fn fire(world: Arc<World>) {
    join_first_teams(&world).await;
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(Writer::new(Arc::clone(&world), number).run());
    }
    writers.spawn(sweep_now_and_then(Arc::clone(&world)));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let share = walks().div_ceil(CLIENTS as u64);
        clients.spawn(Client::new(Arc::clone(&world), number).run(share));
    }
    let mut done = Vec::new();
    while let Some(client) = clients.join_next().await {
        done.push(client.unwrap());
    }
    world.stop.store(true, SeqCst);
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    for client in &mut done {
        client.sync_and_check().await;
        client.compare().await;
        println!("{:?}", client.count);
        let Count { compared, met, deletions, .. } = client.count;
        assert!(met * 100 >= compared * MET_PERCENT_MIN, "hardly a comparison under fire");
        assert!(deletions > 0, "no deletion ever came");
    }
    let events = world.events.load(SeqCst);
    println!("{events} events");
    assert!(events > walks() * 2, "no fire");
    world.store.close().await;
}

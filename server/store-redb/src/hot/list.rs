//! One account's list in memory: every session's position and version, the ready-made JSON of the
//! newest ones, the registers of its teams' sessions. What wins and what shows is `rules`' alone.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    sync::{Arc, atomic::AtomicUsize},
};

use huihua_core::SessionKind;
use huihua_event::Owner;
use huihua_store::{SessionJson, cursor::owner_hash, rules::View};

use super::{bytes::CountedBytes, heads::SharedHead};
use crate::{failure::StoreFailure, lookup, row, tables};

/// Sessions whose JSON is made when a list is loaded: a page at its largest.
pub(super) const READY_ROWS: usize = 100;
/// Up to this place in the list JSON is always kept: a few more than a page, so that sessions that
/// come and go at its end do not cost a read of the engine each.
const READY_ROWS_MAX: usize = 128;
/// Sessions beyond that place whose JSON is kept because they were read last: as many as before it,
/// so that a list takes at most twice the memory for them.
const READ_ROWS_MAX: usize = 128;
/// What a list costs beside its rows, in bytes.
const LIST_BYTES: usize = 512;
/// What the allocator adds to one block, in bytes.
const BLOCK_BYTES: usize = 16;

/// The list of one account.
pub(crate) struct AccountList {
    /// What every key of its sessions starts with.
    pub(super) prefix: Box<[u8]>,
    pub(super) owner_hash: [u8; 8],
    /// The version at which the account was erased last; 0 if it never was.
    pub(super) erased_at: u64,
    slots: Vec<Slot>,
    /// Kind byte and peer of every session, one after another: what their keys end with.
    ids: Vec<u8>,
    /// Slots in the order of their ids.
    by_id: Vec<u32>,
    /// Slots of visible sessions, in the order of the list.
    order: Vec<u32>,
    /// Slots that have a version, oldest change first.
    by_version: Vec<u32>,
    teams: Vec<TeamRow>,
    /// Slots beyond the newest whose JSON was kept, the first read first. One that moved since may
    /// be there in vain.
    read: VecDeque<u32>,
    /// How many heads had been written when the views of the teams were last looked at.
    head_writes_seen: Option<u64>,
    json_bytes: usize,
    team_bytes: usize,
    counted: CountedBytes,
}

/// One session.
struct Slot {
    version: u64,
    /// `None` when it is not visible.
    update_time: Option<u64>,
    id_at: u32,
    id_bytes: u8,
    /// Its place among the teams.
    team: Option<u32>,
    json: Option<SessionJson>,
}

/// The session of one team.
struct TeamRow {
    slot: u32,
    /// Its registers as they are stored.
    registers: Box<[u8]>,
    head: Arc<SharedHead>,
    /// The head's generation in this account's view; `None` before there is one.
    seen: Option<u64>,
    is_in: bool,
}

/// What a list keeps of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) version: u64,
    pub(super) update_time: Option<u64>,
}

impl Place {
    pub(super) fn of(view: &View<'_>) -> Self {
        Self { version: view.version, update_time: view.update_time }
    }
}

impl AccountList {
    pub(super) fn new(owner: &Owner) -> Self {
        Self {
            prefix: tables::owner_range(owner).start.into(),
            owner_hash: owner_hash(owner),
            erased_at: 0,
            slots: Vec::new(),
            ids: Vec::new(),
            by_id: Vec::new(),
            order: Vec::new(),
            by_version: Vec::new(),
            teams: Vec::new(),
            read: VecDeque::new(),
            head_writes_seen: None,
            json_bytes: 0,
            team_bytes: 0,
            counted: CountedBytes::default(),
        }
    }

    // Building it from rows in the order of their keys.

    /// Adds the next p2p session.
    pub(super) fn push_p2p(&mut self, id: &[u8], place: Place) {
        self.push_slot(id, place, None);
    }

    /// Adds the next session of a team.
    pub(super) fn push_team(
        &mut self,
        id: &[u8],
        view: &View<'_>,
        registers: &[u8],
        head: Arc<SharedHead>,
    ) {
        let team = self.add_team(registers.into(), head);
        let slot = self.push_slot(id, Place::of(view), Some(team));
        let seen = Some(self.teams[team as usize].head.generation());
        let team = &mut self.teams[team as usize];
        (team.slot, team.seen, team.is_in) = (slot, seen, view.in_since.is_some());
    }

    /// Puts the rows that were pushed into their orders.
    pub(super) fn sort(&mut self) {
        self.by_id = (0..number(self.slots.len())).collect();
        // Slots are in the order of their ids still: of equal times, that of their numbers.
        let times = (0..).zip(&self.slots);
        let mut order: Vec<_> =
            times.filter_map(|(n, slot)| Some((Reverse(slot.update_time?), n))).collect();
        order.sort_unstable();
        self.order = order.into_iter().map(|(_, n)| n).collect();
        let versions = (0..).zip(&self.slots);
        let mut versions: Vec<(u64, u32)> = versions
            .filter(|(_, slot)| slot.version > 0)
            .map(|(n, slot)| (slot.version, n))
            .collect();
        versions.sort_unstable();
        self.by_version = versions.into_iter().map(|(_, n)| n).collect();
    }

    fn push_slot(&mut self, id: &[u8], place: Place, team: Option<u32>) -> u32 {
        let slot = number(self.slots.len());
        let id_at = u32::try_from(self.ids.len()).expect("an account's ids are under 4 GiB");
        let id_bytes = u8::try_from(id.len()).expect("an id has at most 129 bytes");
        self.ids.extend_from_slice(id);
        let Place { version, update_time } = place;
        self.slots.push(Slot { version, update_time, id_at, id_bytes, team, json: None });
        slot
    }

    fn add_team(&mut self, registers: Box<[u8]>, head: Arc<SharedHead>) -> u32 {
        let team = number(self.teams.len());
        self.team_bytes += registers.len() + BLOCK_BYTES;
        self.teams.push(TeamRow { slot: 0, registers, head, seen: None, is_in: false });
        team
    }

    // Taking a write.

    /// Takes a p2p session after a write. `json` is there when it is visible.
    pub(super) fn put_p2p(&mut self, id: &[u8], place: Place, json: Option<SessionJson>) {
        let slot = self.find(id).unwrap_or_else(|at| self.insert(at, id, None));
        if self.place(slot) == place && place.version > 0 {
            return;
        }
        self.move_to(slot, place);
        if let Some(json) = json {
            self.keep(slot, json);
        }
    }

    /// Takes the registers of a team's session after a write. False when nothing is known of its
    /// head: then the list is of no use.
    pub(super) fn put_team(
        &mut self,
        id: &[u8],
        registers: Box<[u8]>,
        head: impl FnOnce(&[u8]) -> Option<Arc<SharedHead>>,
    ) -> bool {
        let slot = match self.find(id) {
            Ok(slot) => slot,
            Err(at) => {
                let Some(head) = head(&self.head_key(id)) else { return false };
                let team = self.add_team(registers, head);
                let slot = self.insert(at, id, Some(team));
                self.teams[team as usize].slot = slot;
                self.head_writes_seen = None;
                return true;
            }
        };
        let Some(team) = self.slots[slot as usize].team else { return false };
        let team = &mut self.teams[team as usize];
        self.team_bytes = self.team_bytes + registers.len() - team.registers.len();
        (team.registers, team.seen) = (registers, None);
        self.head_writes_seen = None;
        true
    }

    /// Replaces each head by the one that `shared` chooses for it.
    pub(super) fn share_heads(&mut self, shared: impl Fn(&Arc<SharedHead>) -> Arc<SharedHead>) {
        for team in &mut self.teams {
            let head = shared(&team.head);
            if !Arc::ptr_eq(&head, &team.head) {
                (team.head, team.seen) = (head, None);
            }
        }
        self.head_writes_seen = None;
    }

    fn insert(&mut self, at: usize, id: &[u8], team: Option<u32>) -> u32 {
        let slot = self.push_slot(id, Place { version: 0, update_time: None }, team);
        self.by_id.insert(at, slot);
        slot
    }

    fn move_to(&mut self, slot: u32, place: Place) {
        let old = self.place(slot);
        let from = old.update_time.map(|time| self.position(time, slot));
        let to = place.update_time.map(|time| self.position(time, slot));
        relocate(&mut self.order, slot, from, to);
        let from = (old.version > 0).then(|| self.changed_up_to(old.version) - 1);
        let to = (place.version > 0).then(|| self.changed_up_to(place.version));
        relocate(&mut self.by_version, slot, from, to);
        let moved = &mut self.slots[slot as usize];
        (moved.version, moved.update_time) = (place.version, place.update_time);
        if old != place {
            self.forget_json(slot);
        }
        // The one that this pushed over the border.
        if let Some(pushed) = self.order.get(READY_ROWS_MAX) {
            self.forget_json(*pushed);
        }
    }

    /// Keeps the JSON of a session if it is one of the newest.
    fn keep(&mut self, slot: u32, json: SessionJson) {
        if self.is_new(slot) {
            self.put_json(slot, json);
        }
    }

    /// Keeps the JSON of a session that was read, of the version that the list has. If it is none
    /// of the newest, it may take the place of the one of those that was read first.
    pub(super) fn keep_read(&mut self, slot: u32, json: SessionJson) {
        if self.slots[slot as usize].update_time.is_none() {
            return;
        }
        if !self.is_new(slot) {
            if self.read.len() >= READ_ROWS_MAX
                && let Some(first) = self.read.pop_front()
                && !self.is_new(first)
            {
                self.forget_json(first);
            }
            self.read.push_back(slot);
        }
        self.put_json(slot, json);
    }

    /// Tells whether a session is one of the newest.
    fn is_new(&self, slot: u32) -> bool {
        let time = self.slots[slot as usize].update_time;
        time.is_some_and(|time| self.position(time, slot) < READY_ROWS_MAX)
    }

    fn put_json(&mut self, slot: u32, json: SessionJson) {
        self.forget_json(slot);
        self.json_bytes += json.len() + BLOCK_BYTES;
        self.slots[slot as usize].json = Some(json);
    }

    fn forget_json(&mut self, slot: u32) {
        if let Some(json) = self.slots[slot as usize].json.take() {
            self.json_bytes -= json.len() + BLOCK_BYTES;
        }
    }

    // Views of teams.

    /// Brings the views of the teams up to date with their heads. `head_writes` counts the writes
    /// of all heads so far.
    pub(super) fn refresh(&mut self, head_writes: u64) -> Result<(), StoreFailure> {
        if self.head_writes_seen == Some(head_writes) {
            return Ok(());
        }
        for at in 0..self.teams.len() {
            let generation = self.teams[at].head.generation();
            if self.teams[at].seen == Some(generation) {
                continue;
            }
            let (place, is_in) =
                self.with_team_view(at, |view, _| Ok((Place::of(view), view.in_since.is_some())))?;
            let team = &mut self.teams[at];
            (team.seen, team.is_in) = (Some(generation), is_in);
            let slot = team.slot;
            if self.place(slot) != place {
                self.move_to(slot, place);
            }
        }
        self.head_writes_seen = Some(head_writes);
        Ok(())
    }

    /// Calls `read` with the account's view of a team's session, and its ext.
    fn with_team_view<T>(
        &self,
        at: usize,
        read: impl FnOnce(&View<'_>, &str) -> Result<T, StoreFailure>,
    ) -> Result<T, StoreFailure> {
        let team = &self.teams[at];
        let id = self.id(team.slot);
        let key = [&self.prefix, id].concat();
        let registers = row::decode_row(&key, &team.registers)?;
        let value = team.head.value();
        let head = value.as_deref().map(|value| row::decode_head(&team.head.key, value));
        let head = head.transpose()?;
        let (kind, _) = lookup::session_of(id)?;
        read(&registers.view(kind, head.as_ref()), registers.ext)
    }

    // Reading.

    /// Makes the JSON of a team's session, and keeps it if the session is one of the newest.
    pub(super) fn team_json(&mut self, slot: u32) -> Result<Option<SessionJson>, StoreFailure> {
        let Some(at) = self.slots[slot as usize].team else { return Ok(None) };
        let (kind, peer) = lookup::session_of(self.id(slot))?;
        let json = self
            .with_team_view(at as usize, |view, ext| lookup::session_json(kind, peer, ext, view))?;
        if let Some(json) = &json {
            self.keep(slot, json.clone());
        }
        Ok(json)
    }

    pub(super) fn json(&self, slot: u32) -> Option<&SessionJson> {
        self.slots[slot as usize].json.as_ref()
    }

    pub(super) fn place(&self, slot: u32) -> Place {
        let Slot { version, update_time, .. } = self.slots[slot as usize];
        Place { version, update_time }
    }

    /// Kind byte and peer.
    pub(super) fn id(&self, slot: u32) -> &[u8] {
        let Slot { id_at, id_bytes, .. } = self.slots[slot as usize];
        &self.ids[id_at as usize..][..id_bytes.into()]
    }

    /// The slots of visible sessions, in the order of the list.
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The slots that changed after this version, oldest change first.
    pub(super) fn changed_after(&self, version: u64) -> &[u32] {
        &self.by_version[self.changed_up_to(version)..]
    }

    /// The slots of the teams that the account is in, in the order of their ids.
    pub(super) fn teams_in(&self) -> impl Iterator<Item = u32> {
        let team_of = |slot: &u32| self.slots[*slot as usize].team;
        self.by_id
            .iter()
            .copied()
            .filter(move |slot| team_of(slot).is_some_and(|team| self.teams[team as usize].is_in))
    }

    pub(super) fn find(&self, id: &[u8]) -> Result<u32, usize> {
        self.by_id.binary_search_by(|slot| self.id(*slot).cmp(id)).map(|at| self.by_id[at])
    }

    /// How many sessions come before this one in the order of the list, if its time is this.
    fn position(&self, update_time: u64, slot: u32) -> usize {
        self.position_of(update_time, self.id(slot))
    }

    /// How many sessions come before this time and id in the order of the list.
    pub(super) fn position_of(&self, update_time: u64, id: &[u8]) -> usize {
        self.order.partition_point(|other| {
            let time = self.slots[*other as usize].update_time;
            (Reverse(time), self.id(*other)) < (Reverse(Some(update_time)), id)
        })
    }

    fn changed_up_to(&self, version: u64) -> usize {
        self.by_version.partition_point(|slot| self.slots[*slot as usize].version <= version)
    }

    /// The key of a team's head: its app, and the end of the session's key.
    fn head_key(&self, id: &[u8]) -> Vec<u8> {
        let app = self.prefix.split_inclusive(|byte| *byte == 0).next().unwrap_or_default();
        [app, id].concat()
    }

    // Its size.

    pub(super) fn bytes(&self) -> usize {
        let numbers = self.by_id.capacity()
            + self.order.capacity()
            + self.by_version.capacity()
            + self.read.capacity();
        LIST_BYTES
            + 2 * self.prefix.len()
            + self.slots.capacity() * size_of::<Slot>()
            + self.ids.capacity()
            + numbers * size_of::<u32>()
            + self.teams.capacity() * size_of::<TeamRow>()
            + self.team_bytes
            + self.json_bytes
    }

    /// Counts its bytes in this total from now on.
    pub(super) fn count_in(&mut self, total: &Arc<AtomicUsize>) {
        self.counted = CountedBytes::new(total, self.bytes());
    }

    /// Counts what it has grown or shrunk.
    pub(super) fn count(&mut self) {
        let bytes = self.bytes();
        self.counted.set(bytes);
    }
}

/// Moves an entry from one place to another, each counted with the entry in its old place.
fn relocate(slots: &mut Vec<u32>, slot: u32, from: Option<usize>, to: Option<usize>) {
    match (from, to) {
        (None, None) => {}
        (Some(from), None) => drop(slots.remove(from)),
        (None, Some(to)) => slots.insert(to, slot),
        (Some(from), Some(to)) if to <= from => slots[to..=from].rotate_right(1),
        (Some(from), Some(to)) => slots[from..to].rotate_left(1),
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("an account has under 4,294,967,296 sessions")
}

/// Tells whether this id is of a p2p session.
pub(super) fn is_p2p(id: &[u8]) -> bool {
    id.first() == Some(&huihua_store::kind::kind_byte(SessionKind::P2p))
}

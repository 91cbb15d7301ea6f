//! What a list shows, as pure state: pages of a walk and changes go in, the top of the server's
//! list comes out, in its order and without a gap. I/O and time are in [`super::list`].

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use crate::{Page, RecentSession, SessionChange, SessionId};

/// Limit of the sessions that changed during a walk. Beyond it the walk is given up, and the next
/// page starts a new one: a list that is open for weeks then grows by its pages alone.
const CHANGED_MAX: usize = 1_000;

/// Is the server's total order: newest first, then by kind, then by the id's bytes.
type Place<'a> = (Reverse<u64>, &'a SessionId);

fn place(session: &RecentSession) -> Place<'_> {
    (Reverse(session.update_time), &session.session_id)
}

/// Merges the pages of one walk by page token with the changes since its first page.
///
/// A walk omits sessions that changed since it started; the changes bring them. So a row of a page
/// counts only if its session did not change. A changed session below the last page waits until a
/// page reaches it.
#[derive(Debug, Default)]
pub(super) struct ListRows {
    rows: Vec<RecentSession>,
    has_more: bool,
    /// The last session of the last page.
    reached: Option<(Reverse<u64>, SessionId)>,
    walk: Walk,
}

/// Represents what the next page of the walk needs.
#[derive(Debug, Default)]
enum Walk {
    /// There is no walk to go on with: the rows are from a file, or the list is complete.
    #[default]
    Over,
    Open {
        page_token: String,
        /// Sessions that changed since the first page, with those rows that wait for a page.
        changed: HashMap<SessionId, Option<RecentSession>>,
    },
}

impl ListRows {
    /// Takes the rows of a file, which are the top of the list.
    pub(super) fn from_cache(sessions: Vec<RecentSession>, has_more: bool) -> Self {
        let mut rows = Self { has_more, ..Self::default() };
        rows.insert(sessions);
        rows.reached = rows.rows.last().map(|last| owned(place(last)));
        rows
    }

    /// Returns the rows in the list's order.
    pub(super) fn sessions(&self) -> &[RecentSession] {
        &self.rows
    }

    /// Returns whether there are sessions below the rows.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Returns the token of the walk's next page.
    pub(super) fn page_token(&self) -> Option<&str> {
        match &self.walk {
            Walk::Over => None,
            Walk::Open { page_token, .. } => Some(page_token),
        }
    }

    /// Gives up the walk: its token is no longer valid.
    pub(super) fn end_walk(&mut self) {
        self.walk = Walk::Over;
    }

    /// Adds the first page of a walk, or the one after the last.
    pub(super) fn add_page(&mut self, page: Page) {
        let Page { session_list, has_more, next_page_token, sync_cursor: _ } = page;
        if let Some(last) = session_list.last() {
            self.reached = Some(owned(place(last)));
        }
        self.has_more = has_more;
        let mut changed = match std::mem::take(&mut self.walk) {
            Walk::Over => HashMap::new(),
            Walk::Open { changed, .. } => changed,
        };
        let mut fresh = session_list;
        fresh.retain(|row| !changed.contains_key(&row.session_id));
        for waiting in changed.values_mut() {
            if waiting.as_ref().is_some_and(|row| self.shows(row)) {
                fresh.extend(waiting.take());
            }
        }
        self.insert(fresh);
        if let Some(page_token) = next_page_token.filter(|_| has_more) {
            // Those that a page has reached stay: a later page may still name their old place.
            self.walk = Walk::Open { page_token, changed };
        }
    }

    /// Applies a change that happened after the walk's first page. Returns whether a row differs.
    pub(super) fn apply(&mut self, change: SessionChange) -> bool {
        let (id, session) = match change {
            SessionChange::Session(session) => (session.session_id.clone(), Some(session)),
            SessionChange::Deleted(id) => (id, None),
        };
        let (shown, waiting) = match session {
            Some(session) if self.shows(&session) => (Some(session), None),
            other => (None, other),
        };
        let at = self.rows.iter().position(|row| row.session_id == id);
        self.remember(id, waiting);
        match (at, shown) {
            (None, None) => false,
            (Some(at), Some(session)) if self.rows[at] == session => false,
            (at, session) => {
                if let Some(at) = at {
                    self.rows.remove(at);
                }
                if let Some(session) = session {
                    let to = self.rows.partition_point(|row| place(row) < place(&session));
                    self.rows.insert(to, session);
                }
                true
            }
        }
    }

    /// Notes that a page's row of this session is out of date.
    fn remember(&mut self, id: SessionId, waiting: Option<RecentSession>) {
        let Walk::Open { changed, .. } = &mut self.walk else { return };
        changed.insert(id, waiting);
        if changed.len() > CHANGED_MAX {
            self.walk = Walk::Over;
        }
    }

    fn shows(&self, session: &RecentSession) -> bool {
        let within = |(time, id): &(Reverse<u64>, SessionId)| place(session) <= (*time, id);
        !self.has_more || self.reached.as_ref().is_some_and(within)
    }

    /// Adds rows whose sessions are not there yet.
    fn insert(&mut self, fresh: Vec<RecentSession>) {
        let mut known: HashSet<_> = self.rows.iter().map(|row| row.session_id.clone()).collect();
        self.rows.extend(fresh.into_iter().filter(|row| known.insert(row.session_id.clone())));
        self.rows.sort_by(|a, b| place(a).cmp(&place(b)));
    }
}

fn owned((time, id): Place<'_>) -> (Reverse<u64>, SessionId) {
    (time, id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(peer: &str, update_time: u64) -> RecentSession {
        serde_json::from_value(
            serde_json::json!({"sessionId": format!("p2p|{peer}"), "updateTime": update_time}),
        )
        .unwrap()
    }

    fn page(rows: &[(&str, u64)], token: Option<&str>) -> Page {
        Page {
            session_list: rows.iter().map(|(peer, time)| row(peer, *time)).collect(),
            has_more: token.is_some(),
            next_page_token: token.map(str::to_owned),
            sync_cursor: "c".to_owned(),
        }
    }

    fn updated(peer: &str, time: u64) -> SessionChange {
        SessionChange::Session(row(peer, time))
    }

    fn deleted(peer: &str) -> SessionChange {
        SessionChange::Deleted(row(peer, 0).session_id)
    }

    fn peers(rows: &ListRows) -> String {
        rows.sessions().iter().map(|row| row.session_id.peer()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_change_within_the_pages_shows_and_one_below_waits_for_its_page() {
        let mut rows = ListRows::default();
        rows.add_page(page(&[("a", 9), ("b", 8)], Some("t")));
        assert!(rows.apply(updated("new", 10)));
        assert!(!rows.apply(updated("low", 3)), "it would leave a gap");
        assert!(!rows.apply(updated("new", 10)), "the same again");
        assert!(rows.apply(deleted("b")));
        assert!(!rows.apply(deleted("b")));
        assert_eq!(peers(&rows), "new a");
        assert_eq!(rows.page_token(), Some("t"));
        // The page omits `low`, which changed; `b` and `gone` are of before.
        rows.apply(deleted("gone"));
        rows.apply(updated("brief", 2));
        rows.apply(deleted("brief"));
        rows.add_page(page(&[("c", 7), ("gone", 5), ("d", 1)], None));
        assert_eq!(peers(&rows), "new a c low d");
        assert!(!rows.has_more() && rows.page_token().is_none());
        assert!(rows.apply(updated("last", 0)), "a complete list shows all");
        assert_eq!(peers(&rows), "new a c low d last");
    }

    #[test]
    fn ties_are_in_the_order_of_the_server() {
        let mut rows = ListRows::default();
        rows.add_page(page(&[("b", 5)], None));
        for peer in ["c", "B", "é", "a"] {
            rows.apply(updated(peer, 5));
        }
        assert_eq!(peers(&rows), "B a b c é");
        rows.apply(updated("c", 6));
        assert_eq!(peers(&rows), "c B a b é");
    }

    #[test]
    fn rows_of_a_file_show_no_change_below_them_and_have_no_walk() {
        let sessions = vec![row("b", 5), row("a", 9), row("a", 9)];
        let mut rows = ListRows::from_cache(sessions.clone(), true);
        assert_eq!(peers(&rows), "a b", "in order, each once, whatever the file says");
        assert!(!rows.apply(updated("low", 4)));
        assert!(rows.apply(updated("up", 6)));
        assert!(rows.page_token().is_none());
        let mut complete = ListRows::from_cache(sessions, false);
        assert!(complete.apply(updated("low", 4)));
        assert!(!ListRows::from_cache(vec![], true).apply(updated("x", 1)), "nothing is reached");
    }

    #[test]
    fn a_walk_that_too_many_changes_pass_is_given_up() {
        let mut rows = ListRows::default();
        rows.add_page(page(&[("a", 9_000)], Some("t")));
        for n in 0..CHANGED_MAX {
            rows.apply(updated(&format!("low{n}"), 1));
        }
        assert_eq!(rows.page_token(), Some("t"));
        rows.apply(updated("one more", 1));
        assert_eq!(rows.page_token(), None);
        assert!(rows.has_more());
        assert_eq!(peers(&rows), "a");
    }

    /// Whatever happens in whatever order, the rows are the top of the server's list.
    #[test]
    fn the_rows_are_always_the_top_of_the_servers_list() {
        for seed in 1..=2_000 {
            Scenario::new(seed).run();
        }
    }

    /// Is a server in a few lines: sessions with versions, a walk, a sync.
    #[derive(Default)]
    struct NaiveServer {
        entries: HashMap<String, (Option<RecentSession>, u64)>,
        version: u64,
    }

    impl NaiveServer {
        fn put(&mut self, id: &str, row: Option<RecentSession>) {
            self.version += 1;
            self.entries.insert(id.to_owned(), (row, self.version));
        }

        /// Returns the list, without what changed after `version`.
        fn list(&self, version: u64) -> Vec<RecentSession> {
            let entries = self.entries.values().filter(|(_, changed)| *changed <= version);
            let mut rows: Vec<_> = entries.filter_map(|(row, _)| row.clone()).collect();
            rows.sort_by(|a, b| place(a).cmp(&place(b)));
            rows
        }

        fn sync(&self, cursor: u64, limit: usize) -> (Vec<SessionChange>, u64) {
            let mut changes: Vec<_> =
                self.entries.iter().filter(|(_, (_, version))| *version > cursor).collect();
            changes.sort_by_key(|(_, (_, version))| *version);
            changes.truncate(limit);
            let cursor = changes.last().map_or(cursor, |(_, (_, version))| *version);
            let change = |(id, (row, _)): (&String, &(Option<RecentSession>, u64))| match row {
                Some(row) => SessionChange::Session(row.clone()),
                None => SessionChange::Deleted(id.parse().unwrap()),
            };
            (changes.into_iter().map(change).collect(), cursor)
        }
    }

    /// Draws numbers; the seed names a scenario.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, sides: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % sides
        }
    }

    /// Represents a walk of pages: its version, and the last row so far.
    #[derive(Default)]
    struct NaiveWalk(u64, Option<RecentSession>);

    struct Scenario {
        seed: u64,
        dice: Dice,
        server: NaiveServer,
        ids: Vec<String>,
        clock: u64,
        rows: ListRows,
        walk: NaiveWalk,
        cursor: u64,
    }

    impl Scenario {
        fn new(seed: u64) -> Self {
            let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let kinds = ["p2p|é", "p2p|😀", "p2p|\u{FFFD}", "team|", "super_team|"];
            let kind = |n| kinds[usize::try_from(n).unwrap() % kinds.len()];
            let count = 1 + dice.below(24);
            let ids = (0..count).map(|n| format!("{}{n}", kind(dice.below(5)))).collect();
            let (server, rows, walk) = Default::default();
            Self { seed, dice, server, ids, clock: 100, rows, walk, cursor: 0 }
        }

        fn run(mut self) {
            for _ in 0..self.dice.below(40) {
                self.mutate();
            }
            self.read_again();
            // A sync may start before the page: it then brings what the page has.
            self.cursor = self.dice.below(self.server.version + 1);
            for _ in 0..self.dice.below(60) {
                self.step();
            }
            while self.deliver(3) {}
            self.assert_is_top();
            while self.rows.has_more() {
                self.page();
            }
            assert_eq!(self.rows.sessions(), self.server.list(u64::MAX), "seed {}", self.seed);
        }

        fn step(&mut self) {
            match self.dice.below(10) {
                0..=3 => self.mutate(),
                4..=6 => {
                    let limit = 1 + self.dice.below(3);
                    self.deliver(limit);
                    self.check_order();
                }
                7 | 8 if self.rows.has_more() => self.page(),
                9 => self.read_again(),
                _ => {}
            }
        }

        fn mutate(&mut self) {
            let at = self.dice.below(self.ids.len() as u64);
            let id = self.ids[usize::try_from(at).unwrap()].clone();
            let old = self.server.entries.get(&id).and_then(|(row, _)| row.clone());
            let time = match (self.dice.below(4), old) {
                (0, Some(old)) => old.update_time,
                (1, _) => 1 + self.dice.below(self.clock),
                _ => {
                    self.clock += 1;
                    self.clock
                }
            };
            let row = (self.dice.below(5) > 0).then(|| {
                let ext = self.dice.below(1_000).to_string();
                let row = serde_json::json!({"sessionId": id, "updateTime": time, "ext": ext});
                serde_json::from_value(row).unwrap()
            });
            self.server.put(&id, row);
        }

        fn read_again(&mut self) {
            self.rows = ListRows::default();
            self.walk = NaiveWalk(self.server.version, None);
            self.cursor = self.server.version;
            self.page();
        }

        fn page(&mut self) {
            let NaiveWalk(version, last) = &self.walk;
            let below =
                |row: &RecentSession| last.as_ref().is_none_or(|last| place(row) > place(last));
            let rest: Vec<_> = self.server.list(*version).into_iter().filter(below).collect();
            let limit = usize::try_from(1 + self.dice.below(7)).unwrap();
            let has_more = rest.len() > limit;
            let session_list: Vec<_> = rest.into_iter().take(limit).collect();
            self.walk.1 = session_list.last().cloned().or(self.walk.1.take());
            self.rows.add_page(Page {
                session_list,
                has_more,
                next_page_token: has_more.then(|| "t".to_owned()),
                sync_cursor: String::new(),
            });
            self.check_order();
        }

        fn deliver(&mut self, limit: u64) -> bool {
            let (changes, cursor) = self.server.sync(self.cursor, usize::try_from(limit).unwrap());
            self.cursor = cursor;
            let is_any = !changes.is_empty();
            for change in changes {
                let before = self.rows.sessions().to_vec();
                let differs = self.rows.apply(change);
                assert_eq!(differs, before != self.rows.sessions(), "seed {}", self.seed);
            }
            is_any
        }

        fn check_order(&self) {
            let places: Vec<_> = self.rows.sessions().iter().map(place).collect();
            assert!(places.is_sorted_by(|a, b| a < b), "seed {}: {places:?}", self.seed);
        }

        fn assert_is_top(&self) {
            let rows = self.rows.sessions();
            let list = self.server.list(u64::MAX);
            assert_eq!(rows, &list[..rows.len().min(list.len())], "seed {}", self.seed);
        }
    }
}

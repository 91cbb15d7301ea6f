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
}

//! The order of a list, and which rows a page or a sync takes. Pure: over rows in their order.

use std::cmp::Ordering;

use huihua_core::{QueryMySessionOption, SessionId};

/// Most rows of a page that a tie group made longer: more ties than that in one millisecond only
/// page tokens can page (contract, section 2).
pub const PAGE_ROWS_MAX: usize = 1_000;

/// The position of a row in a list: newest first, ties by kind, then by the bytes of the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// ms since 1970.
    pub update_time: u64,
    /// The session.
    pub id: SessionId,
}

impl Ord for Position {
    fn cmp(&self, other: &Self) -> Ordering {
        other.update_time.cmp(&self.update_time).then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The rows of a walk by their times: fixed by its first page, repeated in its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Oldest `updateTime`, ms, inclusive.
    pub min: u64,
    /// Newest `updateTime`, ms, inclusive; 0 = unbounded.
    pub max: u64,
}

impl Bounds {
    /// Returns the bounds that a first page asks for.
    pub fn of(option: &QueryMySessionOption) -> Self {
        Self { min: option.min_timestamp, max: option.max_timestamp }
    }

    /// Tells whether a row of this time belongs to the walk.
    pub fn holds(&self, update_time: u64) -> bool {
        update_time >= self.min && (self.max == 0 || update_time <= self.max)
    }
}

/// Rows taken from the front of a list, and whether there are more.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut<T> {
    /// The rows taken, in their order.
    pub rows: Vec<T>,
    /// Whether more rows match.
    pub has_more: bool,
}

/// Cuts the first page of a walk: `rows` are those that its bounds hold, in the order of the list.
///
/// A page of nothing but rows at `bounds.max` is made longer, through the tie group and one row
/// more, so that a client that asks again from its last row's time always gets on.
pub fn first_page<T>(
    rows: impl Iterator<Item = T>,
    update_time: impl Fn(&T) -> u64,
    bounds: Bounds,
    limit: usize,
) -> Cut<T> {
    let mut rows = rows.fuse();
    let mut page: Vec<T> = rows.by_ref().take(limit).collect();
    let is_tie = |row: &T| bounds.max != 0 && update_time(row) == bounds.max;
    let mut is_stuck = page.len() == limit && page.iter().all(is_tie);
    while is_stuck && page.len() < PAGE_ROWS_MAX {
        let Some(row) = rows.next() else { break };
        is_stuck = is_tie(&row);
        page.push(row);
    }
    Cut { rows: page, has_more: rows.next().is_some() }
}

/// Cuts what has no ties: a later page of a walk from the rows after its position, in the order of
/// the list; the changes of a sync from those after its cursor, oldest first.
pub fn front<T>(rows: impl Iterator<Item = T>, limit: usize) -> Cut<T> {
    let mut rows = rows.fuse();
    let front = rows.by_ref().take(limit).collect();
    Cut { rows: front, has_more: rows.next().is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(list: &[(u64, &str)]) -> Vec<Position> {
        list.iter()
            .map(|(update_time, id)| Position {
                update_time: *update_time,
                id: id.parse().unwrap(),
            })
            .collect()
    }

    fn page(list: &[(u64, &str)], max: u64, limit: usize) -> (Vec<u64>, bool) {
        let rows = rows(list);
        assert!(rows.is_sorted());
        let times = |row: &Position| row.update_time;
        let cut = first_page(rows.into_iter(), times, Bounds { min: 0, max }, limit);
        (cut.rows.iter().map(|row| row.update_time).collect(), cut.has_more)
    }

    #[test]
    fn newest_first_then_kind_then_id_bytes() {
        let mut list = rows(&[
            (1, "p2p|z"),
            (2, "super_team|1"),
            (2, "team|10"),
            (2, "team|9"),
            (2, "p2p|b"),
            (2, "p2p|B"),
            (3, "super_team|9"),
        ]);
        list.sort();
        let ids: Vec<String> = list.iter().map(|row| row.id.to_string()).collect();
        let expected =
            ["super_team|9", "p2p|B", "p2p|b", "team|10", "team|9", "super_team|1", "p2p|z"];
        assert_eq!(ids, expected);
    }

    #[test]
    fn a_page_of_nothing_but_ties_is_extended_through_them_and_one_row_more() {
        let list = [(5, "p2p|a"), (5, "p2p|b"), (5, "p2p|c"), (4, "p2p|d"), (3, "p2p|e")];
        assert_eq!(page(&list, 5, 1), (vec![5, 5, 5, 4], true));
        assert_eq!(page(&list, 5, 3), (vec![5, 5, 5, 4], true));
        assert_eq!(page(&list, 5, 4), (vec![5, 5, 5, 4], true));
        assert_eq!(page(&list, 5, 5), (vec![5, 5, 5, 4, 3], false));
        assert_eq!(page(&list, 0, 1), (vec![5], true));
        assert_eq!(page(&list, 6, 1), (vec![5], true));
        assert_eq!(page(&list[..3], 5, 3), (vec![5, 5, 5], false));
        assert_eq!(page(&list[..2], 5, 3), (vec![5, 5], false));
        assert_eq!(page(&[], 5, 1), (vec![], false));
    }

    #[test]
    fn a_tie_group_beyond_the_largest_page_is_cut_there() {
        let ids: Vec<String> = (0..1_200).map(|n| format!("p2p|{n}")).collect();
        let list: Vec<_> = ids.iter().map(|id| (5, id.as_str())).collect();
        let bounds = Bounds { min: 0, max: 5 };
        let cut = first_page(rows(&list).into_iter(), |row| row.update_time, bounds, 7);
        assert_eq!((cut.rows.len(), cut.has_more), (PAGE_ROWS_MAX, true));
    }

    #[test]
    fn has_more_is_exact_at_the_border() {
        let list = [(3, "p2p|a"), (2, "p2p|b"), (1, "p2p|c")];
        assert_eq!(page(&list, 0, 2), (vec![3, 2], true));
        assert_eq!(page(&list, 0, 3), (vec![3, 2, 1], false));
        assert_eq!(page(&list, 0, 4), (vec![3, 2, 1], false));
    }

    #[test]
    fn the_front_is_exact_at_its_border() {
        let cut = |limit| front([2, 4, 5].into_iter(), limit);
        assert_eq!(cut(2), Cut { rows: vec![2, 4], has_more: true });
        assert_eq!(cut(3), Cut { rows: vec![2, 4, 5], has_more: false });
        assert_eq!(cut(4), Cut { rows: vec![2, 4, 5], has_more: false });
    }
}

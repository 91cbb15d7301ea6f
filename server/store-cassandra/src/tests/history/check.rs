//! What the contract promises of any history of concurrent calls. Knows neither the model of the
//! suite nor its rules: only which call began and ended when, and what it answered.

use std::collections::{BTreeMap, HashMap};

/// One call of one account's list. Times are of one counter that all tasks of the test share.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Call {
    pub(in crate::tests) begun: u64,
    /// `None`: it was not answered, and perhaps acted, at any time.
    pub(in crate::tests) ended: Option<u64>,
    pub(in crate::tests) what: What,
}

#[derive(Debug, Clone)]
pub(in crate::tests) enum What {
    /// A message to a session. Of two messages the one with the greater number is the newer.
    Said { session: usize, number: u64 },
    /// An attempt to delete a session: those under one key are one deletion.
    Deleted { session: usize, key: u64 },
    /// The whole list, by one call or as a device knows it after its sync: the message that each
    /// session shows.
    Saw { shown: BTreeMap<usize, u64> },
    /// A device's cursor was refused, although nothing was swept.
    Refused,
    /// An attempt to send by an app's server: ids of the messages. Those under one key are one.
    Sent { key: u64, ids: Vec<u64> },
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tests) enum Broken {
    /// What was acknowledged before the look began is not in it.
    Lost { session: usize, number: u64, shown: Option<u64>, at: u64 },
    /// A look shows an older message than one that had ended when it began.
    WentBack { session: usize, from: u64, to: u64, at: u64 },
    /// It was acknowledged before a deletion began, and is there after it.
    CameBack { session: usize, number: u64, at: u64 },
    /// Nobody had said it.
    FromNowhere { session: usize, number: u64, at: u64 },
    /// A cursor that the store itself had given.
    Refused { at: u64 },
    /// Attempts under one key got two answers, or two keys the same messages.
    NotOnce { key: u64 },
}

/// One deletion: between the beginning of its first attempt and its first answer it acted once.
struct Deletion {
    begun: u64,
    ended: Option<u64>,
}

/// Finds the promises that a history breaks.
pub(in crate::tests) fn check(history: &[Call]) -> Vec<Broken> {
    let mut broken = Vec::new();
    let sessions = history.iter().filter_map(|call| match &call.what {
        What::Said { session, .. } | What::Deleted { session, .. } => Some(*session),
        What::Saw { .. } | What::Refused | What::Sent { .. } => None,
    });
    let mut sessions: Vec<usize> = sessions.collect();
    sessions.sort_unstable();
    sessions.dedup();
    for session in sessions {
        check_session(history, session, &mut broken);
    }
    check_sent(history, &mut broken);
    let refused = history.iter().filter(|call| matches!(call.what, What::Refused));
    broken.extend(refused.map(|call| Broken::Refused { at: call.begun }));
    broken
}

fn check_session(history: &[Call], session: usize, broken: &mut Vec<Broken>) {
    let said: HashMap<u64, &Call> = history
        .iter()
        .filter_map(|call| match call.what {
            What::Said { session: of, number } if of == session => Some((number, call)),
            _ => None,
        })
        .collect();
    let deletions = deletions(history, session);
    for look in history {
        let (What::Saw { shown }, Some(ended)) = (&look.what, look.ended) else { continue };
        let shown = shown.get(&session).copied();
        let at = look.begun;
        let may_hide = |message: &Call, deletion: &Deletion| {
            deletion.begun < ended && deletion.ended.is_none_or(|end| end > message.begun)
        };
        let is_due = |message: &Call| {
            message.ended.is_some_and(|end| end < look.begun)
                && !deletions.values().any(|deletion| may_hide(message, deletion))
        };
        let due = said.iter().filter(|(_, message)| is_due(message)).map(|(number, _)| *number);
        if let Some(number) = due.max()
            && shown.is_none_or(|shown| shown < number)
        {
            broken.push(Broken::Lost { session, number, shown, at });
        }
        let Some(number) = shown else { continue };
        let Some(message) = said.get(&number).filter(|message| message.begun < ended) else {
            broken.push(Broken::FromNowhere { session, number, at });
            continue;
        };
        let is_covered = |deletion: &Deletion| {
            let is_before = message.ended.is_some_and(|end| end < deletion.begun);
            is_before && deletion.ended.is_some_and(|end| end < look.begun)
        };
        if deletions.values().any(is_covered) {
            broken.push(Broken::CameBack { session, number, at });
        }
        let before = history.iter().filter(|other| other.ended.is_some_and(|end| end < look.begun));
        let newest = before.filter_map(|other| match &other.what {
            What::Saw { shown } => shown.get(&session).copied(),
            _ => None,
        });
        if let Some(from) = newest.max().filter(|from| *from > number) {
            broken.push(Broken::WentBack { session, from, to: number, at });
        }
    }
}

fn deletions(history: &[Call], session: usize) -> HashMap<u64, Deletion> {
    let mut deletions: HashMap<u64, Deletion> = HashMap::new();
    for call in history {
        let What::Deleted { session: of, key } = call.what else { continue };
        if of != session {
            continue;
        }
        let none = Deletion { begun: call.begun, ended: None };
        let deletion = deletions.entry(key).or_insert(none);
        deletion.begun = deletion.begun.min(call.begun);
        deletion.ended = match (deletion.ended, call.ended) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    deletions
}

fn check_sent(history: &[Call], broken: &mut Vec<Broken>) {
    let (mut answers, mut keys) = (HashMap::new(), HashMap::new());
    for call in history {
        let (What::Sent { key, ids }, Some(_)) = (&call.what, call.ended) else { continue };
        let is_first = answers.entry(*key).or_insert(ids) == &ids;
        let is_own = ids.iter().all(|id| keys.entry(*id).or_insert(*key) == key);
        if !is_first || !is_own {
            broken.push(Broken::NotOnce { key: *key });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(begun: u64, ended: u64, number: u64) -> Call {
        Call { begun, ended: Some(ended), what: What::Said { session: 0, number } }
    }

    fn deleted(begun: u64, ended: u64, key: u64) -> Call {
        Call { begun, ended: Some(ended), what: What::Deleted { session: 0, key } }
    }

    fn saw(begun: u64, ended: u64, shown: Option<u64>) -> Call {
        let shown = shown.map(|number| (0, number)).into_iter().collect();
        Call { begun, ended: Some(ended), what: What::Saw { shown } }
    }

    fn sent(key: u64, id: u64) -> Call {
        Call { begun: 1, ended: Some(2), what: What::Sent { key, ids: vec![id] } }
    }

    #[test]
    fn a_history_that_one_after_the_other_could_have_made_breaks_no_promise() {
        for history in [
            vec![said(1, 2, 1), saw(3, 4, Some(1))],
            // While it is said it may show or not.
            vec![said(1, 4, 1), saw(2, 5, None), saw(3, 6, Some(1))],
            vec![said(1, 2, 1), deleted(3, 4, 9), saw(5, 6, None)],
            // While it is deleted it may show or not; what is said meanwhile may go with it.
            vec![said(1, 2, 1), saw(4, 5, Some(1)), deleted(3, 6, 9)],
            vec![said(1, 2, 1), deleted(3, 8, 9), said(4, 5, 4), saw(9, 10, None)],
            // The second attempt does nothing.
            vec![deleted(1, 2, 9), said(3, 4, 3), deleted(5, 6, 9), saw(7, 8, Some(3))],
            vec![sent(1, 7), sent(1, 7), sent(2, 8)],
        ] {
            assert_eq!(check(&history), [], "{history:?}");
        }
    }

    #[test]
    fn each_broken_promise_is_found() {
        let (session, at) = (0, 7);
        for (history, expected) in [
            (
                vec![said(1, 2, 1), said(3, 4, 3), saw(7, 8, Some(1))],
                Broken::Lost { session, number: 3, shown: Some(1), at },
            ),
            (
                vec![said(1, 2, 1), saw(7, 8, None)],
                Broken::Lost { session, number: 1, shown: None, at },
            ),
            (
                vec![said(1, 9, 1), said(2, 9, 2), saw(3, 4, Some(2)), saw(7, 8, Some(1))],
                Broken::WentBack { session, from: 2, to: 1, at },
            ),
            (
                vec![said(1, 2, 1), deleted(3, 4, 9), saw(7, 8, Some(1))],
                Broken::CameBack { session, number: 1, at },
            ),
            (
                vec![deleted(1, 2, 9), said(3, 4, 3), deleted(5, 6, 9), saw(7, 8, None)],
                Broken::Lost { session, number: 3, shown: None, at },
            ),
            (
                vec![said(8, 9, 8), said(9, 10, 9), saw(7, 8, Some(9))],
                Broken::FromNowhere { session, number: 9, at },
            ),
            (vec![Call { begun: 7, ended: Some(8), what: What::Refused }], Broken::Refused { at }),
            (vec![sent(1, 7), sent(1, 8)], Broken::NotOnce { key: 1 }),
            (vec![sent(1, 7), sent(2, 7)], Broken::NotOnce { key: 2 }),
        ] {
            assert_eq!(check(&history), [expected], "{history:?}");
        }
    }
}

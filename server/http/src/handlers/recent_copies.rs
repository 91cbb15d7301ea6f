//! The copies that came last, for who operates the server and asks why one moved no list. They are
//! in memory alone, bounded in bytes, and hold no text of any message.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use huihua_event::{Event, Place};
use serde::Serialize;
use tokio::sync::watch;

/// Most copies of one answer, the newest: it stays below 1 MiB.
const ANSWERED_MAX: usize = 1_000;

/// One copy, and what became of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecentCopy {
    /// When it came, ms since 1970.
    pub(crate) at: u64,
    /// The app that it names, if it is one of this server's: else it may be anything.
    pub(crate) app_key: Option<String>,
    /// Why it was not taken, as it is counted; `None`: it was.
    pub(crate) reason: Option<&'static str>,
    /// The same at length, as it is logged.
    pub(crate) detail: Option<String>,
    pub(crate) content: Option<CopyContent>,
}

/// What a copy holds, but for its texts.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CopyContent {
    kind: &'static str,
    /// Who sent it, where the event tells.
    from: Option<String>,
    /// Where to: an account, or a team as `team|<id>`.
    to: String,
    message_id: Option<String>,
    /// The message's own time, ms since 1970.
    time: u64,
    /// NIM does not deliver it to its receiver.
    is_undelivered: bool,
}

impl CopyContent {
    /// Describes a copy by its first event: the others come of the same.
    pub(super) fn of(events: &[Event]) -> Option<Self> {
        let event = events.first()?;
        let (kind, _) = kind_and_time(events);
        let (from, to, is_undelivered) = match event {
            Event::Message { place, .. }
            | Event::Recall { place, .. }
            | Event::Edit { place, .. } => match place {
                Place::P2p { from, to } => (Some(from.to_string()), to.to_string(), false),
                Place::Undelivered { from, to } => (Some(from.to_string()), to.to_string(), true),
                Place::Team(team) => (None, team.session_id().to_string(), false),
            },
            Event::Join { team, .. } | Event::Leave { team, .. } | Event::Dissolve { team, .. } => {
                (None, team.session_id().to_string(), false)
            }
        };
        let message_id = match event {
            Event::Message { post, .. } | Event::Recall { post, .. } => {
                Some(post.message_id.clone())
            }
            Event::Edit { edit, .. } => Some(edit.message_id.clone()),
            Event::Join { .. } | Event::Leave { .. } | Event::Dissolve { .. } => None,
        };
        let time = event.latest_time();
        Some(Self { kind, from, to, message_id, time, is_undelivered })
    }

    fn bytes(&self) -> usize {
        let texts = [self.from.as_ref(), Some(&self.to), self.message_id.as_ref()];
        texts.into_iter().flatten().map(String::len).sum()
    }
}

/// Names what a copy holds, and the time of its message. A notice comes with what it changes.
pub(super) fn kind_and_time(events: &[Event]) -> (&'static str, Option<u64>) {
    match events.first() {
        Some(Event::Message { post, .. }) => ("message", Some(post.time)),
        Some(Event::Recall { .. }) => ("recall", None),
        Some(Event::Edit { .. }) => ("edit", None),
        Some(Event::Join { .. } | Event::Leave { .. } | Event::Dissolve { .. }) => {
            ("membership", None)
        }
        None => ("ignored", None),
    }
}

impl RecentCopy {
    fn bytes(&self) -> usize {
        let texts = [self.app_key.as_ref(), self.detail.as_ref()];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        size_of::<NumberedCopy>() + texts + self.content.as_ref().map_or(0, CopyContent::bytes)
    }
}

/// A copy with its place among all since the start.
#[derive(Debug, Clone, Serialize)]
struct NumberedCopy {
    number: u64,
    #[serde(flatten)]
    copy: RecentCopy,
}

/// Some copies, the oldest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CopiesAnswer {
    copies: Vec<NumberedCopy>,
    /// The number of the last copy that came.
    last: u64,
    /// Some between were forgotten before anybody looked.
    has_missed: bool,
}

/// The copies that came last.
#[derive(Debug)]
pub(crate) struct RecentCopies {
    /// 0: none is kept.
    bytes_max: AtomicUsize,
    kept: Mutex<Kept>,
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    copies: VecDeque<NumberedCopy>,
    bytes: usize,
    last: u64,
}

impl Default for RecentCopies {
    fn default() -> Self {
        let last = watch::Sender::new(0);
        Self { bytes_max: AtomicUsize::new(0), kept: Mutex::default(), last }
    }
}

impl RecentCopies {
    /// Keeps copies from now on, of so many bytes.
    pub(crate) fn keep(&self, bytes_max: usize) {
        self.bytes_max.store(bytes_max, Relaxed);
    }

    /// Whether copies are kept: else nobody can look at them, and they cost nothing.
    pub(super) fn are_kept(&self) -> bool {
        self.bytes_max.load(Relaxed) > 0
    }

    /// Keeps what `copy` makes, and forgets the oldest beyond the limit.
    pub(super) fn note(&self, copy: impl FnOnce() -> RecentCopy) {
        let bytes_max = self.bytes_max.load(Relaxed);
        if bytes_max == 0 {
            return;
        }
        let copy = copy();
        let last = {
            let mut kept = self.lock();
            kept.last += 1;
            kept.bytes += copy.bytes();
            let numbered = NumberedCopy { number: kept.last, copy };
            kept.copies.push_back(numbered);
            while kept.bytes > bytes_max
                && let Some(oldest) = kept.copies.pop_front()
            {
                kept.bytes -= oldest.copy.bytes();
            }
            kept.last
        };
        self.last.send_replace(last);
    }

    /// Returns the copies after this number; if there is none, waits at most `wait` for one.
    pub(crate) async fn after(&self, number: u64, wait: Duration) -> CopiesAnswer {
        let mut last = self.last.subscribe();
        // Numbers begin anew with the process: one from before is ahead of all.
        let is_ahead = number > self.lock().last;
        let number = if is_ahead { 0 } else { number };
        let newer = last.wait_for(|last| *last > number);
        // Neither the end of the wait nor that of the server is an error.
        let _ = tokio::time::timeout(wait, newer).await;
        let kept = self.lock();
        let newer = kept.copies.iter().rev().take_while(|one| one.number > number);
        let mut copies: Vec<_> = newer.take(ANSWERED_MAX).cloned().collect();
        copies.reverse();
        let missing = copies.first().map_or(kept.last, |first| first.number - 1);
        CopiesAnswer { copies, last: kept.last, has_missed: is_ahead || missing > number }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing under this lock panics half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(detail: &str) -> RecentCopy {
        let detail = Some(detail.to_owned());
        RecentCopy { at: 1, app_key: None, reason: None, detail, content: None }
    }

    async fn numbers(copies: &RecentCopies, after: u64) -> (Vec<u64>, bool) {
        let answer = copies.after(after, Duration::ZERO).await;
        (answer.copies.iter().map(|one| one.number).collect(), answer.has_missed)
    }

    #[tokio::test]
    async fn copies_are_kept_within_their_bytes_and_who_missed_some_is_told() {
        let copies = RecentCopies::default();
        copies.note(|| panic!("nobody may look at it"));
        assert_eq!(numbers(&copies, 0).await, (vec![], false));
        copies.keep(copy("x").bytes() * 3);
        for _ in 0..2 {
            copies.note(|| copy("x"));
        }
        assert_eq!(numbers(&copies, 0).await, (vec![1, 2], false));
        for _ in 0..3 {
            copies.note(|| copy("x"));
        }
        assert_eq!(numbers(&copies, 0).await, (vec![3, 4, 5], true));
        assert_eq!(numbers(&copies, 4).await, (vec![5], false));
        assert_eq!(numbers(&copies, 5).await, (vec![], false));
        assert_eq!(numbers(&copies, 99).await, (vec![3, 4, 5], true), "of the process before");
        copies.note(|| copy(&"x".repeat(9_999)));
        assert_eq!(numbers(&copies, 5).await, (vec![], true), "larger than all may be");
        assert_eq!(copies.lock().bytes, 0);
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_copy() {
        let copies = RecentCopies::default();
        copies.keep(9_999);
        let (answer, ()) = tokio::join!(copies.after(0, Duration::from_secs(60)), async {
            tokio::task::yield_now().await;
            copies.note(|| copy("x"));
        });
        assert_eq!(answer.copies.len(), 1);
    }
}

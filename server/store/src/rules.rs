//! Who wins: the registers of a session and of a team, how an event moves them, what they show.
//! Pure: no clock, no I/O, no bytes. Every engine calls this and nothing else decides.
//!
//! All registers are merged by maximum (an inviter's first by minimum, notices as a set), so any
//! order and any repetition of the same events ends in the same registers.

pub mod explain;

use huihua_core::{Account, SessionKind};
use huihua_event::{Event, Place, Team};

use crate::{
    key::{MessageBody, MessageKey, RANK_MESSAGE},
    latest::{LastChange, Latest, ShownMessage},
};

/// Most notices of membership kept for one account in one team; beyond that the order of arrival
/// may show (contract, section 4).
pub const NOTICES_MAX: usize = 16;
/// Most sessions of an account that exist by ext alone: each costs a row that no message ever ends.
pub const EXT_ONLY_SESSIONS_MAX: usize = 1_000;
/// A hint counts as an *in* this long before its message, in ms.
const HINT_LEAD_MS: u64 = 60_000;

/// One notice of membership. Ordered as it is folded: by time, *in* before *out*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice<'a> {
    /// In since then, ms.
    In(u64),
    /// Out since the body's time; the body is what is shown from then on.
    Out(MessageBody<'a>),
}

impl Notice<'_> {
    /// ms since 1970.
    pub fn time(&self) -> u64 {
        match self {
            Self::In(time) => *time,
            Self::Out(body) => body.key.time,
        }
    }

    /// A set has one notice of each kind at one time.
    fn place(&self) -> (u64, bool) {
        (self.time(), matches!(self, Self::Out(_)))
    }
}

/// The registers of one session of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row<'a> {
    /// p2p: the newest message with its recall or edit.
    pub latest: Latest<'a>,
    /// Teams: when the account came and went, sorted.
    pub notices: Vec<Notice<'a>>,
    /// Teams: the first time that the account invited somebody.
    pub inviter: Option<u64>,
    /// Teams: the last time that it did.
    pub inviter_last: Option<u64>,
    /// Teams: time of the newest message whose audience names the account.
    pub hint: Option<u64>,
    /// Hides everything up to here.
    pub floor: Option<MessageKey<'a>>,
    /// First `updateMySession` since the last delete.
    pub created: Option<u64>,
    /// The account's own text.
    pub ext: &'a str,
    /// Version of the last write, unique in its store.
    pub version: u64,
}

/// The registers of one team, stored once for all its members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// The newest message with its recall or edit.
    pub latest: Latest<'a>,
    /// The greatest dissolution.
    pub dissolved: Option<MessageBody<'a>>,
    /// More than one dissolution came: then one may have taken another's place.
    pub dissolved_again: bool,
    /// Version of the last write.
    pub version: u64,
    /// Version of the last dissolution.
    pub dissolved_version: u64,
}

/// An account's view of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View<'a> {
    /// The visible last message, or the recall in its place.
    pub last: Option<MessageBody<'a>>,
    /// The fields of the edit that is laid over it.
    pub edit: Option<&'a str>,
    /// ms since 1970; `None` when the session is not visible.
    pub update_time: Option<u64>,
    /// Grows whenever what is seen changes; no two sessions of an account share one.
    pub version: u64,
    /// Since when the account is in the session's team, ms since 1970: the team's messages concern
    /// it. `None` when it is not in.
    pub in_since: Option<u64>,
}

/// One register that an event moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write<'a> {
    /// The last message of `account`'s session with `peer`.
    Last {
        /// Whose list.
        account: &'a Account,
        /// With whom.
        peer: &'a Account,
        /// The message, a recall or an edit.
        change: LastChange<'a>,
    },
    /// The head of a team.
    Head {
        /// The team.
        team: &'a Team,
        /// The message, a recall or an edit.
        change: LastChange<'a>,
    },
    /// The end of a team.
    Dissolve {
        /// The team.
        team: &'a Team,
        /// What is shown from then on.
        body: MessageBody<'a>,
    },
    /// An account's membership of a team.
    Member {
        /// Whose list.
        account: &'a Account,
        /// The team.
        team: &'a Team,
        /// What is known now.
        membership: Membership<'a>,
    },
}

/// Something known about an account's membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership<'a> {
    /// A notice.
    Notice(Notice<'a>),
    /// It invited somebody then, ms.
    Inviter(u64),
    /// A message of then, ms, names it in its audience.
    Hint(u64),
}

/// What a write did to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Nothing: repeated or outranked.
    No,
    /// A register moved, but nothing that shows: stored without a new version.
    Silently,
    /// What is seen may have changed: stored with a new version.
    Yes,
}

/// Calls `write` for every register that the event moves, in a fixed order. Nothing is called for
/// an event that moves nothing by its kind.
pub fn apply<'a, E>(
    event: &'a Event,
    mut write: impl FnMut(Write<'a>) -> Result<(), E>,
) -> Result<(), E> {
    match event {
        Event::Message { updates_session: false, .. } | Event::Recall { one_way: true, .. } => {
            Ok(())
        }
        Event::Message { place, post, audience, updates_session: true } => {
            write_last(place, LastChange::message(post), &mut write)?;
            let Place::Team(team) = place else { return Ok(()) };
            let membership = Membership::Hint(post.time);
            audience
                .iter()
                .try_for_each(|account| write(Write::Member { account, team, membership }))
        }
        Event::Recall { place, post, one_way: false, time } => {
            write_last(place, LastChange::recall(post, *time), &mut write)
        }
        Event::Edit { place, edit } => write_last(place, LastChange::edit(edit), &mut write),
        Event::Join { team, accounts, inviter, time } => {
            let membership = Membership::Notice(Notice::In(*time));
            for account in accounts {
                write(Write::Member { account, team, membership })?;
            }
            let Some(account) = inviter else { return Ok(()) };
            write(Write::Member { account, team, membership: Membership::Inviter(*time) })
        }
        Event::Leave { team, accounts, notice } => {
            let membership = Membership::Notice(Notice::Out(MessageBody::of(notice, RANK_MESSAGE)));
            accounts
                .iter()
                .try_for_each(|account| write(Write::Member { account, team, membership }))
        }
        Event::Dissolve { team, notice } => {
            write(Write::Dissolve { team, body: MessageBody::of(notice, RANK_MESSAGE) })
        }
    }
}

fn write_last<'a, E>(
    place: &'a Place,
    change: LastChange<'a>,
    write: &mut impl FnMut(Write<'a>) -> Result<(), E>,
) -> Result<(), E> {
    match place {
        Place::P2p { from, to } => {
            write(Write::Last { account: from, peer: to, change })?;
            if from == to {
                return Ok(());
            }
            write(Write::Last { account: to, peer: from, change })
        }
        Place::Undelivered { from, to } => write(Write::Last { account: from, peer: to, change }),
        Place::Team(team) => write(Write::Head { team, change }),
    }
}

impl<'a> Row<'a> {
    /// Takes a p2p message, recall or edit.
    pub fn take_last(&mut self, change: LastChange<'a>) -> Moved {
        let before = self.visible_p2p_last();
        if !self.latest.take(change) {
            return Moved::No;
        }
        self.latest.drop_text_below(self.floor);
        if self.visible_p2p_last() == before { Moved::Silently } else { Moved::Yes }
    }

    fn visible_p2p_last(&self) -> Option<ShownMessage<'a>> {
        self.latest.shown().filter(|shown| self.is_above_floor(shown))
    }

    fn is_above_floor(&self, shown: &ShownMessage<'a>) -> bool {
        self.floor.is_none_or(|floor| shown.body.key > floor)
    }

    /// Takes what is known about the account's membership.
    pub fn take_membership(&mut self, membership: Membership<'a>) -> Moved {
        match membership {
            Membership::Notice(notice) => self.take_notice(notice),
            Membership::Inviter(time) => {
                let (first, last) = (self.inviter, self.inviter_last);
                self.inviter = Some(first.map_or(time, |first| first.min(time)));
                self.inviter_last = last.max(Some(time));
                if (first, last) == (self.inviter, self.inviter_last) {
                    return Moved::No;
                }
                Moved::Yes
            }
            Membership::Hint(time) => {
                if self.hint.is_some_and(|newest| newest >= time) {
                    return Moved::No;
                }
                self.hint = Some(time);
                // A hint counts for nothing while the account is in by notice, also when a
                // dissolution came: that ends the one as the other, and shows the same notice.
                match self.fold(None, None) {
                    MemberState::In { .. } => Moved::Silently,
                    MemberState::Unknown | MemberState::Out { .. } => Moved::Yes,
                }
            }
        }
    }

    fn take_notice(&mut self, notice: Notice<'a>) -> Moved {
        match self.notices.binary_search_by_key(&notice.place(), Notice::place) {
            Ok(at) => {
                let (Notice::Out(old), Notice::Out(new)) = (self.notices[at], notice) else {
                    return Moved::No;
                };
                if old >= new {
                    return Moved::No;
                }
                self.notices[at] = notice;
                Moved::Yes
            }
            Err(at) => {
                self.notices.insert(at, notice);
                if self.notices.len() <= NOTICES_MAX {
                    return Moved::Yes;
                }
                let dropped = self.notices.remove(self.dispensable());
                if dropped == notice { Moved::No } else { Moved::Yes }
            }
        }
    }

    /// The oldest notice, except the earliest *in* after the last *out*: that one is the floor.
    fn dispensable(&self) -> usize {
        let last_out = self.notices.iter().rposition(|n| matches!(n, Notice::Out(_)));
        let since = last_out.map_or(0, |at| at + 1);
        usize::from(since == 0)
    }

    /// Tells whether anything is known of the account's membership.
    pub fn has_membership(&self) -> bool {
        !self.notices.is_empty() || self.inviter.is_some() || self.hint.is_some()
    }

    /// Tells whether no register holds anything: what a session by ext alone is after its deletion.
    pub fn is_empty(&self) -> bool {
        *self == Self { version: self.version, ..Self::default() }
    }

    /// Takes an ext; `now` (ms) counts when it is the first call since the last delete.
    pub fn take_ext(&mut self, ext: &'a str, now: u64) -> Moved {
        if self.ext == ext && self.created.is_some() {
            return Moved::No;
        }
        self.ext = ext;
        self.created = self.created.or(Some(now));
        Moved::Yes
    }

    /// Deletes the session as it is seen in `view`: hides it up to its last message.
    pub fn delete(&mut self, view: &View<'a>) -> Moved {
        if view.update_time.is_none() {
            return Moved::No;
        }
        self.floor = self.floor.max(view.last.map(|body| body.key.floor()));
        self.created = None;
        self.ext = "";
        Moved::Yes
    }

    /// Drops the texts that the floor hides for ever; keys, amendments, floor and notices stay.
    pub fn sweep(&mut self) -> Moved {
        let Some(floor) = self.floor else { return Moved::No };
        let mut moved = Moved::No;
        if self.latest.drop_text_below(Some(floor)) {
            moved = Moved::Silently;
        }
        for notice in &mut self.notices {
            if let Notice::Out(body) = notice
                && body.key <= floor
                && !body.text.is_empty()
            {
                body.text = "";
                moved = Moved::Silently;
            }
        }
        moved
    }

    /// Computes what the account sees of this session, `head` being its team's.
    pub fn view(&self, kind: SessionKind, head: Option<&Head<'a>>) -> View<'a> {
        let (last, version, in_since) = match kind {
            SessionKind::P2p => (self.latest.shown(), self.version, None),
            SessionKind::Team | SessionKind::SuperTeam => self.team_last(head),
        };
        let shown = last.filter(|shown| self.is_above_floor(shown));
        let last = shown.map(|shown| shown.body);
        let update_time = last.map(|body| body.key.time).or(self.created);
        View { last, edit: shown.and_then(|shown| shown.edit), update_time, version, in_since }
    }

    fn team_last(&self, head: Option<&Head<'a>>) -> (Option<ShownMessage<'a>>, u64, Option<u64>) {
        let dissolved = head.and_then(|head| head.dissolved);
        match self.member_state(dissolved) {
            MemberState::In { since } => {
                let Some(head) = head else { return (None, self.version, Some(since)) };
                // Whoever is in came in after a dissolution, if there was one: nothing from before
                // it is above this floor.
                let floor = MessageKey::since(since);
                let shown = head.latest.shown().filter(|shown| shown.body.key > floor);
                (shown, self.version.max(head.version), Some(since))
            }
            MemberState::Out { notice, by_dissolution } => {
                let counts = by_dissolution || self.dissolution_may_count(head);
                let shown = ShownMessage { body: notice, edit: None };
                (Some(shown), self.version_with(counts, head), None)
            }
            MemberState::Unknown => {
                (None, self.version_with(self.dissolution_may_count(head), head), None)
            }
        }
    }

    /// Whether a dissolution may have changed what is seen although it is not what is seen: it
    /// ended a hint, or it took the place of another dissolution that was seen.
    fn dissolution_may_count(&self, head: Option<&Head<'a>>) -> bool {
        self.hint.is_some() || head.is_some_and(|head| head.dissolved_again)
    }

    fn version_with(&self, dissolution: bool, head: Option<&Head<'a>>) -> u64 {
        match head {
            Some(head) if dissolution => self.version.max(head.dissolved_version),
            Some(_) | None => self.version,
        }
    }

    fn member_state(&self, dissolved: Option<MessageBody<'a>>) -> MemberState<'a> {
        let by_notice = self.fold(dissolved, None);
        match self.hint_that_counts(dissolved, by_notice) {
            None => by_notice,
            hint => self.fold(dissolved, hint),
        }
    }

    /// The hint, if the account is not in by what is sure.
    fn hint_that_counts(
        &self,
        dissolved: Option<MessageBody<'a>>,
        by_notice: MemberState<'a>,
    ) -> Option<u64> {
        // Written after the end, by a client that did not know of it: as good as at the end.
        let end = dissolved.map_or(u64::MAX, |end| end.key.time);
        let is_in = matches!(by_notice, MemberState::In { .. });
        self.hint.map(|hint| hint.min(end)).filter(|_| !is_in)
    }

    /// The last time that the account invited somebody, if that was in a life of the team that
    /// began after `end`, and nothing about the account came before it in that life.
    fn invited_again(&self, end: u64) -> Option<u64> {
        let time = self.inviter_last.filter(|time| *time > end)?;
        let mut times = self.notices.iter().map(Notice::time);
        times.all(|other| other <= end || other >= time).then_some(time)
    }

    fn fold(&self, dissolved: Option<MessageBody<'a>>, hint: Option<u64>) -> MemberState<'a> {
        let steps = self.steps(dissolved, hint).into_iter();
        steps.fold(MemberState::Unknown, |state, (_, step)| state.after(step))
    }

    /// What is known of the account's membership in order of time. At one time: ins, the hint, the
    /// dissolution, the out.
    fn steps(
        &self,
        dissolved: Option<MessageBody<'a>>,
        hint: Option<u64>,
    ) -> Vec<(u64, FoldStep<'a>)> {
        let mut steps: Vec<(u64, FoldStep<'a>)> = Vec::with_capacity(self.notices.len() + 3);
        steps.extend(self.notices.iter().map(|notice| match notice {
            Notice::In(time) => (*time, FoldStep::In { since: *time, invites: false }),
            Notice::Out(body) => (body.key.time, FoldStep::Out(*body)),
        }));
        let first = self.notices.first().map(Notice::time);
        if let Some(time) = self.inviter.filter(|time| first.is_none_or(|first| first >= *time)) {
            steps.push((time, FoldStep::In { since: time, invites: true }));
        }
        if let Some(time) = dissolved.and_then(|end| self.invited_again(end.key.time)) {
            steps.push((time, FoldStep::In { since: time, invites: true }));
        }
        if let Some(since) = hint {
            steps.push((since.saturating_sub(HINT_LEAD_MS), FoldStep::Hint { since }));
        }
        if let Some(body) = dissolved {
            steps.push((body.key.time, FoldStep::Dissolved(body)));
        }
        steps.sort_by_key(|(time, step)| (*time, step.order()));
        steps
    }
}

impl<'a> Head<'a> {
    /// Takes a message, recall or edit.
    pub fn take_last(&mut self, change: LastChange<'a>) -> Moved {
        let before = self.latest.shown();
        if !self.latest.take(change) {
            return Moved::No;
        }
        if self.latest.shown() == before { Moved::Silently } else { Moved::Yes }
    }

    /// Takes a dissolution. Its version is set by [`Self::set_version`].
    pub fn take_dissolution(&mut self, body: MessageBody<'a>) -> Moved {
        if self.dissolved.is_some_and(|end| end >= body) {
            return Moved::No;
        }
        self.dissolved_again = self.dissolved.is_some();
        self.dissolved = Some(body);
        self.dissolved_version = 0;
        Moved::Yes
    }

    /// Gives the write its version; a dissolution just taken gets it too.
    pub fn set_version(&mut self, version: u64) {
        self.version = version;
        if self.dissolved.is_some() && self.dissolved_version == 0 {
            self.dissolved_version = version;
        }
    }
}

/// The state of an account in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MemberState<'a> {
    Unknown,
    In { since: u64 },
    Out { notice: MessageBody<'a>, by_dissolution: bool },
}

#[derive(Debug, Clone, Copy)]
enum FoldStep<'a> {
    /// `invites`: it is in because it invited somebody then.
    In {
        since: u64,
        invites: bool,
    },
    Hint {
        since: u64,
    },
    Dissolved(MessageBody<'a>),
    Out(MessageBody<'a>),
}

impl FoldStep<'_> {
    fn order(&self) -> u8 {
        match self {
            Self::In { .. } => 0,
            Self::Hint { .. } => 1,
            Self::Dissolved(_) => 2,
            Self::Out(_) => 3,
        }
    }
}

impl<'a> MemberState<'a> {
    fn after(self, step: FoldStep<'a>) -> Self {
        match (self, step) {
            (Self::In { .. }, FoldStep::In { .. } | FoldStep::Hint { .. }) => self,
            (_, FoldStep::In { since, .. } | FoldStep::Hint { since }) => Self::In { since },
            (Self::In { .. }, FoldStep::Dissolved(notice)) => {
                Self::Out { notice, by_dissolution: true }
            }
            (Self::In { .. } | Self::Unknown, FoldStep::Out(notice)) => {
                Self::Out { notice, by_dissolution: false }
            }
            // Left and dissolved at one time: the greater key is shown.
            (Self::Out { notice, by_dissolution: true }, FoldStep::Out(other))
                if other.key.time == notice.key.time && other > notice =>
            {
                Self::Out { notice: other, by_dissolution: false }
            }
            (Self::Unknown | Self::Out { .. }, FoldStep::Dissolved(_))
            | (Self::Out { .. }, FoldStep::Out(_)) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::RANK_RECALL, latest::Amendment};

    fn message(time: u64, id: &'static str) -> MessageBody<'static> {
        MessageBody { key: MessageKey { time, id, rank: RANK_MESSAGE, digest: [1; 8] }, text: "{}" }
    }

    fn recall(time: u64, id: &'static str) -> MessageBody<'static> {
        MessageBody { key: MessageKey { rank: RANK_RECALL, ..message(time, id).key }, text: "{}" }
    }

    fn sent(time: u64, id: &'static str) -> LastChange<'static> {
        LastChange::Message(message(time, id))
    }

    fn recalled(time: u64, id: &'static str) -> LastChange<'static> {
        LastChange::Amendment(Amendment::Recall { body: recall(time, id), time })
    }

    fn seen(row: &Row<'static>) -> Option<u64> {
        row.view(SessionKind::P2p, None).update_time
    }

    /// A row with these notices: positive times are ins, negative ones outs.
    fn member(times: &[i64]) -> Row<'static> {
        let mut row = Row::default();
        for time in times {
            let at = time.unsigned_abs();
            let notice = if *time > 0 { Notice::In(at) } else { Notice::Out(message(at, "")) };
            row.take_membership(Membership::Notice(notice));
        }
        row
    }

    fn head(last: u64, dissolved: Option<u64>) -> Head<'static> {
        let dissolved = dissolved.map(|time| message(time, ""));
        let latest = Latest { message: Some(message(last, "5")), ..Latest::default() };
        Head { latest, dissolved, ..Head::default() }
    }

    fn team_seen(row: &Row<'static>, head: &Head<'static>) -> Option<u64> {
        row.view(SessionKind::Team, Some(head)).update_time
    }

    #[test]
    fn a_deleted_session_comes_back_with_the_next_newer_message_and_empty_ext() {
        let mut row = Row::default();
        row.take_last(sent(5, "9"));
        row.take_ext("draft", 7);
        assert_eq!(row.delete(&row.view(SessionKind::P2p, None)), Moved::Yes);
        assert_eq!((seen(&row), row.ext), (None, ""));
        assert_eq!(row.delete(&row.view(SessionKind::P2p, None)), Moved::No, "is not there");
        row.take_last(sent(5, "8"));
        row.take_last(recalled(5, "9"));
        assert_eq!(seen(&row), None, "older, and the recall of what was deleted");
        row.take_last(sent(5, "10"));
        assert_eq!(seen(&row), Some(5), "newer in the same millisecond");
    }

    #[test]
    fn a_swept_session_stays_deleted_whatever_old_comes_again() {
        let mut row = Row::default();
        row.take_last(sent(5, "9"));
        row.delete(&row.view(SessionKind::P2p, None));
        assert_eq!(row.sweep(), Moved::Silently);
        assert_eq!((row.latest.message.unwrap().text, row.sweep()), ("", Moved::No));
        assert_eq!(row.take_last(sent(5, "9")), Moved::No);
        assert_eq!(row.take_last(recalled(5, "9")), Moved::Silently);
        assert_eq!(seen(&row), None);
        let mut out = member(&[3, -5]);
        out.delete(&out.view(SessionKind::Team, None));
        assert_eq!(out.sweep(), Moved::Silently);
        let late = Notice::Out(message(5, ""));
        assert_eq!(out.take_membership(Membership::Notice(late)), Moved::No);
    }

    #[test]
    fn ext_alone_makes_a_session_visible_and_stays_when_a_message_comes() {
        let mut row = Row::default();
        assert_eq!(row.take_ext("x", 7), Moved::Yes);
        assert_eq!(row.take_ext("x", 8), Moved::No);
        assert_eq!(row.take_ext("", 9), Moved::Yes);
        assert_eq!(seen(&row), Some(7));
        row.take_last(sent(5, "1"));
        assert_eq!((seen(&row), row.created), (Some(5), Some(7)));
        row.delete(&row.view(SessionKind::P2p, None));
        row.take_ext("y", 11);
        assert_eq!((seen(&row), row.view(SessionKind::P2p, None).last), (Some(11), None));
    }

    #[test]
    fn a_recall_takes_the_place_of_its_message_in_either_order_and_of_no_other() {
        for order in [[0, 1], [1, 0]] {
            let mut row = Row::default();
            for at in order {
                row.take_last([sent(5, "9"), recalled(5, "9")][at]);
            }
            assert_eq!(row.view(SessionKind::P2p, None).last, Some(recall(5, "9")));
            assert_eq!(row.take_last(recalled(4, "7")), Moved::Silently, "may be sent again later");
            assert_eq!(row.view(SessionKind::P2p, None).last, Some(recall(5, "9")));
        }
    }

    #[test]
    fn who_is_in_sees_the_head_since_then_and_who_is_out_sees_the_notice() {
        for (notices, head_time, dissolved, expected) in [
            (&[][..], 9, None, None),
            (&[5], 9, None, Some(9)),
            (&[5], 5, None, Some(5)),
            (&[5], 4, None, None),
            (&[5, 7], 6, None, Some(6)),
            (&[5, -7], 9, None, Some(7)),
            (&[-7], 9, None, Some(7)),
            (&[-7, -8], 9, None, Some(7)),
            (&[5, -7, 8], 9, None, Some(9)),
            (&[5, -7, 8], 7, None, None),
            (&[5, -5], 9, None, Some(5)),
            (&[5], 9, Some(8), Some(8)),
            (&[5], 7, Some(8), Some(8)),
            (&[9], 7, Some(8), None),
            (&[9], 9, Some(8), Some(9)),
            (&[5, 9], 9, Some(8), Some(9)),
            (&[8], 9, Some(8), Some(8)),
            (&[], 7, Some(8), None),
            (&[5, -6], 7, Some(8), Some(6)),
            (&[9, -10], 11, Some(8), Some(10)),
        ] {
            let row = member(notices);
            let seen = team_seen(&row, &head(head_time, dissolved));
            assert_eq!(seen, expected, "{notices:?} head {head_time} dissolved {dissolved:?}");
        }
    }

    #[test]
    fn a_hint_counts_only_for_one_who_is_not_in_by_notice() {
        let minute = 60_000;
        for (notices, hint, head_time, dissolved, expected) in [
            (&[][..], 2 * minute, 2 * minute, None, Some(2 * minute)),
            (&[], 2 * minute, 2 * minute - 1, None, None),
            (&[1], 2 * minute, minute, None, Some(minute)),
            (&[-1], 2 * minute, 3 * minute, None, Some(3 * minute)),
            (&[-60_000], 2 * minute, 3 * minute, None, Some(minute)),
            (&[], 2 * minute, 3 * minute, Some(2 * minute - 1), Some(2 * minute - 1)),
            (&[], 2 * minute, 3 * minute, Some(2 * minute), Some(2 * minute)),
            (&[], 5 * minute, 6 * minute, Some(2 * minute), Some(2 * minute)),
            (&[-1], 5 * minute, 6 * minute, Some(2 * minute), Some(2 * minute)),
            (&[-90_000], 5 * minute, 6 * minute, Some(2 * minute), Some(90_000)),
            // Made again under its id: the hint is still one of the first life.
            (&[180_000, -240_000], 5 * minute, 6 * minute, Some(2 * minute), Some(4 * minute)),
        ] {
            let mut row = member(notices);
            row.take_membership(Membership::Hint(hint));
            let seen = team_seen(&row, &head(head_time, dissolved));
            assert_eq!(seen, expected, "{notices:?} hint {hint} head {head_time}");
        }
    }

    #[test]
    fn an_inviter_counts_as_in_unless_a_notice_about_him_is_dated_earlier() {
        let invited = |notices: &[i64], time| {
            let mut row = member(notices);
            row.take_membership(Membership::Inviter(time + 1));
            row.take_membership(Membership::Inviter(time));
            team_seen(&row, &head(9, None))
        };
        assert_eq!(invited(&[], 5), Some(9));
        assert_eq!(invited(&[-4], 5), Some(4));
        assert_eq!(invited(&[-6], 5), Some(6));
        assert_eq!(invited(&[-5], 5), Some(5));
    }

    #[test]
    fn an_inviter_counts_as_in_again_after_a_dissolution() {
        for (notices, invites, dissolved, head_time, expected) in [
            (&[][..], &[1, 9][..], 8, 9, Some(9)),
            (&[], &[9, 1], 8, 9, Some(9)),
            (&[], &[1, 9], 9, 9, Some(9)),
            (&[], &[1, 7], 8, 9, Some(8)),
            (&[3, -5], &[9], 8, 10, Some(10)),
            (&[-5], &[7], 8, 9, Some(5)),
            (&[-9], &[10], 8, 11, Some(9)),
            (&[-12], &[10], 8, 13, Some(12)),
        ] {
            let mut row = member(notices);
            for time in invites {
                row.take_membership(Membership::Inviter(*time));
            }
            let seen = team_seen(&row, &head(head_time, Some(dissolved)));
            assert_eq!(seen, expected, "{notices:?} invites {invites:?} end {dissolved}");
            let again = row.take_membership(Membership::Inviter(invites[0]));
            assert_eq!(again, Moved::No);
        }
    }

    /// The first dissolution hid a later leave; the second, greater one takes its place and shows
    /// it: what is seen changes by a write to the head alone, so the head's version must count.
    #[test]
    fn a_second_dissolution_gives_those_who_left_in_between_a_new_version() {
        let mut row = member(&[5, -7]);
        row.version = 1;
        let mut head = Head::default();
        head.take_dissolution(message(6, ""));
        head.set_version(2);
        let before = row.view(SessionKind::Team, Some(&head));
        assert_eq!((before.update_time, before.version), (Some(6), 2));
        head.take_dissolution(message(9, ""));
        head.set_version(3);
        let after = row.view(SessionKind::Team, Some(&head));
        assert_eq!((after.update_time, after.version), (Some(7), 3));
    }

    #[test]
    fn who_left_gets_no_version_from_messages_or_a_dissolution() {
        let mut row = member(&[5, -7]);
        row.version = 1;
        let mut head = head(9, None);
        head.set_version(2);
        head.take_dissolution(message(10, ""));
        head.set_version(3);
        assert_eq!(row.view(SessionKind::Team, Some(&head)).version, 1);
    }

    #[test]
    fn beyond_sixteen_notices_the_floor_and_the_newest_stay() {
        let row = member(&(1..=40).collect::<Vec<i64>>());
        assert_eq!(row.notices.len(), NOTICES_MAX);
        assert_eq!(row.notices[..2], [Notice::In(1), Notice::In(26)]);
        let mut times: Vec<i64> = vec![1, -2];
        times.extend(3..=40);
        let row = member(&times);
        assert_eq!(team_seen(&row, &head(3, None)), Some(3), "in since 3");
        let mut again = row.clone();
        let repeated = Membership::Notice(Notice::In(4));
        assert_eq!(again.take_membership(repeated), Moved::No, "an old one comes again");
        assert_eq!(again, row);
    }
}

//! Why an account sees a session as it does, for its operator: the same fold as [`Row::view`], told
//! step by step. It decides nothing; the suite holds it to the view of every engine.

use huihua_core::SessionKind;
use serde::Serialize;

use super::{FoldStep, Head, MemberState, Row};
use crate::{
    key::{MessageBody, MessageKey},
    latest::{Latest, ShownMessage},
};

/// Why a session is visible or not, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What makes it visible; `None` when it is not.
    pub visible_by: Option<VisibleBy>,
    /// Its `updateTime`, ms since 1970.
    pub update_time: Option<u64>,
    /// Why there is a last message, or why there is none.
    pub last: LastReason,
    /// Teams: whether the account is in.
    pub membership: Option<MembershipState>,
    /// Teams: how that came about, in order of time.
    pub steps: Vec<Step>,
}

/// What makes a session visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum VisibleBy {
    /// Its last message is above the floor.
    Message,
    /// `updateMySession` was called since it was last deleted.
    Update,
}

/// Why there is a last message, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "code")]
pub enum LastReason {
    /// A message, as it was sent.
    Message,
    /// A message with an edit laid over it.
    Edited,
    /// A recall in the place of its message.
    Recalled,
    /// The notice of its leaving, and nothing after it.
    Left,
    /// The notice of the team's end.
    Dissolved,
    /// No message is known.
    NoMessage,
    /// The account deleted the session up to its last message or beyond.
    #[serde(rename_all = "camelCase")]
    Deleted {
        /// Time of the last message that is hidden, ms since 1970.
        message_time: u64,
        /// Time up to which the session is hidden, ms since 1970.
        floor_time: u64,
    },
    /// Nothing tells that the account is in the team.
    NotKnownToBeIn,
    /// The team's last message is older than the account's time in it.
    #[serde(rename_all = "camelCase")]
    BeforeItCameIn {
        /// Time of that message, ms since 1970.
        message_time: u64,
        /// Since when the account is in, ms since 1970.
        since: u64,
    },
}

/// Whether an account is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum MembershipState {
    /// It is in.
    #[serde(rename_all = "camelCase")]
    In {
        /// Since when, ms since 1970.
        since: u64,
        /// Only a hint tells it.
        by_hint: bool,
    },
    /// It is out.
    #[serde(rename_all = "camelCase")]
    Out {
        /// Since when, ms since 1970.
        since: u64,
        /// The team was dissolved.
        by_dissolution: bool,
    },
    /// Nothing is known.
    Unknown,
}

/// Something known of the account's membership, and what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Where it counts, ms since 1970: a hint does a minute before its message.
    pub time: u64,
    /// What is known.
    pub kind: StepKind,
    /// What it did.
    pub effect: StepEffect,
}

/// A kind of knowledge of membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepKind {
    /// A notice that it came in.
    In,
    /// It invited somebody.
    Invited,
    /// A message names it, or it wrote one.
    Hint,
    /// The team was dissolved.
    Dissolved,
    /// A notice that it left or was sent away.
    Out,
}

/// What a step of the fold did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepEffect {
    /// It is in from here on.
    CameIn,
    /// It is out from here on.
    WentOut,
    /// Another notice of its leaving is shown.
    NoticeReplaced,
    /// Nothing: it was so already.
    Nothing,
}

impl<'a> Row<'a> {
    /// Explains what [`Row::view`] shows of this session, `head` being its team's.
    pub fn explain(&self, kind: SessionKind, head: Option<&Head<'a>>) -> Explanation {
        let (membership, steps, last) = match kind {
            SessionKind::P2p => (None, Vec::new(), self.explain_p2p()),
            SessionKind::Team | SessionKind::SuperTeam => {
                let (state, by_hint, steps) = self.explain_membership(head);
                let last = self.explain_team(state, head);
                (Some(MembershipState::of(state, by_hint)), steps, last)
            }
        };
        let (last, shown_at) = match last {
            Ok((reason, time)) => (reason, Some(time)),
            Err(reason) => (reason, None),
        };
        let visible_by = match (shown_at, self.created) {
            (Some(_), _) => Some(VisibleBy::Message),
            (None, Some(_)) => Some(VisibleBy::Update),
            (None, None) => None,
        };
        let update_time = shown_at.or(self.created);
        Explanation { visible_by, update_time, last, membership, steps }
    }

    fn explain_p2p(&self) -> Result<(LastReason, u64), LastReason> {
        let shown = self.latest.shown().ok_or(LastReason::NoMessage)?;
        self.unless_deleted(shown.body, reason_of(&shown))
    }

    fn explain_team(
        &self,
        state: MemberState<'a>,
        head: Option<&Head<'a>>,
    ) -> Result<(LastReason, u64), LastReason> {
        match state {
            MemberState::Unknown => Err(LastReason::NotKnownToBeIn),
            MemberState::Out { notice, by_dissolution } => {
                let reason = if by_dissolution { LastReason::Dissolved } else { LastReason::Left };
                self.unless_deleted(notice, reason)
            }
            MemberState::In { since } => {
                let shown = head.and_then(|head| Latest::shown(&head.latest));
                let shown = shown.ok_or(LastReason::NoMessage)?;
                let message_time = shown.body.key.time;
                if shown.body.key <= MessageKey::since(since) {
                    return Err(LastReason::BeforeItCameIn { message_time, since });
                }
                self.unless_deleted(shown.body, reason_of(&shown))
            }
        }
    }

    fn unless_deleted(
        &self,
        body: MessageBody<'a>,
        reason: LastReason,
    ) -> Result<(LastReason, u64), LastReason> {
        let message_time = body.key.time;
        match self.floor {
            Some(floor) if body.key <= floor => {
                Err(LastReason::Deleted { message_time, floor_time: floor.time })
            }
            Some(_) | None => Ok((reason, message_time)),
        }
    }

    /// Folds as the view does, and tells what each step did; and whether a hint counts.
    fn explain_membership(&self, head: Option<&Head<'a>>) -> (MemberState<'a>, bool, Vec<Step>) {
        let dissolved = head.and_then(|head| head.dissolved);
        let hint = self.hint_that_counts(dissolved, self.fold(dissolved, None));
        let (mut state, mut by_hint) = (MemberState::Unknown, false);
        let mut steps = Vec::new();
        for (time, step) in self.steps(dissolved, hint) {
            let next = state.after(step);
            let effect = match (state, next) {
                (MemberState::In { .. }, MemberState::In { .. })
                | (MemberState::Unknown, MemberState::Unknown) => StepEffect::Nothing,
                (_, MemberState::In { .. }) => StepEffect::CameIn,
                (MemberState::Out { .. }, MemberState::Out { .. }) if state == next => {
                    StepEffect::Nothing
                }
                (MemberState::Out { .. }, _) => StepEffect::NoticeReplaced,
                (_, MemberState::Out { .. } | MemberState::Unknown) => StepEffect::WentOut,
            };
            if effect == StepEffect::CameIn {
                by_hint = matches!(step, FoldStep::Hint { .. });
            }
            steps.push(Step { time, kind: StepKind::of(step), effect });
            state = next;
        }
        (state, by_hint, steps)
    }
}

fn reason_of(shown: &ShownMessage<'_>) -> LastReason {
    if shown.body.is_recall() {
        LastReason::Recalled
    } else if shown.edit.is_some() {
        LastReason::Edited
    } else {
        LastReason::Message
    }
}

impl MembershipState {
    fn of(state: MemberState<'_>, by_hint: bool) -> Self {
        match state {
            MemberState::Unknown => Self::Unknown,
            MemberState::In { since } => Self::In { since, by_hint },
            MemberState::Out { notice, by_dissolution } => {
                Self::Out { since: notice.key.time, by_dissolution }
            }
        }
    }
}

impl StepKind {
    fn of(step: FoldStep<'_>) -> Self {
        match step {
            FoldStep::In { invites: false, .. } => Self::In,
            FoldStep::In { invites: true, .. } => Self::Invited,
            FoldStep::Hint { .. } => Self::Hint,
            FoldStep::Dissolved(_) => Self::Dissolved,
            FoldStep::Out(_) => Self::Out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key::RANK_MESSAGE,
        latest::{Amendment, LastChange},
        rules::{Membership, Notice},
    };

    fn message(time: u64, id: &'static str) -> MessageBody<'static> {
        MessageBody { key: MessageKey { time, id, rank: RANK_MESSAGE, digest: [1; 8] }, text: "{}" }
    }

    /// The explanation, after it was held to the view.
    fn explained(
        row: &Row<'static>,
        kind: SessionKind,
        head: Option<&Head<'static>>,
    ) -> Explanation {
        let (view, explained) = (row.view(kind, head), row.explain(kind, head));
        assert_eq!(explained.update_time, view.update_time);
        assert_eq!(explained.visible_by == Some(VisibleBy::Message), view.last.is_some());
        let since = match explained.membership {
            Some(MembershipState::In { since, .. }) => Some(since),
            Some(MembershipState::Out { .. } | MembershipState::Unknown) | None => None,
        };
        assert_eq!(since, view.in_since);
        explained
    }

    #[test]
    fn a_p2p_session_is_explained_from_its_first_message_to_the_one_after_its_deletion() {
        let mut row = Row::default();
        let check = |row: &Row<'static>, by, last| {
            let explained = explained(row, SessionKind::P2p, None);
            assert_eq!((explained.visible_by, explained.last), (by, last));
        };
        check(&row, None, LastReason::NoMessage);
        row.take_ext("x", 3);
        check(&row, Some(VisibleBy::Update), LastReason::NoMessage);
        row.take_last(LastChange::Message(message(5, "9")));
        check(&row, Some(VisibleBy::Message), LastReason::Message);
        let edit = Amendment::Edit { id: "9", time: 6, digest: [0; 8], fields: "{}" };
        row.take_last(LastChange::Amendment(edit));
        check(&row, Some(VisibleBy::Message), LastReason::Edited);
        let key = MessageKey { rank: crate::key::RANK_RECALL, ..message(5, "9").key };
        let body = MessageBody { key, text: "{}" };
        row.take_last(LastChange::Amendment(Amendment::Recall { body, time: 7 }));
        check(&row, Some(VisibleBy::Message), LastReason::Recalled);
        row.delete(&row.view(SessionKind::P2p, None));
        let deleted = LastReason::Deleted { message_time: 5, floor_time: 5 };
        check(&row, None, deleted);
        row.take_ext("again", 8);
        check(&row, Some(VisibleBy::Update), deleted);
        row.take_last(LastChange::Message(message(9, "10")));
        check(&row, Some(VisibleBy::Message), LastReason::Message);
    }

    #[test]
    fn a_team_session_is_explained_by_who_came_and_went_when() {
        let in_since = |since| Some(MembershipState::In { since, by_hint: false });
        let hinted = |since| Some(MembershipState::In { since, by_hint: true });
        let out = |since, by_dissolution| Some(MembershipState::Out { since, by_dissolution });
        let early = |since| LastReason::BeforeItCameIn { message_time: 9, since };
        for (notices, hint, dissolved, membership, last) in [
            (&[][..], None, None, Some(MembershipState::Unknown), LastReason::NotKnownToBeIn),
            (&[5], None, None, in_since(5), LastReason::Message),
            (&[10], None, None, in_since(10), early(10)),
            (&[5, -7], None, None, out(7, false), LastReason::Left),
            (&[5], None, Some(8), out(8, true), LastReason::Dissolved),
            (&[], Some(9), None, hinted(9), LastReason::Message),
            (&[], Some(99_999), None, hinted(99_999), early(99_999)),
            (&[5, -7], Some(90_000), None, hinted(90_000), early(90_000)),
            (&[5, -7], Some(9), None, out(7, false), LastReason::Left),
        ] {
            let mut row = Row { hint, ..Row::default() };
            for time in notices {
                let time: i64 = *time;
                let at = time.unsigned_abs();
                let notice = if time > 0 { Notice::In(at) } else { Notice::Out(message(at, "")) };
                row.take_membership(Membership::Notice(notice));
            }
            let latest = Latest { message: Some(message(9, "5")), ..Latest::default() };
            let dissolved = dissolved.map(|time| message(time, ""));
            let head = Head { latest, dissolved, ..Head::default() };
            let explained = explained(&row, SessionKind::Team, Some(&head));
            let case = format!("{notices:?} {hint:?} {dissolved:?}");
            assert_eq!((explained.membership, explained.last), (membership, last), "{case}");
        }
    }

    #[test]
    fn each_step_says_what_it_did() {
        let mut row = Row { hint: Some(100_000), ..Row::default() };
        for notice in
            [Notice::In(5), Notice::In(6), Notice::Out(message(7, "")), Notice::Out(message(8, ""))]
        {
            row.take_membership(Membership::Notice(notice));
        }
        row.take_membership(Membership::Inviter(4));
        let head = Head { dissolved: Some(message(120_000, "")), ..Head::default() };
        let steps = explained(&row, SessionKind::Team, Some(&head)).steps;
        let steps: Vec<_> = steps.iter().map(|step| (step.time, step.kind, step.effect)).collect();
        assert_eq!(
            steps,
            [
                (4, StepKind::Invited, StepEffect::CameIn),
                (5, StepKind::In, StepEffect::Nothing),
                (6, StepKind::In, StepEffect::Nothing),
                (7, StepKind::Out, StepEffect::WentOut),
                (8, StepKind::Out, StepEffect::Nothing),
                (40_000, StepKind::Hint, StepEffect::CameIn),
                (120_000, StepKind::Dissolved, StepEffect::WentOut),
            ]
        );
    }
}

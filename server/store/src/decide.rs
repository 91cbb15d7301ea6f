//! Which action of an app's own server is allowed, and what it changes: the facts it needs become a
//! plan, or a refusal before anything is written. Pure: an engine reads the facts and carries the
//! plan out, in one transaction or in several steps.

use std::ops::Range;

use huihua_core::Account;
use huihua_event::{
    Action, Done, Event, MembershipChange, MembershipNotice, NewToken, NoticeComposer,
    OutgoingMessage, Place, Team, TeamEntry,
};
use serde::{Deserialize, Serialize};

use crate::directory::{AccountEntry, Block, team_id};

/// Why an action is not done. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The directory has the account already.
    #[error("already register")]
    AccountExists,
    /// No such team, or it was dissolved.
    #[error("there is no such team")]
    NoSuchTeam,
    /// Only the team's owner may do this.
    #[error("only the team's owner may do this")]
    NotOwner,
    /// The owner stays as long as the team does.
    #[error("the owner cannot leave or be kicked: dissolve the team")]
    OwnerStays,
    /// The account is not in the team.
    #[error("the account is not in the team")]
    NotIn,
    /// A time of the action is too far ahead of the server's clock, so no list would take it.
    #[error(
        "the conversation is more than 10 minutes ahead of this server's clock: check the clock"
    )]
    ClockBehind,
}

/// The facts that an action wants. The engine reads them from one state of its store.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WantedFacts<'a> {
    /// The entry of this account.
    pub account: Option<&'a Account>,
    /// The entries of these teams.
    pub teams: Vec<&'a Team>,
    /// Whether each of these accounts is in the team.
    pub members: Vec<(&'a Team, &'a Account)>,
    /// The times of the newest messages of these conversations.
    pub newest: Vec<Place>,
    /// So many message ids.
    pub message_ids: u64,
    /// A team id that no team of either kind has.
    pub team_id: bool,
}

/// What the engine read, in the order of [`WantedFacts`].
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The account's entry, if the directory has it.
    pub account: Option<AccountEntry>,
    /// Each team's entry. `None` when nothing ever named the team, or it was dissolved and nobody
    /// is in; a team that only messages or notices named has an empty entry.
    pub teams: Vec<Option<TeamEntry>>,
    /// Whether each account is in.
    pub members: Vec<bool>,
    /// The greatest of the newest messages' times, ms since 1970; 0 without a message.
    pub newest: u64,
    /// Ids above all that were ever given, chosen by [`crate::directory::next_ids`]. They are given
    /// only when the plan says so.
    pub message_ids: Range<u64>,
    /// The free team id.
    pub team_id: u64,
}

/// What an allowed action changes. Entries replace what was there; events are applied as `ingest`
/// does, so carrying a plan out twice is harmless.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The account's new entry. A token that goes opens nothing once the plan is durable.
    pub account: Option<(Account, AccountEntry)>,
    /// The team's new entry.
    pub team: Option<(Team, TeamEntry)>,
    /// The events, in their order. Each is within the clock: no list rejects it.
    pub events: Vec<Event>,
    /// The message ids that are given.
    pub message_ids: Option<Range<u64>>,
    /// The team id that is given.
    pub team_id: Option<u64>,
    /// What the answer is made of.
    pub done: Done,
}

impl<'a> WantedFacts<'a> {
    /// Names the facts that the action wants.
    pub fn of(action: &'a Action) -> Self {
        match action {
            Action::CreateAccount { account, .. }
            | Action::SetToken { account, .. }
            | Action::Block { account }
            | Action::Unblock { account } => Self { account: Some(account), ..Self::default() },
            Action::Send(messages) => Self {
                teams: messages.iter().filter_map(|message| team_of(&message.place)).collect(),
                newest: messages.iter().map(|message| message.place.clone()).collect(),
                message_ids: messages.len() as u64,
                ..Self::default()
            },
            Action::Recall { place, .. } => {
                Self { teams: team_of(place).into_iter().collect(), ..Self::default() }
            }
            Action::CreateTeam { .. } => Self { message_ids: 1, team_id: true, ..Self::default() },
            Action::ChangeTeam { team, by, change, .. } => {
                let accounts = std::iter::once(by).chain(named(change));
                Self {
                    teams: vec![team],
                    members: accounts.map(|account| (team, account)).collect(),
                    newest: vec![Place::Team(team.clone())],
                    message_ids: notices_of(change),
                    ..Self::default()
                }
            }
        }
    }
}

/// Decides over the action. `now`: the server's clock, ms since 1970.
///
/// # Errors
/// [`Refusal`] says why it is not done.
pub fn decide(action: &Action, facts: Facts, now: u64) -> Result<Plan, Refusal> {
    let plan = match action {
        Action::CreateAccount { account, name, token } => {
            if facts.account.is_some() {
                return Err(Refusal::AccountExists);
            }
            let entry = AccountEntry { name: name.clone(), ..AccountEntry::default() };
            give_token(account, entry, token, now)
        }
        Action::SetToken { account, token } => {
            give_token(account, facts.account.unwrap_or_default(), token, now)
        }
        Action::Block { account } => block(account, facts.account.unwrap_or_default(), now),
        Action::Unblock { account } => unblock(account, facts.account, now),
        Action::Send(messages) => send(messages, &facts, now)?,
        Action::Recall { place, post, time } => {
            refuse_unknown(&facts)?;
            let (place, post, time) = (place.clone(), post.clone(), *time);
            let events = vec![Event::Recall { place, post, time, one_way: false }];
            Plan { events, done: Done { time, ..Done::default() }, ..Plan::default() }
        }
        Action::CreateTeam { kind, owner, entry, members, notice } => {
            let team = kind.team(team_id(facts.team_id));
            let entry = TeamEntry { owner: Some(owner.clone()), created: now, ..entry.clone() };
            let accounts: Vec<_> = members.iter().filter(|one| *one != owner).cloned().collect();
            let events = notice(&MembershipNotice {
                team: &team,
                entry: &entry,
                by: owner,
                change: &MembershipChange::Invite(Vec::new()),
                accounts: &accounts,
                time: now,
                message_id: facts.message_ids.start,
            });
            let team_id = Some(facts.team_id);
            let done = Done { time: now, team_id, ..Done::default() };
            let (team, message_ids) = (Some((team, entry)), Some(facts.message_ids));
            Plan { team, events, message_ids, team_id, done, ..Plan::default() }
        }
        Action::ChangeTeam { team, by, change, notice } => {
            change_team((team, by, change), *notice, facts, now)?
        }
    };
    let is_ahead = plan.events.iter().any(|event| event.is_too_far_ahead(now));
    if is_ahead { Err(Refusal::ClockBehind) } else { Ok(plan) }
}

fn give_token(account: &Account, entry: AccountEntry, token: &NewToken, now: u64) -> Plan {
    let entry = AccountEntry { token: Some(token.hash), ..entry };
    let (name, seed) = (entry.name.clone(), token.seed.clone());
    let done = Done { time: now, name, seed, ..Done::default() };
    Plan { account: Some((account.clone(), entry)), done, ..Plan::default() }
}

fn block(account: &Account, entry: AccountEntry, now: u64) -> Plan {
    let before = entry.blocked.and_then(|blocked| blocked.ended_token);
    let blocked = Some(Block { ended_token: entry.token.or(before) });
    let entry = AccountEntry { token: None, blocked, ..entry };
    let done = Done { time: now, ..Done::default() };
    Plan { account: Some((account.clone(), entry)), done, ..Plan::default() }
}

fn unblock(account: &Account, entry: Option<AccountEntry>, now: u64) -> Plan {
    let entry = entry.filter(|entry| entry.blocked.is_some());
    let account = entry.map(|entry| (account.clone(), AccountEntry { blocked: None, ..entry }));
    Plan { account, done: Done { time: now, ..Done::default() }, ..Plan::default() }
}

fn send(messages: &[OutgoingMessage], facts: &Facts, now: u64) -> Result<Plan, Refusal> {
    refuse_unknown(facts)?;
    // A clock that was put back must not hide what is said now behind what was said before.
    let time = now.max(facts.newest);
    let ids = facts.message_ids.clone();
    let event = |(message, id): (&OutgoingMessage, u64)| Event::Message {
        place: message.place.clone(),
        post: (message.compose)(time, id),
        updates_session: message.updates_session,
        audience: Vec::new(),
    };
    let events = messages.iter().zip(ids.clone()).map(event).collect();
    let done = Done { time, message_ids: ids.clone().collect(), ..Done::default() };
    Ok(Plan { events, message_ids: Some(ids), done, ..Plan::default() })
}

fn change_team(
    (team, by, change): (&Team, &Account, &MembershipChange),
    notice: NoticeComposer,
    facts: Facts,
    now: u64,
) -> Result<Plan, Refusal> {
    let entry = facts.teams.first().and_then(Option::as_ref).ok_or(Refusal::NoSuchTeam)?;
    let accounts = moved(entry, by, change, &facts.members)?;
    if accounts.is_empty() && *change != MembershipChange::Dissolve {
        return Ok(Plan { done: Done { time: now, ..Done::default() }, ..Plan::default() });
    }
    // At one time an *in* comes before an *out*: an account asked back at once must be in.
    let time = now.max(facts.newest.saturating_add(1));
    let (accounts, message_id) = (accounts.as_slice(), facts.message_ids.start);
    let of = MembershipNotice { team, entry, by, change, accounts, time, message_id };
    let mut events = notice(&of);
    let mut new_entry = None;
    if let MembershipChange::ChangeOwner { to, leaves } = change {
        new_entry = Some((team.clone(), TeamEntry { owner: Some(to.clone()), ..entry.clone() }));
        if *leaves {
            let (change, accounts) = (&MembershipChange::Leave, std::slice::from_ref(by));
            // Of one time the greater id is the newer message.
            let message_id = message_id + 1;
            events.extend(notice(&MembershipNotice { change, accounts, message_id, ..of }));
        }
    }
    let (message_ids, done) = (Some(facts.message_ids), Done { time, ..Done::default() });
    Ok(Plan { team: new_entry, events, message_ids, done, ..Plan::default() })
}

/// Counts the notices of a change.
fn notices_of(change: &MembershipChange) -> u64 {
    match change {
        MembershipChange::ChangeOwner { leaves: true, .. } => 2,
        MembershipChange::Invite(_)
        | MembershipChange::Kick(_)
        | MembershipChange::Leave
        | MembershipChange::Dissolve
        | MembershipChange::ChangeOwner { leaves: false, .. } => 1,
    }
}

/// Returns the accounts that come in or go out, if the change is allowed. `members`: whether `by`
/// is in, then whether each account that the change names is.
fn moved(
    entry: &TeamEntry,
    by: &Account,
    change: &MembershipChange,
    members: &[bool],
) -> Result<Vec<Account>, Refusal> {
    let is_owner = entry.owner.as_ref().is_none_or(|owner| owner == by);
    let (is_in, are_in) = members.split_first().map_or((false, &[][..]), |(by, of)| (*by, of));
    let those = |wanted: bool| {
        let accounts = named(change).iter().zip(are_in);
        accounts.filter(|(_, is_in)| **is_in == wanted).map(|(one, _)| one.clone()).collect()
    };
    match change {
        MembershipChange::Invite(_) if is_owner || (entry.anyone_invites && is_in) => {
            Ok(those(false))
        }
        MembershipChange::Invite(_) => Err(Refusal::NotOwner),
        MembershipChange::Kick(_)
        | MembershipChange::Dissolve
        | MembershipChange::ChangeOwner { .. }
            if !is_owner =>
        {
            Err(Refusal::NotOwner)
        }
        MembershipChange::Kick(accounts) => {
            if entry.owner.as_ref().is_some_and(|owner| accounts.contains(owner)) {
                return Err(Refusal::OwnerStays);
            }
            let gone: Vec<_> = those(true);
            if gone.is_empty() { Err(Refusal::NotIn) } else { Ok(gone) }
        }
        MembershipChange::Leave if entry.owner.as_ref() == Some(by) => Err(Refusal::OwnerStays),
        MembershipChange::Leave if !is_in => Err(Refusal::NotIn),
        MembershipChange::Leave => Ok(vec![by.clone()]),
        MembershipChange::Dissolve => Ok(Vec::new()),
        // A team keeps an owner: who has it gives it to another, or not away.
        MembershipChange::ChangeOwner { to, leaves: true } if to == by => Err(Refusal::OwnerStays),
        MembershipChange::ChangeOwner { leaves: true, .. } if !is_in => Err(Refusal::NotIn),
        MembershipChange::ChangeOwner { to, .. } if entry.owner.as_ref() == Some(to) => {
            Ok(Vec::new())
        }
        MembershipChange::ChangeOwner { to, .. } if are_in == [true] => Ok(vec![to.clone()]),
        MembershipChange::ChangeOwner { .. } => Err(Refusal::NotIn),
    }
}

/// Refuses a team that is not there.
fn refuse_unknown(facts: &Facts) -> Result<(), Refusal> {
    if facts.teams.iter().any(Option::is_none) { Err(Refusal::NoSuchTeam) } else { Ok(()) }
}

fn team_of(place: &Place) -> Option<&Team> {
    match place {
        Place::P2p { .. } | Place::Undelivered { .. } => None,
        Place::Team(team) => Some(team),
    }
}

/// Returns the accounts that the change names beside the one that makes it.
fn named(change: &MembershipChange) -> &[Account] {
    match change {
        MembershipChange::Invite(accounts) | MembershipChange::Kick(accounts) => accounts,
        MembershipChange::Leave | MembershipChange::Dissolve => &[],
        MembershipChange::ChangeOwner { to, .. } => std::slice::from_ref(to),
    }
}

#[cfg(test)]
mod tests;

//! Which action is allowed, what it changes in the directory, and which events come of it.

use std::ops::Range;

use huihua_core::Account;

use super::{
    super::Error, AccountEntry, Action, Book, Change, Done, Letter, NewToken, Refusal, TeamEntry,
    Tell, Told, team_id,
};
use crate::event::{Event, Place, Team};

/// Message ids in one millisecond before they run ahead of the clock.
const MESSAGE_IDS_A_MS: u64 = 1_000;

/// Does the action, or refuses it before anything is changed. `now`: ms since 1970.
///
/// # Errors
/// [`Error::Refused`], or the engine's.
pub fn act(book: &mut impl Book, action: &Action, now: u64) -> Result<Done, Error> {
    match action {
        Action::CreateAccount { account, name, token } => {
            if book.account(account)?.is_some() {
                return Err(Error::Refused(Refusal::AccountExists));
            }
            let entry = AccountEntry { name: name.clone(), token: None };
            give_token(book, account, entry, token, now)
        }
        Action::SetToken { account, token } => {
            let entry = book.account(account)?.unwrap_or_default();
            give_token(book, account, entry, token, now)
        }
        Action::Send(letters) => send(book, letters, now),
        Action::Recall { place, post, time } => {
            check_place(book, place)?;
            let (place, post, time) = (place.clone(), post.clone(), *time);
            book.tell(&Event::Recall { place, post, time, one_way: false })?;
            Ok(Done { time, ..Done::default() })
        }
        Action::CreateTeam { kind, owner, entry, members, tell } => {
            let id = book.team_id(now)?;
            let team = kind.team(team_id(id));
            let entry = TeamEntry { owner: Some(owner.clone()), ..entry.clone() };
            book.put_team(&team, &entry)?;
            let accounts: Vec<_> = members.iter().filter(|one| *one != owner).cloned().collect();
            let told = Told {
                team: &team,
                entry: &entry,
                by: owner,
                change: &Change::Invite(Vec::new()),
                accounts: &accounts,
                time: now,
                message_id: message_ids(book, 1, now)?.start,
            };
            notify(book, *tell, &told)?;
            Ok(Done { time: now, team_id: Some(id), ..Done::default() })
        }
        Action::ChangeTeam { team, by, change, tell } => {
            let entry = known(book, team)?;
            let accounts = moved(book, (team, &entry), by, change)?;
            if accounts.is_empty() && *change != Change::Dissolve {
                return Ok(Done { time: now, ..Done::default() });
            }
            // At one time an *in* comes before an *out*: who is asked back at once must be in.
            let newest = book.newest(&Place::Team(team.clone()))?;
            let time = now.max(newest.saturating_add(1));
            let message_id = message_ids(book, 1, now)?.start;
            let (entry, accounts) = (&entry, accounts.as_slice());
            let told = Told { team, entry, by, change, accounts, time, message_id };
            notify(book, *tell, &told)?;
            Ok(Done { time, ..Done::default() })
        }
    }
}

fn give_token(
    book: &mut impl Book,
    account: &Account,
    entry: AccountEntry,
    token: &NewToken,
    now: u64,
) -> Result<Done, Error> {
    let entry = AccountEntry { token: Some(token.hash), ..entry };
    book.put_account(account, &entry)?;
    let seed = token.seed.clone();
    Ok(Done { time: now, name: entry.name, seed, ..Done::default() })
}

/// Refuses a team that is not there.
fn check_place(book: &impl Book, place: &Place) -> Result<(), Error> {
    match place {
        Place::P2p { .. } => Ok(()),
        Place::Team(team) => known(book, team).map(drop),
    }
}

fn known(book: &impl Book, team: &Team) -> Result<TeamEntry, Error> {
    book.team(team)?.ok_or(Error::Refused(Refusal::NoSuchTeam))
}

fn send(book: &mut impl Book, letters: &[Letter], now: u64) -> Result<Done, Error> {
    let mut time = now;
    for letter in letters {
        check_place(book, &letter.place)?;
        // A clock that was put back must not hide what is said now behind what was said before.
        time = time.max(book.newest(&letter.place)?);
    }
    let ids = message_ids(book, letters.len() as u64, now)?;
    for (letter, id) in letters.iter().zip(ids.clone()) {
        let (place, post) = (letter.place.clone(), (letter.compose)(time, id));
        let updates_session = letter.updates_session;
        book.tell(&Event::Message { place, post, updates_session, audience: Vec::new() })?;
    }
    Ok(Done { time, message_ids: ids.collect(), ..Done::default() })
}

fn message_ids(book: &mut impl Book, count: u64, now: u64) -> Result<Range<u64>, Error> {
    book.message_ids(count, now.saturating_mul(MESSAGE_IDS_A_MS))
}

/// Who comes in or goes out, if it may be.
fn moved(
    book: &impl Book,
    (team, entry): (&Team, &TeamEntry),
    by: &Account,
    change: &Change,
) -> Result<Vec<Account>, Error> {
    let is_owner = entry.owner.as_ref().is_none_or(|owner| owner == by);
    let refused = |refusal| Err(Error::Refused(refusal));
    match change {
        Change::Invite(accounts) => {
            let may = is_owner || (entry.anyone_invites && book.is_in(team, by)?);
            if !may {
                return refused(Refusal::NotOwner);
            }
            standing(book, team, accounts, false)
        }
        Change::Kick(_) | Change::Dissolve if !is_owner => refused(Refusal::NotOwner),
        Change::Kick(accounts) => {
            if entry.owner.as_ref().is_some_and(|owner| accounts.contains(owner)) {
                return refused(Refusal::OwnerStays);
            }
            let gone = standing(book, team, accounts, true)?;
            if gone.is_empty() { refused(Refusal::NotIn) } else { Ok(gone) }
        }
        Change::Leave if entry.owner.as_ref() == Some(by) => refused(Refusal::OwnerStays),
        Change::Leave if !book.is_in(team, by)? => refused(Refusal::NotIn),
        Change::Leave => Ok(vec![by.clone()]),
        Change::Dissolve => Ok(Vec::new()),
    }
}

/// Those of the accounts who are in, or who are not.
fn standing(
    book: &impl Book,
    team: &Team,
    accounts: &[Account],
    is_in: bool,
) -> Result<Vec<Account>, Error> {
    let mut some = Vec::new();
    for account in accounts {
        if book.is_in(team, account)? == is_in {
            some.push(account.clone());
        }
    }
    Ok(some)
}

fn notify(book: &mut impl Book, tell: Tell, told: &Told<'_>) -> Result<(), Error> {
    tell(told).iter().try_for_each(|event| book.tell(event))
}

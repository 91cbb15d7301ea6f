//! Who may do what, on a book in memory: lists are none of its concern, so being in a team is what
//! the events said last.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const NOW: u64 = 1_700_000_000_000;

#[derive(Default)]
struct Memory {
    accounts: BTreeMap<String, AccountEntry>,
    teams: BTreeMap<Team, TeamEntry>,
    members: BTreeMap<Team, BTreeSet<Account>>,
    ended: BTreeSet<Team>,
    newest: u64,
    last_message_id: u64,
    last_team_id: u64,
    told: Vec<Event>,
}

impl Book for Memory {
    fn account(&self, account: &Account) -> Result<Option<AccountEntry>, Error> {
        Ok(self.accounts.get(account.as_str()).cloned())
    }
    fn put_account(&mut self, account: &Account, entry: &AccountEntry) -> Result<(), Error> {
        self.accounts.insert(account.to_string(), entry.clone());
        Ok(())
    }
    fn team(&self, team: &Team) -> Result<Option<TeamEntry>, Error> {
        Ok(self.teams.get(team).filter(|_| !self.ended.contains(team)).cloned())
    }
    fn newest(&self, _: &Place) -> Result<u64, Error> {
        Ok(self.newest)
    }
    fn put_team(&mut self, team: &Team, entry: &TeamEntry) -> Result<(), Error> {
        self.teams.insert(team.clone(), entry.clone());
        Ok(())
    }
    fn is_in(&self, team: &Team, account: &Account) -> Result<bool, Error> {
        Ok(self.members.get(team).is_some_and(|all| all.contains(account)))
    }
    fn message_ids(&mut self, count: u64, floor: u64) -> Result<Range<u64>, Error> {
        let ids = next_ids(self.last_message_id, count, floor);
        self.last_message_id = ids.end - 1;
        Ok(ids)
    }
    fn team_id(&mut self, floor: u64) -> Result<u64, Error> {
        self.last_team_id = next_ids(self.last_team_id, 1, floor).start;
        Ok(self.last_team_id)
    }
    fn tell(&mut self, event: &Event) -> Result<(), Error> {
        match event {
            Event::Join { team, accounts, inviter, .. } => {
                let members = self.members.entry(team.clone()).or_default();
                members.extend(accounts.iter().chain(inviter).cloned());
            }
            Event::Leave { team, accounts, .. } => {
                let members = self.members.entry(team.clone()).or_default();
                members.retain(|member| !accounts.contains(member));
            }
            Event::Dissolve { team, .. } => drop(self.ended.insert(team.clone())),
            Event::Message { .. } | Event::Recall { .. } => {}
        }
        self.told.push(event.clone());
        Ok(())
    }
}

fn account(name: &str) -> Account {
    name.parse().unwrap()
}

fn accounts(names: &[&str]) -> Vec<Account> {
    names.iter().map(|name| account(name)).collect()
}

/// Says only who moved and when.
fn tell(told: &Told<'_>) -> Vec<Event> {
    let (team, time) = (told.team.clone(), told.time);
    let notice = Post { time, message_id: told.message_id.to_string(), last_msg: "{}".to_owned() };
    let accounts = told.accounts.to_vec();
    vec![match told.change {
        Change::Invite(_) => Event::Join { team, accounts, inviter: Some(told.by.clone()), time },
        Change::Kick(_) | Change::Leave => Event::Leave { team, accounts, notice },
        Change::Dissolve => Event::Dissolve { team, notice },
    }]
}

fn token(text: &str) -> NewToken {
    NewToken { hash: TokenHash::of(text), seed: Some(format!("seed of {text}")) }
}

fn letter(place: Place) -> Letter {
    let compose =
        |time, id: u64| Post { time, message_id: id.to_string(), last_msg: "{}".to_owned() };
    Letter { place, compose: Box::new(compose), updates_session: true }
}

fn p2p() -> Place {
    Place::P2p { from: account("amy"), to: account("bob") }
}

/// A team of own, amy and bob.
fn made(book: &mut Memory, anyone_invites: bool) -> Team {
    let action = Action::CreateTeam {
        kind: TeamKind::Normal,
        owner: account("own"),
        entry: TeamEntry { anyone_invites, name: "N".into(), ..TeamEntry::default() },
        members: accounts(&["amy", "own", "bob"]),
        tell,
    };
    let id = act(book, &action, NOW).unwrap().team_id.unwrap();
    TeamKind::Normal.team(team_id(id))
}

fn change(book: &mut Memory, team: &Team, by: &str, change: Change) -> Result<Done, Refusal> {
    let told = book.told.len();
    let action = Action::ChangeTeam { team: team.clone(), by: account(by), change, tell };
    match act(book, &action, NOW) {
        Ok(done) => Ok(done),
        Err(Error::Refused(refusal)) => {
            assert_eq!(book.told.len(), told, "refused and told all the same");
            Err(refusal)
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_account_is_made_once_and_its_token_is_the_last_one_given() {
    let mut book = Memory::default();
    let create = |name: &str, secret: &str| Action::CreateAccount {
        account: account("amy"),
        name: name.to_owned(),
        token: token(secret),
    };
    let done = act(&mut book, &create("Amy", "1"), NOW).unwrap();
    assert_eq!((done.name.as_str(), done.seed.as_deref()), ("Amy", Some("seed of 1")));
    let again = act(&mut book, &create("Amy", "2"), NOW);
    assert!(matches!(again, Err(Error::Refused(Refusal::AccountExists))));
    assert_eq!(book.accounts["amy"].token, Some(TokenHash::of("1")));
    let set = |name: &str| Action::SetToken { account: account(name), token: token("3") };
    assert_eq!(act(&mut book, &set("amy"), NOW).unwrap().name, "Amy", "the name stays");
    assert_eq!(book.accounts["amy"].token, Some(TokenHash::of("3")));
    // Accounts need not be made before they are used.
    act(&mut book, &set("bob"), NOW).unwrap();
    assert_eq!(book.accounts["bob"].token, Some(TokenHash::of("3")));
}

#[test]
fn ids_rise_whatever_the_clock_does_and_start_above_what_a_restored_store_forgot() {
    assert_eq!(next_ids(0, 2, 100), 100..102);
    assert_eq!(next_ids(101, 1, 100), 102..103);
    assert_eq!(next_ids(500, 1, 100), 501..502, "the clock went back");
    assert_eq!(next_ids(0, 1, u64::MAX).start, FLOOR_MAX);
    let mut book = Memory::default();
    let mut last = 0;
    for now in [NOW, NOW, NOW - 5_000, NOW + 1] {
        let done = act(&mut book, &Action::Send(vec![letter(p2p()), letter(p2p())]), now).unwrap();
        assert_eq!(done.message_ids.len(), 2);
        for id in done.message_ids {
            assert!(id > last && id < 1 << 53);
            last = id;
        }
    }
    let teams: Vec<Team> = (0..3).map(|_| made(&mut book, false)).collect();
    assert!(teams.windows(2).all(|pair| pair[0].id() < pair[1].id()));
}

#[test]
fn a_message_to_a_team_that_is_not_there_is_refused_with_all_that_came_with_it() {
    let mut book = Memory::default();
    let team = made(&mut book, false);
    let unknown = Place::Team(Team::super_team(team.id().clone()));
    let told = book.told.len();
    let letters = vec![letter(p2p()), letter(unknown.clone())];
    let refused = act(&mut book, &Action::Send(letters), NOW);
    assert!(matches!(refused, Err(Error::Refused(Refusal::NoSuchTeam))));
    let recall = |place: Place| {
        let post = Post { time: 1, message_id: "1".into(), last_msg: "{}".into() };
        Action::Recall { place, post, time: NOW }
    };
    let refused = act(&mut book, &recall(unknown), NOW);
    assert!(matches!(refused, Err(Error::Refused(Refusal::NoSuchTeam))));
    assert_eq!(book.told.len(), told);
    // Said after what a clock ahead of ours said: not hidden behind it.
    book.newest = NOW + 9;
    for place in [Place::Team(team.clone()), p2p()] {
        let done = act(&mut book, &Action::Send(vec![letter(place)]), NOW).unwrap();
        assert_eq!(done.time, NOW + 9);
    }
    assert_eq!(act(&mut book, &recall(Place::Team(team)), NOW).unwrap().time, NOW);
}

#[test]
fn the_owner_decides_and_stays() {
    let mut book = Memory::default();
    let team = made(&mut book, false);
    let [invite, kick] = [Change::Invite, Change::Kick]
        .map(|change: fn(Vec<Account>) -> Change| move |names: &[&str]| change(accounts(names)));
    use Refusal::{NoSuchTeam, NotIn, NotOwner, OwnerStays};
    for (by, what, expected) in [
        ("amy", invite(&["cat"]), Err(NotOwner)),
        ("amy", kick(&["bob"]), Err(NotOwner)),
        ("amy", Change::Dissolve, Err(NotOwner)),
        ("own", kick(&["bob", "own"]), Err(OwnerStays)),
        ("own", Change::Leave, Err(OwnerStays)),
        ("cat", Change::Leave, Err(NotIn)),
        ("own", kick(&["cat"]), Err(NotIn)),
        ("own", invite(&["cat", "amy"]), Ok("cat")),
        ("own", invite(&["cat"]), Ok("")),
        ("own", kick(&["cat", "dan"]), Ok("cat")),
        ("amy", Change::Leave, Ok("amy")),
        ("amy", Change::Leave, Err(NotIn)),
        ("own", Change::Dissolve, Ok("")),
        ("own", invite(&["cat"]), Err(NoSuchTeam)),
        ("own", Change::Dissolve, Err(NoSuchTeam)),
    ] {
        let told = book.told.len();
        let done = change(&mut book, &team, by, what.clone());
        assert_eq!(done.as_ref().err(), expected.err().as_ref(), "{by} {what:?}");
        let moved: Vec<&str> = match book.told.get(told) {
            Some(Event::Join { accounts, .. } | Event::Leave { accounts, .. }) => {
                accounts.iter().map(Account::as_str).collect()
            }
            Some(Event::Message { .. } | Event::Recall { .. } | Event::Dissolve { .. }) | None => {
                Vec::new()
            }
        };
        assert_eq!(moved.join(","), expected.unwrap_or(""), "{by} {what:?}");
    }
}

#[test]
fn members_invite_where_the_team_lets_them_and_a_team_known_by_events_lets_everybody() {
    let mut book = Memory::default();
    let team = made(&mut book, true);
    let invite = |name: &str| Change::Invite(accounts(&[name]));
    assert!(change(&mut book, &team, "amy", invite("cat")).is_ok());
    assert_eq!(change(&mut book, &team, "eve", invite("dan")), Err(Refusal::NotOwner));
    let told_of = Team::normal(team_id(7));
    book.teams.insert(told_of.clone(), TeamEntry::default());
    assert!(change(&mut book, &told_of, "eve", invite("dan")).is_ok());
    assert!(change(&mut book, &told_of, "eve", Change::Kick(accounts(&["dan"]))).is_ok());
}

#[test]
fn a_change_is_dated_after_the_one_before_it_so_that_who_is_asked_back_is_in() {
    let mut book = Memory::default();
    let team = made(&mut book, false);
    for (at, what) in [Change::Kick(accounts(&["amy"])), Change::Invite(accounts(&["amy"]))]
        .into_iter()
        .enumerate()
    {
        book.newest = NOW + at as u64;
        let done = change(&mut book, &team, "own", what).unwrap();
        assert_eq!(done.time, NOW + 1 + at as u64);
    }
}

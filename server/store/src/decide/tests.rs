//! Who may do what, over a directory in memory. It keeps no lists: the last events say who is in a
//! team.

use std::collections::{BTreeMap, BTreeSet};

use huihua_core::Account;
use huihua_event::{
    AHEAD_MS_MAX, Action, Done, Event, MembershipChange, MembershipNotice, NewToken,
    OutgoingMessage, Place, Post, Team, TeamEntry, TeamKind, TokenHash,
};

use super::{Facts, Refusal, WantedFacts, decide};
use crate::directory::{AccountEntry, message_id_floor, next_ids, team_id, team_id_floor};

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
    events: Vec<Event>,
}

impl Memory {
    /// Reads the facts, decides, and carries the plan out.
    fn act(&mut self, action: &Action, now: u64) -> Result<Done, Refusal> {
        let wanted = WantedFacts::of(action);
        let known =
            |team: &&Team| self.teams.get(*team).filter(|_| !self.ended.contains(*team)).cloned();
        let is_in = |(team, account): &(&Team, &Account)| {
            self.members.get(*team).is_some_and(|all| all.contains(*account))
        };
        let floor = message_id_floor(now);
        let facts = Facts {
            account: wanted.account.and_then(|one| self.accounts.get(one.as_str()).cloned()),
            teams: wanted.teams.iter().map(known).collect(),
            members: wanted.members.iter().map(is_in).collect(),
            newest: if wanted.newest.is_empty() { 0 } else { self.newest },
            message_ids: next_ids(self.last_message_id, wanted.message_ids, floor),
            team_id: next_ids(self.last_team_id, 1, team_id_floor(now)).start,
        };
        let plan = decide(action, facts, now)?;
        if let Some((account, entry)) = plan.account {
            self.accounts.insert(account.to_string(), entry);
        }
        self.teams.extend(plan.team);
        self.last_message_id = plan.message_ids.map_or(self.last_message_id, |ids| ids.end - 1);
        self.last_team_id = plan.team_id.unwrap_or(self.last_team_id);
        plan.events.into_iter().for_each(|event| self.apply(event));
        Ok(plan.done)
    }

    fn apply(&mut self, event: Event) {
        match &event {
            Event::Join { team, accounts, inviter, .. } => {
                let members = self.members.entry(team.clone()).or_default();
                members.extend(accounts.iter().chain(inviter).cloned());
            }
            Event::Leave { team, accounts, .. } => {
                let members = self.members.entry(team.clone()).or_default();
                members.retain(|member| !accounts.contains(member));
            }
            Event::Dissolve { team, .. } => drop(self.ended.insert(team.clone())),
            Event::Message { .. } | Event::Recall { .. } | Event::Edit { .. } => {}
        }
        self.events.push(event);
    }
}

fn account(name: &str) -> Account {
    name.parse().unwrap()
}

fn accounts(names: &[&str]) -> Vec<Account> {
    names.iter().map(|name| account(name)).collect()
}

/// Says only who moved and when.
fn compose_notice(of: &MembershipNotice<'_>) -> Vec<Event> {
    let (team, time) = (of.team.clone(), of.time);
    let notice = Post { time, message_id: of.message_id.to_string(), last_msg: "{}".to_owned() };
    let accounts = of.accounts.to_vec();
    vec![match of.change {
        MembershipChange::Invite(_) => {
            Event::Join { team, accounts, inviter: Some(of.by.clone()), time }
        }
        MembershipChange::Kick(_) | MembershipChange::Leave => {
            Event::Leave { team, accounts, notice }
        }
        MembershipChange::Dissolve => Event::Dissolve { team, notice },
        MembershipChange::ChangeOwner { .. } => return Vec::new(),
    }]
}

fn token(text: &str) -> NewToken {
    NewToken { hash: TokenHash::of(text), seed: Some(format!("seed of {text}")) }
}

fn message(place: Place) -> OutgoingMessage {
    let compose =
        |time, id: u64| Post { time, message_id: id.to_string(), last_msg: "{}".to_owned() };
    OutgoingMessage { place, compose: Box::new(compose), updates_session: true }
}

fn p2p() -> Place {
    Place::P2p { from: account("amy"), to: account("bob") }
}

/// A team of own, amy and bob.
fn made(memory: &mut Memory, anyone_invites: bool) -> Team {
    let action = Action::CreateTeam {
        kind: TeamKind::Normal,
        owner: account("own"),
        entry: TeamEntry { anyone_invites, name: "N".into(), ..TeamEntry::default() },
        members: accounts(&["amy", "own", "bob"]),
        notice: compose_notice,
    };
    let id = memory.act(&action, NOW).unwrap().team_id.unwrap();
    TeamKind::Normal.team(team_id(id))
}

fn change(
    memory: &mut Memory,
    team: &Team,
    by: &str,
    change: MembershipChange,
) -> Result<Done, Refusal> {
    let events = memory.events.len();
    let action =
        Action::ChangeTeam { team: team.clone(), by: account(by), change, notice: compose_notice };
    let done = memory.act(&action, NOW);
    assert!(done.is_ok() || memory.events.len() == events, "refused and done all the same");
    done
}

#[test]
fn an_account_is_made_once_and_its_token_is_the_last_one_given() {
    let mut memory = Memory::default();
    let create = |name: &str, secret: &str| Action::CreateAccount {
        account: account("amy"),
        name: name.to_owned(),
        token: token(secret),
    };
    let done = memory.act(&create("Amy", "1"), NOW).unwrap();
    assert_eq!((done.name.as_str(), done.seed.as_deref()), ("Amy", Some("seed of 1")));
    let again = memory.act(&create("Amy", "2"), NOW);
    assert!(matches!(again, Err(Refusal::AccountExists)));
    assert_eq!(memory.accounts["amy"].token, Some(TokenHash::of("1")));
    let set = |name: &str| Action::SetToken { account: account(name), token: token("3") };
    assert_eq!(memory.act(&set("amy"), NOW).unwrap().name, "Amy", "the name stays");
    assert_eq!(memory.accounts["amy"].token, Some(TokenHash::of("3")));
    // Accounts need not be made before they are used.
    memory.act(&set("bob"), NOW).unwrap();
    assert_eq!(memory.accounts["bob"].token, Some(TokenHash::of("3")));
}

#[test]
fn ids_rise_whatever_the_clock_does_and_start_above_what_a_restored_store_forgot() {
    assert_eq!(next_ids(0, 2, 100), 100..102);
    assert_eq!(next_ids(101, 1, 100), 102..103);
    assert_eq!(next_ids(500, 1, 100), 501..502, "the clock went back");
    assert_eq!(next_ids(0, 1, u64::MAX).start, (1 << 53) - 1);
    let mut memory = Memory::default();
    let mut last = 0;
    for now in [NOW, NOW, NOW - 5_000, NOW + 1] {
        let done = memory.act(&Action::Send(vec![message(p2p()), message(p2p())]), now).unwrap();
        assert_eq!(done.message_ids.len(), 2);
        for id in done.message_ids {
            assert!(id > last && id < 1 << 53);
            last = id;
        }
    }
    let teams: Vec<Team> = (0..3).map(|_| made(&mut memory, false)).collect();
    assert!(teams.windows(2).all(|pair| pair[0].id() < pair[1].id()));
}

#[test]
fn a_message_to_a_team_that_is_not_there_is_refused_with_all_that_came_with_it() {
    let mut memory = Memory::default();
    let team = made(&mut memory, false);
    let unknown = Place::Team(Team::super_team(team.id().clone()));
    let events = memory.events.len();
    let messages = vec![message(p2p()), message(unknown.clone())];
    let refused = memory.act(&Action::Send(messages), NOW);
    assert!(matches!(refused, Err(Refusal::NoSuchTeam)));
    let recall = |place: Place| {
        let post = Post { time: 1, message_id: "1".into(), last_msg: "{}".into() };
        Action::Recall { place, post, time: NOW }
    };
    let refused = memory.act(&recall(unknown), NOW);
    assert!(matches!(refused, Err(Refusal::NoSuchTeam)));
    assert_eq!(memory.events.len(), events);
    // Said after what a clock ahead of ours said: not hidden behind it.
    memory.newest = NOW + 9;
    for place in [Place::Team(team.clone()), p2p()] {
        let done = memory.act(&Action::Send(vec![message(place)]), NOW).unwrap();
        assert_eq!(done.time, NOW + 9);
    }
    assert_eq!(memory.act(&recall(Place::Team(team)), NOW).unwrap().time, NOW);
}

#[test]
fn the_owner_decides_and_stays() {
    let mut memory = Memory::default();
    let team = made(&mut memory, false);
    let [invite, kick] = [MembershipChange::Invite, MembershipChange::Kick].map(
        |change: fn(Vec<Account>) -> MembershipChange| {
            move |names: &[&str]| change(accounts(names))
        },
    );
    use Refusal::{NoSuchTeam, NotIn, NotOwner, OwnerStays};
    for (by, what, expected) in [
        ("amy", invite(&["cat"]), Err(NotOwner)),
        ("amy", kick(&["bob"]), Err(NotOwner)),
        ("amy", MembershipChange::Dissolve, Err(NotOwner)),
        ("own", kick(&["bob", "own"]), Err(OwnerStays)),
        ("own", MembershipChange::Leave, Err(OwnerStays)),
        ("cat", MembershipChange::Leave, Err(NotIn)),
        ("own", kick(&["cat"]), Err(NotIn)),
        ("own", invite(&["cat", "amy"]), Ok("cat")),
        ("own", invite(&["cat"]), Ok("")),
        ("own", kick(&["cat", "dan"]), Ok("cat")),
        ("amy", MembershipChange::Leave, Ok("amy")),
        ("amy", MembershipChange::Leave, Err(NotIn)),
        ("own", MembershipChange::Dissolve, Ok("")),
        ("own", invite(&["cat"]), Err(NoSuchTeam)),
        ("own", MembershipChange::Dissolve, Err(NoSuchTeam)),
    ] {
        let events = memory.events.len();
        let done = change(&mut memory, &team, by, what.clone());
        assert_eq!(done.as_ref().err(), expected.err().as_ref(), "{by} {what:?}");
        let moved: Vec<&str> = match memory.events.get(events) {
            Some(Event::Join { accounts, .. } | Event::Leave { accounts, .. }) => {
                accounts.iter().map(Account::as_str).collect()
            }
            Some(
                Event::Message { .. }
                | Event::Recall { .. }
                | Event::Edit { .. }
                | Event::Dissolve { .. },
            )
            | None => Vec::new(),
        };
        assert_eq!(moved.join(","), expected.unwrap_or(""), "{by} {what:?}");
    }
}

#[test]
fn members_invite_where_the_team_lets_them_and_a_team_known_by_events_lets_everybody() {
    let mut memory = Memory::default();
    let team = made(&mut memory, true);
    let invite = |name: &str| MembershipChange::Invite(accounts(&[name]));
    assert!(change(&mut memory, &team, "amy", invite("cat")).is_ok());
    assert_eq!(change(&mut memory, &team, "eve", invite("dan")), Err(Refusal::NotOwner));
    let named = Team::normal(team_id(7));
    memory.teams.insert(named.clone(), TeamEntry::default());
    assert!(change(&mut memory, &named, "eve", invite("dan")).is_ok());
    assert!(change(&mut memory, &named, "eve", MembershipChange::Kick(accounts(&["dan"]))).is_ok());
}

#[test]
fn a_change_is_dated_after_the_one_before_it_so_that_who_is_asked_back_is_in() {
    let mut memory = Memory::default();
    let team = made(&mut memory, false);
    for (at, what) in
        [MembershipChange::Kick(accounts(&["amy"])), MembershipChange::Invite(accounts(&["amy"]))]
            .into_iter()
            .enumerate()
    {
        memory.newest = NOW + at as u64;
        let done = change(&mut memory, &team, "own", what).unwrap();
        assert_eq!(done.time, NOW + 1 + at as u64);
    }
}

/// With a clock more than 10 minutes behind, lists would reject what the action says: nothing of it
/// may be acknowledged.
#[test]
fn an_action_that_no_list_would_take_is_refused_whole() {
    let mut memory = Memory::default();
    let team = made(&mut memory, false);
    let events = memory.events.len();
    let send = |places: Vec<Place>| Action::Send(places.into_iter().map(message).collect());
    let recall = |time| {
        let post = Post { time, message_id: "1".into(), last_msg: "{}".into() };
        Action::Recall { place: p2p(), post, time: time.max(NOW) }
    };
    let kick = MembershipChange::Kick(accounts(&["amy"]));
    // A change of members is dated one millisecond after the newest message.
    memory.newest = NOW + AHEAD_MS_MAX;
    assert_eq!(change(&mut memory, &team, "own", kick.clone()), Err(Refusal::ClockBehind));
    assert_eq!(memory.act(&recall(NOW + AHEAD_MS_MAX + 1), NOW), Err(Refusal::ClockBehind));
    memory.newest += 1;
    let both = || vec![p2p(), Place::Team(team.clone())];
    assert_eq!(memory.act(&send(both()), NOW), Err(Refusal::ClockBehind));
    assert_eq!(memory.events.len(), events);
    memory.newest = NOW + AHEAD_MS_MAX - 1;
    memory.act(&send(both()), NOW).unwrap();
    memory.act(&recall(NOW + AHEAD_MS_MAX), NOW).unwrap();
    change(&mut memory, &team, "own", kick).unwrap();
}

fn change_owner(team: &Team, by: &str, to: &str, leaves: bool) -> Action {
    let change = MembershipChange::ChangeOwner { to: account(to), leaves };
    Action::ChangeTeam { team: team.clone(), by: account(by), change, notice: compose_notice }
}

#[test]
fn the_owner_alone_gives_the_team_to_a_member_and_goes_if_it_says_so() {
    let mut memory = Memory::default();
    let create = Action::CreateTeam {
        kind: TeamKind::Normal,
        owner: account("own"),
        entry: TeamEntry { name: "N".into(), ..TeamEntry::default() },
        members: accounts(&["amy", "bob"]),
        notice: compose_notice,
    };
    let id = memory.act(&create, NOW).unwrap().team_id.unwrap();
    let team = Team::normal(team_id(id));
    let owner = |memory: &Memory| memory.teams[&team].owner.clone().unwrap();
    for (by, to, leaves, refusal) in [
        ("amy", "bob", false, Refusal::NotOwner),
        ("amy", "amy", false, Refusal::NotOwner),
        ("eve", "amy", true, Refusal::NotOwner),
        ("own", "eve", false, Refusal::NotIn),
        ("own", "eve", true, Refusal::NotIn),
        ("own", "own", true, Refusal::OwnerStays),
    ] {
        let refused = memory.act(&change_owner(&team, by, to, leaves), NOW);
        assert_eq!(refused, Err(refusal), "{by} to {to}, leaves: {leaves}");
        assert_eq!(owner(&memory), account("own"));
    }
    memory.act(&change_owner(&team, "own", "own", false), NOW).unwrap();
    let before = memory.last_message_id;
    memory.act(&change_owner(&team, "own", "amy", false), NOW).unwrap();
    assert_eq!((owner(&memory), memory.last_message_id), (account("amy"), before + 1));
    assert!(memory.members[&team].contains(&account("own")), "it stays");
    assert_eq!(memory.teams[&team].name, "N");
    memory.act(&change_owner(&team, "amy", "bob", true), NOW).unwrap();
    assert_eq!((owner(&memory), memory.last_message_id), (account("bob"), before + 3));
    let left = accounts(&["bob", "own"]);
    assert_eq!(memory.members[&team], left.into_iter().collect(), "amy left");
    let unknown = Team::normal(team_id(id + 1));
    let refused = memory.act(&change_owner(&unknown, "own", "amy", false), NOW);
    assert_eq!(refused, Err(Refusal::NoSuchTeam));
}

#[test]
fn a_team_known_by_events_gets_its_owner_by_a_change_that_anyone_makes() {
    let mut memory = Memory::default();
    let team = Team::normal(team_id(7));
    memory.teams.insert(team.clone(), TeamEntry::default());
    memory.members.insert(team.clone(), accounts(&["amy"]).into_iter().collect());
    let refused = memory.act(&change_owner(&team, "eve", "amy", true), NOW);
    assert_eq!(refused, Err(Refusal::NotIn), "who is not in cannot leave");
    memory.act(&change_owner(&team, "eve", "amy", false), NOW).unwrap();
    assert_eq!(memory.teams[&team].owner, Some(account("amy")));
}

#[test]
fn a_block_ends_the_token_for_good_and_one_that_is_set_meanwhile_counts_after_it() {
    let mut memory = Memory::default();
    let amy = || account("amy");
    let set = |text| Action::SetToken { account: amy(), token: token(text) };
    let hash = |text| Some(TokenHash::of(text));
    memory.act(&Action::Unblock { account: amy() }, NOW).unwrap();
    assert!(memory.accounts.is_empty(), "nothing to unblock");
    memory.act(&set("old"), NOW).unwrap();
    for _ in 0..2 {
        memory.act(&Action::Block { account: amy() }, NOW).unwrap();
        let entry = &memory.accounts["amy"];
        assert_eq!(entry.token, None);
        assert_eq!(entry.known_tokens().collect::<Vec<_>>(), [TokenHash::of("old")]);
    }
    memory.act(&set("new"), NOW).unwrap();
    let entry = &memory.accounts["amy"];
    assert_eq!((entry.token, entry.blocked.is_some()), (hash("new"), true), "still blocked");
    memory.act(&Action::Unblock { account: amy() }, NOW).unwrap();
    let entry = &memory.accounts["amy"];
    assert_eq!((entry.token, entry.blocked), (hash("new"), None));
    assert_eq!(entry.known_tokens().collect::<Vec<_>>(), [TokenHash::of("new")]);
}

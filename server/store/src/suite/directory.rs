//! The directory over the traits: what an app's own server does shows in the lists, once, whole or
//! not at all, and crosses to no other app.

use std::sync::Arc;

use huihua_core::{Account, AppKey, LastMsgType, RecentSession, SessionId};
use huihua_event::{
    AHEAD_MS_MAX, Action, Done, Event, JoinedTeam, Member, MembershipChange, MembershipNotice,
    NewToken, OutgoingMessage, Owner, Place, Post, Team, TeamEntry, TeamKind, TokenHash,
};

use super::support::{Device, Make, block_on, empty, sweep_all, whole_list};
use crate::{Attempt, ChangedList, IDEMPOTENCY_MS, IdempotencyKey, Refusal, Store};

/// The clock of the tests, ms.
pub const NOW: u64 = 1_700_000_000_000;

/// Makes an account of the app.
pub fn owner(account: &str) -> Owner {
    Owner { app: "app".parse().unwrap(), account: account.parse().unwrap() }
}

fn app() -> AppKey {
    owner("amy").app
}

/// Makes an attempt under this key.
pub fn attempt(now: u64, key: Option<&str>) -> Attempt {
    Attempt { now, key: key.map(|key| IdempotencyKey::new(key).unwrap()) }
}

/// Does an action of the app.
pub async fn act(store: &dyn Store, action: Action, now: u64) -> Result<Done, Refusal> {
    store.act(&app(), Arc::new(action), &attempt(now, None)).await.unwrap()
}

fn text(time: u64, id: u64) -> Post {
    Post { time, message_id: id.to_string(), last_msg: format!(r#"{{"7":{time},"12":"{id}"}}"#) }
}

/// Makes a message to this conversation.
pub fn message(place: Place) -> OutgoingMessage {
    OutgoingMessage { place, compose: Box::new(text), updates_session: true }
}

/// The conversation of amy with this peer.
pub fn to(peer: &str) -> Place {
    Place::P2p { from: owner("amy").account, to: peer.parse().unwrap() }
}

/// A message, and what it does.
fn compose_notice(of: &MembershipNotice<'_>) -> Vec<Event> {
    let (team, time) = (of.team.clone(), of.time);
    let (notice, accounts) = (text(time, of.message_id), of.accounts.to_vec());
    let place = Place::Team(team.clone());
    let post = notice.clone();
    let shown = Event::Message { place, post, updates_session: true, audience: Vec::new() };
    let change = match of.change {
        MembershipChange::Invite(_) => {
            Event::Join { team, accounts, inviter: Some(of.by.clone()), time }
        }
        MembershipChange::Kick(_) | MembershipChange::Leave => {
            Event::Leave { team, accounts, notice }
        }
        MembershipChange::Dissolve => Event::Dissolve { team, notice },
        MembershipChange::ChangeOwner { .. } => return vec![shown],
    };
    vec![shown, change]
}

/// Makes the action that creates a team with these members.
pub fn create_team(kind: TeamKind, members: &[&str]) -> Action {
    let members = members.iter().map(|name| name.parse().unwrap()).collect();
    let entry = TeamEntry { name: "N".into(), members_max: 9, ..TeamEntry::default() };
    Action::CreateTeam { kind, owner: owner("own").account, entry, members, notice: compose_notice }
}

fn change(team: &Team, by: &str, change: MembershipChange) -> Action {
    Action::ChangeTeam { team: team.clone(), by: owner(by).account, change, notice: compose_notice }
}

/// The team that an action created.
pub fn made(kind: TeamKind, done: &Done) -> Team {
    kind.team(done.team_id.unwrap().to_string().parse().unwrap())
}

fn accounts(names: &[&str]) -> Vec<Account> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// The sessions of a list with their times.
async fn seen(store: &dyn Store, account: &str) -> Vec<(SessionId, u64)> {
    let rows: Vec<RecentSession> = whole_list(store, &owner(account)).await;
    rows.into_iter().map(|row| (row.session_id, row.update_time)).collect()
}

async fn joined(store: &dyn Store, account: &str) -> Vec<(Team, usize)> {
    let mut joined = Vec::new();
    for kind in [TeamKind::Normal, TeamKind::Super] {
        let teams = store.joined(&owner(account), kind).await.unwrap();
        assert!(teams.iter().all(|joined| joined.team.kind() == kind.session_kind()));
        joined.extend(teams.into_iter().map(|JoinedTeam { team, size, .. }| (team, size)));
    }
    joined
}

pub fn messages_show_under_the_ids_and_times_of_the_answer(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let mut device = Device::default();
        device.sync(&*store, &owner("bob"), 9).await;
        let messages = vec![message(to("bob")), message(to("cat")), message(to("amy"))];
        let done = act(&*store, Action::Send(messages), NOW).await.unwrap();
        assert_eq!((done.time, done.message_ids.len()), (NOW, 3));
        let row =
            store.get_session(&owner("bob"), &"p2p|amy".parse().unwrap()).await.unwrap().unwrap();
        let expected = format!(r#"{{"7":{NOW},"12":"{}"}}"#, done.message_ids[0]);
        assert_eq!(row.last_msg.unwrap().as_str(), expected);
        let ids: Vec<String> =
            seen(&*store, "amy").await.into_iter().map(|(id, _)| id.to_string()).collect();
        assert_eq!(ids, ["p2p|amy", "p2p|bob", "p2p|cat"]);
        assert_eq!(device.sync(&*store, &owner("bob"), 9).await, 1);
        // In the same millisecond the later one wins.
        let again = act(&*store, Action::Send(vec![message(to("bob"))]), NOW).await.unwrap();
        assert!(again.message_ids[0] > done.message_ids[2]);
        let row =
            store.get_session(&owner("bob"), &"p2p|amy".parse().unwrap()).await.unwrap().unwrap();
        assert!(row.last_msg.unwrap().as_str().contains(&again.message_ids[0].to_string()));
        let (place, post) = (to("bob"), text(NOW, again.message_ids[0]));
        act(&*store, Action::Recall { place, post, time: NOW + 1 }, NOW + 1).await.unwrap();
        let row =
            store.get_session(&owner("bob"), &"p2p|amy".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(row.last_msg_type, LastMsgType::Recall);
        // The clock went back: what is said now is not hidden behind what was said before.
        let late = act(&*store, Action::Send(vec![message(to("bob"))]), NOW - 9).await.unwrap();
        assert_eq!((late.time, late.message_ids > again.message_ids), (NOW, true));
        assert_eq!(device.sync(&*store, &owner("bob"), 9).await, 1);
        let quiet = OutgoingMessage { updates_session: false, ..message(to("dan")) };
        act(&*store, Action::Send(vec![quiet]), NOW).await.unwrap();
        assert!(seen(&*store, "dan").await.is_empty());
        store.close().await;
    });
}

pub fn teams_are_created_changed_and_ended(make: Make<'_>) {
    block_on(async {
        for kind in [TeamKind::Normal, TeamKind::Super] {
            let store = empty(make);
            let done = act(&*store, create_team(kind, &["amy", "bob"]), NOW).await.unwrap();
            let team = made(kind, &done);
            let id = team.session_id();
            for name in ["own", "amy", "bob"] {
                assert_eq!(seen(&*store, name).await, [(id.clone(), NOW)]);
                assert_eq!(joined(&*store, name).await, [(team.clone(), 3)]);
            }
            let other = act(&*store, create_team(kind, &[]), NOW).await.unwrap();
            assert!(other.team_id > done.team_id);
            let other_kind = match kind {
                TeamKind::Normal => TeamKind::Super,
                TeamKind::Super => TeamKind::Normal,
            };
            // A team of the other kind is another team.
            let namesake = change(&made(other_kind, &done), "own", MembershipChange::Dissolve);
            let refused = act(&*store, namesake, NOW).await;
            assert!(matches!(refused, Err(Refusal::NoSuchTeam)));
            let kick = change(&team, "own", MembershipChange::Kick(accounts(&["bob"])));
            let kicked_at = act(&*store, kick, NOW).await.unwrap().time;
            assert!(kicked_at > NOW, "dated after the invitation");
            let said = act(&*store, Action::Send(vec![message(Place::Team(team.clone()))]), NOW);
            let said_at = said.await.unwrap().time;
            assert_eq!(seen(&*store, "bob").await, [(id.clone(), kicked_at)]);
            assert_eq!(seen(&*store, "amy").await, [(id.clone(), said_at)]);
            assert_eq!(joined(&*store, "amy").await, [(team.clone(), 2)]);
            assert!(joined(&*store, "bob").await.is_empty());
            let back = change(&team, "own", MembershipChange::Invite(accounts(&["bob", "amy"])));
            act(&*store, back, NOW).await.unwrap();
            assert_eq!(joined(&*store, "bob").await, [(team.clone(), 3)]);
            act(&*store, change(&team, "amy", MembershipChange::Leave), NOW + 9).await.unwrap();
            act(&*store, change(&team, "own", MembershipChange::Dissolve), NOW + 20).await.unwrap();
            assert_eq!(seen(&*store, "amy").await, [(id.clone(), NOW + 9)]);
            assert_eq!(seen(&*store, "bob").await, [(id.clone(), NOW + 20)]);
            assert!(joined(&*store, "bob").await.is_empty());
            let late = act(&*store, Action::Send(vec![message(Place::Team(team))]), NOW + 30).await;
            assert!(matches!(late, Err(Refusal::NoSuchTeam)));
            store.close().await;
        }
    });
}

pub fn a_team_that_only_events_named_is_there(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let [by_join, by_message] = ["7", "8"].map(|id| Team::normal(id.parse().unwrap()));
        let join = |team: &Team| {
            let accounts = accounts(&["amy", "bob"]);
            Event::Join { team: team.clone(), accounts, inviter: None, time: 5 }
        };
        let place = Place::Team(by_message.clone());
        let said =
            Event::Message { place, post: text(6, 1), updates_session: true, audience: Vec::new() };
        let events = vec![join(&by_join), said, join(&by_message)];
        store.ingest(&app(), events, NOW).await.unwrap();
        let leave = Event::Leave {
            team: by_message.clone(),
            accounts: accounts(&["bob"]),
            notice: text(7, 2),
        };
        store.ingest(&app(), vec![leave], NOW).await.unwrap();
        assert_eq!(joined(&*store, "amy").await, [(by_join.clone(), 2), (by_message, 1)]);
        // Nobody owns it here: the app's server may do anything with it.
        let kick = change(&by_join, "eve", MembershipChange::Kick(accounts(&["bob"])));
        act(&*store, kick, NOW).await.unwrap();
        assert_eq!(joined(&*store, "amy").await[0], (by_join.clone(), 1));
        let elsewhere: AppKey = "ap".parse().unwrap();
        let there = Action::Send(vec![message(Place::Team(by_join))]);
        let refused = store.act(&elsewhere, Arc::new(there), &attempt(NOW, None)).await.unwrap();
        assert!(matches!(refused, Err(Refusal::NoSuchTeam)));
        store.close().await;
    });
}

pub fn a_token_opens_one_account_of_one_app_until_the_next(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let token = |text: &str| NewToken { hash: TokenHash::of(text), seed: None };
        let create = |name: &str, text: &str| Action::CreateAccount {
            account: owner(name).account,
            name: name.to_owned(),
            token: token(text),
        };
        let set = |name: &str, text: &str| Action::SetToken {
            account: owner(name).account,
            token: token(text),
        };
        let whose = async |app: &str, text: &str| {
            let found = store.account_of(&app.parse().unwrap(), &TokenHash::of(text)).await;
            found.unwrap().map(|account| account.to_string())
        };
        act(&*store, create("amy", "1"), NOW).await.unwrap();
        assert_eq!(whose("app", "1").await.as_deref(), Some("amy"));
        for (app, text) in [("ap", "1"), ("appp", "1"), ("app", "2"), ("app", "")] {
            assert_eq!(whose(app, text).await, None, "{app} {text}");
        }
        let again = act(&*store, create("amy", "3"), NOW).await;
        assert!(matches!(again, Err(Refusal::AccountExists)));
        assert_eq!(whose("app", "3").await, None, "refused");
        act(&*store, set("amy", "2"), NOW).await.unwrap();
        assert_eq!((whose("app", "1").await, whose("app", "2").await), (None, Some("amy".into())));
        act(&*store, set("amy", "2"), NOW).await.unwrap();
        assert_eq!(whose("app", "2").await, Some("amy".into()), "the same once more");
        act(&*store, set("bob", "2"), NOW).await.unwrap();
        assert_eq!(whose("app", "2").await, None, "of two accounts neither");
        act(&*store, set("bob", "4"), NOW).await.unwrap();
        assert_eq!(whose("app", "2").await, Some("amy".into()));
        store.close().await;
    });
}

pub fn a_further_attempt_gets_the_first_result_and_does_nothing(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let send = || Arc::new(Action::Send(vec![message(to("bob"))]));
        let tried = async |key: Option<&str>, now| {
            store.act(&app(), send(), &attempt(now, key)).await.unwrap().unwrap()
        };
        let first = tried(Some("k"), NOW).await;
        let row = seen(&*store, "bob").await;
        assert_eq!(tried(Some("k"), NOW + 5).await, first);
        assert_eq!(tried(Some("k"), NOW + IDEMPOTENCY_MS).await, first);
        assert_eq!(seen(&*store, "bob").await, row);
        assert_ne!(tried(Some("l"), NOW).await, first);
        assert_ne!(tried(None, NOW).await, first);
        assert_ne!(tried(Some("k"), NOW + IDEMPOTENCY_MS + 1).await, first);
        // A client's key of the same text is another's.
        let (amy, id) = (owner("amy"), "p2p|bob".parse().unwrap());
        store.update(&amy, &id, "x".into(), &attempt(NOW, Some("k"))).await.unwrap();
        // What was refused did nothing, and is tried anew.
        let team = made(TeamKind::Normal, &Done { team_id: Some(5), ..Done::default() });
        let leave = || Arc::new(change(&team, "amy", MembershipChange::Leave));
        let refused = store.act(&app(), leave(), &attempt(NOW, Some("m"))).await.unwrap();
        assert!(matches!(refused, Err(Refusal::NoSuchTeam)));
        let team = Team::normal("5".parse().unwrap());
        let join = Event::Join { team, accounts: accounts(&["amy"]), inviter: None, time: 5 };
        store.ingest(&app(), vec![join], NOW).await.unwrap();
        store.act(&app(), leave(), &attempt(NOW, Some("m"))).await.unwrap().unwrap();
        store.close().await;
    });
}

pub fn members_come_in_order_of_their_bytes_and_in_pages(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let created = act(&*store, create_team(TeamKind::Super, &["b", "ab", "a", "c"]), NOW);
        let team = made(TeamKind::Super, &created.await.unwrap());
        let kick = MembershipChange::Kick(accounts(&["b"]));
        act(&*store, change(&team, "own", kick), NOW).await.unwrap();
        let members = async |app: &AppKey, after: Option<&str>, limit| {
            let after: Option<Account> = after.map(|name| name.parse().unwrap());
            let members = store.members(app, &team, after.as_ref(), limit).await.unwrap();
            members.iter().map(|member| member.account.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(members(&app(), None, 9).await, "a ab c own");
        assert_eq!(members(&app(), None, 2).await, "a ab");
        assert_eq!(members(&app(), Some("a"), 2).await, "ab c");
        assert_eq!(members(&app(), Some("aa"), 1).await, "ab");
        assert_eq!(members(&app(), Some("own"), 2).await, "");
        assert_eq!(members(&"ap".parse().unwrap(), None, 9).await, "", "another app's team");
        store.close().await;
    });
}

pub fn members_have_the_times_at_which_they_came_in(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let created = act(&*store, create_team(TeamKind::Super, &["a", "b"]), NOW).await;
        let team = made(TeamKind::Super, &created.unwrap());
        let invite = |name| change(&team, "own", MembershipChange::Invite(accounts(&[name])));
        act(&*store, invite("c"), NOW + 10).await.unwrap();
        let kick = MembershipChange::Kick(accounts(&["b"]));
        act(&*store, change(&team, "own", kick), NOW + 20).await.unwrap();
        act(&*store, invite("b"), NOW + 30).await.unwrap();
        act(&*store, invite("a"), NOW + 40).await.unwrap();
        let (place, audience) = (Place::Team(team.clone()), accounts(&["d", "a"]));
        let post = text(NOW + 50, 1);
        let said = Event::Message { place, post, updates_session: true, audience };
        store.ingest(&app(), vec![said], NOW + 60).await.unwrap();
        let member = |name: &str, since| Member { since, account: owner(name).account };
        let expected = [
            member("a", NOW),
            member("b", NOW + 30),
            member("c", NOW + 10),
            member("d", NOW + 50),
            member("own", NOW),
        ];
        assert_eq!(store.members(&app(), &team, None, 9).await.unwrap(), expected);
        store.close().await;
    });
}

pub fn a_team_is_found_by_its_id_until_its_end_and_again_after_it(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let named = async |team: &Team| store.team(&app(), team).await.unwrap();
        let created = act(&*store, create_team(TeamKind::Normal, &["amy"]), NOW).await.unwrap();
        let team = made(TeamKind::Normal, &created);
        let entry = named(&team).await.unwrap();
        let expected = (Some(owner("own").account), "N", NOW);
        assert_eq!((entry.owner.clone(), entry.name.as_str(), entry.created), expected);
        assert_eq!(named(&made(TeamKind::Super, &created)).await, None, "the other kind");
        let elsewhere = store.team(&"ap".parse().unwrap(), &team).await.unwrap();
        assert_eq!(elsewhere, None, "another app");
        act(&*store, change(&team, "own", MembershipChange::Dissolve), NOW + 5).await.unwrap();
        assert_eq!(named(&team).await, None);
        let join = |team: &Team| Event::Join {
            team: team.clone(),
            accounts: accounts(&["amy"]),
            inviter: None,
            time: NOW + 9,
        };
        let by_events = Team::super_team("77".parse().unwrap());
        store.ingest(&app(), vec![join(&team), join(&by_events)], NOW + 9).await.unwrap();
        assert_eq!(named(&team).await, Some(entry), "made again under its id");
        assert_eq!(named(&by_events).await, Some(TeamEntry::default()));
        store.close().await;
    });
}

pub fn a_blocked_account_is_blocked_in_its_app_until_it_is_unblocked(make: Make<'_>) {
    block_on(async {
        let opener = make();
        let store = opener();
        let amy = owner("amy");
        let elsewhere = Owner { app: "ap".parse().unwrap(), ..amy.clone() };
        let set = |text: &str| Action::SetToken {
            account: owner("amy").account,
            token: NewToken { hash: TokenHash::of(text), seed: None },
        };
        let whose = async |store: &dyn Store, text: &str| {
            let found = store.account_of(&app(), &TokenHash::of(text)).await;
            found.unwrap().map(|account| account.to_string())
        };
        act(&*store, set("old"), NOW).await.unwrap();
        assert!(!store.is_blocked(&amy).await.unwrap());
        let mut hints = store.hints();
        let block = Arc::new(Action::Block { account: amy.account.clone() });
        let key = attempt(NOW, Some("k"));
        let first = store.act(&app(), Arc::clone(&block), &key).await.unwrap().unwrap();
        assert_eq!(hints.recv().await.unwrap()[..], [ChangedList::Account(amy.clone())]);
        for (other, is_blocked) in [(&amy, true), (&owner("amya"), false), (&elsewhere, false)] {
            assert_eq!(store.is_blocked(other).await.unwrap(), is_blocked, "{other:?}");
        }
        assert_eq!(
            whose(&*store, "old").await.as_deref(),
            Some("amy"),
            "to say that it is blocked"
        );
        // Its list moves on.
        act(&*store, Action::Send(vec![message(to("bob"))]), NOW).await.unwrap();
        assert_eq!(seen(&*store, "amy").await.len(), 1);
        act(&*store, set("new"), NOW).await.unwrap();
        store.close().await;
        let store = opener();
        assert!(store.is_blocked(&amy).await.unwrap(), "after the store is opened again");
        let unblock = Action::Unblock { account: amy.account.clone() };
        let mut hints = store.hints();
        act(&*store, unblock, NOW).await.unwrap();
        assert_eq!(hints.recv().await.unwrap()[..], [ChangedList::Account(amy.clone())]);
        assert!(!store.is_blocked(&amy).await.unwrap());
        let tokens = (whose(&*store, "old").await, whose(&*store, "new").await);
        assert_eq!(tokens, (None, Some("amy".into())), "ended for good");
        // A retry of the block does not block again.
        assert_eq!(store.act(&app(), block, &key).await.unwrap().unwrap(), first);
        assert!(!store.is_blocked(&amy).await.unwrap());
        store.close().await;
        let store = opener();
        assert!(!store.is_blocked(&amy).await.unwrap());
        store.close().await;
    });
}

pub fn an_owner_gives_its_team_away_and_may_go(make: Make<'_>) {
    block_on(async {
        for kind in [TeamKind::Normal, TeamKind::Super] {
            let store = empty(make);
            let created = act(&*store, create_team(kind, &["amy", "bob"]), NOW).await.unwrap();
            let team = made(kind, &created);
            let give = |by: &str, to: &str, leaves| {
                let to = owner(to).account;
                change(&team, by, MembershipChange::ChangeOwner { to, leaves })
            };
            let owns = async |store: &dyn Store| {
                let entry = store.team(&app(), &team).await.unwrap().unwrap();
                (entry.owner.unwrap().to_string(), entry.created)
            };
            let refused = act(&*store, give("amy", "bob", false), NOW).await;
            assert_eq!(refused, Err(Refusal::NotOwner));
            let given = act(&*store, give("own", "amy", false), NOW).await.unwrap();
            assert_eq!(owns(&*store).await, ("amy".into(), NOW));
            assert_eq!(joined(&*store, "own").await, [(team.clone(), 3)]);
            assert_eq!(seen(&*store, "bob").await, [(team.session_id(), given.time)]);
            let refused = act(&*store, give("own", "bob", false), NOW).await;
            assert_eq!(refused, Err(Refusal::NotOwner), "no longer");
            let left = act(&*store, give("amy", "bob", true), NOW).await.unwrap();
            assert_eq!(owns(&*store).await, ("bob".into(), NOW));
            assert!(joined(&*store, "amy").await.is_empty());
            let said = Action::Send(vec![message(Place::Team(team.clone()))]);
            let said_at = act(&*store, said, NOW + 60_000).await.unwrap().time;
            assert_eq!(seen(&*store, "amy").await, [(team.session_id(), left.time)]);
            assert_eq!(seen(&*store, "own").await, [(team.session_id(), said_at)]);
            store.close().await;
        }
    });
}

/// With the clock more than 10 minutes behind the newest message, an action once answered success
/// and changed nothing.
pub fn an_action_behind_the_clock_is_refused_and_changes_nothing(make: Make<'_>) {
    block_on(async {
        let store = empty(make);
        let created = act(&*store, create_team(TeamKind::Normal, &["amy", "bob"]), NOW).await;
        let team = made(TeamKind::Normal, &created.unwrap());
        let messages = || vec![message(to("bob")), message(Place::Team(team.clone()))];
        act(&*store, Action::Send(messages()), NOW).await.unwrap();
        let late = NOW - AHEAD_MS_MAX - 1;
        let recall = || {
            let (place, post) = (to("bob"), text(NOW, 1));
            Action::Recall { place, post, time: NOW }
        };
        let of_team = |what| change(&team, "own", what);
        let mut devices = [Device::default(), Device::default()];
        for (device, name) in devices.iter_mut().zip(["amy", "bob"]) {
            device.sync(&*store, &owner(name), 9).await;
        }
        for action in [
            Action::Send(messages()),
            Action::Send(vec![message(to("cat")), message(to("bob"))]),
            recall(),
            of_team(MembershipChange::Kick(accounts(&["bob"]))),
            of_team(MembershipChange::Invite(accounts(&["cat"]))),
            change(&team, "amy", MembershipChange::Leave),
            of_team(MembershipChange::Dissolve),
        ] {
            let key = attempt(late, Some("k"));
            let refused = store.act(&app(), Arc::new(action), &key).await.unwrap();
            assert_eq!(refused, Err(Refusal::ClockBehind));
            for (device, name) in devices.iter_mut().zip(["amy", "bob"]) {
                assert_eq!(device.sync(&*store, &owner(name), 9).await, 0);
            }
            assert!(seen(&*store, "cat").await.is_empty());
        }
        // What the clock allows is done, under the key of what it refused too.
        let key = attempt(late, Some("k"));
        let created = create_team(TeamKind::Normal, &["cat"]);
        let done = store.act(&app(), Arc::new(created), &key).await.unwrap().unwrap();
        let id = made(TeamKind::Normal, &done).session_id();
        assert_eq!(seen(&*store, "cat").await, [(id, late)]);
        store.close().await;
    });
}

pub fn a_further_attempt_after_a_restart_gets_the_first_result_and_ids_go_on(make: Make<'_>) {
    block_on(async {
        let open = make();
        let team = || Arc::new(create_team(TeamKind::Normal, &["amy"]));
        let app = owner("amy").app;
        let store = open();
        let first = store.act(&app, team(), &attempt(NOW, Some("k"))).await.unwrap().unwrap();
        let token = store
            .act(&app, Arc::new(set_token("1")), &attempt(NOW, Some("t")))
            .await
            .unwrap()
            .unwrap();
        let sent = act(&*store, Action::Send(vec![message(to("bob"))]), NOW).await.unwrap();
        store.close().await;
        let store = open();
        sweep_all(&*store, NOW + IDEMPOTENCY_MS).await;
        let late = NOW + IDEMPOTENCY_MS;
        assert_eq!(
            store.act(&app, team(), &attempt(late, Some("k"))).await.unwrap().unwrap(),
            first
        );
        assert_eq!(store.joined(&owner("amy"), TeamKind::Normal).await.unwrap().len(), 1);
        let again = store
            .act(&app, Arc::new(set_token("2")), &attempt(late, Some("t")))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(again, token, "the seed of the token that counts");
        let whose = async |store: &dyn Store, text: &str| {
            store.account_of(&app, &TokenHash::of(text)).await.unwrap()
        };
        assert_eq!(whose(&*store, "1!").await, Some(owner("amy").account));
        assert_eq!(whose(&*store, "2!").await, None);
        sweep_all(&*store, late + 1).await;
        let other = store.act(&app, team(), &attempt(late + 1, Some("k"))).await.unwrap().unwrap();
        assert!(other.team_id > first.team_id);
        // After a restart the clock may say anything.
        let next = act(&*store, Action::Send(vec![message(to("cat"))]), 5).await.unwrap();
        assert!(next.message_ids > sent.message_ids);
        store.close().await;
    });
}

fn set_token(seed: &str) -> Action {
    let token = NewToken { hash: TokenHash::of(&format!("{seed}!")), seed: Some(seed.into()) };
    Action::SetToken { account: owner("amy").account, token }
}

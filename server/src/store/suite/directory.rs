//! The directory over `&dyn Store`: what an app's own server does shows in the lists, once, whole
//! or not at all, and crosses to no other app.

use std::sync::Arc;

use huihua_core::{AppKey, RecentSession, SessionId};

use super::{Device, Make, block_on, whole_list};
use crate::{
    event::{Event, Owner, Place, Post, Team, TeamKind},
    store::{
        Attempt, Error, IDEMPOTENCY_MS, IdempotencyKey, Store,
        directory::{
            Action, Change, Done, JoinedTeam, Letter, NewToken, Refusal, TeamEntry, TokenHash, Told,
        },
    },
};

pub(crate) const NOW: u64 = 1_700_000_000_000;

pub(crate) fn owner(account: &str) -> Owner {
    Owner { app: "app".parse().unwrap(), account: account.parse().unwrap() }
}

fn app() -> AppKey {
    owner("amy").app
}

pub(crate) fn attempt(now: u64, key: Option<&str>) -> Attempt {
    Attempt { now, key: key.map(|key| IdempotencyKey::new(key).unwrap()) }
}

pub(crate) async fn act(store: &dyn Store, action: Action, now: u64) -> Result<Done, Error> {
    store.act(&app(), Arc::new(action), &attempt(now, None)).await
}

fn text(time: u64, id: u64) -> Post {
    Post { time, message_id: id.to_string(), last_msg: format!(r#"{{"7":{time},"12":"{id}"}}"#) }
}

pub(crate) fn letter(place: Place) -> Letter {
    Letter { place, compose: Box::new(text), updates_session: true }
}

pub(crate) fn to(peer: &str) -> Place {
    Place::P2p { from: owner("amy").account, to: peer.parse().unwrap() }
}

/// A message, and what it does.
pub(crate) fn tell(told: &Told<'_>) -> Vec<Event> {
    let (team, time) = (told.team.clone(), told.time);
    let (notice, accounts) = (text(time, told.message_id), told.accounts.to_vec());
    let place = Place::Team(team.clone());
    let post = notice.clone();
    let message = Event::Message { place, post, updates_session: true, audience: Vec::new() };
    let change = match told.change {
        Change::Invite(_) => Event::Join { team, accounts, inviter: Some(told.by.clone()), time },
        Change::Kick(_) | Change::Leave => Event::Leave { team, accounts, notice },
        Change::Dissolve => Event::Dissolve { team, notice },
    };
    vec![message, change]
}

pub(crate) fn create_team(kind: TeamKind, members: &[&str]) -> Action {
    let members = members.iter().map(|name| name.parse().unwrap()).collect();
    let entry = TeamEntry { name: "N".into(), members_max: 9, ..TeamEntry::default() };
    Action::CreateTeam { kind, owner: owner("own").account, entry, members, tell }
}

fn change(team: &Team, by: &str, change: Change) -> Action {
    Action::ChangeTeam { team: team.clone(), by: owner(by).account, change, tell }
}

pub(crate) fn made(kind: TeamKind, done: &Done) -> Team {
    kind.team(done.team_id.unwrap().to_string().parse().unwrap())
}

fn accounts(names: &[&str]) -> Vec<huihua_core::Account> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Where a list stands: sessions with their times.
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

/// Runs all of it.
pub(crate) fn run(make: Make<'_>) {
    messages_show_under_the_ids_and_times_that_were_told(make);
    teams_are_made_changed_and_ended(make);
    a_team_that_events_told_of_is_known(make);
    a_token_opens_one_account_of_one_app_until_the_next(make);
    a_further_try_gets_the_first_result_and_does_nothing(make);
}

fn messages_show_under_the_ids_and_times_that_were_told(make: Make<'_>) {
    block_on(async {
        let store = make();
        let mut device = Device::default();
        device.sync(&*store, &owner("bob"), 9).await;
        let letters = vec![letter(to("bob")), letter(to("cat")), letter(to("amy"))];
        let done = act(&*store, Action::Send(letters), NOW).await.unwrap();
        assert_eq!((done.time, done.message_ids.len()), (NOW, 3));
        let row = store.get(&owner("bob"), &"p2p|amy".parse().unwrap()).await.unwrap().unwrap();
        let expected = format!(r#"{{"7":{NOW},"12":"{}"}}"#, done.message_ids[0]);
        assert_eq!(row.last_msg.unwrap().as_str(), expected);
        let ids: Vec<String> =
            seen(&*store, "amy").await.into_iter().map(|(id, _)| id.to_string()).collect();
        assert_eq!(ids, ["p2p|amy", "p2p|bob", "p2p|cat"]);
        assert_eq!(device.sync(&*store, &owner("bob"), 9).await, 1);
        // In the same millisecond the later one wins.
        let again = act(&*store, Action::Send(vec![letter(to("bob"))]), NOW).await.unwrap();
        assert!(again.message_ids[0] > done.message_ids[2]);
        let row = store.get(&owner("bob"), &"p2p|amy".parse().unwrap()).await.unwrap().unwrap();
        assert!(row.last_msg.unwrap().as_str().contains(&again.message_ids[0].to_string()));
        let (place, post) = (to("bob"), text(NOW, again.message_ids[0]));
        act(&*store, Action::Recall { place, post, time: NOW + 1 }, NOW + 1).await.unwrap();
        let row = store.get(&owner("bob"), &"p2p|amy".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(row.last_msg_type, huihua_core::LastMsgType::Recall);
        // The clock went back: what is said now is not hidden behind what was said before.
        let late = act(&*store, Action::Send(vec![letter(to("bob"))]), NOW - 9).await.unwrap();
        assert_eq!((late.time, late.message_ids > again.message_ids), (NOW, true));
        assert_eq!(device.sync(&*store, &owner("bob"), 9).await, 1);
        let quiet = Letter { updates_session: false, ..letter(to("dan")) };
        act(&*store, Action::Send(vec![quiet]), NOW).await.unwrap();
        assert!(seen(&*store, "dan").await.is_empty());
        store.close().await;
    });
}

fn teams_are_made_changed_and_ended(make: Make<'_>) {
    block_on(async {
        for kind in [TeamKind::Normal, TeamKind::Super] {
            let store = make();
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
            let namesake = change(&made(other_kind, &done), "own", Change::Dissolve);
            let refused = act(&*store, namesake, NOW).await;
            assert!(matches!(refused, Err(Error::Refused(Refusal::NoSuchTeam))));
            let kick = change(&team, "own", Change::Kick(accounts(&["bob"])));
            let kicked_at = act(&*store, kick, NOW).await.unwrap().time;
            assert!(kicked_at > NOW, "dated after the invitation");
            let said = act(&*store, Action::Send(vec![letter(Place::Team(team.clone()))]), NOW);
            let said_at = said.await.unwrap().time;
            assert_eq!(seen(&*store, "bob").await, [(id.clone(), kicked_at)]);
            assert_eq!(seen(&*store, "amy").await, [(id.clone(), said_at)]);
            assert_eq!(joined(&*store, "amy").await, [(team.clone(), 2)]);
            assert!(joined(&*store, "bob").await.is_empty());
            let back = change(&team, "own", Change::Invite(accounts(&["bob", "amy"])));
            act(&*store, back, NOW).await.unwrap();
            assert_eq!(joined(&*store, "bob").await, [(team.clone(), 3)]);
            act(&*store, change(&team, "amy", Change::Leave), NOW + 9).await.unwrap();
            act(&*store, change(&team, "own", Change::Dissolve), NOW + 20).await.unwrap();
            assert_eq!(seen(&*store, "amy").await, [(id.clone(), NOW + 9)]);
            assert_eq!(seen(&*store, "bob").await, [(id.clone(), NOW + 20)]);
            assert!(joined(&*store, "bob").await.is_empty());
            let late = act(&*store, Action::Send(vec![letter(Place::Team(team))]), NOW + 30).await;
            assert!(matches!(late, Err(Error::Refused(Refusal::NoSuchTeam))));
            store.close().await;
        }
    });
}

fn a_team_that_events_told_of_is_known(make: Make<'_>) {
    block_on(async {
        let store = make();
        let [by_join, by_message] = ["7", "8"].map(|id| Team::normal(id.parse().unwrap()));
        let join = |team: &Team| {
            let accounts = accounts(&["amy", "bob"]);
            Event::Join { team: team.clone(), accounts, inviter: None, time: 5 }
        };
        let place = Place::Team(by_message.clone());
        let message =
            Event::Message { place, post: text(6, 1), updates_session: true, audience: Vec::new() };
        let events = vec![join(&by_join), message, join(&by_message)];
        store.ingest(&app(), events, NOW).await.unwrap();
        let leave = Event::Leave {
            team: by_message.clone(),
            accounts: accounts(&["bob"]),
            notice: text(7, 2),
        };
        store.ingest(&app(), vec![leave], NOW).await.unwrap();
        assert_eq!(joined(&*store, "amy").await, [(by_join.clone(), 2), (by_message, 1)]);
        // Nobody owns it here: the app's server may do anything with it.
        let kick = change(&by_join, "eve", Change::Kick(accounts(&["bob"])));
        act(&*store, kick, NOW).await.unwrap();
        assert_eq!(joined(&*store, "amy").await[0], (by_join.clone(), 1));
        let elsewhere: AppKey = "ap".parse().unwrap();
        let there = Action::Send(vec![letter(Place::Team(by_join))]);
        let refused = store.act(&elsewhere, Arc::new(there), &attempt(NOW, None)).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NoSuchTeam))));
        store.close().await;
    });
}

fn a_token_opens_one_account_of_one_app_until_the_next(make: Make<'_>) {
    block_on(async {
        let store = make();
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
        assert!(matches!(again, Err(Error::Refused(Refusal::AccountExists))));
        assert_eq!(whose("app", "3").await, None, "refused");
        act(&*store, set("amy", "2"), NOW).await.unwrap();
        assert_eq!((whose("app", "1").await, whose("app", "2").await), (None, Some("amy".into())));
        act(&*store, set("amy", "2"), NOW).await.unwrap();
        assert_eq!(whose("app", "2").await, Some("amy".into()), "the same once more");
        act(&*store, set("bob", "2"), NOW).await.unwrap();
        assert_eq!(whose("app", "2").await, None, "of two it tells neither");
        act(&*store, set("bob", "4"), NOW).await.unwrap();
        assert_eq!(whose("app", "2").await, Some("amy".into()));
        store.close().await;
    });
}

fn a_further_try_gets_the_first_result_and_does_nothing(make: Make<'_>) {
    block_on(async {
        let store = make();
        let send = || Arc::new(Action::Send(vec![letter(to("bob"))]));
        let tried = async |key: Option<&str>, now| {
            store.act(&app(), send(), &attempt(now, key)).await.unwrap()
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
        let leave = || Arc::new(change(&team, "amy", Change::Leave));
        let refused = store.act(&app(), leave(), &attempt(NOW, Some("m"))).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NoSuchTeam))));
        let team = Team::normal("5".parse().unwrap());
        let join = Event::Join { team, accounts: accounts(&["amy"]), inviter: None, time: 5 };
        store.ingest(&app(), vec![join], NOW).await.unwrap();
        store.act(&app(), leave(), &attempt(NOW, Some("m"))).await.unwrap();
        store.close().await;
    });
}

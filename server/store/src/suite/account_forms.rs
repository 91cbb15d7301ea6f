//! The form of account ids of each app: an engine remembers it, refuses the other one, and takes
//! "nim" on a store from before only if every id is found again.

use std::sync::Arc;

use huihua_core::{AccountForm, AppKey};
use huihua_event::{
    Action, Event, NewToken, Owner, Place, Post, Team, TeamEntry, TeamKind, TokenHash,
};

use super::support::{Make, attempt, block_on, empty};
use crate::{AccountFormRefusal, CAPITALS_COUNTED_MAX, CapitalAccounts, Engine};

const NOW: u64 = 1_700_000_000_000;

fn app(key: &str) -> AppKey {
    key.parse().unwrap()
}

/// Starts with these forms.
async fn remember(
    engine: &dyn Engine,
    forms: &[(&str, AccountForm)],
) -> Result<(), AccountFormRefusal> {
    let forms: Vec<_> = forms.iter().map(|(key, form)| (app(key), *form)).collect();
    engine.remember_account_forms(&forms).await.unwrap()
}

pub fn the_account_form_of_each_app_is_remembered_and_the_other_refused(make: Make<'_>) {
    use AccountForm::{Exact, Nim};
    block_on(async {
        let open = make();
        let engine = open();
        remember(&*engine, &[("a", Nim), ("ab", Exact)]).await.unwrap();
        engine.close().await;
        let engine = open();
        remember(&*engine, &[("ab", Exact), ("a", Nim)]).await.unwrap();
        for (key, configured, remembered) in [("a", Exact, Nim), ("ab", Nim, Exact)] {
            let refusal = remember(&*engine, &[("new", Nim), (key, configured)]).await.unwrap_err();
            let expected = AccountFormRefusal::OtherForm { app: app(key), remembered, configured };
            assert_eq!(refusal, expected);
            let text = refusal.to_string();
            for part in
                [format!("'{key}'"), format!("Write accounts = \"{}\"", remembered.as_str())]
            {
                assert!(text.contains(&part), "{text}");
            }
        }
        engine.close().await;
        let engine = open();
        // What was refused is not remembered, not even for the other apps of that start.
        remember(&*engine, &[("new", Exact), ("a", Nim), ("ab", Exact)]).await.unwrap();
        assert!(remember(&*engine, &[("new", Nim)]).await.is_err());
        engine.close().await;
    });
}

/// Somewhere in a store is this account id.
async fn write(engine: &dyn Engine, app: &AppKey, place: &str, id: &str) {
    let account = |id: &str| id.parse().unwrap();
    let team = || Team::normal("Team_A".parse().unwrap());
    let act = async |action| {
        engine.act(app, Arc::new(action), &attempt(NOW)).await.unwrap().unwrap();
    };
    let ingest = async |event| {
        engine.ingest(app, vec![event], NOW).await.unwrap();
    };
    let owner = |id: &str| Owner { app: app.clone(), account: account(id) };
    let token = || NewToken { hash: TokenHash::of("T"), seed: None };
    match place {
        "p2p owner" => {
            let session = "p2p|amy".parse().unwrap();
            engine.update(&owner(id), &session, "X".into(), &attempt(NOW)).await.unwrap();
        }
        "owner" => {
            let session = "team|Team_A".parse().unwrap();
            engine.update(&owner(id), &session, "X".into(), &attempt(NOW)).await.unwrap();
        }
        "peer" => {
            let session = format!("p2p|{id}").parse().unwrap();
            engine.update(&owner("amy"), &session, "X".into(), &attempt(NOW)).await.unwrap();
        }
        "message" => {
            let post = Post { time: 1, message_id: "M".into(), last_msg: "{\"9\":\"A\"}".into() };
            let place = Place::P2p { from: account("amy"), to: account(id) };
            ingest(Event::Message { place, post, updates_session: true, audience: vec![] }).await;
        }
        "member" => {
            let accounts = vec![account(id)];
            ingest(Event::Join { team: team(), accounts, inviter: None, time: 1 }).await;
        }
        "account" => {
            let (name, token) = ("A".to_owned(), token());
            act(Action::CreateAccount { account: account(id), name, token }).await;
        }
        "token" => act(Action::SetToken { account: account(id), token: token() }).await,
        "team" => {
            let (owner, kind) = (account(id), TeamKind::Super);
            let entry = TeamEntry { owner: Some(owner.clone()), ..TeamEntry::default() };
            let members = Vec::new();
            act(Action::CreateTeam { kind, entry, owner, members, notice: |_| Vec::new() }).await;
        }
        other => panic!("{other}"),
    }
}

pub fn a_store_from_before_takes_nim_only_if_no_account_has_a_capital(make: Make<'_>) {
    use AccountForm::{Exact, Nim};
    block_on(async {
        for place in ["p2p owner", "owner", "peer", "message", "member", "account", "token", "team"]
        {
            let engine = empty(make);
            // Capitals of another app, of a team's id, and of other alphabets are no reason.
            write(&*engine, &app("ab"), place, "Alice_1").await;
            for id in ["bob", "Älf", "小明"] {
                write(&*engine, &app("a"), place, id).await;
            }
            write(&*engine, &app("a"), "owner", "amy").await;
            remember(&*engine, &[("a", Nim)]).await.unwrap();

            write(&*engine, &app("b"), place, "bob").await;
            write(&*engine, &app("b"), place, "Alice_1").await;
            let refusal = remember(&*engine, &[("b", Nim)]).await.unwrap_err();
            let capitals = CapitalAccounts { count: 1, example: "Alice_1".parse().unwrap() };
            let expected = AccountFormRefusal::Capitals { app: app("b"), capitals };
            assert_eq!(refusal, expected, "{place}");
            let text = refusal.to_string();
            for part in ["'b'", "1 account id with", "'Alice_1'", "Write accounts = \"exact\""] {
                assert!(text.contains(part), "{text}");
            }
            remember(&*engine, &[("b", Exact), ("ab", Exact)]).await.unwrap();
            engine.close().await;
        }
    });
}

pub fn of_many_accounts_with_capitals_one_is_named_and_the_others_are_counted(make: Make<'_>) {
    block_on(async {
        for (ids, count, words) in [
            (2, 2, "holds 2 account ids with"),
            (
                CAPITALS_COUNTED_MAX + 5,
                CAPITALS_COUNTED_MAX,
                "holds at least 1000 account ids with",
            ),
        ] {
            let engine = empty(make);
            let accounts = (0..ids).map(|n| format!("User{n}").parse().unwrap()).collect();
            let team = Team::normal("1".parse().unwrap());
            let join = Event::Join { team, accounts, inviter: None, time: 1 };
            engine.ingest(&app("a"), vec![join], NOW).await.unwrap();
            // One account counts once, wherever it is.
            write(&*engine, &app("a"), "token", "User0").await;
            let refusal = remember(&*engine, &[("a", AccountForm::Nim)]).await.unwrap_err();
            let text = refusal.to_string();
            assert!(text.contains(words) && text.matches("User").count() == 1, "{text}");
            let AccountFormRefusal::Capitals { capitals, .. } = refusal else { panic!() };
            assert_eq!(capitals.count, count);
            engine.close().await;
        }
    });
}

/// A choice that is remembered is not looked for again: no capitals can have come since.
pub fn a_remembered_choice_costs_no_look_at_the_ids(make: Make<'_>) {
    block_on(async {
        let engine = empty(make);
        remember(&*engine, &[("a", AccountForm::Nim)]).await.unwrap();
        // No door writes it; if it is there, the start does not look.
        write(&*engine, &app("a"), "member", "Alice_1").await;
        remember(&*engine, &[("a", AccountForm::Nim)]).await.unwrap();
        engine.close().await;
    });
}

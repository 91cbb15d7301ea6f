//! A property over every door: whatever text names an account, a token, an event, a copy, a call of
//! NIM's API and a session id name the same one.

use huihua_core::{Account, AccountForm};
use huihua_event::{Event, Place};
use huihua_nim::{copy, rest::Form};
use proptest::prelude::*;
use serde_json::json;

use crate::{auth, events_json};

/// The sender, the receiver and who comes in, of events that name this id three times.
fn accounts_of(events: &[Event]) -> Vec<Account> {
    let mut accounts = Vec::new();
    for event in events {
        match event {
            Event::Message { place, audience, .. } => {
                if let Place::P2p { from, to } | Place::Undelivered { from, to } = place {
                    accounts.extend([from.clone(), to.clone()]);
                }
                accounts.extend(audience.iter().cloned());
            }
            Event::Join { accounts: joined, inviter, .. } => {
                accounts.extend(joined.iter().chain(inviter).cloned());
            }
            other => panic!("{other:?}"),
        }
    }
    accounts
}

fn copied(form: AccountForm, id: &str) -> Option<Vec<Account>> {
    let mut accounts = Vec::new();
    for (kind, message_type, more) in [
        ("PERSON", "TEXT", json!({ "to": id })),
        ("TEAM", "TEXT", json!({ "to": "1", "tMembers": [id] })),
        (
            "TEAM",
            "NOTIFICATION",
            json!({ "to": "1", "attach": { "id": 0, "data": { "ids": [id] } } }),
        ),
        ("SUPER_TEAM", "NOTIFICATION", json!({ "to": "1", "attach": { "id": 411 } })),
    ] {
        let mut copy = json!({
            "eventType": 1, "convType": kind, "msgType": message_type, "fromAccount": id,
            "msgTimestamp": 1, "msgidServer": 1,
        });
        copy.as_object_mut()?.extend(more.as_object()?.clone());
        accounts.extend(accounts_of(&copy::decode(copy.to_string().as_bytes(), form).ok()?));
    }
    (accounts.len() == 6).then_some(accounts)
}

fn ingested(form: AccountForm, id: &str) -> Option<Vec<Account>> {
    let events = json!({ "events": [
        {
            "type": "message", "sessionType": "p2p", "from": id, "to": id, "time": 1_700_000_000_000_u64,
            "messageId": "1", "msgType": "text",
        },
        { "type": "join", "sessionType": "team", "teamId": "1", "accounts": [id], "time": 1_700_000_000_000_u64 },
    ]});
    let events = events_json::decode(events.to_string().as_bytes(), form).unwrap();
    Some(accounts_of(&events.into_iter().collect::<Result<Vec<_>, _>>().ok()?))
}

fn called(form: AccountForm, id: &str) -> Option<Vec<Account>> {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let list = json!([id]).to_string();
    let body = format!("accid={}&members={}", encode(id), encode(&list));
    let call = Form::parse(body.as_bytes(), form).unwrap();
    let mut accounts = vec![call.account("accid").ok()?];
    accounts.extend(call.accounts("members", 1..=1).ok()?);
    Some(accounts)
}

/// Compares every door with what the app's form makes of the text.
fn check(form: AccountForm, id: &str) {
    let expected = form.account(id).ok();
    let all = |accounts: Option<Vec<Account>>| {
        if let (Some(accounts), Some(expected)) = (&accounts, &expected) {
            assert!(accounts.iter().all(|account| account == expected), "{id:?}: {accounts:?}");
        }
        accounts.is_some()
    };
    let is_account = expected.is_some();
    assert_eq!(all(ingested(form, id)), is_account, "{id:?}");
    assert_eq!(all(called(form, id)), is_account, "{id:?}");
    assert_eq!(all(copied(form, id)), is_account, "{id:?}");
    assert_eq!(all(auth::tests::account_of_token(form, id).map(|one| vec![one])), is_account);
    let session = form.session_id(&format!("p2p|{id}"));
    assert_eq!(
        session.ok().map(|session| session.peer().to_owned()),
        expected.as_ref().map(ToString::to_string)
    );
    if let Some(account) = expected {
        assert_eq!(form.account(account.as_str()), Ok(account), "folding twice is folding once");
    }
}

proptest! {
    #[test]
    fn every_door_makes_one_account_of_one_text(
        id in prop_oneof!["[A-Za-z0-9_@.ÄäİıK小 ]{1,20}", "\\PC{0,40}", any::<String>()],
        is_nim: bool,
    ) {
        check(if is_nim { AccountForm::Nim } else { AccountForm::Exact }, &id);
    }
}

#[test]
fn every_door_counts_the_bytes_of_an_account_alike() {
    for id in ["A".repeat(128), "A".repeat(129), "İ".repeat(64), "İ".repeat(65)] {
        AccountForm::ALL.into_iter().for_each(|form| check(form, &id));
    }
}

//! Bodies of `POST /v1/events`.

use huihua_core::AccountForm;
use huihua_event::{Event, Place, Team};
use huihua_http::{events_json::EVENTS_MAX, fuzz::read_events};
use serde_json::{Map, Value, json};

use super::{event, text::Fields};
use crate::Verdict;

/// Message types, by number.
const TYPES: [(u64, &str); 12] = [
    (0, "text"),
    (1, "image"),
    (2, "audio"),
    (3, "video"),
    (4, "location"),
    (5, "notification"),
    (6, "file"),
    (7, "avchat"),
    (10, "tip"),
    (11, "robot"),
    (12, "call"),
    (100, "custom"),
];

/// What is accepted is well formed, and is read as the same again from the JSON that it stands for;
/// a refusal names a field.
pub(super) fn check(input: &[u8]) -> Verdict {
    let form = AccountForm::Nim;
    let exact = read_events(input, AccountForm::Exact);
    let events = match read_events(input, form) {
        Ok(events) => events,
        Err(refusal) => {
            assert!(exact.is_err() && refusal.contains("events"), "no field in: {refusal}");
            return Verdict::Refused;
        }
    };
    assert!((1..=EVENTS_MAX).contains(&events.len()), "{} events", events.len());
    let accepted =
        |all: &[Result<Event, String>]| all.iter().map(Result::is_ok).collect::<Vec<_>>();
    assert_eq!(accepted(&events), accepted(&exact.unwrap()), "a form decides what is an event");
    for one in &events {
        match one {
            Ok(event) => check_event(event, form),
            Err(refusal) => {
                let field = refusal.split_once(": ").map_or("", |(field, _)| field);
                assert!(!field.is_empty(), "no field in: {refusal}");
            }
        }
    }
    let any = events.iter().any(Result::is_ok);
    if any { Verdict::Accepted } else { Verdict::Refused }
}

fn check_event(event: &Event, form: AccountForm) {
    event::check(event, form);
    let again = json!({ "events": [json_of(event)] }).to_string();
    let again = read_events(again.as_bytes(), form).expect("an envelope of ours is read");
    assert_eq!(again, [Ok(event.clone())], "a second reading differs");
}

/// Writes the event as an app's server would.
fn json_of(event: &Event) -> Value {
    match event {
        Event::Message { place, post, updates_session, audience } => {
            assert!(audience.is_empty(), "hints come from NIM alone");
            let fields = Fields::canonical(&post.last_msg);
            let number = fields.get(8).and_then(Value::as_u64).expect("a message has a type");
            let (_, name) = TYPES.iter().find(|(of, _)| *of == number).expect("a known type");
            let mut json = object("message", place, &fields, 2);
            json.insert("time".into(), post.time.into());
            json.insert("messageId".into(), post.message_id.clone().into());
            json.insert("msgType".into(), (*name).into());
            if let Some(number) = fields.get(4) {
                json.insert("fromClientType".into(), number.to_string().into());
            }
            let updates = fields.get(28).map(|number| number == 1);
            assert_eq!(updates.unwrap_or(true), *updates_session);
            updates.map(|updates| json.insert("needUpdateSession".into(), updates.into()));
            let names =
                [(6, "fromNick"), (9, "body"), (10, "attach"), (11, "clientId"), (15, "ext")];
            put(&mut json, &fields, &names);
            json.into()
        }
        Event::Recall { place, post, time, .. } => {
            let fields = Fields::canonical(&post.last_msg);
            let mut json = object("recall", place, &fields, 16);
            json.insert("time".into(), (*time).into());
            json.insert("messageTime".into(), post.time.into());
            json.insert("messageId".into(), post.message_id.clone().into());
            let names = [(4, "ps"), (5, "attach"), (10, "clientId"), (15, "fromNick")];
            put(&mut json, &fields, &[names.as_slice(), &[(16, "operator")]].concat());
            json.into()
        }
        Event::Edit { place, edit } => {
            let fields = Fields::canonical(&edit.fields);
            let mut json = object("edit", place, &fields, 63);
            json.insert("time".into(), edit.time.into());
            json.insert("messageId".into(), edit.message_id.clone().into());
            let names = [(9, "body"), (10, "attach"), (15, "ext"), (63, "operator")];
            put(&mut json, &fields, &names);
            json.into()
        }
        Event::Join { team, accounts, inviter, time } => {
            assert_eq!(*inviter, None, "inviters come from NIM alone");
            membership("join", team, *time, Some(accounts))
        }
        Event::Leave { team, accounts, notice } => {
            membership("leave", team, notice.time, Some(accounts))
        }
        Event::Dissolve { team, notice } => membership("dissolve", team, notice.time, None),
    }
}

/// Starts an event in this conversation. Of a team the sender is in no place: the text has it, or
/// whoever stands there in its stead.
fn object(kind: &str, place: &Place, fields: &Fields, sender: u32) -> Map<String, Value> {
    let (scene, from, to) = match place {
        Place::P2p { from, to } | Place::Undelivered { from, to } => {
            ("p2p", from.as_str(), to.as_str())
        }
        Place::Team(team) => {
            (team.kind().as_str(), fields.text(sender).expect("a sender"), team.id().as_str())
        }
    };
    let json = json!({ "type": kind, "sessionType": scene, "from": from, "to": to });
    json.as_object().expect("it is one").clone()
}

fn put(json: &mut Map<String, Value>, fields: &Fields, names: &[(u32, &str)]) {
    for (key, name) in names {
        if let Some(value) = fields.get(*key) {
            json.insert((*name).to_owned(), value.clone());
        }
    }
}

fn membership(
    kind: &str,
    team: &Team,
    time: u64,
    accounts: Option<&[huihua_core::Account]>,
) -> Value {
    let mut json = json!({
        "type": kind, "sessionType": team.kind().as_str(), "teamId": team.id().as_str(), "time": time,
    });
    if let Some(accounts) = accounts {
        json["accounts"] = accounts.iter().map(|account| account.as_str()).collect();
    }
    json
}

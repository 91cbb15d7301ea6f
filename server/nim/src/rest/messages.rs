//! Messages of NIM's server API: their parameters, the last messages they become, their answers.

use std::collections::BTreeMap;

use huihua_core::{Account, SessionKind};
use huihua_event::{Done, OutgoingMessage, Place, Post, TeamKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    answer::to_json,
    fault::RequestFault,
    form::{Form, json},
};
use crate::last_msg::{CLIENT_TYPE_REST, LastMessage, MessageType};

/// Most accounts that one batch goes to, as NIM allows.
const BATCH_ACCOUNTS_MAX: usize = 500;
/// Longest body, in characters, as NIM allows.
const BODY_CHARS_MAX: usize = 5_000;
/// Longest ext, in characters, as NIM allows.
const EXT_CHARS_MAX: usize = 1_024;

/// The types that an app's server may send.
const TYPES: [(u64, MessageType); 8] = [
    (0, MessageType::Text),
    (1, MessageType::Image),
    (2, MessageType::Audio),
    (3, MessageType::Video),
    (4, MessageType::Location),
    (6, MessageType::File),
    (10, MessageType::Tip),
    (100, MessageType::Custom),
];

/// Reads `msg/sendMsg`: one message to an account or a team.
///
/// # Errors
/// The parameter that is wrong.
pub fn send(form: &Form) -> Result<OutgoingMessage, RequestFault> {
    let from = form.account("from")?;
    let kinds = [(0, SessionKind::P2p), (1, SessionKind::Team)];
    let place = place(form, &from, form.choice("ope", &kinds)?)?;
    MessageContent::read(form)?.outgoing(&from, place)
}

/// Reads `superteam/sendMsg`: one message to a super team.
///
/// # Errors
/// The parameter that is wrong.
pub fn send_to_super_team(form: &Form) -> Result<OutgoingMessage, RequestFault> {
    let from = form.account("fromAccid")?;
    let place = Place::Team(form.team("tid", TeamKind::Super)?);
    MessageContent::read(form)?.outgoing(&from, place)
}

/// One message to many accounts.
pub struct BatchRequest {
    /// The receivers, in the order of the messages.
    pub accounts: Vec<Account>,
    /// One message for each receiver.
    pub messages: Vec<OutgoingMessage>,
    /// Whether the answer lists the message ids.
    pub wants_ids: bool,
}

/// Reads `msg/sendBatchMsg`: one message to each of many accounts.
///
/// # Errors
/// The parameter that is wrong.
pub fn send_batch(form: &Form) -> Result<BatchRequest, RequestFault> {
    let from = form.account("fromAccid")?;
    let accounts = form.accounts("toAccids", 1..=BATCH_ACCOUNTS_MAX)?;
    let content = MessageContent::read(form)?;
    let message = |to: &Account| {
        let place = Place::P2p { from: from.clone(), to: to.clone() };
        content.clone().outgoing(&from, place)
    };
    let messages = accounts.iter().map(message).collect::<Result<_, _>>()?;
    Ok(BatchRequest { messages, accounts, wants_ids: form.flag("returnMsgid")?.unwrap_or(false) })
}

/// The content of a message, wherever it goes.
#[derive(Clone)]
struct MessageContent {
    message_type: MessageType,
    body: String,
    attach: String,
    ext: String,
    updates_session: bool,
}

impl MessageContent {
    fn read(form: &Form) -> Result<Self, RequestFault> {
        #[derive(Deserialize)]
        struct TextBody {
            msg: String,
        }
        let message_type = form.choice("type", &TYPES)?;
        form.text("body")?;
        let source = form.short("body", BODY_CHARS_MAX)?;
        // The text of a tip is its body too, as in NIM's copies.
        let (body, attach) = if matches!(message_type, MessageType::Text | MessageType::Tip) {
            let text: TextBody =
                json("body", source, "must be {\"msg\":\"…\"} for a text or a tip")?;
            (text.msg, String::new())
        } else {
            let _: BTreeMap<String, Value> = json("body", source, "must be a JSON object")?;
            (String::new(), source.to_owned())
        };
        let ext = form.short("ext", EXT_CHARS_MAX)?.to_owned();
        let updates_session = updates_session(form)?;
        Ok(Self { message_type, body, attach, ext, updates_session })
    }

    fn outgoing(self, from: &Account, place: Place) -> Result<OutgoingMessage, RequestFault> {
        let (from, updates_session) = (from.clone(), self.updates_session);
        let (scene, to) = scene_and_peer(&place);
        let compose = move |time, id: u64| {
            let server_id = id.to_string();
            let message = self.message(scene, &to, from.as_str(), time, &server_id);
            let last_msg = message.to_fitting_json().expect("the limits of `short` make it fit");
            Post { time, message_id: server_id, last_msg }
        };
        Ok(OutgoingMessage { place, compose: Box::new(compose), updates_session })
    }

    fn message<'a>(
        &'a self,
        scene: SessionKind,
        to: &'a str,
        from: &'a str,
        time: u64,
        server_id: &'a str,
    ) -> LastMessage<'a> {
        LastMessage {
            scene,
            to,
            from,
            from_client_type: Some(CLIENT_TYPE_REST),
            from_device_id: "",
            from_nick: "",
            time,
            message_type: self.message_type,
            body: &self.body,
            attach: &self.attach,
            client_id: "",
            server_id,
            resend: None,
            ext: &self.ext,
            need_update_session: (!self.updates_session).then_some(0),
        }
    }
}

/// Reads from `option` whether the message updates lists.
fn updates_session(form: &Form) -> Result<bool, RequestFault> {
    let Some(text) = form.optional("option") else { return Ok(true) };
    let option: BTreeMap<String, Value> = json("option", text, "must be a JSON object")?;
    Ok(match option.get("sessionUpdate") {
        Some(Value::Bool(updates)) => *updates,
        Some(Value::String(text)) => text != "false",
        Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => true,
    })
}

/// Returns the conversation of a message that `from` sent to `to`.
pub(super) fn place(form: &Form, from: &Account, kind: SessionKind) -> Result<Place, RequestFault> {
    Ok(match kind {
        SessionKind::P2p => Place::P2p { from: from.clone(), to: form.account("to")? },
        SessionKind::Team => Place::Team(form.team("to", TeamKind::Normal)?),
        SessionKind::SuperTeam => Place::Team(form.team("to", TeamKind::Super)?),
    })
}

/// Returns the kind of the session, and its account or team.
pub(super) fn scene_and_peer(place: &Place) -> (SessionKind, String) {
    match place {
        Place::P2p { to, .. } | Place::Undelivered { to, .. } => {
            (SessionKind::P2p, to.as_str().to_owned())
        }
        Place::Team(team) => (team.kind(), team.id().as_str().to_owned()),
    }
}

/// Writes the answer to one message.
pub fn sent_answer(done: &Done) -> String {
    #[derive(Serialize)]
    struct SentBody {
        code: u16,
        data: SentData,
    }
    #[derive(Serialize)]
    struct SentData {
        msgid: u64,
        timetag: u64,
        antispam: bool,
    }
    let msgid = done.message_ids.first().copied().unwrap_or(0);
    to_json(&SentBody { code: 200, data: SentData { msgid, timetag: done.time, antispam: false } })
}

/// Writes the answer to a batch. It never lists an account as unregistered: here all accounts
/// exist.
pub fn batch_answer(batch: (&[Account], bool), done: &Done) -> String {
    #[derive(Serialize)]
    struct BatchBody<'a> {
        code: u16,
        unregister: &'static str,
        timetag: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        msgids: Option<BTreeMap<&'a str, u64>>,
    }
    let (accounts, wants_ids) = batch;
    let names = accounts.iter().map(Account::as_str);
    let msgids = wants_ids.then(|| names.zip(done.message_ids.iter().copied()).collect());
    to_json(&BatchBody { code: 200, unregister: "[]", timetag: done.time, msgids })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    const TEXT: [(&str, &str); 5] =
        [("from", "amy"), ("ope", "0"), ("to", "bob"), ("type", "0"), ("body", r#"{"msg":"hi"}"#)];

    fn fault<T>(result: Result<T, RequestFault>) -> Option<&'static str> {
        result.err().map(|fault| fault.name)
    }

    #[test]
    fn a_message_becomes_the_last_message_that_its_copy_would() {
        for (with, place, last_msg) in [
            (
                &[("ext", "{}")][..],
                "p2p",
                r#"{"0":0,"1":"bob","2":"amy","4":32,"7":5,"8":0,"9":"hi","12":"7","15":"{}"}"#,
            ),
            (
                &[("ope", "1"), ("to", "253"), ("type", "1"), ("body", r#"{"url": "x"}"#)],
                "team",
                r#"{"0":1,"1":"253","2":"amy","4":32,"7":5,"8":1,"10":"{\"url\": \"x\"}","12":"7"}"#,
            ),
            (
                &[("option", r#"{"sessionUpdate":false,"push":true}"#)],
                "p2p",
                r#"{"0":0,"1":"bob","2":"amy","4":32,"7":5,"8":0,"9":"hi","12":"7","28":0}"#,
            ),
        ] {
            let message = send(&Form::but(&TEXT, with)).unwrap();
            let post = (message.compose)(5, 7);
            assert_eq!((post.time, post.message_id.as_str()), (5, "7"));
            assert_eq!(post.last_msg, last_msg);
            assert_eq!(scene_and_peer(&message.place).0.as_str(), place);
            assert_eq!(message.updates_session, !last_msg.contains("28"));
        }
        let form =
            Form::but(&[], &[("tid", "9"), ("fromAccid", "amy"), ("type", "100"), ("body", "{}")]);
        let post = (send_to_super_team(&form).unwrap().compose)(5, 7);
        assert_eq!(
            post.last_msg,
            r#"{"0":5,"1":"9","2":"amy","4":32,"7":5,"8":100,"10":"{}","12":"7"}"#
        );
    }

    #[test]
    fn whatever_is_let_in_fits() {
        let filled = |unit: &str, chars: usize| unit.repeat(chars);
        for unit in ["\u{1}", "🎉", "\"", "好"] {
            let text = serde_json::to_string(&filled(unit, 700)).unwrap();
            let body = format!(r#"{{"msg":{text}}}"#);
            for (message_type, body) in
                [("0", body.as_str()), ("100", &format!("{{\"a\":{text}}}"))]
            {
                let ext = filled(unit, EXT_CHARS_MAX);
                let with = [("type", message_type), ("body", body), ("ext", ext.as_str())];
                let post = (send(&Form::but(&TEXT, &with)).unwrap().compose)(NOW, 7);
                assert!(post.last_msg.len() <= huihua_event::LAST_MSG_BYTES_MAX);
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_message_is_named() {
        let long = "a".repeat(BODY_CHARS_MAX);
        let long = format!(r#"{{"msg":"{long}"}}"#);
        for (name, wrong) in [
            ("from", ""),
            ("from", "a|b"),
            ("ope", ""),
            ("ope", "2"),
            ("ope", "x"),
            ("to", ""),
            ("type", ""),
            ("type", "5"),
            ("type", "text"),
            ("body", ""),
            ("body", "hi"),
            ("body", r#"{"message":"hi"}"#),
            ("body", r#"{"msg":5}"#),
            ("body", &long),
            ("ext", &long),
            ("option", "yes"),
        ] {
            assert_eq!(fault(send(&Form::but(&TEXT, &[(name, wrong)]))), Some(name), "{wrong}");
        }
        let picture = [("type", "1"), ("body", "[]")];
        assert_eq!(fault(send(&Form::but(&TEXT, &picture))), Some("body"));
    }

    #[test]
    fn a_batch_answers_with_its_ids_only_when_asked() {
        let mut done = Done { time: 5, message_ids: vec![8, 9], ..Done::default() };
        let accounts: Vec<Account> = ["bob", "amy"].map(|name| name.parse().unwrap()).into();
        assert_eq!(
            batch_answer((&accounts, true), &done),
            r#"{"code":200,"unregister":"[]","timetag":5,"msgids":{"amy":9,"bob":8}}"#
        );
        assert_eq!(
            batch_answer((&accounts, false), &done),
            r#"{"code":200,"unregister":"[]","timetag":5}"#
        );
        done.message_ids.truncate(1);
        assert_eq!(
            sent_answer(&done),
            r#"{"code":200,"data":{"msgid":8,"timetag":5,"antispam":false}}"#
        );
    }
}

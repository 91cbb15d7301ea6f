//! What a row of NIM's list becomes here: the event that carries it, and the row that this server
//! shows then.

use huihua_core::{Account, AccountForm, SessionKind};
use huihua_event::LAST_MSG_BYTES_MAX;
use huihua_nim::last_msg;
use serde_json::{Map, Value, json};

use super::session_rows::{ListedLast, ListedMessage, ListedRecall, ListedSession};

/// Bytes of a `lastMsg` beside its texts: keys, numbers and ids of any length.
const ENVELOPE_BYTES: usize = 1_024;

/// NIM's numbers of message types and the names that events have for them.
const MESSAGE_TYPES: [(&str, &str); 12] = [
    ("0", "text"),
    ("1", "image"),
    ("2", "audio"),
    ("3", "video"),
    ("4", "location"),
    ("5", "notification"),
    ("6", "file"),
    ("7", "avchat"),
    ("10", "tip"),
    ("11", "robot"),
    ("12", "call"),
    ("100", "custom"),
];
const NOTIFICATION: &str = "5";

/// Returns the row as this server keeps it: ids in the app's form, no client type that has no
/// number, and of a last message over 16 KiB neither the attach nor, if need be, the body's end.
pub(super) fn fitted(mut row: ListedSession, ids: AccountForm) -> ListedSession {
    if let Some(ListedLast::Message(ListedMessage { from, .. }))
    | Some(ListedLast::Recall(ListedRecall { from, .. })) = &mut row.last
        && let Ok(account) = ids.account(from.as_str())
    {
        account.as_str().clone_into(from);
    }
    if let Some(ListedLast::Message(message)) = &mut row.last {
        if last_msg::client_type(&message.from_client_type).is_none() {
            message.from_client_type.clear();
        }
        let json_bytes = |text: &str| serde_json::to_string(text).map_or(0, |json| json.len());
        let room = LAST_MSG_BYTES_MAX - ENVELOPE_BYTES;
        let room = room.saturating_sub(json_bytes(&message.ext));
        if json_bytes(&message.body) + json_bytes(&message.attach) > room {
            message.attach.clear();
        }
        while json_bytes(&message.body) > room {
            let mut half = message.body.len() / 2;
            while !message.body.is_char_boundary(half) {
                half -= 1;
            }
            message.body.truncate(half);
        }
    }
    row
}

/// Returns the event that brings the last message of a [`fitted`] row into the list of `account`.
///
/// # Errors
/// Why there is none.
pub(super) fn of_last(
    account: &Account,
    row: &ListedSession,
    last: &ListedLast,
) -> Result<Value, &'static str> {
    let mut event = match last {
        ListedLast::Message(message) => of_message(message)?,
        ListedLast::Recall(recall) => of_recall(recall),
    };
    let sender = match last {
        ListedLast::Message(message) => &message.from,
        ListedLast::Recall(recall) => &recall.from,
    };
    let sender: Account = sender.parse().map_err(|_| "the sender's id is none")?;
    let (mut from, mut to) = (sender.as_str().to_owned(), row.id.peer().to_owned());
    if row.id.kind() == SessionKind::P2p && sender != *account {
        let is_peer = sender.as_str() == row.id.peer();
        if !is_peer && matches!(last, ListedLast::Message(_)) {
            return Err("the sender is neither end of the conversation");
        }
        // A recall may be somebody else's: an administrator's.
        event.insert("operator".to_owned(), from.clone().into());
        if is_peer {
            event.remove("operator");
        }
        from = row.id.peer().to_owned();
        to = account.as_str().to_owned();
    }
    for (name, text) in [("sessionType", row.id.kind().as_str()), ("from", &from), ("to", &to)] {
        event.insert(name.to_owned(), text.into());
    }
    event.retain(|_, value| *value != "");
    Ok(Value::Object(event))
}

fn of_message(message: &ListedMessage) -> Result<Map<String, Value>, &'static str> {
    let kind = MESSAGE_TYPES.iter().find(|(number, _)| *number == message.kind);
    let (_, kind) = kind.ok_or("the message's type has no name here")?;
    Ok(fields([
        ("type", "message".into()),
        ("msgType", (*kind).into()),
        ("messageId", message.server_id.as_str().into()),
        ("clientId", message.client_id.as_str().into()),
        ("fromClientType", message.from_client_type.as_str().into()),
        ("time", message.time.into()),
        ("body", message.body.as_str().into()),
        ("attach", message.attach.as_str().into()),
        ("ext", message.ext.as_str().into()),
    ]))
}

fn of_recall(recall: &ListedRecall) -> Map<String, Value> {
    fields([
        ("type", "recall".into()),
        ("messageTime", recall.message_time.into()),
        ("messageId", recall.server_id.as_str().into()),
        ("clientId", recall.client_id.as_str().into()),
        ("time", recall.time.into()),
    ])
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the event by which the accounts join a team.
pub(super) fn join(kind: SessionKind, team: &str, accounts: &[Account], time: u64) -> Value {
    membership("join", kind, team, accounts, time)
}

/// Returns the event that leaves the account a row of a team that it is in no more.
pub(super) fn leave(account: &Account, row: &ListedSession) -> Value {
    let accounts = std::slice::from_ref(account);
    membership("leave", row.id.kind(), row.id.peer(), accounts, row.update_time)
}

fn membership(
    event: &str,
    kind: SessionKind,
    team: &str,
    accounts: &[Account],
    time: u64,
) -> Value {
    json!({"type": event, "sessionType": kind.as_str(), "teamId": team, "accounts": accounts,
        "time": time})
}

/// Returns whether a row here is what [`leave`] leaves: a notice without id, sender and text.
pub(super) fn is_bare_notice(row: &ListedSession) -> bool {
    let Some(ListedLast::Message(message)) = &row.last else { return false };
    row.id.kind() != SessionKind::P2p
        && message.kind == NOTIFICATION
        && message.from.is_empty()
        && message.attach.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, last: ListedLast) -> ListedSession {
        let (id, ext) = (id.parse().unwrap(), String::new());
        ListedSession { id, update_time: 5, ext, last: Some(last) }
    }

    fn message(from: &str) -> ListedMessage {
        let text = |text: &str| text.to_owned();
        ListedMessage {
            client_id: text("c"),
            server_id: text("7"),
            from: text(from),
            from_client_type: text("IOS"),
            time: 5,
            kind: text("0"),
            body: text("hi"),
            attach: String::new(),
            ext: String::new(),
        }
    }

    fn recall(from: &str) -> ListedRecall {
        let (client_id, server_id) = ("c".to_owned(), "7".to_owned());
        ListedRecall { client_id, server_id, message_time: 5, from: from.to_owned(), time: 6 }
    }

    /// The event of a row of amy's list: from, to and operator.
    fn ends(id: &str, last: ListedLast) -> Result<String, &'static str> {
        let amy: Account = "amy".parse().unwrap();
        let row = row(id, last);
        let event = of_last(&amy, &row, row.last.as_ref().unwrap())?;
        let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
        Ok(format!("{}>{} {}", text("from"), text("to"), text("operator")))
    }

    #[test]
    fn both_ends_of_a_conversation_make_the_same_event() {
        for (from, p2p, team) in [
            ("amy", Ok("amy>bob -"), "amy>7 -"),
            ("bob", Ok("bob>amy -"), "bob>7 -"),
            ("cat", Err("the sender is neither end of the conversation"), "cat>7 -"),
            ("", Err("the sender's id is none"), ""),
        ] {
            let message = || ListedLast::Message(message(from));
            assert_eq!(ends("p2p|bob", message()), p2p.map(str::to_owned), "{from}");
            if !team.is_empty() {
                assert_eq!(ends("team|7", message()).unwrap(), team);
            }
        }
        for (from, event) in
            [("amy", "amy>bob -"), ("bob", "bob>amy -"), ("admin", "bob>amy admin")]
        {
            assert_eq!(ends("p2p|bob", ListedLast::Recall(recall(from))).unwrap(), event);
        }
        let own = ends("p2p|amy", ListedLast::Message(message("amy")));
        assert_eq!(own.unwrap(), "amy>amy -", "a note to oneself");
        let odd = ListedMessage { kind: "98".to_owned(), ..message("amy") };
        let refused = ends("p2p|bob", ListedLast::Message(odd));
        assert_eq!(refused, Err("the message's type has no name here"));
    }

    #[test]
    fn what_does_not_fit_is_left_out_of_the_row() {
        let of = |body: &str, attach: &str, client: &str| {
            let [body, attach, from_client_type] = [body, attach, client].map(str::to_owned);
            let message = ListedMessage { body, attach, from_client_type, ..message("amy") };
            match fitted(row("p2p|bob", ListedLast::Message(message)), AccountForm::Nim).last {
                Some(ListedLast::Message(message)) => message,
                other => panic!("{other:?}"),
            }
        };
        let long = "好\"".repeat(4_000);
        let kept = of("hi", "{}", "IOS");
        assert_eq!((&*kept.body, &*kept.attach, &*kept.from_client_type), ("hi", "{}", "IOS"));
        let cut = of("hi", &long, "WINPHONE");
        assert!(cut.body == "hi" && cut.attach.is_empty() && cut.from_client_type.is_empty());
        let cut = of(&long, &long, "");
        assert!(cut.attach.is_empty() && long.starts_with(&cut.body) && cut.body.len() > 5_000);
    }
}

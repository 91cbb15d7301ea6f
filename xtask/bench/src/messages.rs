//! The messages that all contestants are given: the lists that are there at the start, and what
//! writers send. Pure; the same at each run.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Time of the first message, long ago.
const T0: u64 = 1_700_000_000_000;
/// What writers send is newer than every list that is there at the start.
const WRITTEN_SINCE: u64 = T0 + 1_000_000;
/// Makes a `lastMsg` of about 340 bytes, as NIM's are.
const BODY_BYTES: usize = 190;
/// Accounts that write, each to so many others. All pairs are written to once before anything is
/// measured, so that every message overwrites.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writers {
    accounts: u64,
    others: u64,
}

/// Those of `bench server`.
pub(crate) const WRITERS: Writers = Writers { accounts: 500, others: 20 };
/// Those of `bench growth`: 100,000 rows, one at each end of a pair.
pub(crate) const GROWTH_WRITERS: Writers = Writers { accounts: 2_500, others: 20 };
/// Shares no divisor with the accounts: one message after the other is of another account.
const STRIDE: u64 = 211;
/// Of so many sessions one is a team's.
const TEAM_EVERY: u64 = 5;

/// A message as `POST /v1/events` takes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageEvent {
    #[serde(rename = "type")]
    event: String,
    session_type: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) time: u64,
    message_id: String,
    client_id: String,
    msg_type: String,
    body: String,
    from_nick: String,
}

/// The fields of `lastMsg`, by NIM's tags.
#[derive(Serialize)]
struct LastMsgFields<'a> {
    #[serde(rename = "0")]
    scene: u8,
    #[serde(rename = "1")]
    from: &'a str,
    #[serde(rename = "2")]
    to: &'a str,
    #[serde(rename = "6")]
    nick: &'a str,
    #[serde(rename = "7")]
    time: u64,
    #[serde(rename = "8")]
    kind: u8,
    #[serde(rename = "9")]
    body: &'a str,
    #[serde(rename = "11")]
    client_id: &'a str,
    #[serde(rename = "12")]
    message_id: &'a str,
}

impl MessageEvent {
    fn new(session_type: &str, from: String, to: String, time: u64) -> Self {
        let id = time.to_string();
        Self {
            event: "message".to_owned(),
            session_type: session_type.to_owned(),
            client_id: format!("5f3c0e3a-0d0b-4f9e-{id}"),
            body: format!("{id} {}", "x".repeat(BODY_BYTES)),
            from_nick: format!("Nick of {from}"),
            message_id: id,
            msg_type: "text".to_owned(),
            from,
            to,
            time,
        }
    }

    /// The text that a list shows of it.
    ///
    /// # Errors
    /// Never: its fields are texts and numbers.
    pub(crate) fn last_msg(&self) -> serde_json::Result<String> {
        serde_json::to_string(&LastMsgFields {
            scene: u8::from(self.session_type == "team"),
            from: &self.from,
            to: &self.to,
            nick: &self.from_nick,
            time: self.time,
            kind: 0,
            body: &self.body,
            client_id: &self.client_id,
            message_id: &self.message_id,
        })
    }
}

impl Writers {
    /// Pairs of accounts that exchange messages.
    pub(crate) const fn pairs(self) -> u64 {
        self.accounts * self.others
    }

    /// The message that they send as their n-th.
    pub(crate) fn written(self, n: u64) -> MessageEvent {
        let from = n * STRIDE % self.accounts;
        let to = (from + 1 + n / self.accounts % self.others) % self.accounts;
        MessageEvent::new("p2p", format!("w{from}"), format!("w{to}"), WRITTEN_SINCE + n)
    }
}

/// The message that the writers of `bench server` send as their n-th.
pub(crate) fn written(n: u64) -> MessageEvent {
    WRITERS.written(n)
}

/// The n-th message that an account sends, to so many others in turn. Its id is its time.
pub(crate) fn sent_by(from: &str, others: u64, n: u64) -> MessageEvent {
    MessageEvent::new("p2p", from.to_owned(), format!("{from}-{}", n % others), WRITTEN_SINCE + n)
}

/// The message that the writers of `bench server` send as their n-th, as NIM copies it.
pub(crate) fn copy(n: u64) -> Value {
    copy_of(written(n))
}

/// A message as NIM copies it.
pub(crate) fn copy_of(message: MessageEvent) -> Value {
    let MessageEvent { from, to, time, message_id, client_id, body, from_nick, .. } = message;
    json!({
        "eventType": "1", "convType": "PERSON", "msgType": "TEXT", "to": to, "fromAccount": from,
        "fromNick": from_nick, "fromClientType": "AOS", "fromDeviceId": "bench",
        "msgTimestamp": time.to_string(), "msgidClient": client_id, "msgidServer": message_id,
        "resendFlag": "0", "body": body,
    })
}

/// Members of a team that write.
const TEAM_WRITERS: u64 = 10;

/// A member of the team that has so many.
pub(crate) fn member(members: u64, at: u64) -> String {
    format!("m{members}-{at}")
}

/// The event that makes the team that has so many members.
pub(crate) fn team_join(members: u64) -> Value {
    let accounts: Vec<String> = (0..members).map(|at| member(members, at)).collect();
    json!({
        "type": "join", "sessionType": "team", "teamId": format!("s{members}"), "time": T0,
        "accounts": accounts,
    })
}

/// The n-th message to the team that has so many members. As many of them write in every team, so
/// that nothing but the size differs.
pub(crate) fn team_message(members: u64, n: u64) -> MessageEvent {
    let from = member(members, n % members.min(TEAM_WRITERS));
    MessageEvent::new("team", from, format!("s{members}"), WRITTEN_SINCE + n)
}

/// A session of a list that is there at the start.
pub(crate) struct FirstMessage {
    /// The team, when it is one's.
    pub(crate) team: Option<String>,
    pub(crate) message: MessageEvent,
}

/// The sessions of an account's list, oldest first.
pub(crate) fn list(account: &str, sessions: u64) -> impl Iterator<Item = FirstMessage> {
    let account = account.to_owned();
    (0..sessions).map(move |k| {
        if k % TEAM_EVERY == TEAM_EVERY - 1 {
            let team = format!("{account}-t{k}");
            let from = format!("{account}-m{k}");
            let message = MessageEvent::new("team", from, team.clone(), T0 + k);
            return FirstMessage { team: Some(team), message };
        }
        let message = MessageEvent::new("p2p", format!("{account}-p{k}"), account.clone(), T0 + k);
        FirstMessage { team: None, message }
    })
}

/// The account at the other end of a p2p session in a list of 500.
pub(crate) fn other_end(account: &str, n: u64) -> String {
    format!("{account}-p{}", n % 100 * TEAM_EVERY)
}

/// The events that make a list.
pub(crate) fn list_events(account: &str, sessions: u64) -> Vec<Value> {
    let mut events = Vec::new();
    for FirstMessage { team, message } in list(account, sessions) {
        if let Some(team) = team {
            events.push(json!({
                "type": "join", "sessionType": "team", "teamId": team, "time": message.time - 1,
                "accounts": [account, message.from],
            }));
        }
        events.push(json!(message));
    }
    events
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn writers_write_to_every_pair_once_before_they_start_again() {
        for writers in [WRITERS, GROWTH_WRITERS] {
            let count = writers.pairs();
            let pair = |n| {
                let message = writers.written(n);
                (message.from, message.to)
            };
            let pairs: HashSet<_> = (0..count).map(pair).collect();
            assert_eq!(pairs.len() as u64, count);
            assert!(pairs.iter().all(|(from, to)| from != to));
            assert!(pairs.iter().all(|(from, to)| !pairs.contains(&(to.clone(), from.clone()))));
            assert_eq!(pair(count), pair(0));
        }
        assert_eq!(2 * GROWTH_WRITERS.pairs(), 100_000);
    }

    #[test]
    fn a_copy_says_what_the_event_says() {
        let (copy, message) = (copy(7), written(7));
        assert_eq!(copy["fromAccount"], message.from);
        assert_eq!(copy["to"], message.to);
        assert_eq!(copy["msgTimestamp"], message.time.to_string());
    }

    #[test]
    fn who_writes_to_a_team_is_in_it() {
        let join = team_join(10);
        let members = join["accounts"].as_array().unwrap();
        assert_eq!(members.len(), 10);
        for n in [0, 9, 10, 12_345] {
            let message = team_message(10, n);
            assert_eq!(join["teamId"], message.to);
            assert!(members.contains(&json!(message.from)), "{n}");
        }
    }

    #[test]
    fn one_session_of_five_is_a_teams() {
        let teams = list("a", 500).filter(|it| it.team.is_some()).count();
        assert_eq!(teams, 100);
        assert_eq!(list_events("a", 500).len(), 600);
        let ends: HashSet<_> = list("a", 500).map(|it| it.message.from).collect();
        assert!((0..200).all(|n| ends.contains(&other_end("a", n))));
    }

    #[test]
    fn a_last_message_is_as_long_as_those_of_nim() {
        let length = written(1).last_msg().unwrap().len();
        assert!((300..380).contains(&length), "{length}");
    }
}

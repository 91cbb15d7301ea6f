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
/// How many accounts write; each to this many others.
const WRITERS: u64 = 500;
const PEERS_PER_WRITER: u64 = 20;
/// Pairs of accounts that exchange messages: each is written once before anything is measured.
pub(crate) const PAIRS: u64 = WRITERS * PEERS_PER_WRITER;
/// Shares no divisor with [`WRITERS`]: one message after the other is of another account.
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

/// The message that writers send as their n-th.
pub(crate) fn written(n: u64) -> MessageEvent {
    let from = n * STRIDE % WRITERS;
    let to = (from + 1 + n / WRITERS % PEERS_PER_WRITER) % WRITERS;
    MessageEvent::new("p2p", format!("w{from}"), format!("w{to}"), WRITTEN_SINCE + n)
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
        let pairs: HashSet<_> = (0..PAIRS).map(written).map(|it| (it.from, it.to)).collect();
        assert_eq!(pairs.len() as u64, PAIRS);
        assert!(pairs.iter().all(|(from, to)| from != to));
        assert_eq!(written(PAIRS).from, written(0).from);
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

//! What one account has sent, what of it was acknowledged, and whether its list has it.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    app,
    connection::HttpConnection,
    messages::{self, MessageEvent},
    work::{HttpCall, HttpTarget},
};

/// Accounts that each sender writes to: fewer than a page holds.
const OTHERS: u64 = 20;
/// The path of a list.
pub(super) const PAGE: &str = "/v1/sessions";

/// Messages of one account, by whom they went to.
pub(super) struct Sent {
    pub(super) account: String,
    token: String,
    next: u64,
    newest: HashMap<String, Newest>,
}

/// Times of messages, which are their ids.
#[derive(Default)]
struct Newest {
    tried: u64,
    acknowledged: u64,
}

impl Sent {
    /// An account of the app that floods.
    pub(super) fn new(account: String) -> Self {
        let token = app::token(&account);
        Self { account, token, next: 0, newest: HashMap::new() }
    }

    /// An account of the other app.
    pub(super) fn of_other_app(account: String) -> Self {
        let token = app::OTHER.token(&account);
        Self { account, token, next: 0, newest: HashMap::new() }
    }

    /// The next messages to send.
    pub(super) fn take(&mut self, count: u64) -> Vec<MessageEvent> {
        let first = self.next;
        self.next += count;
        let message = |n| messages::sent_by(&self.account, OTHERS, n);
        let messages: Vec<_> = (first..self.next).map(message).collect();
        for message in &messages {
            self.newest.entry(message.to.clone()).or_default().tried = message.time;
        }
        messages
    }

    /// Notes that all of these are stored, as the server says.
    pub(super) fn acknowledge(&mut self, messages: &[MessageEvent]) {
        for message in messages {
            self.newest.entry(message.to.clone()).or_default().acknowledged = message.time;
        }
    }

    /// A GET of the account.
    pub(super) fn get(&self, path: String) -> HttpCall {
        let (method, bearer) = (hyper::Method::GET, Some(self.token.clone()));
        HttpCall { method, path, bearer, headers: Vec::new(), body: hyper::body::Bytes::new() }
    }

    /// Compares the list with what was acknowledged. What was tried without an acknowledgement may
    /// be there or not.
    fn check(&self, page: &Value) -> Result<usize> {
        let rows = page["sessionList"].as_array().context("a page has a list")?;
        let mut count = 0;
        for (to, newest) in self.newest.iter().filter(|(_, newest)| newest.acknowledged > 0) {
            let id = format!("p2p|{to}");
            let row = rows.iter().find(|row| row["sessionId"] == id.as_str());
            let row = row.with_context(|| format!("{id} of {} is gone", self.account))?;
            let time = row["updateTime"].as_u64().context("a row has a time")?;
            let is_known = (newest.acknowledged..=newest.tried).contains(&time);
            ensure!(is_known, "{id} of {}: an acknowledged message is gone", self.account);
            let message_id = row["lastMsg"]["12"].as_str().context("a message has an id")?;
            ensure!(message_id == time.to_string(), "{id} of {}: another message", self.account);
            count += 1;
        }
        Ok(count)
    }
}

/// Compares the lists of all senders. Says how many sessions there were.
///
/// # Errors
/// When an acknowledged message is not there.
pub(super) async fn check_all(target: &HttpTarget, all: &[Sent]) -> Result<usize> {
    let mut http = HttpConnection::open(target.address).await?;
    let mut count = 0;
    for sent in all {
        let page = serde_json::from_slice(&http.call(sent.get(PAGE.to_owned())).await?)
            .context("read a page")?;
        count += sent.check(&page)?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_without_an_acknowledged_message_is_found() {
        let mut sent = Sent::new("a".to_owned());
        let first = sent.take(1);
        sent.acknowledge(&first);
        let (to, time) = (&first[0].to, first[0].time);
        let page = |time: u64, id: u64| {
            let message = json!({ "12": id.to_string() });
            let row = json!({ "sessionId": format!("p2p|{to}"), "updateTime": time,
                              "lastMsg": message });
            json!({ "sessionList": [row] })
        };
        assert_eq!(sent.check(&page(time, time)).unwrap(), 1);
        assert!(sent.check(&page(time - 1, time - 1)).is_err(), "an older one");
        assert!(sent.check(&page(time + OTHERS, time + OTHERS)).is_err(), "one of nobody");
        assert!(sent.check(&page(time, time + 1)).is_err(), "another one of that time");
        assert!(sent.check(&json!({ "sessionList": [] })).is_err(), "none");
        sent.take(OTHERS);
        let later = time + OTHERS;
        assert_eq!(sent.check(&page(later, later)).unwrap(), 1, "tried, and not refused for sure");
    }
}

//! The lists of the story: a naive model of them, and each list read through both APIs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{schema, sdk::Sdk};
use crate::support::Http;

/// The last message that a session must show.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ExpectedLast {
    Sent {
        type_: u64,
        from: String,
        param: String,
        ext: String,
        time: u64,
        id: u64,
    },
    Recalled {
        id: u64,
        message_time: u64,
        by: String,
        ps: String,
    },
    /// A notice that the server wrote: its number (either column), and who did it.
    Notice {
        numbers: Vec<u64>,
        by: String,
    },
}

impl ExpectedLast {
    /// `param` is the body as the SDK sent it.
    pub(super) fn sent(type_: u64, from: &str, param: &str, ext: &str, time: u64, id: u64) -> Self {
        let [from, param, ext] = [from, param, ext].map(str::to_owned);
        Self::Sent { type_, from, param, ext, time, id }
    }

    pub(super) fn recalled(id: u64, message_time: u64, by: &str, ps: &str) -> Self {
        Self::Recalled { id, message_time, by: by.to_owned(), ps: ps.to_owned() }
    }

    pub(super) fn notice(numbers: &[u64], by: &str) -> Self {
        Self::Notice { numbers: numbers.to_vec(), by: by.to_owned() }
    }

    fn id(&self) -> Option<u64> {
        match self {
            Self::Sent { id, .. } | Self::Recalled { id, .. } => Some(*id),
            Self::Notice { .. } => None,
        }
    }
}

/// A row that is expected, and the account's ext on it.
#[derive(Debug, Clone)]
pub(super) struct ExpectedRow {
    pub(super) session: String,
    pub(super) last: ExpectedLast,
    pub(super) ext: String,
}

/// Everything that the lists must show. Rows are ordered oldest first.
#[derive(Default)]
pub(super) struct ListModel {
    lists: BTreeMap<String, Vec<ExpectedRow>>,
    members: BTreeMap<String, BTreeSet<String>>,
}

impl ListModel {
    pub(super) fn members(&self, session: &str) -> BTreeSet<String> {
        self.members[session].clone()
    }

    /// Newest first.
    pub(super) fn list(&self, account: &str) -> Vec<ExpectedRow> {
        self.lists.get(account).into_iter().flatten().rev().cloned().collect()
    }

    pub(super) fn rows(&self) -> usize {
        self.lists.values().map(Vec::len).sum()
    }

    /// The calls come one after the other, so the latest is newest; a recall counts only where
    /// its message is the last, and moves no row.
    fn show(&mut self, account: &str, session: &str, last: &ExpectedLast) {
        let list = self.lists.entry(account.to_owned()).or_default();
        let at = list.iter().position(|row| row.session == session);
        if matches!(last, ExpectedLast::Recalled { .. }) {
            if let Some(row) = at.map(|at| &mut list[at])
                && row.last.id() == last.id()
            {
                row.last = last.clone();
            }
            return;
        }
        let ext = at.map(|at| list.remove(at).ext).unwrap_or_default();
        list.push(ExpectedRow { session: session.to_owned(), last: last.clone(), ext });
    }

    pub(super) fn p2p(&mut self, from: &str, to: &str, last: ExpectedLast) {
        self.show(from, &format!("p2p|{to}"), &last);
        if from != to {
            self.show(to, &format!("p2p|{from}"), &last);
        }
    }

    pub(super) fn team(&mut self, session: &str, last: ExpectedLast) {
        for member in self.members(session) {
            self.show(&member, session, &last);
        }
    }

    pub(super) fn join(
        &mut self,
        session: &str,
        accounts: &BTreeSet<String>,
        notice: ExpectedLast,
    ) {
        self.members.entry(session.to_owned()).or_default().extend(accounts.iter().cloned());
        self.team(session, notice);
    }

    /// Those who go see the notice too, and nothing after it.
    pub(super) fn leave(
        &mut self,
        session: &str,
        accounts: &BTreeSet<String>,
        notice: ExpectedLast,
    ) {
        self.team(session, notice);
        let members = self.members.get_mut(session).expect("it was made");
        members.retain(|member| !accounts.contains(member));
    }

    pub(super) fn set_ext(&mut self, account: &str, session: &str, ext: &str) {
        let rows = self.lists.get_mut(account).expect("it has a list");
        let row = rows.iter_mut().find(|row| row.session == session).expect("it is there");
        ext.clone_into(&mut row.ext);
    }

    pub(super) fn delete(&mut self, account: &str, session: &str) {
        let rows = self.lists.get_mut(account).expect("it has a list");
        rows.retain(|row| row.session != session);
    }
}

/// Reads the account's list through NIM's API, whole and in pages, and through `/v1`: all agree,
/// and are what is expected.
pub(super) async fn assert_lists(
    sdk: &Sdk,
    http: &Http,
    account: &str,
    token: &str,
    expected: &[ExpectedRow],
) {
    let rows = http.list(token).await;
    for (row, expected) in rows.iter().zip(expected) {
        assert_row(row, expected, account);
    }
    let ids: Vec<&str> = rows.iter().map(|row| row["sessionId"].as_str().unwrap()).collect();
    let wanted: Vec<&str> = expected.iter().map(|row| row.session.as_str()).collect();
    assert_eq!(ids, wanted, "{account}");
    let path = "/history/querySessionList.action";
    let whole = sdk.ok(path, &[("accid", account), ("needLastMsg", "1")]).await;
    let as_nim: Vec<Value> = rows.iter().map(nim_row).collect();
    assert_eq!(schema::session_rows(&whole), as_nim, "{account}");
    assert_eq!(whole["data"]["hasMore"], false);

    let parameters = [("accid", account), ("needLastMsg", "0"), ("limit", "100")];
    let bare = schema::session_rows(&sdk.ok(path, &parameters).await);
    let without = as_nim.iter().map(|row| {
        let mut row = row.clone();
        row.as_object_mut().unwrap().retain(|name, _| !name.starts_with("lastMsg"));
        row
    });
    assert_eq!(bare, without.collect::<Vec<_>>(), "{account}");
    assert_eq!(walked_by_time(sdk, account).await, as_nim, "{account}");
}

/// Pages as NIM's demo does: the next from the last row's time on; rows that it has are dropped.
async fn walked_by_time(sdk: &Sdk, account: &str) -> Vec<Value> {
    let (mut rows, mut max): (Vec<Value>, String) = (Vec::new(), "0".to_owned());
    loop {
        let parameters = [
            ("accid", account),
            ("minTimestamp", "0"),
            ("maxTimestamp", &*max),
            ("limit", "3"),
            ("needLastMsg", "1"),
        ];
        let page = sdk.ok("/history/querySessionList.action", &parameters).await;
        for row in schema::session_rows(&page) {
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        if page["data"]["hasMore"] == false {
            return rows;
        }
        max = rows.last().expect("there is more than nothing")["updateTime"].to_string();
    }
}

/// A row of `/v1` as NIM's API must show it.
pub(super) fn nim_row(row: &Value) -> Value {
    let (kind, peer) = row["sessionId"].as_str().unwrap().split_once('|').unwrap();
    // A number only where it says the same; the SDK's numbers have 63 bits.
    let tid = peer.parse::<i64>().ok().filter(|number| number.to_string() == peer);
    let tid = tid.map_or(json!(peer), |number| json!(number));
    let mut nim = match kind {
        "p2p" => json!({"sessionType": 1, "accid": peer}),
        "team" => json!({"sessionType": 2, "tid": tid}),
        _ => json!({"sessionType": 3, "tid": tid}),
    };
    nim["updateTime"] = row["updateTime"].clone();
    nim["ext"] = row["ext"].clone();
    let last = &row["lastMsg"];
    if last.is_null() {
        return nim;
    }
    let text = |key: &str| last[key].as_str().unwrap_or("");
    if row["lastMsgType"] == 1 {
        nim["lastMsgType"] = "RECALL".into();
        nim["lastMsg"] = json!({
            "deleteMsgIdClient": text("10"), "deleteMsgIdServer": text("11"),
            "deleteMsgCreateTime": last["14"], "from": text("16"), "time": last["0"],
        });
        return nim;
    }
    let names = [
        (1, "AOS"),
        (2, "IOS"),
        (4, "PC"),
        (16, "WEB"),
        (32, "REST"),
        (64, "MAC"),
        (65, "HARMONY"),
    ];
    let client = names.iter().find(|(number, _)| last["4"] == *number);
    let is_number = text("12").bytes().all(|b| b.is_ascii_digit());
    let id = if is_number { text("12").parse::<i64>().unwrap_or(0) } else { 0 };
    nim["lastMsgType"] = "MESSAGE".into();
    nim["lastMsg"] = json!({
        "msgIdClient": text("11"), "msgIdServer": id, "from": text("2"),
        "fromClientType": client.map_or("", |(_, name)| name), "time": last["7"],
        "type": last["8"], "body": text("9"), "attach": text("10"), "ext": text("15"),
    });
    nim
}

fn assert_row(row: &Value, expected: &ExpectedRow, account: &str) {
    let (got, what) = (&row["lastMsg"], format!("{account}: {row}, not {expected:?}"));
    assert_eq!(row["sessionId"], expected.session.as_str(), "{what}");
    assert_eq!(row["ext"], expected.ext.as_str(), "{what}");
    match &expected.last {
        ExpectedLast::Sent { type_, from, param, ext, time, id } => {
            assert_eq!(row["updateTime"], *time, "{what}");
            assert_eq!((&got["7"], &got["8"]), (&json!(time), &json!(type_)), "{what}");
            assert_eq!((&got["2"], &got["12"]), (&json!(from), &json!(id.to_string())), "{what}");
            assert_eq!(got["15"].as_str().unwrap_or(""), ext, "{what}");
            let (body, attach) = shown(*type_, param);
            assert_eq!(got["9"].as_str().unwrap_or(""), body, "{what}");
            assert_eq!(got["10"].as_str().unwrap_or(""), attach, "{what}");
        }
        ExpectedLast::Recalled { id, message_time, by, ps } => {
            assert_eq!(
                (&row["updateTime"], &row["lastMsgType"]),
                (&json!(message_time), &json!(1))
            );
            let shown = [&got["11"], &got["14"], &got["16"], &got["4"]];
            let wanted = [json!(id.to_string()), json!(message_time), json!(by), json!(ps)];
            assert_eq!(shown, wanted.each_ref(), "{what}");
        }
        ExpectedLast::Notice { numbers, by } => {
            assert_eq!((&got["8"], &got["2"]), (&json!(5), &json!(by)), "{what}");
            let attach: Value = serde_json::from_str(got["10"].as_str().unwrap()).unwrap();
            assert!(numbers.contains(&attach["id"].as_u64().unwrap()), "{what}");
        }
    }
}

/// Body and attach of a message whose parameter `body` was this: a text's and a tip's words are its
/// body, everything else is its attach.
fn shown(type_: u64, param: &str) -> (String, String) {
    if !matches!(type_, 0 | 10) {
        return (String::new(), param.to_owned());
    }
    let parsed: Value = serde_json::from_str(param).unwrap();
    (parsed["msg"].as_str().unwrap().to_owned(), String::new())
}
